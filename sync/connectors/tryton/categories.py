"""The categories of parties that are ours: one for each field `category.NAME`, its options below it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.capabilities import FieldShape, FieldType
from sync.connectors.tryton.server import Tryton
from sync.delivery import Delivery

ROOT = "Askfirst"
"""The category that ours are below."""

_PREFIX = "category."


@dataclass(frozen=True, slots=True)
class Categories:
    """Ours by path: `()` the root, `(NAME,)` those of a field, `(NAME, option)`."""

    server: Tryton
    ids: dict[tuple[str, ...], int] = field(default_factory=dict)

    @classmethod
    async def read(cls, server: Tryton) -> "Categories":
        """Read those that are there."""
        rows = await server.found("party.category", [], ["name", "parent"])
        names = {row["id"]: (row["name"], row["parent"]) for row in rows}
        ids = dict[tuple[str, ...], int]()
        for number in names:
            path, at = list[str](), number
            while at in names and len(path) <= len(names):
                name, parent = names[at]
                path.insert(0, name)
                at = parent
            if at is None and path[0] == ROOT:
                ids[tuple(path[1:])] = number
        return cls(server, ids)

    async def plant(self, batch: Iterable[Delivery]) -> None:
        """Create the category of each yes-or-no field: its name is the mapping's, nobody's words."""
        for one in batch:
            for name, value in one.fields.items():
                if is_category(name) and value is True:
                    await self._made((_bare(name),))

    async def create(self, fields: Iterable[FieldShape]) -> None:
        """Create those of fields, with their options."""
        for one in fields:
            if is_category(one.name):
                await self._made((_bare(one.name),))
                for option in one.options:
                    await self._made((_bare(one.name), option))

    async def _made(self, path: tuple[str, ...]) -> int:
        """Give a category, made if it is missing, with those above it."""
        if path not in self.ids:
            above = await self._made(path[:-1]) if path else None
            values = [{"name": path[-1] if path else ROOT, "parent": above}]
            (number,) = await self.server.model("party.category", "create", values)
            self.ids[path] = number
        return self.ids[path]

    @property
    def shapes(self) -> dict[str, FieldShape]:
        """The fields that they make."""
        shapes = dict[str, FieldShape]()
        for name in {f"{_PREFIX}{path[0]}" for path in self.ids if path}:
            options = tuple(self._options(name))
            kind: FieldType = "choices" if options else "boolean"
            shapes[name] = FieldShape(name, kind, options=options)
        return shapes

    def of(self, name: str) -> set[int]:
        """Give every category of a field."""
        return {id_ for path, id_ in self.ids.items() if path[:1] == (_bare(name),)}

    def chosen(self, fields: Mapping[str, Any]) -> dict[str, set[int]]:
        """Give the categories that each field names."""
        chosen = dict[str, set[int]]()
        for name, value in fields.items():
            if not is_category(name):
                continue
            if isinstance(value, bool):
                chosen[name] = {self.ids[(_bare(name),)]} if value else set()
            else:
                options = self._options(name)
                chosen[name] = {options[option] for option in _parts(value)}
        return chosen

    def unknown(self, fields: Mapping[str, Any]) -> str:
        """Give why fields cannot be written, nothing if they can."""
        for name, value in fields.items():
            if is_category(name) and not isinstance(value, bool):
                options = self._options(name)
                if any(option not in options for option in _parts(value)):
                    return (
                        f"Tryton has no category for a value of {name}; python -m sync preflight "
                        "creates those of the catalogue, a line without it takes any word."
                    )
        return ""

    def value(self, name: str, held: frozenset[int]) -> Any:
        """Say what a field is of somebody who has these categories."""
        if options := self._options(name):
            found = [option for option, number in options.items() if number in held]
            return ",".join(sorted(found)) or None
        return self.ids.get((_bare(name),)) in held

    def _options(self, name: str) -> dict[str, int]:
        return {path[1]: id_ for path, id_ in self.ids.items() if path[:-1] == (_bare(name),)}


def is_category(name: str) -> bool:
    """Tell whether a field is one of categories."""
    return name.startswith(_PREFIX)


def _bare(name: str) -> str:
    return name.removeprefix(_PREFIX)


def _parts(value: Any) -> list[str]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else str(value).split(",")
