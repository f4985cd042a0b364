"""Tryton: a party whose code is the shopper's id, our contact mechanisms, categories and one note.

A field `category.NAME` is a category of parties, any other a line of the note that Askfirst keeps.
"""

import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from preferences.settings import Settings
from sync.capabilities import FieldShape, Lookup, Page, Remote
from sync.connectors.tryton.categories import Categories, is_category
from sync.connectors.tryton.mailing import ADDRESS, MailingList
from sync.connectors.tryton.party import (
    MECHANISMS,
    PARTY,
    Party,
    changed_party,
    emptied_party,
    new_party,
    read_parties,
    write_notes,
)
from sync.connectors.tryton.server import CREDENTIALS, Tryton, as_moment, moment
from sync.delivery import Delivery, Refused, Result, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError
from sync.http import Client, address, needed, open_session

_PAGE = 200


class _Fields(Mapping[str, FieldShape]):
    """The fields there are; a note takes a line of any name."""

    def __init__(self, known: Mapping[str, FieldShape]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> FieldShape:
        if name in self._known:
            return self._known[name]
        if is_category(name):
            raise KeyError(name)
        return FieldShape(name, "text")

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(frozen=True, slots=True)
class TrytonCrm:
    """The parties of a database, with its mailing list where there is one."""

    server: Tryton
    mailing: MailingList
    batch_size: int = 100

    # Telling

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Take people off the mailing lists first, whatever becomes of the fields."""
        there = await self._parties([one.shopper for one in batch])
        await self.mailing.leave(batch, there)
        categories = await Categories.read(self.server)
        await categories.plant(batch)
        refused = {one.shopper: categories.unknown(one.fields) for one in batch}
        good = [one for one in batch if not refused[one.shopper]]
        ids = await self._write(good, there, categories)
        await self.mailing.join(good)
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
            values = [new_party(one, categories) for one in new]
            created = await self.server.model(PARTY, "create", values)
            ids |= {one.shopper: number for one, number in zip(new, created, strict=True)}
        changes = list[Any]()
        for one in batch:
            held = there.get(one.shopper)
            if held and (change := changed_party(one, held, categories)):
                changes += [[held.id], change]
        if changes:
            await self.server.model(PARTY, "write", *changes)
        await write_notes(self.server, batch, there, ids)
        return {one.shopper: str(ids.get(one.shopper, "")) for one in batch}

    # Fields, reading back, deleting, what changed there

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give what parties have, our categories among it; a line of the note may have any name."""
        shapes = {name: FieldShape(name, "text") for name in (*MECHANISMS, "name")}
        shapes["code"] = FieldShape("code", "text", unique=True)
        return _Fields(shapes | (await Categories.read(self.server)).shapes)

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Create categories and their options."""
        try:
            await (await Categories.read(self.server)).create(fields)
        except BatchRefusedError as error:
            message = f"{error} Give the user the group “Party Administration”."
            raise DestinationRefusedError(message) from None

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read parties by our id."""
        parties = await self._parties([one.shopper for one in asked])
        categories = await Categories.read(self.server)
        return {
            shopper: _remote(shopper, one, fields, categories) for shopper, one in parties.items()
        }

    async def _parties(self, shoppers: Collection[str]) -> dict[str, Party]:
        domain = [["code", "in", sorted(shoppers)]]
        rows = await self.server.found(PARTY, domain, ["code", "name", "categories"])
        return await read_parties(self.server, rows)

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Delete parties after they have left every list; of one that Tryton needs, what is ours."""
        there = await self._parties([one.shopper for one in batch])
        await self.mailing.leave(batch, there)
        return [await self._erase(there.get(one.shopper)) for one in batch]

    async def _erase(self, party: Party | None) -> Result:
        if party is None:
            return Taken()
        if party.notes:
            await self.server.model("ir.note", "delete", list(party.notes))
        try:
            await self.server.model(PARTY, "delete", [party.id])
        except BatchRefusedError:
            nothing = emptied_party(party, await Categories.read(self.server))
            await self.server.model(PARTY, "write", [party.id], nothing)
            reason = "Tryton keeps the party for its documents: use “Erase Party” there."
            return Refused(reason)
        return Taken()

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Give what others than our user changed: the parties first, then who left a mailing list."""
        at: dict[str, Any] = (
            json.loads(cursor) if cursor else {"party": 0, "email": 0, "next": "party", "offset": 0}
        )
        turn = at["next"]
        model = PARTY if turn == "party" else ADDRESS
        rows = await self._changed(model, at) if turn == "party" or self.mailing.name else []
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
        me = await self.server.who_we_are()
        written = [["write_date", ">=", since], ["write_uid", "!=", me]]
        made = [["write_date", "=", None], ["create_date", ">=", since], ["create_uid", "!=", me]]
        asked = ["write_date", "create_date", "active"]
        asked += ["code", "name", "categories"] if model == PARTY else ["email"]
        rows: list[dict[str, Any]] = await self.server.model(
            model, "search_read", ["OR", written, made], at["offset"], _PAGE, [["id", "ASC"]], asked
        )
        return rows

    async def _known(
        self, rows: Sequence[Mapping[str, Any]], fields: Sequence[str]
    ) -> list[Remote]:
        coded = [row for row in rows if row["code"]]
        parties = await read_parties(self.server, coded)
        categories = await Categories.read(self.server)
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
        client = Client("Tryton", CREDENTIALS, session, base)
        server = Tryton(client, database, user, password)
        mailing = MailingList(server, settings.tryton_list, settings.marketing_purpose)
        yield TrytonCrm(server, mailing)


def _remote(
    shopper: str,
    party: Party,
    fields: Iterable[str],
    categories: Categories,
    at: datetime | None = None,
) -> Remote:
    named = {kind: value for kind, (_, value) in party.mechanisms.items()}
    values = {name: party.value(name, categories) for name in fields}
    return Remote(shopper, named, (), values, str(party.id), at)


def _left(row: Mapping[str, Any]) -> Remote:
    return Remote("", {"email": row["email"]}, ("email",), {}, "", _changed_at(row))


def _changed_at(row: Mapping[str, Any]) -> datetime:
    return moment(row["write_date"] or row["create_date"])


def _milliseconds(row: Mapping[str, Any]) -> int:
    return int(_changed_at(row).timestamp() * 1000)


def _says_something(one: Delivery) -> bool:
    return any(value not in (None, False) for value in one.fields.values())
