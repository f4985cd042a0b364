import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import ConsentState
from preferences.store import expiry
from preferences.store.changes import read_changes
from preferences.store.engine import Store, open_store
from preferences.store.expiry import expire_consents
from preferences.store.ledger import Act, Notice, append_consent, digest, verify_chain
from preferences.store.profiles import read_profile
from preferences.store.states import read_consents
from preferences.store.strangers import open_ledgers
from preferences.store.tables import (
    ConsentEventRow,
    ConsentRow,
    ConversationRow,
    IdentityRow,
    NoticeRow,
    OutboxRow,
    Row,
    ShopperRow,
)
from tests.preferences.scenes import DAY, HOUR
from tests.preferences.store.seeds import PURPOSE, START, add_answer, add_shopper
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

NOTICE = Notice(PURPOSE, 1, "en", "May I? – “yes”", START, "ask-1")


def act(state: ConsentState, key: str = "", **more: Any) -> Act:
    told = Act(
        purpose=PURPOSE,
        state=state,
        method="button",
        actor="shopper",
        assurance="verified",
        locale="en",
        channel="web",
        idempotency_key=key or f"{state}-1",
        occurred_at=START,
        words="Yes, you may",
        notice=NOTICE,
        recipients=("log",),
        categories=("shopping_preferences",),
    )
    return replace(told, **more)


async def append(store: Store, *acts: Act, shopper: str = "s-1") -> list[str]:
    async with store.begin() as session:
        if await session.get(ShopperRow, shopper) is None:
            await add_shopper(session, shopper)
    ids = []
    for one in acts:
        async with store.begin() as session:
            ids.append(await append_consent(session, shopper, one))
    return ids


async def chain(store: Store, shopper: str = "s-1") -> tuple[list[ConsentEventRow], ShopperRow]:
    async with store.begin(readonly=True) as session:
        query = select(ConsentEventRow).where(ConsentEventRow.shopper_id == shopper)
        events = (await session.exec(query.order_by(col(ConsentEventRow.seq)))).all()
        return list(events), await session.get_one(ShopperRow, shopper)


async def wrong(store: Store) -> list[str]:
    return verify_chain(*await chain(store))


LIFE = [act("requested"), act("given"), act("withdrawn"), act("given", "given-2")]


async def test_events_are_chained_and_the_end_of_the_chain_is_kept(store: Store) -> None:
    await append(store, *LIFE)

    events, owner = await chain(store)
    assert [(row.seq, row.state) for row in events] == [
        (1, "requested"),
        (2, "given"),
        (3, "withdrawn"),
        (4, "given"),
    ]
    assert [row.prev_hash for row in events] == ["", *(row.hash for row in events[:-1])]
    assert (owner.ledger_seq, owner.ledger_hash) == (4, events[-1].hash)
    assert verify_chain(events, owner) == []


async def test_the_chain_of_somebody_who_decided_nothing_is_whole(store: Store) -> None:
    await append(store)

    assert await wrong(store) == []


def test_the_hash_of_an_event_is_the_same_in_every_release() -> None:
    event = ConsentEventRow(
        id="e",
        schema_version=1,
        shopper_id="s",
        seq=1,
        purpose="p",
        lawful_basis="consent",
        data_categories=["a"],
        recipients=["log"],
        state="given",
        method="button",
        actor="shopper",
        assurance="verified",
        locale="en",
        channel="web",
        conversation_id="c",
        message_id="m",
        idempotency_key="k",
        withdrawal_method="write “stop”",
        occurred_at=START,
        prev_hash="",
        hash="",
    )

    assert digest(event) == sha256(_PAGE.encode()).hexdigest()


_PAGE = (
    '{"actor":"shopper","assurance":"verified","channel":"web","conversation_id":"c",'
    '"data_categories":["a"],"disclosed_at":null,"evidence_sha256":null,"id":"e",'
    '"idempotency_key":"k","lawful_basis":"consent","locale":"en","message_id":"m",'
    '"method":"button","notice_sha256":null,"notice_version":null,'
    '"occurred_at":"2026-11-22T12:00:00+00:00","prev_hash":"","purpose":"p",'
    '"recipients":["log"],"schema_version":1,"seq":1,"shopper_id":"s","shown_ask":null,'
    '"shown_at":null,"state":"given","supersedes":null,"valid_until":null,'
    '"withdrawal_method":"write “stop”"}'
)


