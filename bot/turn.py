"""Serves a shopper: everything unanswered, in the order it came, each until it is answered."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.assistant import Assistant, TurnRefusedError
from bot.bus import CHANGES, Bus
from preferences.errors import UnavailableError
from preferences.store.conversations import Received, read_unanswered
from preferences.store.engine import Store
from preferences.store.turns import give_up
from preferences.voice import Voice

logger = logging.getLogger(__name__)

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
# So many failures of a server that is awake are the message's fault, or the action server's:
# long enough for a store that is away to come back.
_MOST_TRIES = 60


@dataclass(frozen=True, slots=True)
class Server:
    """Takes the turns of one shopper at a time; the queue sees to it that only one does."""

    store: Store
    assistant: Assistant
    bus: Bus
    voice: Voice

    async def serve(self, shopper: str) -> None:
        """Answer what waits now; whoever sends more puts the shopper into the queue again."""
        for received in await self._waiting(shopper):
            await self.bus.tell(received.conversation.id, "thinking")
            await self._answer(received)
            await self.bus.tell(received.conversation.id, "log")
            await self.bus.tell(CHANGES, "log")

    async def _waiting(self, shopper: str) -> list[Received]:
        wait = _FIRST_WAIT
        while True:
            try:
                return await read_unanswered(self.store, shopper)
            except UnavailableError:
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    async def _answer(self, received: Received) -> None:
        wait = _FIRST_WAIT
        for _ in range(_MOST_TRIES):
            try:
                await self.assistant.take_turn(received)
            except UnavailableError as error:
                logger.warning("A turn has to wait: %s", error)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            except TurnRefusedError:
                break
            else:
                return
        logger.error("A message could not be answered and is given up with an apology.")
        conversation = received.conversation
        apology = self.voice.say("failed", conversation.locale)
        now = datetime.now(UTC)
        await give_up(self.store, conversation.id, received.message_id, apology, now)
