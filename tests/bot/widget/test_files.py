"""The widget's files as they are served: small, cached, open to every origin, and nothing else."""

import re
from gzip import decompress

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.widget.routes import FILES, LOADER, load_assets, setup, without_comments

LOADER_BUDGET = 3_000
PANEL_BUDGET = 24_000
POLL, POLL_BUDGET = "poll.js", 2_000


@pytest.fixture
async def client():
    app = web.Application()
    setup(app)
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        yield client


def test_the_loader_stays_within_its_budget():
    assert len(load_assets()[LOADER].gzipped) <= LOADER_BUDGET


def test_the_panel_stays_within_its_budget():
    """All of it, with the menu and the transcript, in the language that has most words."""
    others = {LOADER, POLL}
    sizes = {name: len(one.gzipped) for name, one in load_assets().items() if name not in others}
    words = max(size for name, size in sizes.items() if name.startswith("words/"))
    modules = sum(size for name, size in sizes.items() if not name.startswith("words/"))

    assert modules + words <= PANEL_BUDGET


def test_the_question_in_a_page_stays_within_its_budget():
    assert len(load_assets()[POLL].gzipped) <= POLL_BUDGET


def test_what_is_left_out_on_the_way_is_comments_and_nothing_else():
    for file in FILES.rglob("*.js"):
        served = without_comments(text := file.read_text()).splitlines()
        left = iter(served)
        wanted = next(left, None)
        for line in text.splitlines():
            if line == wanted:
                wanted = next(left, None)
            else:
                assert re.match(r"\s*(/\*\*|\*|//)", line), f"{file.name} lost: {line}"
        assert wanted is None
        assert not any(re.match(r"\s*(/\*\*|//)", line) for line in served)


def test_every_file_that_is_imported_is_there():
    for file in FILES.rglob("*.js"):
        for name in re.findall(r'from "(\./[^"]+)"', file.read_text()):
            assert (file.parent / name).is_file(), f"{file.name} imports {name}"


def test_every_language_has_every_word():
    words = {
        file.stem: set(re.findall(r"^  (\w+):", file.read_text(), re.MULTILINE))
        for file in (FILES / "words").glob("*.js")
    }

    assert set(words) == {"en", "es", "de"}
    assert words["en"] == words["es"] == words["de"]


@pytest.mark.parametrize(
    "forbidden",
    [
        r"innerHTML",
        r"outerHTML",
        r"insertAdjacentHTML",
        r"document\.write",
        r"\beval\(",
        r"new Function",
        r"DOMParser",
        r"setHTML",
        r"\.style\b(?!Sheet)",
        r"['\"]style['\"]",
        r"createContextualFragment",
        r"\bon\w+\s*=\s*['\"]",
    ],
)
def test_no_file_can_make_markup_or_code_from_words(forbidden):
    for file in FILES.rglob("*.js"):
        assert not re.search(forbidden, file.read_text()), f"{file.name} has {forbidden}"


async def test_a_file_is_served_compressed_to_any_origin(client):
    response = await client.get("/widget/askfirst.js", headers={"Accept-Encoding": "gzip, br"})

    assert response.status == 200
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert decompress(await response.read()) == load_assets()[LOADER].plain


async def test_a_browser_without_gzip_gets_the_plain_file(client):
    response = await client.get("/widget/words/de.js", headers={"Accept-Encoding": "identity"})

    assert "Content-Encoding" not in response.headers
    assert await response.read() == (FILES / "words/de.js").read_bytes()


async def test_an_unchanged_file_is_not_sent_again(client):
    first = await client.get("/widget/chat.js")
    again = await client.get("/widget/chat.js", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "no-cache"
    assert again.status == 304
    assert await again.read() == b""


@pytest.mark.parametrize(
    "path", ["nothing.js", "../routes.py", "..%2froutes.py", "%2e%2e/routes.py", "words/", "x\x00"]
)
async def test_nothing_but_its_own_files_is_served(client, path):
    response = await client.get(f"/widget/{path}")

    assert response.status == 404
