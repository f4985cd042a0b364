"""The engine with a mapping: what a CRM with fields, limits and moods is told, and what it never is."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import select

from preferences.store.backfilling import begin_backfill, mark_some
from preferences.store.destinations import read_pause, read_standing
from preferences.store.engine import Store
from preferences.store.letters import Letters, dead_letters, dead_reasons, replay
from preferences.store.outbox import mark
from preferences.store.tables import IdentityRow, OutboxRow
from preferences.store.told import tell_again
from sync.bell import Bell
from sync.capabilities import Lookup, Remote
from sync.delivery import Delivery, Result
from sync.errors import (
    BatchRefusedError,
    DestinationRefusedError,
    DestinationUnavailableError,
    QuotaExhaustedError,
)
from sync.telling import Teller
from sync.worker import Worker
from tests.preferences.store.seeds import (
    add_consent,
    add_identity,
    add_shopper_who_answered,
    add_suppression,
)
from tests.sync.memory import MemoryCrm
from tests.sync.pages import mapping
from tests.sync.test_worker import running, until, wait_passed

FOR_WHOM = {"from": "answers.gift_or_self.value", "to": "why"}
STOP = {"from": "suppressions.all", "to": "leave_alone"}


def worker(store: Store, crm: MemoryCrm, folder: Path, *fields: dict[str, str]) -> Worker:
    page = mapping(folder, *(fields or (FOR_WHOM, STOP)))
    return Worker(Teller("webhook", store, crm, page), Bell())


async def answered(store: Store, *shoppers: str) -> None:
    async with store.begin() as session:
        for shopper in shoppers:
            await add_shopper_who_answered(session, shopper)
            await mark(session, shopper, ["webhook"], datetime.now(UTC), urgent=False)


async def withdrawn(store: Store, shopper: str) -> None:
    async with store.begin() as session:
        await add_consent(session, shopper, 2, "withdrawn")
        await mark(session, shopper, ["webhook"], datetime.now(UTC), urgent=True)


async def erased(store: Store, shopper: str) -> None:
    async with store.begin() as session:
        await add_suppression(session, shopper, "shopper_erased")
        await mark(session, shopper, ["webhook"], datetime.now(UTC), urgent=True)


async def row(store: Store, shopper: str = "a") -> OutboxRow:
    async with store.begin(readonly=True) as session:
        return await session.get_one(OutboxRow, (shopper, "webhook"))


async def test_fields_arrive_and_the_crms_own_name_of_the_record_is_kept(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    crm = MemoryCrm()

    await worker(store, crm, tmp_path).tell()

    assert crm.records == {"a": {"why": "gift", "leave_alone": False}}
    held = await row(store)
    assert (held.remote_id, held.held) == ("remote-a", "leave_alone\nwhy")


async def test_what_is_withdrawn_is_emptied_and_only_that(store: Store, tmp_path: Path) -> None:
    await answered(store, "a")
    crm = MemoryCrm()
    one = worker(store, crm, tmp_path)
    await one.tell()
    crm.records["a"]["own"] = "theirs"
    await withdrawn(store, "a")

    await one.tell()

    assert crm.records["a"] == {"why": None, "leave_alone": False, "own": "theirs"}
    assert crm.pushed[-1].lane == "wish"
    assert crm.pushed[-1].remote_id == "remote-a"


async def test_what_may_have_arrived_is_emptied_though_nobody_acknowledged_it(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    crm = MemoryCrm(lose=1)
    one = worker(store, crm, tmp_path)
    with pytest.raises(DestinationUnavailableError):
        await one.tell()
    assert crm.records["a"]["why"] == "gift"
    await withdrawn(store, "a")
    await wait_passed(store)

    await one.tell()

    assert crm.records["a"]["why"] is None


async def test_nobody_is_created_of_whom_there_is_nothing_to_tell(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    await withdrawn(store, "a")
    crm = MemoryCrm()
    one = worker(store, crm, tmp_path)

    assert await one.tell()
    assert not await one.tell()

    assert crm.records == {}


async def test_an_erased_shopper_is_taken_out_and_nothing_of_them_is_remembered(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a", "b")
    crm = MemoryCrm()
    one = worker(store, crm, tmp_path)
    await one.tell()
    await erased(store, "a")

    await one.tell()

    assert set(crm.records) == {"b"}
    held = await row(store)
    assert (held.remote_id, held.held) == (None, "")


async def test_of_a_batch_only_the_refused_is_buried_with_the_crms_own_reason(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await answered(store, *(f"who-{number}" for number in range(8)))
    crm = MemoryCrm()
    crm.poison["who-3"] = "who-3: gift is no option of why (INVALID_OPTION)"
    one = worker(store, crm, tmp_path)

    await one.tell()
    assert not await one.tell()

    reason = "…: … is no option of why (INVALID_OPTION)"
    assert set(crm.records) == {f"who-{number}" for number in range(8)} - {"who-3"}
    [letter] = await dead_letters(store, "webhook", Letters(), 9)
    assert (letter.shopper, letter.reason) == ("who-3", reason)
    assert f"webhook: 1 refused. {reason}" in caplog.text

    crm.poison.clear()
    assert await dead_reasons(store, "webhook") == {reason: 1}
    assert await replay(store, "webhook", Letters("INVALID_OPTION"), datetime.now(UTC)) == 1
    await one.tell()
    assert "who-3" in crm.records


async def test_a_dead_letter_never_carries_what_was_withdrawn_since(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    crm = MemoryCrm()
    crm.poison["a"] = "no"
    one = worker(store, crm, tmp_path)
    await one.tell()
    await withdrawn(store, "a")
    crm.poison.clear()
    await replay(store, "webhook", Letters(), datetime.now(UTC))

    await one.tell()

    assert [delivery.fields.get("why") for delivery in crm.pushed] == [None]


async def test_neither_a_backfill_nor_a_repair_brings_back_what_was_withdrawn(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    crm, now = MemoryCrm(), datetime.now(UTC)
    one = worker(store, crm, tmp_path)
    await one.tell()
    await withdrawn(store, "a")
    await one.tell()

    await begin_backfill(store, "webhook", again=True)
    await mark_some(store, "webhook", now, whole=True)
    assert await one.tell()
    await tell_again(store, "webhook", ["a"], now)
    assert await one.tell()

    assert [delivery.lane for delivery in crm.pushed[1:]] == ["wish", "backfill", "backfill"]
    assert "gift" not in [delivery.fields.get("why") for delivery in crm.pushed[1:]]
    assert crm.records["a"]["why"] is None


class BusyCrm(MemoryCrm):
    """One in which the shopper `gone` withdraws while it is at its first answer."""

    def __init__(self, store: Store, gone: str) -> None:
        super().__init__()
        self.store, self.gone = store, gone

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        try:
            return await super().push(batch)
        finally:
            await self._meanwhile()

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        found = await super().read(asked, fields)
        await self._meanwhile()
        return found

    async def _meanwhile(self) -> None:
        gone, self.gone = self.gone, ""
        if gone:
            await withdrawn(self.store, gone)


async def test_what_is_withdrawn_while_a_batch_is_halved_is_not_sent_with_the_rest(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, *(f"who-{number}" for number in range(6)))
    crm = BusyCrm(store, "who-4")
    crm.poison["who-1"] = "no"
    one = worker(store, crm, tmp_path)

    await one.tell()

    assert {delivery.shopper for delivery in crm.pushed} == {"who-0", "who-2", "who-3", "who-5"}
    held = await row(store, "who-4")
    assert (held.attempts, held.urgent) == (0, True)
    assert held.next_attempt_at <= datetime.now(UTC)
    while await one.tell():
        pass
    assert crm.records["who-4"]["why"] is None
    assert {delivery.fields["why"] for delivery in crm.pushed[4:]} == {None}


async def test_what_is_withdrawn_while_the_crm_is_looked_at_is_not_written(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a", "b")
    crm = BusyCrm(store, "a")
    one = worker(store, crm, tmp_path, FOR_WHOM | {"when_null": "fill_empty"})

    while await one.tell():
        pass

    assert [(told.shopper, told.fields) for told in crm.pushed] == [
        ("b", {"why": "gift"}),
        ("a", {"why": None}),
    ]


async def test_a_wish_that_is_refused_stays_alive_and_a_later_is_waited_for(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a", "b")
    crm = MemoryCrm()
    one = worker(store, crm, tmp_path)
    crm.later["b"] = timedelta(minutes=7)
    await one.tell()
    crm.poison["a"] = "no"
    await withdrawn(store, "a")
    await one.tell()

    [standing] = await read_standing(store, ["webhook"], datetime.now(UTC))
    assert (standing.dead, standing.failing, standing.waiting["wish"]) == (0, 2, 1)
    assert (await row(store, "b")).next_attempt_at > datetime.now(UTC) + timedelta(minutes=6)


async def test_where_the_crm_wins_it_is_read_before_it_is_written(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a", "b")
    crm = MemoryCrm()
    crm.records["a"] = {"why": "their own"}
    one = worker(store, crm, tmp_path, FOR_WHOM | {"conflict": "crm"}, STOP)

    await one.tell()

    assert crm.records["a"]["why"] == "their own"
    assert crm.records["b"]["why"] == "gift"
    assert (await row(store, "a")).held == "leave_alone"
    await withdrawn(store, "a")
    await one.tell()
    assert crm.records["a"]["why"] == "their own"


async def test_several_batches_are_in_flight_and_a_wish_waits_for_none_of_them(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, *(f"s-{number}" for number in range(12)))
    crm = MemoryCrm(batch_size=2, in_flight=3)
    crm.goes_on.clear()
    one = worker(store, crm, tmp_path)
    async with running(one), asyncio.timeout(10):
        await until(_at_once(crm), 3)
        async with store.begin() as session:
            await add_suppression(session, "s-11")
            await mark(session, "s-11", ["webhook"], datetime.now(UTC), urgent=True)
        one.bell.ring()
        await until(_at_once(crm), 4)
        assert crm.under_way[-1][0].shopper == "s-11"
        assert crm.under_way[-1][0].lane == "wish"
        crm.goes_on.set()
        await until(_records(crm), 12)

    assert max(len(batch) for batch in crm.batches) == 2


async def test_a_refusal_closes_the_destination_for_every_worker_and_is_told_once(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await answered(store, "a", "b")
    crm = MemoryCrm(batch_size=1)
    crm.trouble = DestinationRefusedError("Wrong key (401).")
    one, other = worker(store, crm, tmp_path), worker(store, crm, tmp_path)
    async with running(one), running(other):
        await until(_tries(crm), 1)
        await asyncio.sleep(0.6)

    assert crm.tries <= 3  # what was under way at the same time in the other one, and a wish
    stopped = await read_pause(store, "webhook", datetime.now(UTC))
    assert stopped
    assert stopped.reason == "Wrong key (401)."
    assert caplog.text.count("Wrong key (401).") == 1


async def test_a_used_up_quota_pauses_without_counting_and_wishes_go_on(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    crm = MemoryCrm()
    crm.quota = QuotaExhaustedError("Used up.", wait=timedelta(hours=3))
    one = worker(store, crm, tmp_path)
    with pytest.raises(QuotaExhaustedError):
        await one.tell(("news",))
    assert (await row(store)).attempts == 0

    async with running(one), asyncio.timeout(10):
        await answered(store, "b")
        await withdrawn(store, "b")
        async with store.begin() as session:  # as if the CRM knew b: there is something to empty
            await session.exec(
                update(OutboxRow).where(OutboxRow.shopper_id == "b").values(held="why")
            )
        await until(_records(crm), 1)

    assert set(crm.records) == {"b"}
    assert await read_pause(store, "webhook", datetime.now(UTC))


async def test_what_the_crm_takes_no_more_of_in_the_middle_is_given_back(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    crm = MemoryCrm()
    crm.trouble = QuotaExhaustedError("Used up.", wait=timedelta(hours=3))
    one = worker(store, crm, tmp_path)
    with suppress(QuotaExhaustedError):
        await one.tell()
    crm.trouble = None

    held = await row(store)
    assert held.attempts == 0
    assert held.next_attempt_at <= datetime.now(UTC)
    await one.tell()
    assert "a" in crm.records


def _at_once(crm: MemoryCrm) -> object:
    async def look() -> int:
        return len(crm.under_way)

    return look


def _records(crm: MemoryCrm) -> object:
    async def look() -> int:
        return sum(1 for one in crm.records.values() if any(one.values()) or len(one) > 1)

    return look


def _tries(crm: MemoryCrm) -> object:
    async def look() -> int:
        return min(crm.tries, 1)

    return look


async def test_each_waits_as_long_as_the_crm_said_of_it(store: Store, tmp_path: Path) -> None:
    await answered(store, "a", "b")
    crm = MemoryCrm()
    crm.later = {"a": timedelta(days=1), "b": timedelta()}

    await worker(store, crm, tmp_path).tell()

    long, short = await row(store, "a"), await row(store, "b")
    assert long.next_attempt_at - short.next_attempt_at > timedelta(hours=12)


async def test_where_a_page_wants_names_nobody_is_told_of_before_they_have_one(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    async with store.begin() as session:
        (name,) = (await session.exec(select(IdentityRow))).all()
        name.unlinked_at = datetime.now(UTC)
    crm = MemoryCrm()
    page = replace(mapping(tmp_path, FOR_WHOM, STOP), only_named=True)
    one = Worker(Teller("webhook", store, crm, page), Bell())

    await one.tell()
    async with store.begin() as session:
        await add_suppression(session, "a", "shopper_said_stop")
        await mark(session, "a", ["webhook"], datetime.now(UTC), urgent=True)
    await one.tell()
    assert crm.records == {}

    async with store.begin() as session:
        await add_identity(session, "a", "email", "a@example.com")
        await mark(session, "a", ["webhook"], datetime.now(UTC), urgent=False)
    await one.tell()
    assert crm.records["a"]["leave_alone"] is True


async def test_an_answer_that_cannot_be_read_is_for_later_and_ends_nothing(
    store: Store, tmp_path: Path
) -> None:
    await answered(store, "a")
    crm = MemoryCrm()
    crm.trouble = KeyError("a@example.com")

    with pytest.raises(
        DestinationUnavailableError, match=r"KeyError in memory\.py, line"
    ) as caught:
        await worker(store, crm, tmp_path).tell()

    assert "example.com" not in str(caught.value)
    held = await row(store)
    assert (held.attempts, held.dead_at) == (1, None)


async def test_a_crm_that_refuses_to_be_looked_at_is_paused_and_nobody_is_buried(
    store: Store, tmp_path: Path
) -> None:
    class ShutCrm(MemoryCrm):
        async def read(self, asked: object, fields: object) -> Mapping[str, Remote]:
            del asked, fields
            message = "No such field."
            raise BatchRefusedError(message)

    await answered(store, "a")
    once = FOR_WHOM | {"when_null": "fill_empty"}

    with pytest.raises(DestinationRefusedError, match="No such field"):
        await worker(store, ShutCrm(), tmp_path, once).tell()

    assert (await row(store)).dead_at is None
