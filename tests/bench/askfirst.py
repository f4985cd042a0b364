"""Askfirst as `python -m bot` starts it: the whole system, its limits off, as a shopper meets it."""

import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time

import jwt
from aiohttp import ClientSession, TCPConnector

from bot.demo.shelf import Shelf, Shopper
from bot.demo.webhooks import Webhook, order_created
from bot.launch.training import fingerprint
from tests.bench.chat import Chat
from tests.bench.processes import ROOT, BenchError, Command, Running, free_port, started
from tests.bench.sentences import SHOPPER

_SECRET = "the benchmark's own, for as long as it runs"
_SETTINGS = {
    "ASKFIRST_MESSAGES_PER_MINUTE": "0",
    "ASKFIRST_MESSAGES_PER_MINUTE_PER_ADDRESS": "0",
    "ASKFIRST_MESSAGES_PER_MINUTE_OF_ALL": "0",
    "ASKFIRST_SESSIONS_PER_MINUTE_PER_ADDRESS": "0",
    "ASKFIRST_SHOPIFY_SECRET": _SECRET,
    "ASKFIRST_IDENTITY_SECRET": _SECRET,
}
_PARTS = {
    "bot.gateway": "gateway",
    "rasa_sdk": "actions",
    "-m rasa run": "rasa",
    "-m sync": "sync",
}
_USUAL, _ODD = "SHR-OXF-01", "DRS-LIN-01"  # on the demo's shelf: a men's shirt, a women's dress


@dataclass(frozen=True, slots=True)
class OpenAskfirst:
    """The running system, with the demo shop's products in it."""

    running: Running
    http: ClientSession
    url: str
    shelf: Shelf
    numbers: "count[int]"

    @asynccontextmanager
    async def talks(self, count: int) -> AsyncIterator[Sequence[Chat]]:
        """Have shoppers buy what does not fit, come to the chat and be asked for permission."""
        chats = [await self._chat(next(self.numbers)) for _ in range(count)]
        try:
            yield chats
        finally:
            for chat in chats:
                await chat.close()

    async def _chat(self, number: int) -> Chat:
        shopper = Shopper(number, f"bench{number}", "Benjamin Bench", "", "en", ())
        now = datetime.now(UTC)
        await self._buy(2 * number, shopper, [_USUAL] * 6, now - timedelta(days=60))
        await self._buy(2 * number + 1, shopper, [_ODD], now)
        chat = await Chat.begin(self.http, self.url, _identity(number, now))
        await chat.open()
        return chat

    async def _buy(self, order: int, shopper: Shopper, skus: Sequence[str], at: datetime) -> None:
        products = [self.shelf.products[sku] for sku in skus]
        await self._deliver(order_created(order, order, shopper, products, at))

    async def _deliver(self, webhook: Webhook) -> None:
        headers = webhook.headers(_SECRET, datetime.now(UTC))
        url = self.url + webhook.path
        async with self.http.post(url, data=webhook.raw, headers=headers) as response:
            if response.status != 200:
                message = f"The gateway refuses an order ({response.status})."
                raise BenchError(message)


class Askfirst:
    """Our side; both of its starts share one data folder, which stays there to be looked at."""

    name = "askfirst"
    templates = SHOPPER
    presses = 2  # the permission, then the answer

    def __init__(self, cache: Path, database_url: str, redis_url: str) -> None:
        self._log = cache / "askfirst.log"
        self._data = cache / "askfirst"
        urls = {"ASKFIRST_DATABASE_URL": database_url, "ASKFIRST_REDIS_URL": redis_url}
        self._env = _SETTINGS | {name: url for name, url in urls.items() if url}

    async def prepare(self) -> None:
        """Begin with nothing stored, and have the model trained, unless it is there."""
        shutil.rmtree(self._data, ignore_errors=True)
        if (ROOT / "models" / f"{fingerprint(ROOT)}.tar.gz").exists():
            return
        with TemporaryDirectory() as data:
            port = free_port()
            async with started(self._command(port, Path(data), _SETTINGS), _PARTS) as running:
                await running.wait_for(f"http://127.0.0.1:{port}/readyz")

    @asynccontextmanager
    async def start(self) -> AsyncIterator[tuple[OpenAskfirst, Mapping[str, float]]]:
        """Run everything until every part says that it is ready."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        async with (
            started(self._command(port, self._data, self._env), _PARTS) as running,
            ClientSession(connector=TCPConnector(limit=0)) as http,
        ):
            signs = {
                sign: await running.wait_for(f"{url}/{sign}") for sign in ("healthz", "readyz")
            }
            # Customer and order numbers that no run before has used.
            yield OpenAskfirst(running, http, url, Shelf.read(), count(int(time() * 1000))), signs

    def _command(self, port: int, data: Path, env: Mapping[str, str]) -> Command:
        argv = (sys.executable, "-m", "bot", "--port", str(port), "--data", str(data))
        return Command(argv, ROOT, env, self._log)


def _identity(customer: int, now: datetime) -> str:
    claims = {
        "sub": str(customer),
        "aud": "askfirst",
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "jti": str(customer),
    }
    return jwt.encode(claims, _SECRET, algorithm="HS256")
