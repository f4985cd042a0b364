"""Endpoints and deliveries of outgoing webhooks, on both databases."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, delete, select

from preferences.errors import NotFoundError
from preferences.store.changes import (
    KEPT,
    ChangeType,
    GoneError,
    forget_changes,
    head_position,
    note,
)
from preferences.store.engine import Store
from preferences.store.tables import ChangeRow, WebhookDeliveryRow, WebhookEndpointRow
from preferences.store.webhook_intake import TEST, State, behind, skip_lost, take_up
from preferences.store.webhook_log import (
    Range,
    Replayed,
    add_test,
    read_deliveries,
    read_delivery,
    replay,
)
from preferences.store.webhook_queue import (
    LEASE,
    PATIENCE,
    Load,
    Outcome,
    Parcel,
    claim,
    due,
    settle,
    upcoming,
)
from preferences.store.webhooks import (
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    read_endpoint,
    read_endpoints,
    remove_endpoint,
    rotate_secret,
)
from tests.preferences.scenes import NOW

URL = "https://crm.example/hook"
SECOND = timedelta(seconds=1)


async def happened(
    store: Store, *what: tuple[str, ChangeType], now: datetime = NOW, **detail: Any
) -> None:
    async with store.begin() as session:
        for shopper, type_ in what:
            note(session, shopper, type_, detail, now)


async def endpoint(store: Store, *types: ChangeType) -> str:
    added, _ = await add_endpoint(store, URL, types, NOW)
    return added.id


async def taken_up(store: Store, limit: int = 100, now: datetime = NOW) -> None:
    for one, position in await behind(store):
        after: int | None = position
        while after is not None:
            after = await take_up(store, one, after, limit, now)


async def claimed(store: Store, of: str, limit: int = 100, now: datetime = NOW) -> Sequence[Parcel]:
    load = await claim(store, of, limit, now)
    assert load is not None
    return load.parcels


async def settled(
    store: Store, of: str, parcels: Sequence[Parcel], again: datetime | None = None
) -> str:
    """All delivered or, where there is a time for another try, none."""
    outcomes = [
        Outcome(one.id, again is None, 200 if again is None else 500, "", again) for one in parcels
    ]
    return await settle(store, of, outcomes, gone=False, now=NOW)


async def failed(store: Store, of: str, parcels: Sequence[Parcel], now: datetime = NOW) -> str:
    outcomes = [
        Outcome(one.id, delivered=False, status=None, error="No answer.", again=None)
        for one in parcels
    ]
    return await settle(store, of, outcomes, gone=False, now=now)


async def states(store: Store, of: str) -> list[str]:
    return [one.state for one in await read_deliveries(store, of, None, None, 100)]


async def test_an_endpoint_hears_of_what_happens_after_it_was_added(store: Store) -> None:
    await happened(store, ("anna", "consent.given"))
    of = await endpoint(store)
    await happened(store, ("ben", "preference.answered"), question="colour")
    await taken_up(store)

    [parcel] = await claimed(store, of)

    assert (parcel.shopper, parcel.type, parcel.position) == ("ben", "preference.answered", 2)
    assert (parcel.detail, parcel.at, parcel.attempts) == ({"question": "colour"}, NOW, 0)


async def test_it_hears_of_the_types_that_it_asked_for(store: Store) -> None:
    of = await endpoint(store, "consent.withdrawn", "shopper.erased")
    await happened(
        store, ("a", "consent.given"), ("b", "shopper.erased"), ("c", "consent.withdrawn")
    )
    await taken_up(store)

    assert [one.shopper for one in await claimed(store, of)] == ["b", "c"]
    assert (await read_endpoint(store, of)).position == 3
    assert await behind(store) == []


async def test_its_secret_is_sealed_and_given_only_when_it_is_made(store: Store) -> None:
    added, secret = await add_endpoint(store, URL, [], NOW)

    async with store.begin(readonly=True) as session:
        row = await session.get_one(WebhookEndpointRow, added.id)
    load = await claim(store, added.id, 1, NOW)

    assert secret.startswith("whsec_")
    assert secret not in row.sealed_secret
    assert load == Load(URL, (secret,), ())
    assert await read_endpoints(store) == [added]


async def test_an_old_secret_signs_too_until_its_time_is_over(store: Store) -> None:
    added, old = await add_endpoint(store, URL, [], NOW)

    new = await rotate_secret(store, added.id, timedelta(hours=24), NOW)
    newest = await rotate_secret(store, added.id, timedelta(hours=1), NOW)

    meanwhile = await claim(store, added.id, 1, NOW + timedelta(minutes=59))
    afterwards = await claim(store, added.id, 1, NOW + timedelta(hours=1))
    assert len({old, new, newest}) == 3
    assert meanwhile == Load(URL, (newest, new), ())
    assert afterwards == Load(URL, (newest,), ())


async def test_every_change_is_delivered_once_in_its_order(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, *((f"s-{number}", "consent.given") for number in range(12)))
    await taken_up(store, limit=5)

    first = await claimed(store, of, 8)
    second = await claimed(store, of, 8)

    assert [one.position for one in [*first, *second]] == list(range(1, 13))
    assert await claimed(store, of) == ()


async def test_changes_are_taken_up_once_however_many_try(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, ("anna", "consent.given"))
    await taken_up(store)

    assert await take_up(store, of, 0, 10, NOW) is None
    assert await take_up(store, of, 1, 10, NOW) is None
    assert await states(store, of) == ["waiting"]


async def test_a_claim_is_left_to_its_claimer_for_a_lease(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, ("anna", "consent.given"))
    await taken_up(store)
    await claimed(store, of)

    assert await due(store, NOW + LEASE - SECOND) == []
    assert await due(store, NOW + LEASE) == [of]
    [again] = await claimed(store, of, now=NOW + LEASE)
    assert again.attempts == 0


async def test_what_a_shopper_did_later_waits_for_what_is_under_way_or_failed(
    store: Store,
) -> None:
    of = await endpoint(store)
    await happened(
        store, ("anna", "consent.given"), ("anna", "preference.answered"), ("ben", "consent.given")
    )
    await taken_up(store)

    first = await claimed(store, of)
    assert [one.position for one in first] == [1, 3]
    await settled(store, of, first[:1], again=NOW + 9 * SECOND)
    assert await claimed(store, of, now=NOW + 8 * SECOND) == ()
    again = await claimed(store, of, now=NOW + 9 * SECOND)
    assert [one.position for one in again] == [1]
    await settled(store, of, again)
    assert [one.position for one in await claimed(store, of)] == [2]


async def test_a_withdrawal_goes_first_with_what_its_shopper_did_before(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, *((f"s-{number}", "consent.given") for number in range(5)))
    await taken_up(store)
    await happened(store, ("s-3", "preference.answered"), ("s-4", "consent.withdrawn"))
    await happened(store, ("new", "shopper.erased"))
    await taken_up(store)

    told = list[tuple[str, str]]()
    while parcels := await claimed(store, of, 2):
        told += [(one.shopper, one.type) for one in parcels]
        await settled(store, of, parcels)

    assert told[:3] == [
        ("s-4", "consent.given"),
        ("new", "shopper.erased"),
        ("s-4", "consent.withdrawn"),
    ]
    assert len(told) == 8


@pytest.mark.parametrize(
    "no",
    [
        "consent.withdrawn",
        "consent.refused",
        "consent.objected",
        "suppression.added",
        "shopper.erased",
    ],
)
async def test_a_no_does_not_wait_for_what_failed_and_was_put_off(
    store: Store, no: ChangeType
) -> None:
    of = await endpoint(store)
    await happened(store, ("anna", "consent.given"))
    await taken_up(store)
    await settled(store, of, await claimed(store, of), again=NOW + timedelta(hours=5))
    await happened(store, ("anna", "preference.answered"), ("anna", no))
    await taken_up(store)

    [parcel] = await claimed(store, of)

    assert parcel.type == no


async def test_a_removed_endpoint_is_gone_with_its_log(store: Store) -> None:
    of, other = await endpoint(store), await endpoint(store)
    await happened(store, ("anna", "consent.given"))
    await taken_up(store)
    parcels = await claimed(store, of)

    await remove_endpoint(store, of)

    assert [one.id for one in await read_endpoints(store)] == [other]
    assert await claim(store, of, 1, NOW) is None
    assert await settled(store, of, parcels) == ""
    assert await take_up(store, of, 0, 10, NOW) is None
    async with store.begin(readonly=True) as session:
        rows = (await session.exec(select(col(WebhookDeliveryRow.endpoint_id)))).all()
    assert list(rows) == [other]


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    for call in (
        read_endpoint(store, "x"),
        remove_endpoint(store, "x"),
        rotate_secret(store, "x", SECOND, NOW),
        enable_endpoint(store, "x", NOW),
        disable_endpoint(store, "x", "why", NOW),
        read_deliveries(store, "x", None, None, 1),
        read_delivery(store, "x"),
        add_test(store, "x", NOW),
        replay(store, "x", Range(0), 1, NOW),
    ):
        with pytest.raises(NotFoundError, match="There is no such"):
            await call


async def test_a_disabled_endpoint_is_left_alone_and_goes_on_where_it_stopped(
    store: Store,
) -> None:
    of = await endpoint(store)
    await happened(store, ("anna", "consent.given"))
    await taken_up(store)
    await settled(store, of, await claimed(store, of), again=NOW + timedelta(days=1))

    disabled = await disable_endpoint(store, of, "It was in the way.", NOW)
    await disable_endpoint(store, of, "Another reason.", NOW + SECOND)
    await happened(store, ("ben", "consent.given"))
    await taken_up(store)

    assert (disabled.disabled_at, disabled.disabled_why) == (NOW, "It was in the way.")
    assert (await read_endpoint(store, of)).disabled_why == "It was in the way."
    assert await due(store, NOW + timedelta(days=9)) == []
    assert await claimed(store, of, now=NOW + timedelta(days=9)) == ()

    enabled = await enable_endpoint(store, of, NOW)
    await enable_endpoint(store, of, NOW)
    await taken_up(store)
    parcels = await claimed(store, of)
    assert (enabled.disabled_at, enabled.disabled_why, enabled.failing_since) == (None, "", None)
    assert [(one.shopper, one.attempts) for one in parcels] == [("anna", 0), ("ben", 0)]


async def test_an_endpoint_that_is_gone_is_disabled_at_once_and_why_is_told_once(
    store: Store,
) -> None:
    of = await endpoint(store)
    await happened(store, ("anna", "consent.given"), ("ben", "consent.given"))
    await taken_up(store)
    one, two = await claimed(store, of)

    outcome = Outcome(one.id, delivered=False, status=410, error="", again=NOW + SECOND)
    why = await settle(store, of, [outcome], gone=True, now=NOW)
    after = await settled(store, of, [two])

    assert "410" in why
    assert after == ""
    assert (await read_endpoint(store, of)).disabled_why == why


async def test_an_endpoint_that_takes_nothing_for_five_days_is_disabled(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, *((f"s-{number}", "consent.given") for number in range(4)))
    await taken_up(store)
    parcels = await claimed(store, of)

    assert await failed(store, of, parcels[:1]) == ""
    assert (await read_endpoint(store, of)).failing_since == NOW
    assert await failed(store, of, parcels[1:2], NOW + PATIENCE - SECOND) == ""
    assert "5 days" in await failed(store, of, parcels[2:3], NOW + PATIENCE)
    assert (await read_endpoint(store, of)).disabled_at == NOW + PATIENCE


async def test_one_delivery_that_is_taken_ends_the_days_of_failure(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, *((f"s-{number}", "consent.given") for number in range(3)))
    await taken_up(store)
    parcels = await claimed(store, of)

    await failed(store, of, parcels[:1])
    await settled(store, of, parcels[1:2])

    assert await failed(store, of, parcels[2:], NOW + PATIENCE) == ""
    assert (await read_endpoint(store, of)).failing_since == NOW + PATIENCE


async def test_a_delivery_whose_change_was_erased_is_never_sent(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, ("anna", "consent.given"), ("ben", "consent.given"))
    await taken_up(store)
    async with store.begin() as session:
        await session.exec(delete(ChangeRow).where(col(ChangeRow.shopper_id) == "anna"))

    assert [one.shopper for one in await claimed(store, of)] == ["ben"]
    assert await states(store, of) == ["waiting"]


async def test_an_endpoint_that_missed_what_is_no_longer_kept_goes_on_after_it(
    store: Store,
) -> None:
    of = await endpoint(store)
    await happened(store, ("anna", "consent.given"), now=NOW - KEPT - SECOND)
    await head_position(store)
    await forget_changes(store, NOW)
    await happened(store, ("ben", "consent.given"))

    with pytest.raises(GoneError):
        await take_up(store, of, 0, 10, NOW)
    await skip_lost(store, of, 0)
    await skip_lost(store, of, 0)  # another process has the same thought
    await taken_up(store)

    assert [one.shopper for one in await claimed(store, of)] == ["ben"]


async def test_the_log_tells_what_came_back_page_by_page(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, *((f"s-{number}", "consent.given") for number in range(5)))
    await taken_up(store)
    parcels = await claimed(store, of)
    await settled(store, of, parcels[:2])
    await failed(store, of, parcels[2:3])

    pages = list[list[str]]()
    before = None
    while page := await read_deliveries(store, of, None, before, 2):
        pages.append([one.shopper for one in page])
        before = page[-1].id
    found: State = "failed"
    [lost] = await read_deliveries(store, of, found, None, 10)

    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(one for page in pages for one in page) == [f"s-{number}" for number in range(5)]
    assert (lost.shopper, lost.attempts, lost.last_error) == ("s-2", 1, "No answer.")
    assert (lost.done_at, lost.next_attempt_at, lost.last_status) == (NOW, None, None)
    assert await read_delivery(store, lost.id) == lost


async def test_a_test_is_sent_at_once_even_to_a_disabled_endpoint(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, ("anna", "consent.withdrawn"))
    await taken_up(store)
    await disable_endpoint(store, of, "why", NOW)

    test = await add_test(store, of, NOW)

    assert await due(store, NOW) == [of]
    [parcel] = await claimed(store, of)
    assert (parcel.id, parcel.type, parcel.shopper, parcel.detail) == (test, TEST, "", {})
    outcome = Outcome(test, delivered=False, status=500, error="", again=None, counts=False)
    await settle(store, of, [outcome], gone=False, now=NOW)
    assert (await read_delivery(store, test)).last_status == 500
    assert (await read_endpoint(store, of)).failing_since is None


async def test_what_failed_is_sent_once_more_under_the_same_name(store: Store) -> None:
    of = await endpoint(store)
    await happened(store, *((f"s-{number}", "consent.given") for number in range(4)))
    await taken_up(store)
    parcels = await claimed(store, of)
    await settled(store, of, parcels[:2])
    await failed(store, of, parcels[2:3])

    assert await replay(store, of, Range(1, 4, "failed"), 10, NOW) == Replayed(1, None)
    assert await replay(store, of, Range(1, 4, "failed"), 10, NOW) == Replayed(0, None)
    [again] = await claimed(store, of)
    await settled(store, of, [again])

    assert (again.change, again.shopper) == (parcels[2].change, "s-2")
    assert again.id != parcels[2].id
    assert await replay(store, of, Range(1, 4, "failed"), 10, NOW) == Replayed(0, None)
    assert await replay(store, of, Range(1, 4, "delivered"), 10, NOW) == Replayed(3, None)


async def test_a_range_by_positions_or_times_is_sent_once_more_bit_by_bit(store: Store) -> None:
    await happened(store, ("before", "consent.given"), now=NOW - timedelta(days=2))
    await happened(store, ("between", "consent.given"), now=NOW - timedelta(days=1))
    await happened(store, ("other", "shopper.linked"), ("after", "consent.given"))
    of = await endpoint(store, "consent.given")
    await happened(store, ("later", "consent.given"))

    assert await replay(store, of, Range(NOW - timedelta(hours=30)), 1, NOW) == Replayed(1, 4)
    assert await replay(store, of, Range(4), 1, NOW) == Replayed(1, None)
    assert [one.shopper for one in await claimed(store, of)] == ["between", "after"]
    by_time = Range(NOW - timedelta(days=3), NOW - timedelta(hours=30))
    assert await replay(store, of, by_time, 9, NOW) == Replayed(1, None)
    assert await replay(store, of, Range(0, 3, "failed"), 9, NOW) == Replayed(0, None)
    await taken_up(store)
    assert [one.shopper for one in await claimed(store, of)] == ["before", "later"]


async def test_a_claim_sorts_and_searches_nothing_however_long_the_queue(store: Store) -> None:
    async with store.begin() as session:
        dialect = session.get_bind().dialect
        if dialect.name != "sqlite":
            pytest.skip("PostgreSQL chooses by what is in the table")
        query = upcoming("x", NOW).limit(10)
        sql = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        connection = await session.connection()
        told = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
        plan = " / ".join(row[3] for row in told)

    assert "USING INDEX webhook_delivery_turn" in plan
    assert "USING INDEX webhook_delivery_before" in plan
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan
