"""The CRM of the fault runs, a process of its own: HubSpot's stand-in, which loses one answer in twenty."""

import asyncio
import json
import sys
from pathlib import Path
from time import time
from typing import Any

from aiohttp import web

from tests.sync.fakes.hubspot import HubSpot

FIELD = "for_whom"


class Witness(HubSpot):
    """Writes down when a field of whom was filled or emptied."""

    told: list[tuple[float, str, str]]

    def _put(self, number: str, properties: Any) -> None:
        if FIELD in properties:
            self.told.append((time(), str(properties["shopper_id"]), properties[FIELD] or ""))
        super()._put(number, properties)

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/witness", self.witness)]

    async def meet(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Lose no answer to the run itself."""
        asks = request.path == "/witness"
        return await (self.witness(request) if asks else super().meet(request, handler))

    async def witness(self, request: web.Request) -> web.Response:
        del request
        known = [one for one in self.contacts.values() if "shopper_id" in one]
        held = {one["shopper_id"]: one.get(FIELD) or "" for one in known}
        counts = {"contacts": len(self.contacts), "lost": self.lost}
        return web.json_response({"told": self.told, "held": held, **counts})


async def serve(address: Path) -> None:
    """Serve until killed; the address is written where it is asked for."""
    crm = Witness(latency=0.005, loses=0.05, remember=False)
    crm.told = []
    crm.define("shopper_id", hasUniqueValue=True)
    crm.define(FIELD)
    async with crm.listening():
        draft = address.with_suffix(".draft")
        draft.write_text(json.dumps({"url": crm.url, "secret": crm.secret}))
        draft.rename(address)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
