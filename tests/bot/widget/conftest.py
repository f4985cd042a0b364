"""A shop's page under a strict policy, with the widget on it, in a real browser."""

from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from time import time
from uuid import uuid4

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bot.widget.routes import setup
from tests.bot.widget.fake_gateway import FakeGateway, serving

PACKAGE = Path(__file__).parents[3] / "bot/widget/package"
CHROMIUM = Path("/usr/bin/chromium")
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def identity_of(subject: str, secret: str = "i" * 32, life: int = 600) -> str:
    now = int(time())
    claims = {"sub": subject, "aud": "askfirst", "iat": now, "exp": now + life}
    return jwt.encode({**claims, "jti": str(uuid4())}, secret, algorithm="HS256")


def shop_page(query: dict[str, str], widget: str = "") -> str:
    """A page of a shop; the query fills the script tag's data attributes."""
    data = " ".join(f'data-{key}="{escape(value)}"' for key, value in query.items() if key != "dir")
    return (
        f'<!doctype html><html lang="en" dir="{escape(query.get("dir", "ltr"))}"><head>'
        '<meta name="viewport" content="width=device-width"><title>A shop</title>'
        f'<script src="{widget}/widget/askfirst.js" async {data}></script></head>'
        '<body><h1>A shop</h1><input id="search" aria-label="Search"></body></html>'
    )


MODULE = (
    "import { boot } from './package.js';"
    "window.shopModule = { askfirst: await boot({ gateway: location.href, locale: 'es' }) };"
)


def element_page(_request: web.Request) -> str:
    return (
        '<!doctype html><html lang="en"><title>x</title><script async src="/widget/askfirst.js">'
        '</script><body><askfirst-chat locale="de" position="start" accent="#123"></askfirst-chat>'
    )


def module_page(_request: web.Request) -> str:
    return '<!doctype html><title>x</title><script type="module" src="/shop.js"></script><body>'


def poll_page(request: web.Request) -> str:
    """A page with a question in it, or below what is seen at first."""
    text = "<p>x</p>" * (200 if "below" in request.query else 1)
    consent = escape(request.query.get("consent", ""))
    return (
        '<!doctype html><html lang="en"><title>x</title><script async src="/widget/askfirst.js">'
        f'</script><body>{text}<askfirst-poll consent="{consent}"></askfirst-poll>'
    )


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest_asyncio.fixture(loop_scope="session")
async def shop(gateway: FakeGateway) -> AsyncIterator[str]:
    """The address of a shop's page that the gateway serves too."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(
            text=shop_page(dict(request.query)),
            content_type="text/html",
            headers={"Content-Security-Policy": POLICY},
        )

    async def identity(_request: web.Request) -> web.Response:
        return web.Response(text=identity_of("77"))

    async def icon(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def other(request: web.Request) -> web.Response:
        html = pages[request.path](request)
        headers = {"Content-Security-Policy": POLICY}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def script(request: web.Request) -> web.Response:
        text = MODULE if request.path == "/shop.js" else (PACKAGE / "index.js").read_text()
        return web.Response(text=text, content_type="text/javascript")

    pages = {"/element": element_page, "/module": module_page, "/poll": poll_page}
    app = web.Application()
    gateway.setup(app)
    setup(app)
    for path in pages:
        app.router.add_get(path, other)
    app.router.add_get("/shop.js", script)
    app.router.add_get("/package.js", script)
    app.router.add_get("/", page)
    app.router.add_get("/fresh", identity)
    app.router.add_get("/favicon.ico", icon)
    async with serving(app) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():  # noqa: ASYNC240 - once, before anything runs
        pytest.skip(f"{CHROMIUM} is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1024, "height": 760})
    context.set_default_timeout(8000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page that fails its test when a script breaks or the page's policy is violated."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: complaints.append(line.text) if "Policy" in line.text else None,
    )
    yield page

    assert complaints == []
