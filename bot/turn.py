"""Serves a shopper: everything unanswered, in the order it came, each until it is answered."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.assistant import Assistant, TurnRefusedError
from bot.bus import CHANGES, Bus
from bot.sending import Sender
from preferences.errors import UnavailableError
from preferences.store.arrivals import count_as_press, fold
from preferences.store.conversations import Received, read_unanswered
from preferences.store.dead import Why, give_up
from preferences.store.engine import Store
from preferences.understanding import is_stop
from preferences.voice import Voice

logger = logging.getLogger(__name__)

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
# So many failures of a server that is awake are the message's fault, or the action server's:
# long enough for a store that is away to come back.
_MOST_TRIES = 60
_MOST_LINES, _LONGEST_ROW = 5, 500
_MOST_TYPING = 2.0
_NUMBER = re.compile(r"\W*(\d{1,2})\W*")
_PAUSE = timedelta(seconds=10)
_LOOKING = 4


@dataclass(frozen=True, slots=True)
class Server:
    """Takes the turns of one shopper at a time; the queue sees to it that only one does."""

    store: Store
    assistant: Assistant
    bus: Bus
    voice: Voice
    sender: Sender | None = None
    settle: float = 0.0
    looking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LOOKING))
    """How many look at the same time what waits: the store's other connections are for keeping."""

    async def serve(self, shopper: str) -> None:
        """Answer what waits now; whoever sends more puts the shopper into the queue again."""
        for received in await self._settled(shopper):
            await self.bus.tell(received.conversation.id, "thinking")
            await asyncio.gather(self._show_typing(received), self._answer(received))
            await self.bus.tell(received.conversation.id, "log")
            await self.bus.tell(CHANGES, "log")
            await self._send(shopper)
        await self._send(shopper)

    async def _settled(self, shopper: str) -> list[Received]:
        """Give what waits, after whoever writes line by line on a channel had time for the next one."""
        waiting = await self._look(shopper)
        if not any(one.to for one in waiting):
            return waiting
        for _ in range(_MOST_LINES if self.settle else 0):
            await asyncio.sleep(self.settle)
            before = len(waiting)
            waiting = await self._look(shopper)
            if len(waiting) == before:
                break
        if await _patiently(lambda: self._make_one(waiting)):
            return await self._look(shopper)
        return waiting

    async def _look(self, shopper: str) -> list[Received]:
        async def look() -> list[Received]:
            async with self.looking:
                return await read_unanswered(self.store, shopper)

        return await _patiently(look)

    async def _make_one(self, waiting: Sequence[Received]) -> bool:
        """Make one message of lines in a row, and a press of a number; tell whether there was any."""
        rows = in_a_row(waiting) if self.settle else []
        for lines in rows:
            last, text = lines[-1], "\n".join(line.text for line in lines)
            names = [line.message_id for line in lines]
            await fold(self.store, last.conversation.id, names, text)
        pressed = False
        for one in waiting:
            if one.to and one.kind == "text" and (number := _NUMBER.fullmatch(one.text)):
                told = one.conversation.id, one.message_id
                pressed |= await count_as_press(self.store, *told, int(number[1]))
        return bool(rows) or pressed

    async def _show_typing(self, received: Received) -> None:
        """Show it before anything is sent: what came after an answer would seem to go on for ever."""
        if self.sender is not None and received.to:
            with suppress(TimeoutError):
                async with asyncio.timeout(_MOST_TYPING):
                    await self.sender.show_typing(received)

    async def _send(self, shopper: str) -> None:
        """Send what is due; if the store is away the next look finds it."""
        if self.sender is None or not self.sender.channels:
            return
        try:
            await self.sender.send_due(shopper, datetime.now(UTC))
        except UnavailableError as error:
            logger.warning("Messages have to wait: %s", error)
        except Exception as error:  # noqa: BLE001 a channel's fault must not end the queue
            logger.error("A message could not be sent (%s).", type(error).__name__)  # noqa: TRY400

    async def _answer(self, received: Received) -> None:
        if received.kind == "unheard":
            await self._close(received, "unheard")
            return
        wait = _FIRST_WAIT
        why: Why = "failed"
        for _ in range(_MOST_TRIES):
            try:
                await self.assistant.take_turn(received)
            except UnavailableError as error:
                logger.warning("A turn has to wait: %s", error)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            except TurnRefusedError:
                why = "refused"
                break
            else:
                return
        logger.error(
            "A message of %s could not be answered (%s): it is a dead letter, and its shopper has an"
            " apology. `python -m bot channels dead` tells more, `… replay` has it tried again.",
            received.conversation.channel,
            why,
        )
        await self._close(received, "failed", why)

    async def _close(self, received: Received, occasion: str, why: Why | None = None) -> None:
        conversation = received.conversation
        said, hello = (self.voice.say(one, conversation.locale) for one in (occasion, "hello"))
        told, now = (conversation.id, received.message_id, said), datetime.now(UTC)
        await _patiently(lambda: give_up(self.store, *told, now, why, hello=hello))


async def _patiently[Result](work: Callable[[], Awaitable[Result]]) -> Result:
    """Do it as soon as the store is there; it may be done twice."""
    wait = _FIRST_WAIT
    while True:
        try:
            return await work()
        except UnavailableError:
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


def in_a_row(waiting: Sequence[Received]) -> list[list[Received]]:
    """Find lines that came within seconds of one another and are one thing said.

    Only of words on channels: a button is a thing of its own, and a wish to stop stays by itself.
    """
    rows: list[list[Received]] = [[]]
    for one in waiting:
        row = rows[-1]
        if not (one.to and one.kind == "text" and not is_stop(one.text)):
            rows.append([])
        elif row and _goes_on(row, one):
            row.append(one)
        else:
            rows.append([one])
    return [row for row in rows if len(row) > 1]


def _goes_on(row: Sequence[Received], one: Received) -> bool:
    length = sum(len(line.text) + 1 for line in row) + len(one.text)
    return (
        one.conversation.id == row[-1].conversation.id
        and one.at - row[-1].at <= _PAUSE
        and len(row) < _MOST_LINES
        and length <= _LONGEST_ROW
    )
