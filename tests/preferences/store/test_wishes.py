"""Decisions and wishes that the shop reports, and the history that proves them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import text
from sqlmodel import select

from preferences.catalogue import load_catalogue
from preferences.errors import BadInputError
from preferences.store.changes import read_changes
from preferences.store.engine import Store
from preferences.store.erasure import erase, erase_shopper
from preferences.store.facts import ErasedError
from preferences.store.history import After, read_consent_events, read_history
from preferences.store.ledger import Act, append_consent
from preferences.store.naming import tell_names
from preferences.store.persons import hold_person
from preferences.store.profiles import read_profile
from preferences.store.tables import NoticeRow, OutboxRow
from preferences.store.wishes import (
    OvertakenError,
    Reported,
    Shown,
    Unwanted,
    add_suppression,
    report_decision,
)
from tests.preferences.scenes import DAY, MINUTE, NOW
from tests.preferences.store.seeds import add_shopper_who_answered

PURPOSE = "tailor_suggestions"
TEXT = "May we keep it?"
SHOWN = Shown(sha256(TEXT.encode()).hexdigest(), NOW - MINUTE)
YES = Reported(PURPOSE, "given", "yes", "en", "shop", "key:1", "effect-1", SHOWN)
NO = Reported(PURPOSE, "withdrawn", None, "en", "shop", "key:1", "effect-2")


@pytest.fixture
async def anna(store: Store) -> str:
    row = NoticeRow(
        sha256=SHOWN.sha256, key="p", version=1, locale="en", text=TEXT, first_shown_at=NOW
    )
    async with store.begin() as session:
        session.add(row)
    return await tell_names(store, [("customer", "1")], NOW)


async def report(store: Store, shopper: str, told: Reported, at: timedelta = timedelta()) -> str:
    purpose = load_catalogue().purposes[PURPOSE]
    return await report_decision(store, shopper, told, purpose, ("log",), NOW + at)


async def urgent(store: Store) -> list[bool]:
    async with store.begin(readonly=True) as session:
        return [row.urgent for row in (await session.exec(select(OutboxRow))).all()]


async def test_a_permission_has_its_notice_its_words_and_an_end(store: Store, anna: str) -> None:
    event = await report(store, anna, YES)

    _, [entry] = await read_consent_events(store, anna)
    assert (entry.id, entry.record["notice_text"], entry.record["method"]) == (event, TEXT, "api")
    assert entry.record["evidence_sha256"] == sha256(b"yes").hexdigest()
    assert entry.record["valid_until"] is not None
    assert await urgent(store) == [False]


async def test_of_a_purpose_that_is_no_more_only_what_was_permitted_is_taken_back(
    store: Store, anna: str
) -> None:
    async def tell(told: Reported) -> str:
        return await report_decision(store, anna, told, None, ("log",), NOW + DAY)

    with pytest.raises(BadInputError, match="no such purpose"):
        await tell(NO)
    await report(store, anna, YES)
    with pytest.raises(BadInputError, match="no such purpose"):
        await tell(replace(YES, effect="effect-3"))
    await tell(NO)

    _, events = await read_consent_events(store, anna)
    assert [entry.record["state"] for entry in events] == ["given", "withdrawn"]


async def test_a_report_told_again_is_the_same_event(store: Store, anna: str) -> None:
    assert await report(store, anna, YES) == await report(store, anna, YES, DAY)
    assert [change.type for change in await read_changes(store, 0, 9)] == ["consent.given"]


async def test_a_no_goes_first_and_an_older_yes_does_not_undo_it(store: Store, anna: str) -> None:
    await report(store, anna, NO)

    assert await urgent(store) == [True]
    with pytest.raises(OvertakenError):
        await report(store, anna, YES)
    later = replace(YES, shown=replace(SHOWN, at=NOW + MINUTE))
    await report(store, anna, later, DAY)
    types = [change.type for change in await read_changes(store, 0, 9)]
    assert types == ["consent.withdrawn", "consent.given"]


async def somebody_waits(store: Store) -> bool:
    """Tell whether a transaction waits for another; SQLite has one writer, who waits at once."""
    async with store.begin(readonly=True) as session:
        if session.get_bind().dialect.name == "sqlite":
            return True
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        query += " AND datname = current_database()"
        return bool((await session.exec(text(query))).scalar_one())


@pytest.mark.parametrize("first", ["withdrawn", "erased"])
async def test_a_yes_that_comes_while_a_no_is_written_waits_for_it(
    store: Store, anna: str, first: str
) -> None:
    act = Act(PURPOSE, "withdrawn", "typed", "shopper", "verified", "en", "web", "turn-1", NOW)
    async with store.begin() as session:
        await hold_person(session, anna)
        if first == "erased":
            await erase(session, anna, NOW)
        else:
            await append_consent(session, anna, act)
        told = asyncio.create_task(report(store, anna, YES))
        while not (told.done() or await somebody_waits(store)):
            await asyncio.wait([told], timeout=0.01)

    with pytest.raises(OvertakenError if first == "withdrawn" else ErasedError):
        await told
    _, events = await read_consent_events(store, anna)
    assert [entry.record["state"] for entry in events] == ["withdrawn"] * (first == "withdrawn")


async def test_a_permission_to_a_text_that_nobody_kept_is_none(store: Store, anna: str) -> None:
    with pytest.raises(BadInputError) as refused:
        await report(store, anna, replace(YES, shown=replace(SHOWN, sha256="0" * 64)))

    assert refused.value.field == "notice_sha256"


async def test_nothing_is_reported_of_who_is_erased(store: Store, anna: str) -> None:
    await erase_shopper(store, anna, (), NOW)

    with pytest.raises(ErasedError):
        await report(store, anna, YES)


async def test_a_wish_in_force_for_longer_stands_for_a_shorter_one(store: Store, anna: str) -> None:
    async def add(days: int | None) -> str:
        lasts = None if days is None else timedelta(days=days)
        wish = Unwanted("channel", "email", "unsubscribed", lasts)
        return await add_suppression(store, anna, wish, ("log",), NOW)

    week = await add(7)
    assert await add(3) == week
    for_good = await add(None)
    assert for_good != week
    assert await add(7) in {week, for_good}
    assert await add(None) == for_good
    assert len((await read_profile(store, anna, NOW)).suppressions) == 2
    assert await urgent(store) == [True]


async def test_a_history_has_every_ledger_in_the_order_of_time(store: Store, anna: str) -> None:
    await report(store, anna, YES)
    await add_suppression(store, anna, Unwanted("all", "", "law"), (), NOW + MINUTE)
    await report(store, anna, NO, DAY)

    _, whole = await read_history(store, anna, None, 10)
    assert [entry.kind for entry in whole] == ["consent", "suppression", "consent"]
    assert whole[0].record["notice_text"] == TEXT
    assert whole[2].record["notice_text"] is None
    for number in range(len(whole)):
        first = whole[number]
        _, rest = await read_history(store, anna, After(first.at, first.id), 10)
        assert rest == whole[number + 1 :]
    assert await read_history(store, anna, None, 2) == (anna, whole[:2])


async def test_a_history_has_own_words_while_they_are_kept(store: Store) -> None:
    async with store.begin() as session:
        await add_shopper_who_answered(session, "ben")

    _, entries = await read_history(store, "ben", None, 10)

    assert [e.record["own_words"] for e in entries if e.kind == "answer"] == ["it's for my sister"]
