import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from preferences.errors import UnmigratedError
from preferences.store.engine import Store, open_store
from preferences.store.outbox import LEASE, Due, Pending, claim, mark, pending, retry
from preferences.store.outcomes import Told, acknowledge, backoff, fail
from preferences.store.tables import OutboxRow, ShopperRow
from tests.vaults import VAULT

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def marked(
    store: Store,
    *shoppers: str,
    now: datetime = NOW,
    urgent: bool = False,
    destinations: Sequence[str] = ("log",),
) -> None:
    async with store.begin() as session:
        for shopper in shoppers:
            if await session.get(ShopperRow, shopper) is None:
                session.add(ShopperRow(id=shopper, head_id=shopper, created_at=NOW))
                await session.flush()
            await mark(session, shopper, destinations, now, urgent=urgent)


async def row(store: Store, shopper: str = "a", destination: str = "log") -> OutboxRow:
    async with store.begin(readonly=True) as session:
        return await session.get_one(OutboxRow, (shopper, destination))


async def claimed(store: Store, now: datetime = NOW, limit: int = 10) -> list[str]:
    return [due.shopper for due in await claim(store, "log", limit, now)]


async def test_every_destination_is_marked_for_itself(store: Store) -> None:
    await marked(store, "a", destinations=["webhook", "log", "log"])

    async with store.begin(readonly=True) as session:
        query = select(OutboxRow).order_by(col(OutboxRow.destination))
        rows = (await session.exec(query)).all()
    assert [(one.destination, one.desired_version) for one in rows] == [("log", 1), ("webhook", 1)]


async def test_marking_again_coalesces_and_stays_urgent(store: Store) -> None:
    await marked(store, "a", urgent=True)
    await marked(store, "a", now=NOW + SECOND)

    held = await row(store)

    assert (held.desired_version, held.urgent, held.next_attempt_at) == (2, True, NOW)


async def test_a_mark_is_part_of_the_callers_transaction(store: Store) -> None:
    await marked(store, "a")
    with suppress(RuntimeError):
        async with store.begin() as session:
            await mark(session, "a", ["log"], NOW, urgent=True)
            raise RuntimeError

    held = await row(store)
    assert (held.desired_version, held.urgent) == (1, False)


async def test_a_mark_keeps_the_time_in_utc(store: Store) -> None:
    await marked(store, "a")
    await acknowledge(store, "log", [Told("a", 1, "h")], NOW)
    elsewhere = datetime.fromisoformat("2026-11-22T23:00:00+09:00")

    await marked(store, "a", now=elsewhere)

    assert (await row(store)).next_attempt_at == elsewhere


async def test_a_new_state_of_a_row_that_was_put_off_for_long_is_due_at_once(store: Store) -> None:
    await marked(store, "a")
    due = await claim(store, "log", 10, NOW)
    await fail(store, "log", dict.fromkeys(due, "no"), timedelta(hours=1), NOW)

    await marked(store, "a", now=NOW + SECOND)

    assert await claimed(store, NOW + SECOND) == ["a"]


async def test_urgent_is_claimed_first_then_the_one_that_waits_longest(store: Store) -> None:
    await marked(store, "late", now=NOW - SECOND)
    await marked(store, "early", now=NOW - 2 * SECOND)
    await marked(store, "withdrawn", urgent=True)

    assert await claimed(store, limit=2) == ["withdrawn"]
    assert await claimed(store, limit=1) == ["early"]
    assert await claimed(store) == ["late"]


async def test_nothing_is_claimed_that_is_not_due_or_is_another_destinations(store: Store) -> None:
    await marked(store, "a", now=NOW + SECOND)
    await marked(store, "b", destinations=["webhook"])

    assert await claimed(store) == []


async def test_a_claim_is_a_lease_that_ends(store: Store) -> None:
    await marked(store, "a")

    assert await claimed(store) == ["a"]
    assert await claimed(store, NOW + LEASE - SECOND) == []
    assert await claimed(store, NOW + LEASE) == ["a"]


