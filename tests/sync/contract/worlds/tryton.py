"""A real Tryton, for the contract: one server for the whole run, emptied for each test."""

import atexit
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from preferences.settings import Settings
from sync.capabilities import FieldShape
from sync.connectors import open_connector
from sync.connectors.tryton import TrytonCrm
from tests.sync.contract.worlds.world import VendorWorld
from tests.sync.real.proxy import Proxy
from tests.sync.real.tryton import NEWS, PASSWORD, USER, TrytonServer, tryton_server

CHOICE = "category.Bought for"


class TrytonWorld(VendorWorld):
    vendor: Proxy
    server: TrytonServer

    def held(self, shopper: str) -> Mapping[str, Any] | None:
        party = self.server.parties(shopper).get(shopper)
        if party is None:
            return None
        held: dict[str, Any] = dict(party["mechanisms"])
        for name in self.server.categories():
            match name.split(" / "):
                case [_, field]:
                    held[f"category.{field}"] = name in party["categories"]
                case [_, field, option] if name in party["categories"]:
                    held[f"category.{field}"] = option
        for note in party["notes"]:
            held |= _lines(note)
        return held

    def count(self) -> int:
        return len(self.server.rows("party.party", [], "code"))

    def leaves(self, shopper: str) -> bool:
        return self.server.subscriptions()[f"{shopper}@example.com"] is False

    def lose_the_answer(self) -> None:
        self.vendor.losing = "party.party.create"

    def throttle(self) -> None:
        self.vendor.ills.append({"data": {}, "status": 429, "headers": {"Retry-After": "1"}})


def _lines(note: str) -> dict[str, str]:
    """Read a note as a person does: a line that is indented goes on with the one before it."""
    lines = note.replace("\n ", "\0").split("\n")[1:]
    parts = [line.replace("\0", "\n").partition(": ") for line in lines]
    return {name: value for name, _, value in parts}


@cache
def _server() -> TrytonServer:
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)  # whether or not there is a server to put into it
    opened = tryton_server(Path(folder.name))
    server = opened.__enter__()
    atexit.register(opened.__exit__, None, None, None)
    return server


@asynccontextmanager
async def open_world() -> AsyncIterator[TrytonWorld]:
    server = _server()
    server.clear()
    server.subscribe("a@example.com", "s-1@example.com")
    vendor = Proxy(secret=PASSWORD, upstream=server.url)
    async with vendor.listening():
        settings = Settings(
            _env_file=None,
            tryton_url=vendor.url,
            tryton_database="tryton",
            tryton_user=USER,
            tryton_password=SecretStr(PASSWORD),
            tryton_list=NEWS,
            webhook_allow=("127.0.0.0/8",),
        )
        async with open_connector("tryton", settings) as crm:
            assert isinstance(crm, TrytonCrm)
            await crm.create([FieldShape(CHOICE, "choices", options=("gift", "self"))])
        world = TrytonWorld(vendor, settings, "words", CHOICE)
        world.server = server
        yield world
