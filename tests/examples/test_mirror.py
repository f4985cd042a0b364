"""The example client keeps its copy right: while others write, through restarts, from any state."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from sqlmodel import update

from examples.mirror import Askfirst, Change, Mirror, MirrorError, step
from preferences.store.tables import ChangeFeedRow
from tests.bot.api.conftest import Api
from tests.bot.api.test_facts import fact, tell
from tests.bot.conftest import served


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "mirror.db")


@contextmanager
def mirror_of(file: str) -> Iterator[Mirror]:
    with closing(Mirror(file)) as mirror:
        yield mirror


async def client(api: Api) -> Askfirst:
    return Askfirst(api.http, api.gateway.url, await api.key("sync", "export"))


async def everybody(api: Api) -> dict[str, Any]:
    lines = [json.loads(line) for line in (await api.get("/v1/export")).raw.splitlines()]
    profiles = [line["profile"] for line in lines if line["kind"] == "shopper"]
    return {profile["shopper"]: profile for profile in profiles if not profile["erased"]}


async def live(api: Api, name: str, random: Random) -> None:
    """Somebody comes, things happen to them, and some have everything deleted."""
    shopper = await api.has_shopper(name)
    for _ in range(4):
        await tell(api, shopper, fact(value=random.choice(["gift", "self"])))
        wish = {"scope": "topic", "target": random.choice("abc"), "reason": "asked_the_shop"}
        await api.post(f"/v1/shoppers/{shopper}/suppressions", wish)
    if random.random() < 0.3:
        await api.call("DELETE", f"/v1/shoppers/{shopper}")
    elif random.random() < 0.3:
        other = await api.has_shopper(f"{name} again")
        await tell(api, other, fact())
        await api.post(f"/v1/shoppers/{shopper}/links", {"other": other, "proof": "a test"})


async def test_the_copy_is_right_after_all_that_happens_and_any_restart(
    api: Api, file: str
) -> None:
    random = Random(7)
    askfirst = await client(api)
    await live(api, "first", random)
    lives = asyncio.gather(*(live(api, f"customer {number}", random) for number in range(12)))
    while not lives.done():
        with mirror_of(file) as mirror:  # each step is a start from what is in the file
            await step(askfirst, mirror)
        await asyncio.sleep(0.01)
    await lives
    with mirror_of(file) as mirror:
        while await step(askfirst, mirror):
            pass
        assert mirror.profiles == await everybody(api)
        assert mirror.position == (await api.get("/v1/changes?limit=1000")).json["position"]


async def test_a_copy_that_is_too_old_begins_anew(api: Api, file: str) -> None:
    askfirst = await client(api)
    shopper = await api.has_shopper("1")
    await tell(api, shopper, fact())
    with mirror_of(file) as mirror:
        await step(askfirst, mirror)
    for forgotten, position in ((1, 0), (0, 99)):  # what it needs is gone; the store went back
        with mirror_of(file) as mirror:
            mirror.apply([Change(position, "somebody else", "", {})], position)
            async with api.store.begin() as session:
                await session.exec(update(ChangeFeedRow).values(kept_after=forgotten))
            await step(askfirst, mirror)
            assert list(mirror.profiles) == [shopper]
            assert mirror.position == 1


async def test_an_export_that_is_cut_off_changes_nothing(api: Api, file: str) -> None:
    async def export(_request: web.Request) -> web.Response:
        head = json.dumps({"kind": "head", "position": 9, "at": datetime.now(UTC).isoformat()})
        return web.Response(text=f"{head}\n", content_type="application/x-ndjson")

    app = web.Application()
    app.router.add_get("/v1/export", export)
    shopper = await api.has_shopper("1")
    with mirror_of(file) as mirror:
        await step(await client(api), mirror)
        before = mirror.position
        async with served(app) as url:
            with pytest.raises(MirrorError, match="cut off"):
                await Askfirst(api.http, url, "ask_").export_into(mirror)
        assert (list(mirror.profiles), mirror.position) == ([shopper], before)


async def test_a_key_that_may_not_is_told(api: Api, file: str) -> None:
    askfirst = Askfirst(api.http, api.gateway.url, await api.key("read"))
    with mirror_of(file) as mirror, pytest.raises(MirrorError, match="lacks the scope export"):
        await step(askfirst, mirror)