async def test_a_mark_does_not_cut_a_lease_short(store: Store) -> None:
    await marked(store, "a")
    await claimed(store)

    await marked(store, "a", now=NOW + SECOND, urgent=True)

    assert await claimed(store, NOW + SECOND) == []


async def test_a_claim_tells_what_the_destination_holds_and_makes_it_uncertain(
    store: Store,
) -> None:
    await marked(store, "a")
    filled = frozenset({"motive", "email"})
    await acknowledge(store, "log", [Told("a", 1, "hash", filled, "their-7")], NOW)
    await marked(store, "a")

    assert await claim(store, "log", 10, NOW) == [Due("a", 2, "hash", 0, "news", filled, "their-7")]
    assert await claim(store, "log", 10, NOW + LEASE) == [
        Due("a", 2, None, 0, "news", filled, "their-7")
    ]


async def test_an_acknowledged_row_is_done(store: Store) -> None:
    await marked(store, "a", urgent=True)
    due = await claim(store, "log", 10, NOW)
    await fail(store, "log", dict.fromkeys(due, "away"), timedelta(), NOW)

    await acknowledge(store, "log", [Told("a", 1, "hash")], NOW)

    held = await row(store)
    assert (held.synced_version, held.payload_hash, held.urgent) == (1, "hash", False)
    assert (held.attempts, held.last_error) == (0, None)
    assert await claimed(store, NOW + timedelta(days=1)) == []


async def test_what_is_newer_than_the_acknowledged_stays_due_and_urgent(store: Store) -> None:
    await marked(store, "a")
    await claimed(store)
    await marked(store, "a", urgent=True)

    await acknowledge(store, "log", [Told("a", 1, "hash")], NOW + SECOND)

    held = await row(store)
    assert (held.synced_version, held.urgent) == (1, True)
    assert await claim(store, "log", 10, NOW + SECOND) == [
        Due("a", 2, "hash", 0, "wish", frozenset())
    ]


async def test_a_late_acknowledgement_does_not_undo_a_newer_one(store: Store) -> None:
    await marked(store, "a")
    await marked(store, "a")
    await acknowledge(store, "log", [Told("a", 2, "new")], NOW)

    await acknowledge(store, "log", [Told("a", 1, "old")], NOW)

    held = await row(store)
    assert (held.synced_version, held.payload_hash) == (2, "new")


async def test_a_failure_is_put_off_with_its_reason_and_a_back_off(store: Store) -> None:
    await marked(store, "a")
    due = await claim(store, "log", 10, NOW)

    await fail(store, "log", dict.fromkeys(due, "It is away."), timedelta(), NOW)

    held = await row(store)
    assert (held.attempts, held.last_error, held.synced_version) == (1, "It is away.", 0)
    assert NOW + 3.75 * SECOND <= held.next_attempt_at <= NOW + 5 * SECOND


async def test_a_failure_waits_as_long_as_it_is_asked_to(store: Store) -> None:
    await marked(store, "a")
    due = await claim(store, "log", 10, NOW)

    await fail(store, "log", dict.fromkeys(due, "busy"), timedelta(minutes=7), NOW)

    assert (await row(store)).next_attempt_at == NOW + timedelta(minutes=7)


async def test_those_that_failed_together_come_back_together(store: Store) -> None:
    await marked(store, "b", "a", "c")
    due = await claim(store, "log", 10, NOW)

    await fail(store, "log", dict.fromkeys(due, "away"), timedelta(), NOW)

    assert len({(await row(store, shopper)).next_attempt_at for shopper in "abc"}) == 1


async def test_a_newer_state_does_not_wait_for_the_failure_of_an_older(store: Store) -> None:
    await marked(store, "a")
    due = await claim(store, "log", 10, NOW)
    await marked(store, "a", now=NOW + SECOND)

    await fail(store, "log", dict.fromkeys(due, "no"), timedelta(hours=1), NOW + SECOND)

    assert await claim(store, "log", 10, NOW + SECOND) == [Due("a", 2, None, 1, held=frozenset())]


