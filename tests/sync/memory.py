"""A CRM with fields that remembers, and has moods: it loses answers, refuses, is slow, runs dry."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sync.capabilities import Lookup, Page, Remote
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.errors import BatchRefusedError, DestinationUnavailableError


class MemoryCrm:
    """Upserts by our id. `poison` makes it refuse a whole batch, as some CRMs do."""

    def __init__(self, *, batch_size: int = 10, in_flight: int = 1, lose: int = 0) -> None:
        self.batch_size = batch_size
        self.in_flight = in_flight
        self.lose = lose
        self.records: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, int] = {}
        self.pushed: list[Delivery] = []
        self.batches: list[list[str]] = []
        self.under_way: list[Sequence[Delivery]] = []
        self.poison: dict[str, str] = {}
        self.later: dict[str, timedelta] = {}
        self.trouble: Exception | None = None
        self.quota: Exception | None = None
        self.tries = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def turn(self, *, urgent: bool) -> None:
        if self.quota and not urgent:
            raise self.quota

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        self.tries += 1
        self.under_way.append(batch)
        await self.goes_on.wait()
        self.under_way.remove(batch)
        if self.trouble:
            raise self.trouble
        for one in batch:
            if one.shopper in self.poison:
                raise BatchRefusedError(
                    self.poison[one.shopper] if len(batch) == 1 else "Something is wrong."
                )
        self.batches.append([one.shopper for one in batch])
        results = [self._take(one) for one in batch]
        self._answer()
        return results

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        for one in batch:
            self.records.pop(one.shopper, None)
            self.versions[one.shopper] = one.version
        self._answer()
        return [Taken() for _ in batch]

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        return {
            one.shopper: Remote(
                one.shopper,
                fields={name: self.records[one.shopper].get(name) for name in fields},
            )
            for one in asked
            if one.shopper in self.records
        }

    def _take(self, one: Delivery) -> Result:
        if one.shopper in self.later:
            return Later("Locked.", self.later[one.shopper])
        if one.shopper == "refused":
            return Refused("It is refused.")
        self.pushed.append(one)
        self.records.setdefault(one.shopper, {}).update(one.fields)
        self.versions[one.shopper] = one.version
        return Taken(f"remote-{one.shopper}")

    def _answer(self) -> None:
        if self.lose:
            self.lose -= 1
            message = "The answer was lost."
            raise DestinationUnavailableError(message)


class TellingCrm(MemoryCrm):
    """One that tells what changed in it, a record a page."""

    def __init__(self, *records: Remote) -> None:
        super().__init__()
        self.changed = list(records)
        self.asked: list[str] = []

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        del fields
        self.asked.append(cursor)
        at = int(cursor or 0)
        return Page(self.changed[at : at + 1], str(at + 1), more=at + 1 < len(self.changed))
