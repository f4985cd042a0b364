"""A HubSpot in a process of its own, that counts and times what is written: `-m tests.bench.hubspot`."""

import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from time import time
from typing import Any

from aiohttp import web

from tests.sync.fakes.hubspot import HubSpot

FIGURES = "/bench"
"""Where it tells what it has counted; asking costs nothing of the limit."""


class Timed(HubSpot):
    """Remembers when each shopper was written last, and when all was."""

    def __init__(self, latency: float) -> None:
        super().__init__(latency=latency, remember=False)
        self.first, self.last = 0.0, 0.0
        self.at: dict[str, float] = {}

    def routes(self) -> list[web.RouteDef]:
        contacts = "/crm/v3/objects/contacts"
        return [
            *super().routes(),
            web.get(FIGURES, self.figures),
            web.post(contacts, self.create_one),
            web.patch(f"{contacts}/{{id}}", self.update_one),
        ]

    async def meet(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path == FIGURES:
            return await self.figures(request)
        return await super().meet(request, handler)

    def _upsert_one(self, one: Mapping[str, Any]) -> dict[str, Any]:
        self.last = self.at[one["id"]] = time()
        self.first = self.first or self.last
        return super()._upsert_one(one)

    async def create_one(self, request: web.Request) -> web.Response:
        """Create a contact by itself, as clients do that know no batch; 409 if it is there."""
        properties = (await request.json())["properties"]
        if self.held(properties["shopper_id"]) is not None:
            return web.json_response({"category": "CONFLICT"}, status=409)
        return web.json_response({"id": self.create(**properties)}, status=201)

    async def update_one(self, request: web.Request) -> web.Response:
        """Change a contact by itself, found by a unique property."""
        number = self._by.get((request.query["idProperty"], request.match_info["id"]))
        if number is None:
            return web.json_response({"category": "OBJECT_NOT_FOUND"}, status=404)
        self._put(number, (await request.json())["properties"])
        return web.json_response({"id": number})

    async def figures(self, request: web.Request) -> web.Response:
        """Tell the counts; `?begin` starts them anew."""
        told = {
            "writes": self.writes,
            "contacts": len(self.contacts),
            "refused": self.refused,
            "first": self.first,
            "last": self.last,
            "at": self.at if "each" in request.query else {},
        }
        if "begin" in request.query:
            self.writes = self.refused = 0
            self.first = self.last = 0.0
            self.at = {}
        return web.json_response(told)


async def _serve(latency: float) -> None:
    vendor = Timed(latency)
    vendor.define("shopper_id", hasUniqueValue=True)
    async with vendor.listening():
        sys.stdout.write(f"{vendor.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m tests.bench.hubspot", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.08, help="seconds of every answer")
    asyncio.run(_serve(parser.parse_args().latency))
