"""A shopper at the chat API of a running system: does one thing, and hears all that came of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from uuid import uuid4

import jwt
from aiohttp import ClientSession, ClientTimeout, TCPConnector

_TRIES, _AGAIN = 50, 0.2
_PATIENCE = 60.0  # seconds for one turn, with many of them at a time


class Shopper:
    """One conversation; `buttons` are those shown last, label and token."""

    def __init__(self, http: ClientSession, url: str, session: str) -> None:
        self._http = http
        self._url = f"{url}/v1/chat"
        self.session = session
        self._headers = {"Authorization": f"Bearer {session}"}
        self._turns: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()
        self._listens = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self.buttons: dict[str, str] = {}
        claims = jwt.decode(session, options={"verify_signature": False})
        self.conversation = str(claims["sub"])

    @classmethod
    async def begin(cls, http: ClientSession, url: str, **body: str) -> Self:
        """Begin a session; `locale` and `identity` may be given."""
        async with http.post(f"{url}/v1/chat/sessions", json=body) as response:
            assert response.status == 201, await response.text()
            return cls(http, url, (await response.json())["session"])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Hear what is said, until the block ends."""
        self._listening = asyncio.create_task(self._listen())
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._listens.wait()
            yield self
        finally:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    async def sends(self, **body: str) -> list[dict[str, Any]]:
        """Send a message and give what is said to it, which may be nothing."""
        message = {"client_message_id": str(uuid4()), **body}
        for _ in range(_TRIES):
            if await self._takes(message):
                return await self.hears()
            await asyncio.sleep(_AGAIN)
        raise AssertionError(message)

    async def _takes(self, message: dict[str, str]) -> bool:
        """Whether it is kept; a store that is busy may be asked once more, as the widget does."""
        async with self._http.post(
            f"{self._url}/messages", json=message, headers=self._headers
        ) as response:
            assert response.status in {202, 503}, await response.text()
            return response.status == 202

    async def presses(self, place: int) -> list[dict[str, Any]]:
        """Press a button by its place."""
        return await self.sends(press=list(self.buttons.values())[place])

    async def hears(self, patience: float = _PATIENCE) -> list[dict[str, Any]]:
        """Give what is said in the next turn, once it is over.

        :raises TimeoutError: there was none for so many seconds.
        """
        async with asyncio.timeout(patience):
            replies = await self._turns.get()
        for reply in replies:
            self.buttons = {one["label"]: one["press"] for one in reply["choices"]} or self.buttons
        return replies

    async def _listen(self) -> None:
        url, forever = f"{self._url}/stream?after=0", ClientTimeout(total=None)
        async with self._http.get(url, headers=self._headers, timeout=forever) as stream:
            thinking, said = False, list[dict[str, Any]]()
            async for told in _told(stream.content):
                if told.get("from") == "assistant":
                    said.append(told)
                if told.get("state") == "thinking":
                    thinking = True
                if told.get("state") == "ready":
                    self._listens.set()
                    if thinking:
                        self._turns.put_nowait(said)
                        thinking, said = False, []


async def _told(rows: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    async for row in rows:
        if row.startswith(b"data: "):
            yield json.loads(row[6:])


@asynccontextmanager
async def browsing() -> AsyncIterator[ClientSession]:
    """Give what many shoppers may share."""
    async with ClientSession(connector=TCPConnector(limit=0)) as http:
        yield http


def labels(replies: Sequence[dict[str, Any]]) -> list[str]:
    return [choice["label"] for reply in replies[-1:] for choice in reply["choices"]]
