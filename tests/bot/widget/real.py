"""The real gateway with the demo shop, in one process: the domain, the store, and no Rasa server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from alembic import command

from bot.demo.shelf import Shelf
from bot.gateway import create_app
from bot.parts import ASSISTANT, STORE
from preferences.settings import Settings, load_settings
from preferences.store.engine import open_store
from preferences.store.migrate import alembic_config
from preferences.store.tables import PurchaseRow
from tests.bot.conftest import FakeRasa, served
from tests.preferences.store.shop import Shop
from tests.vaults import KEYS, VAULT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def open_shop(
    folder: Path, **settings: Any
) -> AsyncIterator[tuple[str, FakeRasa, Callable[[], Any]]]:
    """Give the address, who understands what is written, and what replaces the gateway by a new one."""
    url = f"sqlite:///{folder / 'askfirst.db'}"
    await asyncio.to_thread(command.upgrade, alembic_config(url, VAULT), "head")
    port = free_port()
    async with open_store(url, VAULT) as store:
        rasa = FakeRasa(store, "a secret between the two")
        understanding = web.Application()
        understanding.router.add_post("/webhooks/askfirst/turn", rasa.turn)
        understanding.router.add_get("/webhooks/askfirst/health", rasa.health)
        async with served(understanding) as rasa.url:
            given = load_settings(
                data_dir=folder, keys_file=KEYS, database_url=url, rasa_urls=rasa.url,
                turn_secret=rasa.secret, port=port, demo=True, **settings,
            )  # fmt: skip
            runner = await _serve(given)

            async def replace() -> None:
                nonlocal runner
                await runner.cleanup()
                runner = await _serve(given)

            try:
                yield f"http://127.0.0.1:{port}", rasa, replace
            finally:
                await runner.cleanup()


async def _serve(settings: Settings) -> web.AppRunner:
    app = create_app(settings)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.port).start()
    async with ClientSession() as http, asyncio.timeout(20):
        while not app[ASSISTANT].is_awake:
            async with http.get(f"http://127.0.0.1:{settings.port}/readyz"):
                await asyncio.sleep(0.05)
    orders = sum(len(one.orders) for one in Shelf.read().shoppers.values())
    async with asyncio.timeout(60):
        while len(await Shop(app[STORE]).rows(PurchaseRow)) < orders:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return runner
