"""A demo shop on a free port, beside a gateway that takes its webhooks."""

from collections.abc import AsyncIterator
from socket import socket

import pytest
from aiohttp import ClientSession, CookieJar, web

from bot.demo.routes import setup
from preferences.settings import Settings
from tests.bot.demo.fake_gateway import FakeGateway

SHOPIFY_SECRET = "shopify-secret-of-the-tests-0123456789"
IDENTITY_SECRET = "identity-secret-of-the-tests-0123456789"


def free_port() -> int:
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def settings() -> Settings:
    return Settings(
        port=free_port(),
        shopify_secret=SHOPIFY_SECRET,
        identity_secret=IDENTITY_SECRET,
        shop_name="Ümit & Daughters",
        demo=True,
    )


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(SHOPIFY_SECRET)


@pytest.fixture
def app(gateway: FakeGateway, settings: Settings) -> web.Application:
    app = web.Application()
    gateway.setup(app)
    setup(app, settings)
    return app


@pytest.fixture
async def running(app: web.Application, settings: Settings) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.port).start()
    yield f"http://127.0.0.1:{settings.port}"
    await runner.cleanup()


@pytest.fixture
async def client(running: str) -> AsyncIterator[ClientSession]:
    async with ClientSession(running, cookie_jar=CookieJar(unsafe=True)) as session:
        yield session
