"""Gateways that are killed while they serve: real processes, on PostgreSQL and Redis Streams."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, web
from redis.exceptions import RedisError
from sqlmodel import SQLModel, col, select

from bot.redis import connect, namespace_of
from preferences.store.engine import Store, open_store
from preferences.store.tables import DispatchRow, MessageRow
from preferences.voice import load_voice
from tests.bot.channels.bodies import message, raw, whatsapp
from tests.bot.channels.conftest import REDIS
from tests.bot.channels.platform import SETTINGS, Platform, signed
from tests.bot.conftest import FakeRasa, assistant, served
from tests.vaults import KEYS, VAULT

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # a killed gateway's leases run out in ten seconds; the machine may be busy
# What a killed gateway was just sending is sent again after as long as its leases take: else this
# would wait for a minute, in which nothing happens.
HASTY = """
import sys
from datetime import timedelta
from bot import gateway, sending
sending._PATIENCE = timedelta(seconds=10)
sys.exit(gateway.main([]))
"""
POISON = "poison"
PEOPLE, LINES = 8, 12


class SlowRasa(FakeRasa):
    """Takes its time, refuses one message for ever, and remembers what it took in which order."""

    taken: list[tuple[str, str]]

    async def turn(self, request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(0.05)
        if body["text"] == POISON:
            return web.json_response({}, status=422)
        answer = await super().turn(request)
        self.taken.append((body["sender"], body["message_id"]))
        return answer


@dataclass
class Fleet:
    """Gateways of one deployment, and a platform that sends a report until one of them keeps it."""

    store: Store
    http: ClientSession
    rasa: SlowRasa
    platform: Platform
    environment: dict[str, str]
    running: list[tuple[str, Process]] = field(default_factory=list)

    async def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {**self.environment, "ASKFIRST_PORT": str(port)}
        command = (sys.executable, "-c", HASTY)
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
        url = f"http://127.0.0.1:{port}"
        self.running.append((url, process))
        async with asyncio.timeout(PATIENCE):
            while not await self._answers(url):
                assert process.returncode is None
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """Kill the one that has run longest, in the middle of whatever it does."""
        _, process = self.running.pop(0)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def end(self) -> None:
        while self.running:
            with suppress(ProcessLookupError):  # it never came up
                await self.kill()

    async def report(self, body: dict[str, Any]) -> None:
        sent = raw(body)
        async with asyncio.timeout(PATIENCE):
            while True:
                for url, _ in [*self.running]:
                    if await self._posts(f"{url}/v1/channels/whatsapp", sent) == 200:
                        return
                await asyncio.sleep(0.1)

    async def _posts(self, url: str, sent: bytes) -> int:
        try:
            async with self.http.post(url, data=sent, headers=signed(sent)) as response:
                return response.status
        except (ClientError, OSError):
            return 0

    async def _answers(self, url: str) -> bool:
        try:
            async with self.http.get(f"{url}/healthz"):
                return True
        except (ClientError, OSError):
            return False

    async def is_done(self) -> None:
        """Wait until everything is answered, and nothing of it is on its way."""
        said = col(MessageRow.author) == "shopper"
        going = col(DispatchRow.state).in_(["waiting", "sending", "unknown"])
        async with asyncio.timeout(PATIENCE):
            await self._are_gone(MessageRow, said, col(MessageRow.answered_at).is_(None))
            await self._are_gone(DispatchRow, going)

    async def _are_gone(self, table: type[SQLModel], *where: Any) -> None:
        while await self.rows(table, *where):  # noqa: ASYNC110 other processes see to them
            await asyncio.sleep(0.2)

    async def rows[Kind: SQLModel](self, table: type[Kind], *where: Any) -> list[Kind]:
        async with self.store.begin(readonly=True) as session:
            return list((await session.exec(select(table).where(*where))).all())


@pytest.fixture
async def fleet(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    assistant()  # read once, before anything is waited for
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(connect(REDIS))
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            pytest.skip(f"no Redis at TEST_REDIS_URL ({type(error).__name__})")
        store = await stack.enter_async_context(open_store(postgresql_url, VAULT))
        http = await stack.enter_async_context(ClientSession())
        rasa = SlowRasa(store, "a secret between the two")
        rasa.taken = []
        app = web.Application()
        app.router.add_post("/webhooks/askfirst/turn", rasa.turn)
        app.router.add_get("/webhooks/askfirst/health", rasa.health)
        rasa.url = await stack.enter_async_context(served(app))
        platform = Platform(None)
        meta = await stack.enter_async_context(served(platform.app()))
        told = {
            **SETTINGS,
            "database_url": postgresql_url,
            "redis_url": REDIS,
            "rasa_urls": rasa.url,
            "meta_url": meta,
            "turn_secret": rasa.secret,
            "session_secret": "s" * 40,
            "identity_secret": "i" * 40,
            "keys_file": KEYS,
            "data_dir": tmp_path,
            "log_level": "ERROR",
        }
        environment = {name: value for name, value in os.environ.items() if "ASKFIRST" not in name}
        environment |= {f"ASKFIRST_{name.upper()}": str(value) for name, value in told.items()}
        fleet = Fleet(store, http, rasa, platform, environment)
        try:
            yield fleet
        finally:
            await fleet.end()
            keys = [key async for key in redis.scan_iter(f"{namespace_of(postgresql_url)}:*")]
            if keys:
                await redis.delete(*keys)


async def test_each_message_is_answered_once_and_in_order_while_gateways_are_killed(
    fleet: Fleet,
) -> None:
    await fleet.start()
    await fleet.start()

    async def talks(person: int) -> None:
        for number in range(LINES):
            text = POISON if (person, number) == (0, LINES // 2) else f"line {number}"
            name = f"wamid.{person}.{number:02d}"
            told = message("text", {"body": text}, id=name, **{"from": f"3460011100{person}"})
            await fleet.report(whatsapp(told))
            await asyncio.sleep(0.2)

    async def dies() -> None:
        for kept in (PEOPLE * LINES // 4, PEOPLE * LINES // 2):
            async with asyncio.timeout(PATIENCE):
                while len(fleet.rasa.taken) < kept:  # noqa: ASYNC110 others add to it
                    await asyncio.sleep(0.01)
            await fleet.kill()
            await fleet.start()

    async with asyncio.TaskGroup() as group:
        group.create_task(dies())
        for person in range(PEOPLE):
            group.create_task(talks(person))
    await fleet.is_done()

    await _is_in_order(fleet)
    await _is_delivered(fleet)


async def _is_in_order(fleet: Fleet) -> None:
    """Everything was kept, taken and answered in the order in which it was said, and once."""
    said = await fleet.rows(MessageRow, col(MessageRow.author) == "shopper")
    kept, taken = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for row in sorted(said, key=lambda row: row.seq):
        kept[row.conversation_id].append(str(row.message_id))
    for talk, name in fleet.rasa.taken:
        if name not in taken[talk]:  # asked again where nobody heard the answer
            taken[talk].append(name)
    assert len(said) == PEOPLE * LINES
    assert all(names == sorted(set(names)) for names in kept.values())
    (dead,) = [row for row in said if row.dead_why]
    kept[dead.conversation_id].remove(str(dead.message_id))
    assert (dead.message_id, dead.dead_why) == (f"wamid.0.{LINES // 2:02d}", "refused")
    assert taken == kept


async def _is_delivered(fleet: Fleet) -> None:
    """One message for each answer went out, in order; of those that a kill cut off nobody knows."""
    rows = await fleet.rows(DispatchRow)
    assert len(rows) == PEOPLE * LINES
    counts = Counter(sent["biz_opaque_callback_data"] for sent in fleet.platform.delivered)
    cut_off = {row.id for row in rows if row.attempts > 1 or row.why == "unknown"}
    assert len(cut_off) <= 2 * PEOPLE
    assert {name: count for name, count in counts.items() if name not in cut_off} == {
        row.id: 1 for row in rows if row.id not in cut_off
    }
    places = {row.id: (row.conversation_id, row.reply_to) for row in rows}
    order = defaultdict[str, list[int]](list)
    for name in dict.fromkeys(
        sent["biz_opaque_callback_data"] for sent in fleet.platform.delivered
    ):
        order[places[name][0]].append(places[name][1])
    assert all(seqs == sorted(seqs) for seqs in order.values())
    apology = load_voice("Corner Shop").say("failed", "en")
    assert fleet.platform.texts.count(apology) == 1
