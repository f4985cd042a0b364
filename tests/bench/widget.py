"""The command line of `python -m tests.bench widget`: what the widget weighs and how soon it can be used."""

import shutil
import subprocess
import sys
import tarfile
from argparse import ArgumentParser
from collections.abc import Coroutine, Sequence
from gzip import compress
from time import perf_counter
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.widget.routes import LOADER, load_assets, setup
from tests.bench.figures import Figure, Figures, latency, line
from tests.bench.processes import ROOT
from tests.bot.widget.conftest import CHROMIUM, shop_page
from tests.bot.widget.driving import Shopper
from tests.bot.widget.fake_gateway import FakeGateway, serving

_OTHER = "rasa-webchat 1.0.1"
_CACHE = ROOT / "var" / "bench"
# What Lighthouse takes for a phone: a slow core, 150 ms to the server, 1.6 Mbit/s.
_SLOW_CORE = 4
_NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000}  # fmt: skip


def measure(argv: Sequence[str]) -> Coroutine[Any, Any, None]:
    """Measure it and print the figures."""
    parser = ArgumentParser(prog="python -m tests.bench widget", description=__doc__)
    parser.add_argument("--pages", type=int, default=20, help="how often a page is loaded")
    return _measure(parser.parse_args(argv).pages)


async def _measure(pages: int) -> None:
    others = _others()
    figures = _bytes()
    if CHROMIUM.exists():
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
            figures |= await _times(browser, pages)
            await browser.close()
    for name, figure in figures.items():
        sys.stdout.write(f"{line(name, figure, others.get(name), _OTHER)}\n")


def _bytes() -> Figures:
    """What goes over the wire, by gzip: before the chat is opened, and once it is."""
    sizes = {name: len(asset.gzipped) for name, asset in load_assets().items()}
    opened = [
        size
        for name, size in sizes.items()
        if name not in {LOADER, "poll.js", "transcript.js"} and not name.startswith("words/")
    ]
    loader = sizes[LOADER]
    return {
        "widget.bytes.loader": Figure(loader, "bytes", 1),
        "widget.bytes.open": Figure(loader + sum(opened) + sizes["words/en.js"], "bytes", 1),
    }


def _others() -> Figures:
    """What a page loads of the widget that Rasa's users know, before anything is opened."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    archive = _CACHE / "rasa-webchat-1.0.1.tgz"
    npm = shutil.which("npm")
    if not archive.exists() and npm:
        command = [npm, "pack", "rasa-webchat@1.0.1", "--silent", "--pack-destination", _CACHE]
        subprocess.run(command, check=False, capture_output=True)
    if not archive.exists():
        return {}
    with tarfile.open(archive) as packed:
        script = packed.extractfile("package/lib/index.js")
        size = len(compress(script.read(), 9)) if script else 0
    figure = Figure(size, "bytes", 1)
    return {"widget.bytes.loader": figure, "widget.bytes.open": figure}


async def _times(browser: Browser, pages: int) -> Figures:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=shop_page({}), content_type="text/html")

    app = web.Application()
    FakeGateway().setup(app)
    setup(app)
    app.router.add_get("/", page)
    async with serving(app) as address:
        desk = [await _load(browser, address, slow=False) for _ in range(pages)]
        phone = [await _load(browser, address, slow=True) for _ in range(pages)]
    return {
        **latency("widget.ready.desktop", [ready for ready, _ in desk]),
        **latency("widget.open.desktop", [opened for _, opened in desk]),
        **latency("widget.ready.phone", [ready for ready, _ in phone]),
        **latency("widget.open.phone", [opened for _, opened in phone]),
    }


async def _load(browser: Browser, address: str, *, slow: bool) -> tuple[float, float]:
    """Seconds from the navigation to a launcher that can be pressed, and from there to writing."""
    context = await browser.new_context()
    page = await context.new_page()
    if slow:
        await _slow_down(page)
    shopper = Shopper(page)
    await page.goto(address, wait_until="commit")
    await shopper.launcher.wait_for()
    ready = await page.evaluate("performance.now()") / 1000
    begun = perf_counter()
    await shopper.launcher.click()
    await expect(shopper.input).to_be_focused(timeout=20_000)
    opened = perf_counter() - begun
    await context.close()
    return ready, opened


async def _slow_down(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", _NETWORK)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOW_CORE})