async def test_a_late_failure_does_not_undo_an_acknowledgement(store: Store) -> None:
    await marked(store, "a")
    due = await claim(store, "log", 10, NOW)
    await acknowledge(store, "log", [Told("a", 1, "hash")], NOW)

    await fail(store, "log", dict.fromkeys(due, "late"), timedelta(), NOW)

    held = await row(store)
    assert (held.attempts, held.last_error) == (0, None)


async def test_nothing_told_and_nothing_failed_asks_nothing_of_the_store() -> None:
    async with open_store("sqlite:////nowhere/at/all.db", VAULT) as store:
        await acknowledge(store, "log", [], NOW)
        await fail(store, "log", {}, timedelta(), NOW)


def test_the_back_off_grows_to_an_hour_and_no_further() -> None:
    waits = [backoff(attempts).total_seconds() for attempts in range(1, 9)]

    assert waits == [5, 30, 120, 600, 1800, 3600, 3600, 3600]


async def test_a_retry_makes_due_what_was_put_off_but_nothing_that_is_leased(store: Store) -> None:
    await marked(store, "put off", "leased", "told")
    due = {one.shopper: one for one in await claim(store, "log", 10, NOW)}
    await fail(store, "log", {due["put off"]: "no"}, timedelta(hours=1), NOW)
    await acknowledge(store, "log", [Told("told", 1, "hash")], NOW)

    await retry(store, "log", NOW)

    assert await claimed(store) == ["put off"]


async def test_pending_counts_who_waits_and_who_failed_for_each_destination(store: Store) -> None:
    await marked(store, "a", "b", destinations=["log", "webhook", "third"])
    due = await claim(store, "webhook", 1, NOW)
    await fail(store, "webhook", dict.fromkeys(due, "away"), timedelta(), NOW)
    await acknowledge(store, "third", [Told("a", 1, "h"), Told("b", 1, "h")], NOW)

    assert await pending(store) == {"log": Pending(2, 0), "webhook": Pending(2, 1)}


async def test_a_store_that_is_not_migrated_says_what_to_do(bare_url: str) -> None:
    async with open_store(bare_url, VAULT) as store:
        with pytest.raises(UnmigratedError, match="alembic upgrade head"):
            await pending(store)


async def test_many_who_claim_at_once_never_share_a_row(store: Store) -> None:
    shoppers = [f"s-{number}" for number in range(60)]
    await marked(store, *shoppers)

    claims = await asyncio.gather(*(claimed(store, limit=10) for _ in range(12)))

    taken = [shopper for claim in claims for shopper in claim]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(shoppers)


async def test_a_row_that_somebody_writes_is_skipped_and_not_waited_for(
    postgresql_url: str,
) -> None:
    async with open_store(postgresql_url, VAULT) as store:
        await marked(store, "written", "free")
        async with _writing(store, "written"), asyncio.timeout(5):
            assert await claimed(store) == ["free"]


@asynccontextmanager
async def _writing(store: Store, shopper: str) -> AsyncIterator[None]:
    async with store.begin() as session:
        await mark(session, shopper, ["log"], NOW, urgent=True)
        yield


async def test_a_state_that_lands_while_its_elder_is_acknowledged_stays_due_and_urgent(
    store: Store,
) -> None:
    await marked(store, "a")
    [due] = await claim(store, "log", 1, NOW)
    told = Told("a", due.version, "hash")

    async with store.begin() as session:
        await mark(session, "a", ["log"], NOW, urgent=True)
        telling = asyncio.create_task(acknowledge(store, "log", [told], NOW))
        await asyncio.sleep(0.1)  # until it waits for the row
        assert not telling.done()
    await telling

    held = await row(store)
    assert (held.synced_version, held.desired_version, held.urgent) == (1, 2, True)
    assert [one.lane for one in await claim(store, "log", 1, NOW)] == ["wish"]
