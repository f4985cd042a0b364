"""Tells one batch: reads the shoppers at the last moment, pushes, and records what became of each."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from logging import getLogger
from pathlib import Path

from preferences.store.engine import Store
from preferences.store.outbox import LEASE, Due
from preferences.store.outcomes import Told, acknowledge, bury, fail, give_back
from preferences.store.profiles import read_profiles
from preferences.store.told import overtaken
from sync.capabilities import Erasing, Lookup, Reading
from sync.delivery import Connector, Delivery, Later, Refused, Result, Taken
from sync.errors import (
    BatchRefusedError,
    DestinationRefusedError,
    DestinationUnavailableError,
    QuotaExhaustedError,
)
from sync.fields import filled, settled, to_look_at
from sync.halving import push_in_halves
from sync.mapping import CrmMapping
from sync.preparing import before, needs_no_telling, prepare
from sync.reasons import redacted
from sync.urgency import calling

_LOG = getLogger(__name__)
UNREADABLE = (AttributeError, LookupError, TypeError, ValueError)
"""What a connector trips over where a CRM answers in a form that nobody knew."""

PATIENCE = LEASE - timedelta(seconds=5)
"""A push is given up before its lease ends."""

REFUSED = timedelta(minutes=10)
"""How long a destination that refuses us is left alone."""

_WISH_AGAIN = timedelta(hours=1)  # a wish that was refused is never given up


def utc_now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells one destination. What was claimed is acknowledged, put off or buried when it returns."""

    destination: str
    store: Store
    connector: Connector
    mapping: CrmMapping | None = None
    patience: timedelta = PATIENCE
    now: Callable[[], datetime] = utc_now

    async def tell(self, claimed: Sequence[Due]) -> int:
        """Tell of these shoppers as they are at this moment, and give how many were sent.

        :raises DestinationUnavailableError: what was not taken was put off.
        :raises DestinationRefusedError: the same.
        :raises UnavailableError: the store is away; what it did not hear of is told again.
        """
        profiles = await read_profiles(self.store, [due.shopper for due in claimed])
        pairs = [(due, prepare(profiles[due.shopper], due, self.mapping)) for due in claimed]
        known, changed = list[Told](), dict[str, tuple[Due, Delivery]]()
        for due, delivery in pairs:
            if needs_no_telling(delivery, due, self.mapping):
                held = due.held or frozenset()
                told = Told(due.shopper, due.version, delivery.digest, held, due.remote_id)
                known.append(told)
            else:
                changed[due.shopper] = due, delivery
        await self._acknowledge(known, claimed)
        if changed:
            with calling(urgent=any(due.lane == "wish" for due in claimed)):
                await self._send(changed)
        return len(changed)

    async def _send(self, changed: dict[str, tuple[Due, Delivery]]) -> None:
        """Push what changed; what became of each is recorded even where the rest fails."""
        results = dict[str, Result]()
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                batch = await self._looked_at(changed)
                async for delivery, result in self._push(batch):
                    results[delivery.shopper] = result
        except TimeoutError:
            trouble = DestinationUnavailableError("It took too long to answer.")
            await self._record(changed, results, trouble)
            raise trouble from None
        except (DestinationUnavailableError, DestinationRefusedError) as trouble:
            await self._record(changed, results, trouble)
            raise
        except BatchRefusedError as error:  # when it was looked at; a push is halved
            refused = DestinationRefusedError(str(error))
            await self._record(changed, results, refused)
            raise refused from None
        except UNREADABLE as error:  # one CRM's odd answer must not end the telling of the others
            unread = DestinationUnavailableError(f"Its answer cannot be read ({where(error)}).")
            await self._record(changed, results, unread)
            raise unread from None
        await self._record(changed, results, None)

    async def _looked_at(self, changed: dict[str, tuple[Due, Delivery]]) -> list[Delivery]:
        """Leave out what the CRM may keep: some fields are looked at before they are written."""
        deliveries = [delivery for _, delivery in changed.values()]
        names = to_look_at(self.mapping) if self.mapping else ()
        asked = [one for one in deliveries if any(one.fields.get(name) for name in names)]
        if not asked or self.mapping is None or not isinstance(self.connector, Reading):
            return deliveries
        there = await self.connector.read(
            [Lookup(one.shopper, one.remote_id) for one in asked], names
        )
        for one in asked:
            due, _ = changed[one.shopper]
            held = there[one.shopper].fields if one.shopper in there else None
            fields = settled(self.mapping, one.fields, held, before(due))
            changed[one.shopper] = due, replace(one, fields=fields)
        return await self._still_true([delivery for _, delivery in changed.values()])

    async def _push(self, batch: Sequence[Delivery]) -> AsyncIterator[tuple[Delivery, Result]]:
        """Push, and take out who was erased where the CRM can do that."""
        erase = self.connector.erase if isinstance(self.connector, Erasing) else None
        gone = [one for one in batch if one.erased] if erase else []
        rest = [one for one in batch if not one.erased] if erase else list(batch)
        if erase and gone:
            async for told in push_in_halves(erase, gone):
                yield told
        if rest:
            async for told in push_in_halves(self.connector.push, rest, self._still_true):
                yield told

    async def _still_true(self, batch: Sequence[Delivery]) -> list[Delivery]:
        """Leave out of whom something newer is to be told: what was withdrawn since is not sent."""
        sent = {one.shopper: one.version for one in batch}
        newer = await overtaken(self.store, self.destination, sent)
        return [one for one in batch if one.shopper not in newer]

    async def _record(
        self,
        changed: dict[str, tuple[Due, Delivery]],
        results: dict[str, Result],
        trouble: DestinationUnavailableError | DestinationRefusedError | None,
    ) -> None:
        taken, refused = list[Told](), dict[Due, str]()
        later, untold = dict[timedelta, dict[Due, str]](), list[Due]()
        for shopper, (due, delivery) in changed.items():
            match results.get(shopper):
                case Taken(remote_id=remote_id):
                    taken.append(_told(due, delivery, remote_id))
                case Refused(reason=reason):
                    refused[due] = redacted(reason, delivery)
                case Later(reason=reason, wait=wait):
                    later.setdefault(wait, {})[due] = redacted(reason, delivery)
                case None:
                    untold.append(due)
        await self._acknowledge(taken, [due for due, _ in changed.values()])
        await bury(self.store, self.destination, refused, _WISH_AGAIN, self.now())
        for wait, waiting in later.items():  # each its own: one asks for a day, one for a moment
            await fail(self.store, self.destination, waiting, wait, self.now())
        if trouble is None:  # they are overtaken: something newer is told of them
            await give_back(self.store, self.destination, untold, self.now())
        else:
            await self._put_off(untold, trouble)
        self._tell(len(taken), refused)

    async def _put_off(
        self, untold: Sequence[Due], trouble: DestinationUnavailableError | DestinationRefusedError
    ) -> None:
        match trouble:
            case QuotaExhaustedError():
                await give_back(self.store, self.destination, untold, self.now())
                return
            case DestinationUnavailableError(wait=wait):
                pass
            case _:
                wait = REFUSED
        reasons = dict.fromkeys(untold, str(trouble))
        await fail(self.store, self.destination, reasons, wait, self.now())

    async def _acknowledge(self, told: Sequence[Told], claimed: Sequence[Due]) -> None:
        until = min((due.until for due in claimed if due.until), default=None)  # claimed at once
        await acknowledge(self.store, self.destination, told, self.now(), until)

    def _tell(self, taken: int, refused: dict[Due, str]) -> None:
        _LOG.info("%s: %d told.", self.destination, taken)
        for reason in sorted(set(refused.values())):
            count = sum(1 for one in refused.values() if one == reason)
            _LOG.error("%s: %d refused. %s", self.destination, count, reason)


def where(error: Exception) -> str:
    """Name what went wrong and the line, and nothing of what was answered."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"


def _told(due: Due, delivery: Delivery, remote_id: str) -> Told:
    """Tell what the destination holds now; of who was erased nothing is remembered."""
    if delivery.erased:
        return Told(due.shopper, due.version, delivery.digest)
    fields = filled(delivery.fields, due.held or frozenset())
    name = remote_id or due.remote_id
    return Told(due.shopper, due.version, delivery.digest, fields, name)
