"""Both worlds, each started once: SQLite alone, and PostgreSQL with Redis."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from secrets import token_hex

import asyncpg
import pytest
from playwright.async_api import Page, async_playwright, expect
from redis import Redis
from redis.exceptions import RedisError

from tests.e2e.world import World, running

ADMIN = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
CHROMIUM = Path("/usr/bin/chromium")
HAS_CHROMIUM = CHROMIUM.exists()
RASA = Path(__file__).parents[2] / ".venv-rasa/bin/rasa"

Visit = Callable[[World, str], Awaitable[None]]


@pytest.fixture(scope="session", params=["sqlite", "postgresql-redis"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    if not RASA.exists():
        pytest.skip("the Rasa server's environment is missing: make setup")
    data = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        with running(data) as started:
            yield started
        return
    name = f"askfirst_e2e_{token_hex(4)}"
    _require_services(f'CREATE DATABASE "{name}"')
    url = f"{ADMIN.rpartition('/')[0]}/{name}"
    try:
        with running(data, ASKFIRST_DATABASE_URL=url, ASKFIRST_REDIS_URL=REDIS) as started:
            yield started
    finally:
        asyncio.run(_administer(f'DROP DATABASE "{name}" WITH (FORCE)'))


def _require_services(statement: str) -> None:
    try:
        asyncio.run(_administer(statement))
        with Redis.from_url(REDIS) as redis:
            redis.ping()
    except (OSError, asyncpg.PostgresError, RedisError) as error:
        pytest.skip(f"no PostgreSQL and Redis at TEST_DATABASE_URL, TEST_REDIS_URL ({error})")


async def _administer(statement: str) -> None:
    connection = await asyncpg.connect(ADMIN, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    if not HAS_CHROMIUM:
        pytest.skip(f"{CHROMIUM} is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        opened = await browser.new_page()
        opened.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        yield opened
        await browser.close()


@pytest.fixture
def visit(page: Page) -> Visit:
    """Open a page of the shop, as the shop would write it, for a customer who is signed in."""

    async def open_page(world: World, customer: str) -> None:
        tag = f'<script src="/widget/askfirst.js" async data-identity="{world.identity(customer)}">'
        html = f"<!doctype html><html lang=en><title>A shop</title>{tag}</script><h1>A shop</h1>"
        shop = f"{world.url}/a-page-of-the-shop"
        await page.route(shop, lambda route: route.fulfill(body=html, content_type="text/html"))
        await page.goto(shop)

    return open_page
