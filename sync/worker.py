"""Tells one destination what it does not know yet, until it is told to stop."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from logging import getLogger

from preferences.errors import UnavailableError
from preferences.store.engine import Store
from preferences.store.outbox import LEASE, Due, Told, acknowledge, backoff, claim, fail, retry
from preferences.store.profiles import read_profiles
from sync.bell import Bell
from sync.delivery import Connector, Delivery, Later, Refused, Result
from sync.errors import DestinationRefusedError, DestinationUnavailableError
from sync.halving import push_in_halves

_LOG = getLogger(__name__)
_PATIENCE = LEASE - timedelta(seconds=5)  # a push is given up before its lease ends
_STORE_AWAY = timedelta(seconds=1)
_LONGEST_PROBE = timedelta(minutes=1)  # a destination that is away is tried at least so often
_REFUSED = timedelta(minutes=10)  # and one that refuses us, unless it said that it is gone
_REFUSED_ONE = timedelta(hours=1)

type _Trouble = UnavailableError | DestinationUnavailableError | DestinationRefusedError
_TROUBLES = (UnavailableError, DestinationUnavailableError, DestinationRefusedError)


@dataclass(frozen=True, slots=True)
class Worker:
    """One loop for one destination. Any number may run, in one process or in several."""

    destination: str
    store: Store
    connector: Connector
    bell: Bell
    patience: timedelta = _PATIENCE

    async def run(self, stop: asyncio.Event) -> None:
        """Tell, wait, tell again; a batch under way is finished before it stops.

        It ends by itself only when the destination is gone for good.
        """
        failures = 0
        while not stop.is_set():
            heard = self.bell.count
            try:
                told = await self.tell()
                if told and failures:  # it is back: nobody has to wait any longer
                    await retry(self.store, self.destination, _now())
            except _TROUBLES as trouble:
                failures += 1
                if self._is_gone(trouble):
                    return
                await self._pause(stop, trouble, failures)
            else:
                failures = 0
                if not told:
                    await self.bell.wait(heard)

    async def tell(self) -> bool:
        """Tell one batch, as its shoppers are at this moment; False if there is nothing to tell.

        :raises DestinationUnavailableError: all of it was put off.
        :raises DestinationRefusedError: the same.
        :raises UnavailableError: the store is away; what it did not hear of is told again.
        """
        due = await claim(self.store, self.destination, self.connector.batch_size, _now())
        profiles = await read_profiles(self.store, [one.shopper for one in due])
        unchanged, changed = list[Delivery](), dict[Due, Delivery]()
        for one in due:
            delivery = Delivery.of(profiles[one.shopper], one.version)
            if delivery.digest == one.payload_hash:
                unchanged.append(delivery)
            else:
                changed[one] = delivery
        await self._acknowledge(unchanged)
        if changed:
            await self._tell(changed)
        return bool(due)

    async def _tell(self, changed: Mapping[Due, Delivery]) -> None:
        results = await self._push(changed)
        outcomes = list(zip(changed.items(), results, strict=True))
        refused = {
            due: result.reason for (due, _), result in outcomes if isinstance(result, Refused)
        }
        later = {due: result.reason for (due, _), result in outcomes if isinstance(result, Later)}
        taken = [delivery for (due, delivery), _ in outcomes if due not in refused | later]
        await self._acknowledge(taken)
        await fail(self.store, self.destination, later, timedelta(), _now())
        await fail(self.store, self.destination, refused, _REFUSED_ONE, _now())
        _LOG.info("%s: %d told.", self.destination, len(taken))
        for reason in sorted(set(refused.values())):
            _LOG.error("%s: %d refused. %s", self.destination, len(refused), reason)

    async def _push(self, changed: Mapping[Due, Delivery]) -> Sequence[Result]:
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                told = push_in_halves(self.connector.push, list(changed.values()))
                results = {delivery.shopper: result async for delivery, result in told}
                return [results[delivery.shopper] for delivery in changed.values()]
        except TimeoutError:
            await self._put_off(changed, message := "It took too long to answer.", timedelta())
            raise DestinationUnavailableError(message) from None
        except DestinationUnavailableError as error:
            await self._put_off(changed, str(error), error.wait)
            raise
        except DestinationRefusedError as error:
            await self._put_off(changed, str(error), _REFUSED)
            raise

    async def _put_off(self, changed: Iterable[Due], reason: str, wait: timedelta) -> None:
        await fail(self.store, self.destination, dict.fromkeys(changed, reason), wait, _now())

    async def _acknowledge(self, taken: Iterable[Delivery]) -> None:
        told = [Told(one.shopper, one.version, one.digest) for one in taken]
        await acknowledge(self.store, self.destination, told, _now())

    def _is_gone(self, trouble: _Trouble) -> bool:
        gone = isinstance(trouble, DestinationRefusedError) and trouble.gone
        if gone:
            _LOG.error("%s: %s", self.destination, trouble)
        return gone

    async def _pause(self, stop: asyncio.Event, trouble: _Trouble, failures: int) -> None:
        seconds = _wait_after(trouble, failures).total_seconds()
        _LOG.warning("%s: %s The next try is in %d s.", self.destination, trouble, seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)


def _wait_after(trouble: _Trouble, failures: int) -> timedelta:
    match trouble:
        case UnavailableError():
            return _STORE_AWAY
        case DestinationUnavailableError(wait=asked):
            return max(asked, min(backoff(failures), _LONGEST_PROBE))
        case DestinationRefusedError():
            return _REFUSED


def _now() -> datetime:
    return datetime.now(UTC)
