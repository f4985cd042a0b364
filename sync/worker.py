"""Tells one destination what it does not know yet, until it is told to stop."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from logging import getLogger
from time import monotonic

from preferences.errors import UnavailableError
from preferences.lanes import LANES, Lane
from preferences.store.destinations import Pause, pause, read_pause, succeed
from preferences.store.outbox import Due, claim, first_due, retry
from preferences.store.outcomes import backoff
from sync.bell import Bell
from sync.capabilities import Paced, Parallel
from sync.errors import (
    DestinationRefusedError,
    DestinationUnavailableError,
    QuotaExhaustedError,
)
from sync.telling import REFUSED, Teller

_LOG = getLogger(__name__)
_STORE_AWAY = timedelta(seconds=1)
_LONGEST_PROBE = timedelta(minutes=1)  # a destination that is away is tried at least so often
_LOOKS = 5.0  # seconds between looks whether a pause was ended
_NOTED = 5.0  # seconds between notes of a success
_GATHERING = 0.05  # seconds after a ring: who answers now has more to say in a moment

WISHES: tuple[Lane, ...] = ("wish",)
"""What is told though the calls for everything else are used up."""

_REST: tuple[Lane, ...] = ("news", "backfill")

type _Trouble = UnavailableError | DestinationUnavailableError | DestinationRefusedError
_TROUBLES = (UnavailableError, DestinationUnavailableError, DestinationRefusedError)


@dataclass(slots=True)
class _State:
    """What the tasks of one worker share. Ends of closures are on the monotonic clock.

    Wishes go on where only the calls for everything else are used up, and try a little by
    themselves where all are.
    """

    failures: int = 0
    closed_until: float = 0.0
    wishes_closed_until: float = 0.0
    gone: bool = False
    noted_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Worker:
    """Tells one destination, wishes by themselves. Any number may run, in one process or several."""

    teller: Teller
    bell: Bell
    _state: _State = field(default_factory=_State)

    async def run(self, stop: asyncio.Event) -> None:
        """Tell, wait, tell again; batches under way are finished before it stops.

        It ends by itself only when the destination is gone for good.
        """
        connector = self.teller.connector
        several = connector.in_flight if isinstance(connector, Parallel) else 1
        wishes, rest = asyncio.Lock(), asyncio.Lock()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop(WISHES, wishes, stop))
            for _ in range(several):
                group.create_task(self._loop(_REST, rest, stop))

    async def tell(self, lanes: tuple[Lane, ...] = LANES) -> bool:
        """Tell one batch; False if there is nothing to tell.

        :raises DestinationUnavailableError: what was not taken was put off.
        :raises DestinationRefusedError: the same, and every worker pauses.
        :raises UnavailableError: the store is away; what it did not hear of is told again.
        """
        try:
            due = await self._claim(lanes)
            await self._tell(due)
        except _TROUBLES as trouble:
            await self._close(trouble)
            raise
        return bool(due)

    async def _loop(self, lanes: tuple[Lane, ...], turn: asyncio.Lock, stop: asyncio.Event) -> None:
        """Look one at a time, tell side by side."""
        while not (stop.is_set() or self._state.gone):
            begun = self._state.failures
            try:
                async with turn:
                    due = await self._look(lanes, stop)
                begun = self._state.failures
                await self._tell(due)
            except _TROUBLES as trouble:
                await self._fall(trouble, begun, stop)

    async def _look(self, lanes: tuple[Lane, ...], stop: asyncio.Event) -> list[Due]:
        """Claim what is due, or wait until there may be something."""
        if not await self._is_open(lanes, stop):
            return []
        heard = self.bell.count
        due = await self._claim(lanes)
        if not due and not stop.is_set():
            await self.bell.wait(heard)
            if lanes != WISHES:
                await asyncio.sleep(_GATHERING)
        return due

    async def _claim(self, lanes: tuple[Lane, ...]) -> list[Due]:
        """Take a turn before a batch, not after: what is claimed is sent as it is in that moment."""
        one = self.teller
        lane = await first_due(one.store, one.destination, lanes, one.now())
        if lane is None:
            return []
        if isinstance(one.connector, Paced):
            await one.connector.turn(urgent=lane == "wish")
        return await claim(one.store, one.destination, one.connector.batch_size, one.now(), (lane,))

    async def _tell(self, due: list[Due]) -> None:
        if not due or not await self.teller.tell(due):
            return
        state = self._state
        if state.failures or monotonic() - state.noted_at > _NOTED:
            state.noted_at = monotonic()
            one = self.teller
            if await succeed(one.store, one.destination, one.now()) or state.failures:
                # It is back: nobody has to wait any longer.
                state.failures, state.closed_until = 0, 0.0
                await retry(one.store, one.destination, one.now())
                _LOG.info("%s: it takes again.", one.destination)

    async def _is_open(self, lanes: tuple[Lane, ...], stop: asyncio.Event) -> bool:
        """Wait a while where nothing may be sent, and tell whether something may."""
        state, one = self._state, self.teller
        wait = state.closed_until - monotonic()
        if wait <= 0 and (stopped := await read_pause(one.store, one.destination, one.now())):
            state.noted_at = 0.0  # the next success ends it
            if stopped.why == "quota" and lanes == WISHES:
                wait = min(state.wishes_closed_until - monotonic(), _LOOKS)
            else:
                wait = min((stopped.until - one.now()).total_seconds(), _LOOKS)
        if wait > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
        return wait <= 0

    async def _fall(self, trouble: _Trouble, begun: int, stop: asyncio.Event) -> None:
        """Close for a while; of several that fall together the first counts."""
        if stop.is_set() or begun != self._state.failures:
            return
        self._state.failures += 1
        with suppress(UnavailableError):  # the store is away too: the next look sees that
            await self._close(trouble)
        wait = _wait_after(trouble, self._state.failures).total_seconds()
        if isinstance(trouble, QuotaExhaustedError):
            self._state.wishes_closed_until = monotonic() + wait
        else:
            self._state.closed_until = monotonic() + wait
        if not isinstance(trouble, DestinationRefusedError | QuotaExhaustedError):
            _LOG.warning("%s: %s The next try is in %d s.", self.teller.destination, trouble, wait)

    async def _close(self, trouble: _Trouble) -> None:
        """Have every worker pause where the destination refuses us or has no calls left; told once."""
        now = self.teller.now()
        match trouble:
            case DestinationRefusedError(gone=True):
                self._state.gone = True
                await self._pause(Pause(now + timedelta(days=365), "refused", str(trouble)), now)
            case DestinationRefusedError():
                await self._pause(Pause(now + REFUSED, "refused", str(trouble)), now)
            case QuotaExhaustedError(wait=wait):
                await self._pause(Pause(now + wait, "quota", str(trouble)), now)

    async def _pause(self, stop: Pause, now: datetime) -> None:
        one = self.teller
        if await pause(one.store, one.destination, stop, now):
            level = _LOG.error if stop.why == "refused" else _LOG.warning
            level("%s: %s", one.destination, stop.reason)


def _wait_after(trouble: _Trouble, failures: int) -> timedelta:
    """Tell how long this worker waits; a pause of all is in the store."""
    match trouble:
        case UnavailableError():
            return _STORE_AWAY
        case QuotaExhaustedError(wait=asked):
            return min(asked, _LONGEST_PROBE)
        case DestinationRefusedError():
            return timedelta()
        case DestinationUnavailableError(wait=asked):
            return max(asked, min(backoff(failures), _LONGEST_PROBE))