# What somebody may do to a chain past the guards.


def altered(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    events[2].state = "given"


def altered_and_hashed_again(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    events[2].state = "given"
    events[2].hash = digest(events[2])


def removed(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    del events[1:3]


def beheaded(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    del events[0]


def cut(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    del events[2:]


def emptied(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    events.clear()


def forked(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    other = events[3].model_copy(update={"id": "other", "state": "refused"})
    other.hash = digest(other)
    events.append(other)


def lengthened(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    more = events[3].model_copy(update={"id": "more", "seq": 5, "prev_hash": events[3].hash})
    more.hash = digest(more)
    events.append(more)


def exchanged_at_the_end(events: list[ConsentEventRow], _owner: ShopperRow) -> None:
    events[3].state = "refused"
    events[3].hash = digest(events[3])


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (altered, ["event 3 was altered"]),
        (altered_and_hashed_again, ["event 4 does not follow event 3"]),
        (removed, ["events 2 to 3 are missing"]),
        (beheaded, ["events 1 to 1 are missing"]),
        (cut, ["events 3 to 4 are missing at the end"]),
        (emptied, ["events 1 to 4 are missing at the end"]),
        (forked, ["there are two events 4", "the chain ends at event 4, and not as the shopper's row says"]),
        (lengthened, ["the chain ends at event 5, and not as the shopper's row says"]),
        (exchanged_at_the_end, ["the chain ends at event 4, and not as the shopper's row says"]),
    ],
)  # fmt: skip
async def test_what_was_done_to_a_chain_is_told(
    store: Store, harm: Callable[[list[ConsentEventRow], ShopperRow], None], told: list[str]
) -> None:
    await append(store, *LIFE)
    events, owner = await chain(store)

    harm(events, owner)

    assert verify_chain(events, owner) == told


@pytest.mark.parametrize("column", sorted(ConsentEventRow.model_fields.keys() - {"hash"}))
async def test_no_field_of_an_event_may_change_unnoticed(store: Store, column: str) -> None:
    await append(store, act("given"))
    events, owner = await chain(store)
    held = getattr(events[0], column)
    other = {
        int: lambda: held + 7,
        list: lambda: [*held, "more"],
        datetime: lambda: held + timedelta(microseconds=1),
        str: lambda: f"{held} ",
    }.get(type(held), lambda: START if "_at" in column or "until" in column else "x")()

    setattr(events[0], column, other)

    assert verify_chain(events, owner)


# Once, and by several at once


async def test_the_same_act_told_twice_is_appended_once(store: Store) -> None:
    first = await append(store, act("given"), act("withdrawn"))
    again = await append(
        store, act("given"), act("given", purpose="other", occurred_at=START + DAY)
    )

    assert again == [first[0], first[0]]
    assert len((await chain(store))[0]) == 2
    async with store.begin(readonly=True) as session:
        view = await session.get_one(ConsentRow, ("s-1", PURPOSE))
    assert view.state == "withdrawn"


async def test_the_same_key_is_another_act_of_another_shopper(store: Store) -> None:
    await append(store, act("given"))
    await append(store, act("given"), shopper="s-2")

    assert len((await chain(store, "s-2"))[0]) == 1


async def test_several_who_append_at_once_make_one_chain(store_url: str) -> None:
    async with open_store(store_url, VAULT) as store:
        await append(store)

        acts = [act("given", f"key-{n % 8}") for n in range(16)]
        told = await asyncio.gather(*(append(store, one) for one in acts))

        events, owner = await chain(store)
        assert verify_chain(events, owner) == []
        assert (len(events), len({ids[0] for ids in told})) == (8, 8)


async def test_one_text_shown_to_many_at_once_is_kept_once(postgresql_url: str) -> None:
    async with open_store(postgresql_url, VAULT) as store:
        for n in range(8):
            await append(store, shopper=f"s-{n}")

        await asyncio.gather(*(append(store, act("requested"), shopper=f"s-{n}") for n in range(8)))

        (notice,) = await Shop(store).rows(NoticeRow)
        assert (notice.sha256, notice.text) == (NOTICE.sha256, NOTICE.text)


# The current view


async def test_the_view_is_the_last_word_and_being_asked_is_none(store: Store) -> None:
    ids = await append(
        store,
        act("given", valid_until=START + DAY),
        act("withdrawn", occurred_at=START - HOUR),
        act("requested"),
        act("requested", "other", purpose="other"),
    )

    (view,) = await Shop(store).rows(ConsentRow)
    events, _ = await chain(store)
    assert (view.state, view.event_id, view.seq, view.valid_until) == ("withdrawn", ids[1], 2, None)
    assert view.occurred_at == START  # the clock went back, the story does not
    assert [row.supersedes for row in events] == [None, ids[0], None, None]
    assert events[0].withdrawal_method.startswith("write “stop”")


# Expiry


async def given(store: Store, **more: Any) -> None:
    await append(store, act("given", valid_until=START + 730 * DAY, **more))
    async with store.begin() as session:
        event = (await session.exec(select(ConsentEventRow.id))).first()
        await add_answer(session, "s-1", consent_id=event)


async def state(store: Store, now: datetime) -> str:
    async with store.begin(readonly=True) as session:
        return (await read_consents(session, "s-1", now))[PURPOSE].state


async def test_a_permission_whose_time_is_over_permits_nothing_even_before_the_ledger_says_so(
    store: Store,
) -> None:
    await given(store)

    assert await state(store, START + 730 * DAY - HOUR) == "given"
    assert await state(store, START + 730 * DAY) == "expired"


async def test_expiry_is_said_once_in_the_ledger_and_to_everybody(store: Store) -> None:
    await given(store)
    over = START + 730 * DAY
    assert await expire_consents(store, ["log"], over - HOUR) == 0

    assert [await expire_consents(store, ["log"], over) for _ in range(2)] == [1, 0]

    events, owner = await chain(store)
    assert verify_chain(events, owner) == []
    assert (events[1].state, events[1].method, events[1].actor) == ("expired", "expiry", "askfirst")
    assert (events[1].supersedes, events[1].occurred_at) == (events[0].id, over)
    assert [one.type for one in await read_changes(store, 0, 10)] == ["consent.expired"]
    assert [(row.destination, row.urgent) for row in await Shop(store).rows(OutboxRow)] == [
        ("log", True)
    ]
    assert (await read_profile(store, "s-1")).answers == ()


async def test_what_was_renewed_taken_back_or_has_no_end_does_not_expire(store: Store) -> None:
    over = START + 730 * DAY
    await append(store, act("given", valid_until=over), act("given", "again", valid_until=None))
    await append(store, act("given", valid_until=over), act("withdrawn"), shopper="s-2")

    assert await expire_consents(store, ["log"], over + DAY) == 0


async def test_who_decides_while_it_expires_is_heard(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = START + 730 * DAY
    await given(store)
    look = expiry._over

    async def look_and_be_late(session: AsyncSession, now: datetime) -> list[ConsentEventRow]:
        found = await look(session, now)
        if found:
            await append(store, act("given", "anew", valid_until=over + DAY))
        return found

    monkeypatch.setattr(expiry, "_over", look_and_be_late)
    await expire_consents(store, ["log"], over)

    assert await state(store, over) == "given"


_HELD = (ConsentRow, ConsentEventRow)
_EVERYTHING = (*_HELD, ConversationRow, IdentityRow, ShopperRow)


@pytest.mark.parametrize("gone", [_HELD, _EVERYTHING])
async def test_who_is_forgotten_while_it_expires_is_left_alone(
    store: Store, gone: Sequence[type[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = START + 730 * DAY
    await append(store, act("given", valid_until=over))
    look = expiry._over

    async def look_and_be_late(session: AsyncSession, now: datetime) -> list[ConsentEventRow]:
        found = await look(session, now)
        async with store.begin() as other, open_ledgers(other, ["s-1"]):
            for table in gone:
                await other.exec(delete(table))
        return found

    monkeypatch.setattr(expiry, "_over", look_and_be_late)

    assert await expire_consents(store, ["log"], over) == 0
    assert await Shop(store).rows(ConsentEventRow) == []


async def test_more_permissions_than_a_page_expire_in_one_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "_BATCH", 2)
    for n in range(3):
        await append(store, act("given", valid_until=START + DAY), shopper=f"s-{n}")

    assert await expire_consents(store, [], START + DAY) == 3
