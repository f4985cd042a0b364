"""Chats that are open at once while messages flow: memory of each, and how soon a reply is there."""

import asyncio
import resource
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from aiohttp import ClientSession, TCPConnector, web
from psutil import Process

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.policy import load_policy
from preferences.store.engine import open_store
from preferences.store.turns import Turns
from preferences.store.vault import Vault
from preferences.understanding import Heard
from preferences.voice import load_voice
from tests.bench.chat import Chat
from tests.bench.figures import Figure, Figures, latency
from tests.bench.processes import free_port, resident

_EVERY_SECONDS = 15.0  # between two messages of a shopper
_OPENED_AT_ONCE = 4  # a database of one writer refuses who waits for too long


@dataclass
class StandIn:
    """Takes turns in the place of Rasa and the actions, over the same store; it understands nothing.

    `replied` tells for each conversation when its last reply was committed.
    """

    turns: Turns
    replied: dict[str, float] = field(default_factory=dict)

    async def turn(self, request: web.Request) -> web.Response:
        body = await request.json()
        heard = Heard(body["text"] or "", ())
        await self.turns.take(body["sender"], body["message_id"], heard)
        self.replied[body["sender"]] = perf_counter()
        return web.json_response({})

    async def health(self, _request: web.Request) -> web.Response:
        return web.Response()


@asynccontextmanager
async def stand_in(database: str, vault: Vault) -> AsyncIterator[tuple[str, StandIn]]:
    """Run a stand-in for the assistant, and give its address."""
    assistant = Assistant(load_catalogue(), load_voice("Bench"), load_policy())
    async with open_store(database, vault) as store:
        held = StandIn(Turns(store, assistant, (), lambda: datetime.now(UTC)))
        app = web.Application()
        app.router.add_post("/webhooks/askfirst/turn", held.turn)
        app.router.add_get("/webhooks/askfirst/health", held.health)
        runner, port = web.AppRunner(app), free_port()
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield f"http://127.0.0.1:{port}", held
        finally:
            await runner.cleanup()


async def open_chats(address: str, process: Process, held: StandIn, chats: int) -> Figures:
    """Open so many chats, let each say something once in a quarter of a minute, and see."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket for each
    at_rest = resident(process)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
        opened = await _open(http, address, chats)
        for chat in opened:
            stack.push_async_callback(chat.close)
        spoken = await asyncio.gather(
            *(
                _speak(chat, _EVERY_SECONDS * number / chats, held)
                for number, chat in enumerate(opened)
            )
        )
        used = resident(process) - at_rest
    turns, ways = [turn for turn, _ in spoken], [way for _, way in spoken]
    return {
        "open": Figure(chats, "chats", chats),
        "memory": Figure(used / chats / 1024, "KiB/chat", chats),
        **latency("turn", turns),
        **latency("fan_out", ways),
    }


async def _open(http: ClientSession, address: str, chats: int) -> Sequence[Chat]:
    found: list[Chat] = []
    while len(found) < chats:
        some = min(_OPENED_AT_ONCE, chats - len(found))
        found += await asyncio.gather(*(Chat.begin(http, address) for _ in range(some)))
    return found


async def _speak(chat: Chat, after: float, held: StandIn) -> tuple[float, float]:
    """Say hello; give how long the turn took, and how long the reply was on its way to the page."""
    await asyncio.sleep(after)
    taken: Any = await chat.say("hello")
    return taken, chat.heard_at - held.replied[chat.conversation]
