"""A party by what is ours of it: contact mechanisms, categories, and the lines of one note."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.connectors.tryton.categories import Categories, is_category
from sync.connectors.tryton.server import Tryton
from sync.delivery import Delivery
from sync.lines import read as read_lines
from sync.lines import told as told_lines

PARTY = "party.party"
"""The model."""

MECHANISMS = ("email", "phone", "mobile")
"""The kinds of contact mechanisms that a field may be."""

_OURS = "Askfirst"  # the name of the mechanisms that we made
_HEAD = "Askfirst (kept up to date by itself: write into a note of your own)"
_NONE = (0, "")


@dataclass(frozen=True, slots=True)
class Party:
    """What Tryton holds of a shopper by our doing: ids of its records, and what they say."""

    id: int
    name: str
    categories: frozenset[int]
    mechanisms: Mapping[str, tuple[int, str]]
    notes: tuple[int, ...]
    lines: Mapping[str, str]

    def mechanism(self, kind: str) -> str:
        """Give an address or a number; empty where there is none."""
        return self.mechanisms.get(kind, _NONE)[1]

    def value(self, name: str, categories: Categories) -> Any:
        """Give what a field holds."""
        if name in MECHANISMS:
            return self.mechanism(name) or None
        if name == "name":
            return self.name or None
        if is_category(name):
            return categories.value(name, self.categories)
        return self.lines.get(name)


async def read_parties(server: Tryton, rows: Sequence[Mapping[str, Any]]) -> dict[str, Party]:
    """Read what belongs to parties whose id, code, name and categories are known; give them by code."""
    if not rows:
        return {}
    numbers = [row["id"] for row in rows]
    ours = [["party", "in", numbers], ["name", "=", _OURS]]
    found = await server.found("party.contact_mechanism", ours, ["party", "type", "value"])
    mechanisms = defaultdict[int, dict[str, tuple[int, str]]](dict)
    for one in found:
        mechanisms[one["party"]][one["type"]] = (one["id"], one["value"])
    written = [
        ["resource", "in", [f"{PARTY},{number}" for number in numbers]],
        ["message", "like", "Askfirst (%"],
    ]
    notes = defaultdict[str, list[Any]](list)
    for one in await server.found("ir.note", written, ["resource", "message"]):
        notes[one["resource"]].append(one)
    return {row["code"]: _party(row, mechanisms[row["id"]], notes) for row in rows}


def new_party(one: Delivery, categories: Categories) -> dict[str, Any]:
    """Write a party that is not there yet; its note is written apart."""
    mechanisms = [
        {"type": kind, "value": one.fields[kind], "name": _OURS}
        for kind in MECHANISMS
        if one.fields.get(kind)
    ]
    chosen = categories.chosen(one.fields)
    return {
        "code": one.shopper,
        "name": one.fields.get("name"),
        "contact_mechanisms": [["create", mechanisms]],
        "categories": [["add", sorted(number for found in chosen.values() for number in found)]],
    }


def changed_party(one: Delivery, held: Party, categories: Categories) -> dict[str, Any]:
    """Write what differs from what Tryton holds."""
    change = dict[str, Any]()
    if "name" in one.fields and (one.fields["name"] or "") != held.name:
        change["name"] = one.fields["name"]
    if steps := list(_mechanism_steps(one, held)):
        change["contact_mechanisms"] = steps
    chosen = categories.chosen(one.fields)
    wanted = {number for found in chosen.values() for number in found}
    every = {number for name in chosen for number in categories.of(name)}
    added, removed = wanted - held.categories, (every - wanted) & held.categories
    if added or removed:
        change["categories"] = [["add", sorted(added)], ["remove", sorted(removed)]]
    return change


def emptied_party(held: Party, categories: Categories) -> dict[str, Any]:
    """Write that nothing of ours is left."""
    ours = {*categories.ids.values()} & held.categories
    return {
        "name": None,
        "categories": [["remove", sorted(ours)]],
        "contact_mechanisms": [["delete", [number for number, _ in held.mechanisms.values()]]],
    }


async def write_notes(
    server: Tryton,
    batch: Sequence[Delivery],
    there: Mapping[str, Party],
    ids: Mapping[str, int],
) -> None:
    """Put a new note in the place of the old: Tryton lets no ordinary user edit one."""
    fresh, old = list[dict[str, Any]](), list[int]()
    for one in batch:
        held = there.get(one.shopper)
        before = dict(held.lines) if held else {}
        said = {name: _words(value) for name, value in one.fields.items() if _is_line(name)}
        after = {name: value for name, value in (before | said).items() if value}
        notes = held.notes if held else ()
        if after == before:
            old += notes[:-1]
            continue
        old += notes
        if after:
            resource = f"{PARTY},{ids[one.shopper]}"
            fresh.append({"resource": resource, "message": told_lines(_HEAD, after)})
    if fresh:
        await server.model("ir.note", "create", fresh)
    if old:
        await server.model("ir.note", "delete", old)


def _party(
    row: Mapping[str, Any],
    mechanisms: Mapping[str, tuple[int, str]],
    notes: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Party:
    ours = notes.get(f"{PARTY},{row['id']}", ())
    return Party(
        row["id"],
        row["name"] or "",
        frozenset(row["categories"]),
        mechanisms,
        tuple(one["id"] for one in ours),
        read_lines(ours[-1]["message"]) if ours else {},
    )


def _mechanism_steps(one: Delivery, held: Party) -> Iterator[list[Any]]:
    for kind in MECHANISMS:
        if kind not in one.fields:
            continue
        value, (number, before) = one.fields[kind], held.mechanisms.get(kind, _NONE)
        if not value and number:
            yield ["delete", [number]]
        elif value and not number:
            yield ["create", [{"type": kind, "value": value, "name": _OURS}]]
        elif value and value != before:
            yield ["write", [number], {"value": value}]


def _is_line(name: str) -> bool:
    return not is_category(name) and name not in (*MECHANISMS, "name")


def _words(value: Any) -> str:
    return "" if value is None else str(value)
