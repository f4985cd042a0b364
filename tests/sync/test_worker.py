import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from sqlalchemy import update

import sync.worker
from preferences.settings import Settings
from preferences.store.engine import Store, open_store
from preferences.store.outbox import LEASE, Pending, mark, pending
from preferences.store.tables import OutboxRow, SuppressionRow
from sync.bell import Bell
from sync.connectors import open_connector
from sync.delivery import Delivery, Refused, Result, Taken
from sync.errors import DestinationRefusedError, DestinationUnavailableError
from sync.telling import PATIENCE, Teller
from sync.worker import Worker
from tests.preferences.store.seeds import (
    add_consent,
    add_shopper_who_answered,
    add_suppression,
)
from tests.sync.receiver import LOST, Receiver
from tests.vaults import VAULT


class FakeCrm:
    """A connector that remembers, fails as it is told, and can be held up in the middle."""

    batch_size = 10

    def __init__(self, *troubles: Exception | None, refuses: str = "") -> None:
        self.troubles = deque(troubles)
        self.refuses = refuses
        self.taken: list[Delivery] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.reached = asyncio.Event()

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        self.reached.set()
        await self.goes_on.wait()
        if self.troubles and (trouble := self.troubles.popleft()):
            raise trouble
        self.taken += [one for one in batch if one.shopper != self.refuses]
        refused = Refused("It has no name.")
        return [refused if one.shopper == self.refuses else Taken() for one in batch]

    @property
    def told(self) -> list[str]:
        return [one.shopper for one in self.taken]


def worker(store: Store, crm: object, bell: Bell | None = None, **more: timedelta) -> Worker:
    return Worker(Teller("webhook", store, crm, **more), bell or Bell())


@asynccontextmanager
async def running(one: Worker) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    try:
        yield task
    finally:
        stop.set()
        one.bell.ring()
        await asyncio.wait_for(task, 5)


async def answered(store: Store, *shoppers: str) -> None:
    async with store.begin() as session:
        for shopper in shoppers:
            await add_shopper_who_answered(session, shopper)
            await mark(session, shopper, ["webhook"], datetime.now(UTC), urgent=False)


async def withdrawn(store: Store, shopper: str) -> None:
    async with store.begin() as session:
        await add_consent(session, shopper, 2, "withdrawn")
        await mark(session, shopper, ["webhook"], datetime.now(UTC), urgent=True)


async def marked(store: Store, shopper: str) -> None:
    async with store.begin() as session:
        await mark(session, shopper, ["webhook"], datetime.now(UTC), urgent=False)


async def wait_passed(store: Store) -> None:
    """Let every lease and every back-off be over."""
    async with store.begin() as session:
        await session.exec(update(OutboxRow).values(next_attempt_at=datetime.now(UTC)))


async def row(store: Store, shopper: str = "a") -> OutboxRow:
    async with store.begin(readonly=True) as session:
        return await session.get_one(OutboxRow, (shopper, "webhook"))


async def until_told(store: Store) -> None:
    await until(lambda: pending(store), {})


