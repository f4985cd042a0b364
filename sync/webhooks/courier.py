"""Takes deliveries to the endpoints of webhooks, each at its own pace, until it is told to stop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import getLogger

from standardwebhooks import Webhook as Signer

from preferences.addresses import Allowed, ForbiddenAddressError, check_url
from preferences.errors import UnavailableError
from preferences.store.changes import GoneError
from preferences.store.engine import Store
from preferences.store.webhook_intake import behind, skip_lost, take_up
from preferences.store.webhook_queue import Load, Outcome, Parcel, claim, due, settle
from sync.bell import Bell
from sync.posting import Poster, UnansweredError
from sync.webhooks.message import body
from sync.webhooks.schedule import give_up_for_now, is_gone, judge

_LOG = getLogger(__name__)
_AT_ONCE = 10  # deliveries on their way to one endpoint
_TAKEN_UP = 500  # changes in one transaction
_STORE_AWAY = 1.0  # seconds
_LONGEST_PAUSE = 60.0  # seconds between loads for an endpoint that takes nothing


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Courier:
    """One loop for all endpoints. Any number may run, in one process or in several."""

    store: Store
    poster: Poster
    allowed: Allowed
    bell: Bell
    clock: Callable[[], datetime] = _now
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Take up, deliver, wait; what is on its way at a stop still arrives."""
        while not stop.is_set():
            heard = self.bell.count
            try:
                await self.take_up()
                for endpoint in await due(self.store, self.clock()):
                    self._set_out(endpoint, stop)
            except UnavailableError as error:
                _LOG.warning("webhooks: %s", error)
                await _pause(stop, _STORE_AWAY)
            else:
                await self.bell.wait(heard)
        if self.under_way:
            await asyncio.wait(self.under_way.values())

    async def take_up(self) -> None:
        """Make deliveries of every change that an endpoint has not taken up.

        :raises UnavailableError: the store is away.
        """
        for endpoint, position in await behind(self.store):
            after: int | None = position
            while after is not None:
                after = await self._take_up(endpoint, after)

    async def deliver(self, endpoint: str) -> int | None:
        """Deliver what is due to one endpoint, as much as goes at once; tell how many it took.

        None says that nothing is due.

        :raises UnavailableError: the store is away; what it did not hear of is delivered again.
        """
        load = await claim(self.store, endpoint, _AT_ONCE, self.clock())
        if load is None or not load.parcels:
            return None
        signers = [Signer(secret) for secret in load.secrets]
        posts = (self._post(one, endpoint, load, signers) for one in load.parcels)
        outcomes = await asyncio.gather(*posts)
        gone = any(map(is_gone, outcomes))
        why = await settle(self.store, endpoint, outcomes, gone=gone, now=self.clock())
        if why:
            _LOG.error("webhook %s: %s Nothing more is sent until it is enabled.", endpoint, why)
        return sum(one.delivered for one in outcomes)

    async def _take_up(self, endpoint: str, after: int) -> int | None:
        try:
            return await take_up(self.store, endpoint, after, _TAKEN_UP, self.clock())
        except GoneError:
            await skip_lost(self.store, endpoint, after)
            message = "webhook %s: the changes after %d are gone; its owner needs a full export."
            _LOG.error(message, endpoint, after)
            return None

    async def _post(
        self, parcel: Parcel, endpoint: str, load: Load, signers: list[Signer]
    ) -> Outcome:
        try:
            url = check_url(load.url, self.allowed)
            text = body(parcel, endpoint)
            answer = await self.poster.post(url, signers, parcel.change, text, self.clock())
        except (UnansweredError, ForbiddenAddressError) as error:
            return give_up_for_now(parcel, str(error), self.clock())
        return judge(parcel, answer, self.clock())

    def _set_out(self, endpoint: str, stop: asyncio.Event) -> None:
        if endpoint not in self.under_way:
            task = asyncio.create_task(self._serve(endpoint, stop))
            self.under_way[endpoint] = task
            task.add_done_callback(lambda _: self.under_way.pop(endpoint))

    async def _serve(self, endpoint: str, stop: asyncio.Event) -> None:
        """Deliver until nothing is due; one that takes nothing is given time to recover."""
        failures = 0
        try:
            while not stop.is_set():
                taken = await self.deliver(endpoint)
                if taken is None:
                    return
                failures = 0 if taken else failures + 1
                if failures:
                    await _pause(stop, min(2.0 ** (failures - 1), _LONGEST_PAUSE))
        except UnavailableError as error:
            _LOG.warning("webhook %s: %s", endpoint, error)
            await _pause(stop, _STORE_AWAY)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
