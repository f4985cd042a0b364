"""Tryton: a party whose code is the shopper's id, our contact mechanisms, categories and one note.

A field `category.NAME` is a category of parties, any other a line of the note that Askfirst keeps.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from preferences.settings import Settings
from sync.capabilities import FieldShape, FieldType, Lookup, Page, Remote
from sync.delivery import Delivery, Refused, Result, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError
from sync.http import Client, address, needed, open_session
from sync.lines import read as read_lines
from sync.lines import told as told_lines
from sync.marketing import word
from sync.trytond import Tryton, as_moment, moment

OURS = "Askfirst"
"""The root of our categories, and the name of our contact mechanisms."""

HEAD = "Askfirst (kept up to date by itself: write into a note of your own)"
_CATEGORY = "category."
_MECHANISMS = ("email", "phone", "mobile")
_ACTIVE = ["active", "=", True]
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Party:
    """What Tryton holds of a shopper by our doing: ids of its records, and what they say."""

    id: int
    name: str
    categories: frozenset[int]
    mechanisms: Mapping[str, tuple[int, str]]
    notes: tuple[int, ...]
    lines: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Categories:
    """Our categories by path: `()` the root, `(NAME,)` those of a field, `(NAME, option)`."""

    ids: dict[tuple[str, ...], int]

    def options(self, name: str) -> dict[str, int]:
        """Give the options that a field has."""
        return {path[1]: id_ for path, id_ in self.ids.items() if path[:-1] == (name,)}

    def of(self, name: str) -> set[int]:
        """Give every category of a field."""
        return {id_ for path, id_ in self.ids.items() if path[:1] == (name,)}


class _Fields(Mapping[str, FieldShape]):
    """The fields there are; a note takes a line of any name."""

    def __init__(self, known: Mapping[str, FieldShape]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> FieldShape:
        if name in self._known:
            return self._known[name]
        if name.startswith(_CATEGORY):
            raise KeyError(name)
        return FieldShape(name, "text")

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(frozen=True, slots=True)
class TrytonCrm:
    """A database of Tryton, with its mailing list where there is one."""

    server: Tryton
    mailing_list: str
    purpose: str
    batch_size: int = 100

    # Telling

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Take people off the mailing lists first, whatever becomes of the fields."""
        there = await self._parties([one.shopper for one in batch])
        await self._unsubscribe(batch, there)
        categories = await self._categories()
        await self._plant(batch, categories)
        refused = {one.shopper: _unknown_option(one, categories) for one in batch}
        good = [one for one in batch if not refused[one.shopper]]
        ids = await self._write(good, there, categories)
        await self._subscribe(good)
        return [
            Refused(reason) if (reason := refused[one.shopper]) else Taken(ids[one.shopper])
            for one in batch
        ]

    async def _write(
        self, batch: Sequence[Delivery], there: Mapping[str, Party], categories: Categories
    ) -> dict[str, str]:
        ids = {shopper: party.id for shopper, party in there.items()}
        new = [one for one in batch if one.shopper not in there and _says_something(one)]
        if new:
            values = [_new_party(one, categories) for one in new]
            created = await self.server.model("party.party", "create", values)
            ids |= {one.shopper: number for one, number in zip(new, created, strict=True)}
        changes = list[Any]()
        for one in batch:
            held = there.get(one.shopper)
            if held and (change := _change(one, held, categories)):
                changes += [[held.id], change]
        if changes:
            await self.server.model("party.party", "write", *changes)
        await self._note(batch, there, ids)
        return {one.shopper: str(ids.get(one.shopper, "")) for one in batch}

    async def _note(
        self, batch: Sequence[Delivery], there: Mapping[str, Party], ids: Mapping[str, int]
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
                resource = f"party.party,{ids[one.shopper]}"
                fresh.append({"resource": resource, "message": told_lines(HEAD, after)})
        if fresh:
            await self.server.model("ir.note", "create", fresh)
        if old:
            await self.server.model("ir.note", "delete", old)

    # The mailing list

    async def _unsubscribe(self, batch: Sequence[Delivery], there: Mapping[str, Party]) -> None:
        """Whoever leaves, leaves every list; a permission that ended is that of our own list."""
        if not self.mailing_list:
            return
        leaving, withdrawn = set[str](), set[str]()
        for one in batch:
            emails = {one.profile["identities"].get("email", "").lower()}
            if held := there.get(one.shopper):
                emails.add(held.mechanisms.get("email", (0, ""))[1].lower())
            match word(one.profile, self.purpose):
                case "leave":
                    leaving |= emails - {""}
                case "withdraw":
                    withdrawn |= emails - {""}
        asked = list[Any](["OR"])
        if leaving:
            asked.append([["email", "in", sorted(leaving)]])
        if withdrawn:
            here = ["list_", "=", await self._list()]
            asked.append([["email", "in", sorted(withdrawn)], here])
        if len(asked) > 1:
            found = await self.server.found("marketing.email", [asked, _ACTIVE], ["email"])
            if numbers := [row["id"] for row in found]:
                await self.server.model("marketing.email", "write", numbers, {"active": False})

    async def _subscribe(self, batch: Sequence[Delivery]) -> None:
        """Subscribe who was never on the list. Who left it comes back by its own form, not from here."""
        wanted = {
            str(one.profile["identities"]["email"]).lower()
            for one in batch
            if self.mailing_list
            and "email" in one.profile["identities"]
            and word(one.profile, self.purpose) == "subscribe"
        }
        if not wanted:
            return
        number = await self._list()
        domain = [["email", "in", sorted(wanted)], ["list_", "=", number]]
        known = {
            row["email"] for row in await self.server.found("marketing.email", domain, ["email"])
        }
        if new := sorted(wanted - known):
            values = [{"email": email, "list_": number} for email in new]
            await self.server.model("marketing.email", "create", values)

    async def _list(self) -> int:
        domain = [["name", "=", self.mailing_list], _ACTIVE]
        found = await self.server.found("marketing.email.list", domain, ["name"])
        if not found:
            message = (
                f"Tryton has no mailing list {self.mailing_list!r}; "
                "create it there or empty ASKFIRST_TRYTON_LIST."
            )
            raise DestinationRefusedError(message)
        return int(found[0]["id"])

    # Categories

    async def _categories(self) -> Categories:
        rows = await self.server.found("party.category", [], ["name", "parent"])
        names = {row["id"]: (row["name"], row["parent"]) for row in rows}
        ids = dict[tuple[str, ...], int]()
        for number in names:
            path, at = list[str](), number
            while at in names and len(path) <= len(names):
                name, parent = names[at]
                path.insert(0, name)
                at = parent
            if at is None and path[0] == OURS:
                ids[tuple(path[1:])] = number
        return Categories(ids)

    async def _plant(self, batch: Sequence[Delivery], categories: Categories) -> None:
        """Create the category of each yes-or-no field: its name is the mapping's, nobody's words."""
        for one in batch:
            for name, value in one.fields.items():
                if _is_category(name) and value is True:
                    await self._category((_bare(name),), categories)

    async def _category(self, path: tuple[str, ...], categories: Categories) -> int:
        """Give a category, made if it is missing, with those above it."""
        if path not in categories.ids:
            above = await self._category(path[:-1], categories) if path else None
            values = [{"name": path[-1] if path else OURS, "parent": above}]
            (number,) = await self.server.model("party.category", "create", values)
            categories.ids[path] = number
        return categories.ids[path]

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give what parties have, our categories among it; a line of the note may have any name."""
        categories = await self._categories()
        names = {path[0] for path in categories.ids if path}
        shapes = {name: FieldShape(name, "text") for name in (*_MECHANISMS, "name")}
        shapes["code"] = FieldShape("code", "text", unique=True)
        for name in names:
            options = tuple(categories.options(name))
            kind: FieldType = "choices" if options else "boolean"
            shapes[_CATEGORY + name] = FieldShape(_CATEGORY + name, kind, options=options)
        return _Fields(shapes)

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Create categories and their options."""
        categories = await self._categories()
        try:
            for one in fields:
                if _is_category(one.name):
                    await self._category((_bare(one.name),), categories)
                    for option in one.options:
                        await self._category((_bare(one.name), option), categories)
        except BatchRefusedError as error:
            message = f"{error} Give the user the group “Party Administration”."
            raise DestinationRefusedError(message) from None

    # Reading back, deleting, what changed there

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read parties by our id."""
        parties = await self._parties([one.shopper for one in asked])
        categories = await self._categories()
        return {
            shopper: _remote(shopper, one, fields, categories) for shopper, one in parties.items()
        }

    async def _parties(self, shoppers: Collection[str]) -> dict[str, Party]:
        domain = [["code", "in", sorted(shoppers)]]
        rows = await self.server.found("party.party", domain, ["code", "name", "categories"])
        return await self._whole(rows)

    async def _whole(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Party]:
        if not rows:
            return {}
        numbers = [row["id"] for row in rows]
        ours = [["party", "in", numbers], ["name", "=", OURS]]
        found = await self.server.found("party.contact_mechanism", ours, ["party", "type", "value"])
        mechanisms = defaultdict[int, dict[str, tuple[int, str]]](dict)
        for one in found:
            mechanisms[one["party"]][one["type"]] = (one["id"], one["value"])
        resources = [f"party.party,{number}" for number in numbers]
        written = [["resource", "in", resources], ["message", "like", "Askfirst (%"]]
        notes = defaultdict[str, list[Any]](list)
        for one in await self.server.found("ir.note", written, ["resource", "message"]):
            notes[one["resource"]].append(one)
        return {row["code"]: _party(row, mechanisms[row["id"]], notes) for row in rows}

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Delete parties after they have left every list; of one that Tryton needs, what is ours."""
        there = await self._parties([one.shopper for one in batch])
        await self._unsubscribe(batch, there)
        return [await self._erase(there.get(one.shopper)) for one in batch]

    async def _erase(self, party: Party | None) -> Result:
        if party is None:
            return Taken()
        if party.notes:
            await self.server.model("ir.note", "delete", list(party.notes))
        try:
            await self.server.model("party.party", "delete", [party.id])
        except BatchRefusedError:
            await self._empty(party)
            reason = "Tryton keeps the party for its documents: use “Erase Party” there."
            return Refused(reason)
        return Taken()

    async def _empty(self, party: Party) -> None:
        ours = set((await self._categories()).ids.values()) & party.categories
        mechanisms = [number for number, _ in party.mechanisms.values()]
        values = {
            "name": None,
            "categories": [["remove", sorted(ours)]],
            "contact_mechanisms": [["delete", mechanisms]],
        }
        await self.server.model("party.party", "write", [party.id], values)

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Give what others than our user changed: the parties first, then who left a mailing list."""
        at: dict[str, Any] = (
            json.loads(cursor) if cursor else {"party": 0, "email": 0, "next": "party", "offset": 0}
        )
        turn = at["next"]
        model = "party.party" if turn == "party" else "marketing.email"
        rows = await self._changed(model, at) if turn == "party" or self.mailing_list else []
        if turn == "party":
            records = await self._known(rows, fields)
        else:
            records = [_left(row) for row in rows if not row["active"]]
        newest = max([at.get("newest", 0), *(_milliseconds(row) for row in rows)])
        if len(rows) == _PAGE:
            following = at | {"offset": at["offset"] + _PAGE, "newest": newest}
            return Page(records, json.dumps(following), more=True)
        following = at | {turn: max(at[turn], newest), "offset": 0, "newest": 0}
        following["next"] = "email" if turn == "party" else "party"
        return Page(records, json.dumps(following), more=turn == "party")

    async def _changed(self, model: str, at: Mapping[str, Any]) -> list[dict[str, Any]]:
        since = as_moment(datetime.fromtimestamp(at[at["next"]] / 1000, UTC))
        if not self.server.user_id:
            await self._categories()  # logs in, so that we know who we are
        me = self.server.user_id
        written = [["write_date", ">=", since], ["write_uid", "!=", me]]
        made = [["write_date", "=", None], ["create_date", ">=", since], ["create_uid", "!=", me]]
        asked = ["write_date", "create_date", "active"]
        asked += ["code", "name", "categories"] if model == "party.party" else ["email"]
        rows: list[dict[str, Any]] = await self.server.model(
            model, "search_read", ["OR", written, made], at["offset"], _PAGE, [["id", "ASC"]], asked
        )
        return rows

    async def _known(
        self, rows: Sequence[Mapping[str, Any]], fields: Sequence[str]
    ) -> list[Remote]:
        coded = [row for row in rows if row["code"]]
        parties, categories = await self._whole(coded), await self._categories()
        return [
            _remote(row["code"], parties[row["code"]], fields, categories, _changed_at(row))
            for row in coded
        ]


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[TrytonCrm]:
    """Open the connection pool; the first call logs in.

    :raises SettingsError: a setting is missing, or the address cannot be used.
    """
    base, database = address(settings, "tryton_url"), needed(settings, "tryton_database")
    user, password = needed(settings, "tryton_user"), needed(settings, "tryton_password")
    async with open_session() as session:
        client = Client(
            "Tryton", "ASKFIRST_TRYTON_USER and ASKFIRST_TRYTON_PASSWORD", session, base
        )
        server = Tryton(client, database, user, password)
        yield TrytonCrm(server, settings.tryton_list, settings.marketing_purpose)


def _party(
    row: Mapping[str, Any],
    mechanisms: Mapping[str, tuple[int, str]],
    notes: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Party:
    ours = notes.get(f"party.party,{row['id']}", ())
    return Party(
        row["id"],
        row["name"] or "",
        frozenset(row["categories"]),
        mechanisms,
        tuple(one["id"] for one in ours),
        read_lines(ours[-1]["message"]) if ours else {},
    )


def _new_party(one: Delivery, categories: Categories) -> dict[str, Any]:
    mechanisms = [
        {"type": kind, "value": one.fields[kind], "name": OURS}
        for kind in _MECHANISMS
        if one.fields.get(kind)
    ]
    chosen = _chosen(one, categories)
    return {
        "code": one.shopper,
        "name": one.fields.get("name"),
        "contact_mechanisms": [["create", mechanisms]],
        "categories": [["add", sorted(number for found in chosen.values() for number in found)]],
    }


def _change(one: Delivery, held: Party, categories: Categories) -> dict[str, Any]:
    """Give what differs from what Tryton holds."""
    change = dict[str, Any]()
    if "name" in one.fields and (one.fields["name"] or "") != held.name:
        change["name"] = one.fields["name"]
    if steps := list(_mechanism_steps(one, held)):
        change["contact_mechanisms"] = steps
    chosen = _chosen(one, categories)
    wanted = {number for found in chosen.values() for number in found}
    every = {number for name in chosen for number in categories.of(_bare(name))}
    added, removed = wanted - held.categories, (every - wanted) & held.categories
    if added or removed:
        change["categories"] = [["add", sorted(added)], ["remove", sorted(removed)]]
    return change


def _mechanism_steps(one: Delivery, held: Party) -> Iterator[list[Any]]:
    for kind in _MECHANISMS:
        if kind not in one.fields:
            continue
        value, (number, before) = one.fields[kind], held.mechanisms.get(kind, (0, ""))
        if not value and number:
            yield ["delete", [number]]
        elif value and not number:
            yield ["create", [{"type": kind, "value": value, "name": OURS}]]
        elif value and value != before:
            yield ["write", [number], {"value": value}]


def _chosen(one: Delivery, categories: Categories) -> dict[str, set[int]]:
    """Give the categories that each field of categories names."""
    chosen = dict[str, set[int]]()
    for name, value in one.fields.items():
        if not _is_category(name):
            continue
        if isinstance(value, bool):
            chosen[name] = {categories.ids[(_bare(name),)]} if value else set()
        else:
            options = categories.options(_bare(name))
            chosen[name] = {options[option] for option in _options(value)}
    return chosen


def _unknown_option(one: Delivery, categories: Categories) -> str:
    for name, value in one.fields.items():
        if _is_category(name) and not isinstance(value, bool):
            options = categories.options(_bare(name))
            if any(option not in options for option in _options(value)):
                return (
                    f"Tryton has no category for a value of {name}; python -m sync preflight "
                    "creates those of the catalogue, a line without it takes any word."
                )
    return ""


def _options(value: Any) -> list[str]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else str(value).split(",")


def _remote(
    shopper: str,
    party: Party,
    fields: Iterable[str],
    categories: Categories,
    at: datetime | None = None,
) -> Remote:
    named = {kind: value for kind, (_, value) in party.mechanisms.items()}
    values = {name: _value(name, party, categories) for name in fields}
    return Remote(shopper, named, (), values, str(party.id), at)


def _value(name: str, party: Party, categories: Categories) -> Any:
    if name in _MECHANISMS:
        return party.mechanisms.get(name, (0, ""))[1] or None
    if name == "name":
        return party.name or None
    if not _is_category(name):
        return party.lines.get(name)
    if options := categories.options(_bare(name)):
        held = [option for option, number in options.items() if number in party.categories]
        return ",".join(sorted(held)) or None
    return categories.ids.get((_bare(name),)) in party.categories


def _left(row: Mapping[str, Any]) -> Remote:
    return Remote("", {"email": row["email"]}, ("email",), {}, "", _changed_at(row))


def _changed_at(row: Mapping[str, Any]) -> datetime:
    return moment(row["write_date"] or row["create_date"])


def _milliseconds(row: Mapping[str, Any]) -> int:
    return int(_changed_at(row).timestamp() * 1000)


def _says_something(one: Delivery) -> bool:
    return any(value not in (None, False) for value in one.fields.values())


def _is_category(name: str) -> bool:
    return name.startswith(_CATEGORY)


def _bare(name: str) -> str:
    return name.removeprefix(_CATEGORY)


def _is_line(name: str) -> bool:
    return not _is_category(name) and name not in (*_MECHANISMS, "name")


def _words(value: Any) -> str:
    return "" if value is None else str(value)
