"""A shopper's side of the website chat: messages by POST, replies from the event stream."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Self
from uuid import uuid4

import jwt
from aiohttp import ClientSession, ClientTimeout

from tests.bench.processes import BenchError

_PATIENCE = 20.0  # seconds
_FOR_EVER = ClientTimeout(total=None)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that the assistant said, and when it came."""

    seq: int
    at: float


class Chat:
    """One open conversation."""

    def __init__(self, http: ClientSession, url: str, session: str) -> None:
        self._http = http
        self._url = f"{url}/v1/chat"
        self._headers = {"Authorization": f"Bearer {session}"}
        self._said = [Line(0, 0.0)]
        self._buttons: list[str] = []
        self._news = asyncio.Event()
        self._following = asyncio.create_task(self._follow())

    @classmethod
    async def begin(cls, http: ClientSession, url: str, identity: str = "") -> Self:
        """Begin a session, of a shopper whom the shop knows if there is an identity, and listen."""
        body = {"locale": "en"} | ({"identity": identity} if identity else {})
        async with http.post(f"{url}/v1/chat/sessions", json=body) as response:
            if response.status != 201:
                message = f"The gateway gives no session ({response.status})."
                raise BenchError(message)
            return cls(http, url, (await response.json())["session"])

    @property
    def conversation(self) -> str:
        """Give which one it is, as the session says."""
        session = self._headers["Authorization"].removeprefix("Bearer ")
        return str(jwt.decode(session, options={"verify_signature": False})["sub"])

    @property
    def heard_at(self) -> float:
        """Give when the last line of the assistant came."""
        return self._said[-1].at

    async def open(self) -> None:
        """Open the chat, and be asked something with buttons."""
        await self._turn({"event": "opened"})
        await self._heard(lambda: bool(self._buttons), "The assistant asks nothing.")

    async def say(self, text: str) -> float:
        """Send words, and give the seconds until the reply has come by the stream."""
        return await self._turn({"text": text})

    async def press(self) -> float:
        """Press the first button of what was asked last."""
        await self._heard(lambda: bool(self._buttons), "There is no button to press.")
        pressed, self._buttons = self._buttons[0], []
        return await self._turn({"press": pressed})

    async def close(self) -> None:
        """Leave."""
        self._following.cancel()
        with suppress(asyncio.CancelledError):
            await self._following

    async def _turn(self, body: dict[str, str]) -> float:
        begun = perf_counter()
        message = {"client_message_id": str(uuid4()), **body}
        async with self._http.post(
            f"{self._url}/messages", json=message, headers=self._headers
        ) as response:
            if response.status != 202:
                trouble = f"The gateway takes no message ({response.status})."
                raise BenchError(trouble)
            seq = (await response.json())["seq"]
        await self._heard(lambda: self._said[-1].seq > seq, f"Nothing was answered to {body}.")
        return next(line.at for line in self._said if line.seq > seq) - begun

    async def _heard(self, what: Callable[[], bool], otherwise: str) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not what():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise BenchError(otherwise) from None

    async def _follow(self) -> None:
        async with self._http.get(
            f"{self._url}/stream", headers=self._headers, timeout=_FOR_EVER
        ) as response:
            async for row in response.content:
                if row.startswith(b"data: "):
                    self._hear(json.loads(row[6:]))

    def _hear(self, data: dict[str, Any]) -> None:
        if data.get("from") == "assistant":
            self._said = [*self._said[-4:], Line(data["seq"], perf_counter())]
            self._buttons = [choice["press"] for choice in data["choices"]] or self._buttons
            self._news.set()
