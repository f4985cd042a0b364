"""A shop where things happen, and a courier under way in it, by a clock of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from preferences.addresses import Allowed
from preferences.store.changes import ChangeType, note
from preferences.store.engine import Store
from preferences.store.webhook_log import Delivery, read_deliveries
from preferences.store.webhooks import add_endpoint
from sync.bell import Bell
from sync.posting import Poster
from sync.webhooks.courier import Courier
from tests.sync.webhooks.hook import Hook

ALLOWED = Allowed.of(["127.0.0.0/8"])


@dataclass
class Clock:
    """Begins at this moment, for receivers compare it with theirs, and goes on when told to."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, time: timedelta) -> None:
        self.now += time


@dataclass
class World:
    store: Store
    poster: Poster
    clock: Clock

    @property
    def courier(self) -> Courier:
        return Courier(self.store, self.poster, ALLOWED, Bell(), self.clock)

    async def endpoint(self, hook: Hook, *types: ChangeType) -> str:
        added, secret = await add_endpoint(self.store, hook.url, types, self.clock())
        hook.secrets.append(secret)
        return added.id

    async def happened(self, *what: tuple[str, ChangeType], **detail: Any) -> None:
        async with self.store.begin() as session:
            for shopper, type_ in what:
                note(session, shopper, type_, detail, self.clock())

    async def delivered(self, endpoint: str, courier: Courier | None = None) -> None:
        """Take up everything, and deliver until nothing is due."""
        courier = courier or self.courier
        await courier.take_up()
        while await courier.deliver(endpoint) is not None:
            pass

    async def log(self, endpoint: str) -> Sequence[Delivery]:
        return await read_deliveries(self.store, endpoint, None, None, 100)