async def until(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Look again and again: the worker says nothing when it has done something."""
    deadline = monotonic() + 10
    while await look() != wanted:
        assert monotonic() < deadline, f"{wanted} never came"
        await asyncio.sleep(0.02)


async def test_what_was_said_is_told_once_with_its_proof(store: Store) -> None:
    await answered(store, "a", "b")
    crm = FakeCrm()

    assert await worker(store, crm).tell()
    assert not await worker(store, crm).tell()

    assert sorted(crm.told) == ["a", "b"]
    (preference,) = crm.taken[0].profile["preferences"]
    assert preference["value"] == "gift"
    assert preference["consent"] == f"consent-{crm.told[0]}-1"
    assert await pending(store) == {}


async def test_what_was_withdrawn_before_it_was_sent_is_never_sent(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    await answered(store, "a")
    await withdrawn(store, "a")

    async with open_connector("webhook", settings) as connector:
        await worker(store, connector).tell()

    ((version, profile),) = receiver.changes
    assert version == 2
    assert profile["preferences"] == []
    assert profile["consents"]["tailor_suggestions"]["state"] == "withdrawn"
    assert "sister" not in str(receiver.bodies)


async def test_what_was_withdrawn_between_a_failure_and_its_retry_is_not_sent(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    await answered(store, "a")
    receiver.answers.append(503)
    async with open_connector("webhook", settings) as connector:
        with pytest.raises(DestinationUnavailableError):
            await worker(store, connector).tell()
        await withdrawn(store, "a")
        await wait_passed(store)
        await worker(store, connector).tell()

    assert [body["data"][0]["preferences"] == [] for body in receiver.bodies] == [False, True]
    assert [profile["preferences"] for _, profile in receiver.changes] == [[]]


async def test_a_withdrawal_while_an_older_state_is_on_its_way_follows_it_at_once(
    store: Store,
) -> None:
    await answered(store, "a")
    crm = FakeCrm()
    crm.goes_on.clear()

    async with running(worker(store, crm)), asyncio.timeout(10):
        await crm.reached.wait()
        await withdrawn(store, "a")
        assert not await worker(store, FakeCrm()).tell()  # another one does not overtake it
        crm.goes_on.set()
        await until_told(store)

    assert [len(one.profile["preferences"]) for one in crm.taken] == [1, 0]
    assert [one.version for one in crm.taken] == [1, 2]


async def test_a_withdrawal_overtakes_a_long_queue(store: Store) -> None:
    await answered(store, *(f"s-{number:02}" for number in range(25)))
    await withdrawn(store, "s-24")
    crm = FakeCrm()

    await worker(store, crm).tell()

    assert crm.told[0] == "s-24"


async def test_of_an_erased_shopper_the_destination_hears_nothing_else(store: Store) -> None:
    await answered(store, "a")
    async with store.begin() as session:
        await add_suppression(session, "a", "shopper_erased")
    crm = FakeCrm()

    await worker(store, crm).tell()

    profile = crm.taken[0].profile
    assert profile["erased"]
    assert (profile["identities"], profile["preferences"], profile["consents"]) == ({}, [], {})


async def test_nothing_is_sent_where_nothing_has_changed(store: Store) -> None:
    await answered(store, "a")
    crm = FakeCrm()
    await worker(store, crm).tell()
    await marked(store, "a")

    assert await worker(store, crm).tell()

    assert crm.told == ["a"]
    assert (await row(store)).synced_version == 2


async def test_the_old_state_is_sent_again_when_nobody_knows_what_arrived(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    await answered(store, "a")
    async with open_connector("webhook", settings) as connector:
        await worker(store, connector).tell()
        async with store.begin() as session:
            await add_suppression(session, "a")
            await mark(session, "a", ["webhook"], datetime.now(UTC), urgent=True)
        receiver.answers.append(LOST)
        with pytest.raises(DestinationUnavailableError):
            await worker(store, connector).tell()
        async with store.begin() as session:
            await session.exec(update(SuppressionRow).values(lifted_at=datetime.now(UTC)))
        await marked(store, "a")
        await wait_passed(store)
        await worker(store, connector).tell()

    assert [len(profile["suppressions"]) for _, profile in receiver.changes] == [0, 1, 0]


async def test_a_worker_that_dies_after_sending_repeats_nothing_that_shows(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    await answered(store, "a", "b")
    receiver.delay = 0.5
    async with open_connector("webhook", settings) as connector:
        dying = asyncio.create_task(worker(store, connector).tell())
        await asyncio.wait_for(receiver.reached.wait(), 5)
        dying.cancel()
        await asyncio.wait({dying})
    receiver.delay = 0
    await wait_passed(store)

    async with open_connector("webhook", settings) as connector:
        await worker(store, connector).tell()

    assert len(set(receiver.names)) == 1
    assert sorted(profile["shopper"] for _, profile in receiver.changes) == ["a", "b"]
    assert await pending(store) == {}


@pytest.mark.parametrize("moment", range(1, 12))
async def test_a_worker_cancelled_at_any_moment_loses_nothing(store: Store, moment: int) -> None:
    await answered(store, "a", "b", "c")
    crm = FakeCrm()
    dying = asyncio.create_task(worker(store, crm).tell())
    await asyncio.sleep(moment * 0.004)
    dying.cancel()
    await asyncio.wait({dying})

    await wait_passed(store)
    await worker(store, crm).tell()

    assert set(crm.told) == {"a", "b", "c"}
    assert len({(one.shopper, one.version, one.digest) for one in crm.taken}) == 3
    assert await pending(store) == {}


async def test_a_destination_that_is_away_is_told_later_and_why_is_kept(store: Store) -> None:
    await answered(store, "a")
    crm = FakeCrm(DestinationUnavailableError("It sleeps.", wait=timedelta(minutes=9)))

    with pytest.raises(DestinationUnavailableError):
        await worker(store, crm).tell()

    held = await row(store)
    assert (held.attempts, held.last_error) == (1, "It sleeps.")
    assert held.next_attempt_at > datetime.now(UTC) + timedelta(minutes=8)


async def test_a_destination_that_takes_too_long_is_told_later(store: Store) -> None:
    await answered(store, "a")
    crm = FakeCrm()
    crm.goes_on.clear()

    with pytest.raises(DestinationUnavailableError, match="too long"):
        await worker(store, crm, patience=timedelta(seconds=0.05)).tell()

    assert (await row(store)).attempts == 1


async def test_one_that_is_refused_does_not_hold_up_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await answered(store, "a", "b", "c")
    crm = FakeCrm(refuses="b")

    await worker(store, crm).tell()

    assert sorted(crm.told) == ["a", "c"]
    assert await pending(store) == {"webhook": Pending(1, 1, 1)}
    held = await row(store, "b")
    assert held.last_error == "It has no name."
    assert held.dead_at is not None
    assert "webhook: 1 refused. It has no name." in caplog.text


async def test_after_an_outage_nobody_waits_for_the_rest_of_a_back_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync.worker, "_LONGEST_PROBE", timedelta(seconds=0.1))
    await answered(store, "a")
    crm = FakeCrm(DestinationUnavailableError("It sleeps.", wait=timedelta(hours=2)))
    with pytest.raises(DestinationUnavailableError):
        await worker(store, crm).tell()
    await answered(store, "b", "c")
    crm.batch_size = 1
    crm.troubles.append(DestinationUnavailableError("It sleeps."))

    async with running(worker(store, crm)), asyncio.timeout(10):
        await until_told(store)

    assert sorted(crm.told) == ["a", "b", "c"]


async def test_one_that_is_gone_is_not_tried_again_and_it_is_said(
    store: Store, settings: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    await answered(store, "a")
    receiver.answers.append(410)

    async with open_connector("webhook", settings) as connector:
        await asyncio.wait_for(worker(store, connector).run(asyncio.Event()), 5)

    assert len(receiver.requests) == 1
    assert "answered 410" in ((await row(store)).last_error or "")
    assert "ERROR" in caplog.text
    assert "nothing more is sent" in caplog.text


async def test_one_that_refuses_us_is_left_alone_for_long_but_a_stop_is_heard(
    store: Store,
) -> None:
    await answered(store, "a")
    crm = FakeCrm(DestinationRefusedError("Wrong key."), None)

    async with running(worker(store, crm)):
        await asyncio.wait_for(crm.reached.wait(), 5)
        await asyncio.sleep(0.3)
        assert crm.told == []

    assert (await row(store)).last_error == "Wrong key."


async def test_a_store_that_is_away_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        open_store("sqlite:////nowhere/at/all.db", VAULT) as store,
        running(worker(store, FakeCrm())) as task,
    ):
        await asyncio.sleep(0.3)
        assert not task.done()

    assert "webhook: The preference store cannot be reached" in caplog.text


async def test_a_ring_is_answered_at_once(store: Store) -> None:
    bell, crm = Bell(), FakeCrm()
    bell.patience = 60

    async with running(worker(store, crm, bell)), asyncio.timeout(5):
        await asyncio.sleep(0.2)
        await answered(store, "a")
        bell.ring()
        await until_told(store)

    assert crm.told == ["a"]


async def test_a_stop_lets_the_batch_under_way_end(store: Store) -> None:
    await answered(store, "a")
    crm = FakeCrm()
    crm.goes_on.clear()
    stop = asyncio.Event()
    task = asyncio.create_task(worker(store, crm).run(stop))
    await asyncio.wait_for(crm.reached.wait(), 5)

    stop.set()
    crm.goes_on.set()
    await asyncio.wait_for(task, 5)

    assert await pending(store) == {}


async def test_nothing_of_a_shopper_is_in_the_log_or_in_a_reason(
    store: Store, settings: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="sync")
    await answered(store, "a", "b")
    receiver.answers.extend([503, 422, 422])
    async with open_connector("webhook", settings) as connector:
        with pytest.raises(DestinationUnavailableError):
            await worker(store, connector).tell()
        reason = (await row(store)).last_error
        await wait_passed(store)
        await worker(store, connector).tell()

    for secret in ("sister", "number-a", "secret words", receiver.url, "gift"):
        assert secret not in f"{caplog.text} {reason}"


async def test_two_workers_share_the_work_and_tell_nobody_twice(postgresql_url: str) -> None:
    shoppers = [f"s-{number}" for number in range(80)]
    crms = FakeCrm(), FakeCrm()
    async with open_store(postgresql_url, VAULT) as one, open_store(postgresql_url, VAULT) as other:
        await answered(one, *shoppers)
        async with running(worker(one, crms[0])), running(worker(other, crms[1])):
            await until_told(one)

    told = crms[0].told + crms[1].told
    assert sorted(told) == sorted(shoppers)
    assert crms[0].told
    assert crms[1].told


def test_a_push_is_given_up_before_its_lease_ends() -> None:
    assert PATIENCE < LEASE
