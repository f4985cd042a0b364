"""The Rasa server as the gateway sees it: it may be away, and a message may be sent to it again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from http import HTTPStatus

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.background import background
from preferences.errors import AskfirstError, UnavailableError
from preferences.store.conversations import Received

logger = logging.getLogger(__name__)

_PATH = "/webhooks/askfirst"
_TURN_TIMEOUT = ClientTimeout(total=30)
_HEALTH_TIMEOUT = ClientTimeout(total=2)
_WAKING_SECONDS = 0.3
_AWAKE_SECONDS = 5.0


class TurnRefusedError(AskfirstError):
    """Rasa will never take this message: give it up and tell the shopper."""


class Assistant:
    """One or several Rasa servers; a shopper stays with one of them."""

    def __init__(self, session: ClientSession, urls: Sequence[str], secret: str) -> None:
        self._session = session
        self._urls = [url.rstrip("/") for url in urls]
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._awake = [asyncio.Event() for _ in urls]

    @property
    def is_awake(self) -> bool:
        """Whether every server answered when it was last asked."""
        return all(awake.is_set() for awake in self._awake)

    async def take_turn(self, received: Received) -> None:
        """Let one message be answered; its replies are in the log afterwards.

        Waits while the shopper's server is waking up.

        :raises UnavailableError: nothing is lost, the same message may be sent again.
        :raises TurnRefusedError: sending it again would not help.
        """
        server = self._server(received.conversation.shopper)
        await self._awake[server].wait()
        try:
            async with self._session.post(
                f"{self._urls[server]}{_PATH}/turn",
                json=_body(received),
                headers=self._headers,
                timeout=_TURN_TIMEOUT,
            ) as response:
                status = response.status
        except (ClientError, TimeoutError, OSError) as error:
            self._awake[server].clear()
            message = f"The Rasa server cannot be reached ({type(error).__name__})."
            raise UnavailableError(message) from None
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            message = "The Rasa server refuses this message."
            raise TurnRefusedError(message)
        if status != HTTPStatus.OK:
            message = f"The Rasa server could not take the turn ({status}); its log says why."
            raise UnavailableError(message)

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Ask every server again and again whether it is awake; runs until cancelled."""
        await asyncio.gather(
            *(self._watch_one(server, changed) for server in range(len(self._urls)))
        )

    async def _watch_one(self, server: int, changed: Callable[[], Awaitable[None]]) -> None:
        awake = self._awake[server]
        while True:
            before = self.is_awake
            await self._look(server)
            if self.is_awake != before:
                logger.info("The assistant is %s.", "ready" if self.is_awake else "waking up")
                await changed()
            await asyncio.sleep(_AWAKE_SECONDS if awake.is_set() else _WAKING_SECONDS)

    async def look(self) -> bool:
        """Ask every server now whether it is awake."""
        await asyncio.gather(*(self._look(server) for server in range(len(self._urls))))
        return self.is_awake

    async def _look(self, server: int) -> None:
        if await self._is_healthy(server):
            self._awake[server].set()
        else:
            self._awake[server].clear()

    async def _is_healthy(self, server: int) -> bool:
        with suppress(ClientError, TimeoutError, OSError):
            async with self._session.get(
                f"{self._urls[server]}{_PATH}/health", timeout=_HEALTH_TIMEOUT
            ) as response:
                return response.status == HTTPStatus.OK
        return False

    def _server(self, shopper: str) -> int:
        """Choose by hash: Rasa's own lock would lose messages between two processes."""
        return int.from_bytes(sha256(shopper.encode()).digest()[:4]) % len(self._urls)


@asynccontextmanager
async def open_assistant(
    urls: Sequence[str], secret: str, changed: Callable[[], Awaitable[None]]
) -> AsyncIterator[Assistant]:
    """Open the way to the Rasa servers; `changed` is called when they wake up or go away."""
    async with ClientSession() as session:
        assistant = Assistant(session, urls, secret)
        async with background(assistant.watch(changed)):
            yield assistant


def _body(received: Received) -> dict[str, object]:
    conversation = received.conversation
    metadata: dict[str, object] = {
        "shopper": conversation.shopper,
        "channel": conversation.channel,
        "locale": conversation.locale,
    }
    if received.kind == "event":
        metadata["event"] = received.text
    if received.kind == "press":
        metadata["press"] = dict(received.body)
    return {
        "sender": conversation.id,
        "message_id": received.message_id,
        "kind": received.kind,
        "text": received.text if received.kind == "text" else None,
        "metadata": metadata,
    }
