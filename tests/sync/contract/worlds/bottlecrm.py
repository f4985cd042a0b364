"""A real BottleCRM, for the contract: one server for the whole run, emptied for each test."""

import atexit
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from preferences.settings import Settings
from tests.sync.contract.worlds.world import VendorWorld
from tests.sync.real.bottlecrm import BottleServer, bottlecrm_server
from tests.sync.real.proxy import Proxy


class BottleWorld(VendorWorld):
    vendor: Proxy
    server: BottleServer

    def held(self, shopper: str) -> Mapping[str, Any] | None:
        found = self.server.contacts(shopper)
        assert len(found) < 2
        return found[0] | found[0]["custom_fields"] if found else None

    def count(self) -> int:
        return len(self.server.contacts())

    def leaves(self, shopper: str) -> bool:
        return bool(self.server.contacts(shopper)[0]["do_not_call"])

    def lose_the_answer(self) -> None:
        self.vendor.losing = "POST"

    def throttle(self) -> None:
        self.vendor.ills.append({"data": {}, "status": 429, "headers": {"Retry-After": "1"}})


@cache
def _server() -> BottleServer:
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)  # whether or not there is a server to put into it
    opened = bottlecrm_server(Path(folder.name))
    server = opened.__enter__()
    atexit.register(opened.__exit__, None, None, None)
    server.define("shopper_id", "text")
    server.define("words")
    server.define("motivation", "dropdown", "gift", "self")
    return server


@asynccontextmanager
async def open_world() -> AsyncIterator[BottleWorld]:
    server = _server()
    server.clear()
    vendor = Proxy(secret=server.token, upstream=server.url, stranger=HTTPStatus.FORBIDDEN)
    async with vendor.listening():
        settings = Settings(
            _env_file=None,
            bottlecrm_url=vendor.url,
            bottlecrm_token=SecretStr(server.token),
            webhook_allow=("127.0.0.0/8",),
        )
        world = BottleWorld(vendor, settings, "words", "motivation")
        world.server = server
        yield world
