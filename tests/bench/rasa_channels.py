"""Rasa's own REST and Facebook channels, of the plain project, on the bodies that ours are given."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from aiohttp import ClientSession, TCPConnector, web

from tests.bench.baseline import Plain
from tests.bench.figures import Figure, Figures, latency
from tests.bench.processes import BenchError, Command, free_port, started

_AT_ONCE = 100
# Its Facebook channel sends the reply before it acknowledges, and fails where that fails: what it
# sends goes to a platform here that takes everything at once, which costs it the least.
_REDIRECT = """
import os
import fbmessenger

begin = fbmessenger.MessengerClient.__init__

def begin_here(self, *arguments, **more):
    begin(self, *arguments, **more)
    self.graph_url = os.environ["BENCH_GRAPH_URL"]

fbmessenger.MessengerClient.__init__ = begin_here
"""

type Report = tuple[bytes, str, str]
"""A body of Messenger, and what the same says to the REST channel: who, and the words."""


async def rasa_figures(cache: Path, secret: str, reports: Sequence[Report]) -> dict[str, Figures]:
    """Give rate and latency of each channel until a report is acknowledged."""
    plain = Plain(cache)
    await plain.prepare()
    async with (
        _running(plain, secret) as url,
        ClientSession(connector=TCPConnector(limit=_AT_ONCE)) as http,
    ):

        async def facebook(report: Report) -> None:
            digest = hmac.digest(secret.encode(), report[0], sha1).hex()
            headers = {"X-Hub-Signature": f"sha1={digest}", "Content-Type": "application/json"}
            await _post(http, f"{url}/facebook/webhook", report[0], headers)

        async def rest(report: Report) -> None:
            body = json.dumps({"sender": report[1], "message": report[2]}).encode()
            await _post(http, f"{url}/rest/webhook", body, {"Content-Type": "application/json"})

        return {
            "Rasa's Facebook channel": await _taken(reports, facebook),
            "Rasa's REST channel": await _taken(reports, rest),
        }  # fmt: skip


async def _taken(reports: Sequence[Report], send: Callable[[Report], Awaitable[None]]) -> Figures:
    await send(reports[0])  # the first one pays for what is made once
    waiting, taken, begun = iter(reports), list[float](), perf_counter()

    async def one_after_the_other() -> None:
        for report in waiting:
            at = perf_counter()
            await send(report)
            taken.append(perf_counter() - at)

    await asyncio.gather(*(one_after_the_other() for _ in range(_AT_ONCE)))
    rate = len(taken) / (perf_counter() - begun)
    return {"rate": Figure(rate, "reports/s", len(taken)), **latency("acknowledged", taken)}


async def _post(http: ClientSession, url: str, body: bytes, headers: dict[str, str]) -> None:
    async with http.post(url, data=body, headers=headers) as answer:
        await answer.read()
        if answer.status != 200:
            message = f"{url} refuses a report ({answer.status})."
            raise BenchError(message)


@asynccontextmanager
async def _running(plain: Plain, secret: str) -> AsyncIterator[str]:
    port = free_port()
    with TemporaryDirectory() as name:
        credentials = Path(name) / "credentials.yml"
        held = {"verify": "bench", "secret": secret, "page-access-token": "bench"}
        credentials.write_text(json.dumps({"rest": {}, "facebook": held}))
        command = plain.command(
            "run", "-i", "127.0.0.1", "-p", str(port), "--credentials", str(credentials)
        )
        (Path(name) / "sitecustomize.py").write_text(_REDIRECT)
        async with _platform() as graph:
            more = {"PYTHONPATH": name, "BENCH_GRAPH_URL": graph, "NO_PROXY": "127.0.0.1"}
            command = Command(command.argv, command.folder, more, command.log)
            async with started(command, {"rasa": "rasa"}) as running:
                url = f"http://127.0.0.1:{port}/webhooks"
                await running.wait_for(f"{url}/rest/")
                yield url


@asynccontextmanager
async def _platform() -> AsyncIterator[str]:
    """Take whatever is sent."""

    async def take(_request: web.Request) -> web.Response:
        return web.json_response({"recipient_id": "1", "message_id": "m"})

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
