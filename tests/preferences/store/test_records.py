import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from preferences.conversation import Answered, Suppress, Suppression
from preferences.dialogue.respond import Said
from preferences.errors import NotFoundError, UnavailableError
from preferences.store.changes import read_changes
from preferences.store.conversations import Conversation
from preferences.store.corrections import correct_answer
from preferences.store.desk import Desk
from preferences.store.engine import Store
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.ledger import Act, append_consent
from preferences.store.records import write_records
from preferences.store.states import Need, read_ask, read_state
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    ConsentRow,
    ConversationRow,
    MessageRow,
    SuppressionRow,
)
from preferences.understanding import Guess, Heard
from tests.preferences.scenes import CATALOGUE, DAY, HOUR, NOW, POLICY, PURPOSE
from tests.preferences.store.shop import Shop


async def told(shop: Shop) -> list[tuple[str, Mapping[str, Any]]]:
    return [(change.type, change.detail) for change in await read_changes(shop.store, 0, 100)]


# What whoever mirrors the store is told


async def test_every_act_of_a_shopper_is_noted_once_without_a_value_or_words(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    words = await shop.gets(talk, "text", "a gift")
    for _ in range(2):
        await shop.answers(words)
    for text in ("stop", "start"):
        await shop.hears(talk, text)

    assert await told(shop) == [
        ("consent.given", {"purpose": PURPOSE}),
        ("preference.answered", {"question": "gift_or_self"}),
        ("consent.withdrawn", {"purpose": PURPOSE}),
        ("suppression.added", {"scope": "all", "target": ""}),
        ("suppression.lifted", {"scope": "all", "target": ""}),
    ]
    changes = await read_changes(shop.store, 0, 100)
    assert {change.shopper for change in changes} == {talk.shopper}


async def test_being_asked_is_nobodys_news_and_a_refusal_is(shop: Shop) -> None:
    talk, _ = await shop.asks_for_permission()
    assert await told(shop) == []

    await shop.hears(talk, "no", "deny")

    assert await told(shop) == [("consent.refused", {"purpose": PURPOSE})]


async def test_a_turn_that_changes_nothing_is_no_news(shop: Shop) -> None:
    await shop.hears(await shop.meets(), "hello", "greet")

    assert await told(shop) == []


# Wishes to be left alone


@pytest.mark.parametrize(
    ("scope", "target"),
    [("all", ""), ("channel", "whatsapp"), ("topic", "gift_or_self"), ("category", "clothes")],
)
async def test_a_wish_of_any_scope_is_kept_with_its_evidence_until_the_shopper_lifts_it(
    shop: Shop, scope: str, target: str
) -> None:
    talk = await shop.meets("4711")
    wish = Suppress(Suppression(scope, target, "shopper_muted"), days=30)
    desk = await at(shop, talk, "leave me alone")
    async with shop.store.begin() as session:
        await write_records(desk(session), [wish])

    (kept,) = await shop.rows(SuppressionRow)
    assert (kept.scope, kept.target, kept.reason) == (scope, target, "shopper_muted")
    assert (kept.source, kept.message_id) == ("shopper", "leave-me-alone")
    assert (kept.expires_at, kept.lifted_at, kept.lifted_by) == (NOW + 30 * DAY, None, None)
    assert await told(shop) == [("suppression.added", {"scope": scope, "target": target})]

    shop.waits(HOUR)
    start = await shop.gets(talk, "text", "start", message_id="start-again")
    await shop.answers(start)
    (lifted,) = await shop.rows(SuppressionRow)
    assert (lifted.lifted_at, lifted.lifted_by) == (NOW + HOUR, "shopper:start-again")


async def test_what_has_expired_is_not_lifted_again(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await shop.hears(talk, "this is a scandal", "complaint")
    shop.waits(400 * DAY)

    await shop.hears(talk, "start")

    (row,) = await shop.rows(SuppressionRow)
    assert (row.source, row.reason, row.lifted_at) == ("assistant", "complaint", None)


async def at(shop: Shop, talk: Conversation, text: str) -> Any:
    """Stand where a turn is written, with the state of this moment."""
    received = await shop.gets(talk, "text", text, message_id=re.sub(r"\W", "-", text))
    async with shop.store.begin(readonly=True) as session:
        row = await session.get_one(ConversationRow, talk.id)
        ask = await read_ask(session, row)
        state = await read_state(
            session,
            row,
            ask,
            Need(occasion=False, knowledge=False),
            turn=received.seq,
            now=shop.now,
            catalogue=CATALOGUE,
            policy=POLICY,
        )
        inbound = await session.get_one(MessageRow, (talk.id, received.seq))
    return lambda session: Desk(session, row, inbound, state, CATALOGUE, shop.destinations)


# A permission that is taken back in the middle of a turn


async def test_no_answer_is_kept_under_a_permission_that_was_taken_back_meanwhile(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_the_question()
    desk = await at(shop, talk, "a gift")
    heard = Heard("a gift", (Guess("answer", 0.95, "gift_or_self", "gift"),))
    async with shop.store.begin() as session:
        turn = shop.assistant.respond(Said(heard), desk(session).state)
    await withdrawn_elsewhere(shop.store, talk.shopper)

    with pytest.raises(UnavailableError, match="take the turn once more"):
        async with shop.store.begin() as session:
            await write_records(desk(session), turn.records)

    assert await shop.rows(AnswerRow) == []
    replies = await shop.hears(talk, "a gift", "answer", "gift")
    assert replies[-1]["kind"] == "consent"
    assert await shop.rows(AnswerRow) == []


async def withdrawn_elsewhere(store: Store, shopper: str) -> None:
    async with store.begin() as session:
        act = Act(
            purpose=PURPOSE,
            state="withdrawn",
            method="api",
            actor="shop",
            assurance="verified",
            locale="en",
            channel="api",
            idempotency_key="elsewhere",
            occurred_at=NOW,
        )
        await append_consent(session, shopper, act)


# Nothing is declared but what a shopper said

ON_PAGE = "(on the page)"


async def corrects_all(shop: Shop, talk: Conversation, value: str) -> None:
    """Press what corrects an answer, of every row that there is; of a shop's fact it is refused."""
    for row in await shop.rows(AnswerRow):
        with suppress(NotFoundError):
            corrected = (row.id, value)
            await correct_answer(shop.store, talk.shopper, corrected, CATALOGUE, ("log",), shop.now)


def test_three_modules_write_answers_and_each_is_tried_below() -> None:
    root = Path(__file__).parents[3]
    sources = [file for top in ("actions", "bot", "preferences", "sync")
               for file in (root / top).rglob("*.py")]  # fmt: skip
    writers = {
        file.stem for file in sources if re.search(r"(?<!class )\bAnswerRow\(", file.read_text())
    }

    assert writers == {"records", "corrections", "facts"}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    said=st.lists(
        st.tuples(
            st.sampled_from(
                ["a gift", "for me", "yes", "no", "stop", "start", "perhaps, who knows", ON_PAGE]
            ),
            st.sampled_from(["", "answer", "affirm", "deny", "out_of_scope", "unsure"]),
            st.sampled_from(["gift", "self", ""]),
        ),
        max_size=6,
    ),
    facts=st.lists(
        st.tuples(st.sampled_from(["imported", "observed"]), st.sampled_from(["gift", "self"])),
        max_size=3,
    ),
)
async def test_whatever_is_said_and_told_only_the_shoppers_own_words_are_declared(
    store: Store, said: list[tuple[str, str, str]], facts: list[tuple[Any, str]]
) -> None:
    shop = Shop(store)
    talk = await shop.meets()
    for number, (kind, value) in enumerate(facts):
        fact = Fact(kind, "gift_or_self", value, "crm", NOW)
        telling = Telling(talk.shopper, [fact], f"{talk.id}/{number}")
        await add_facts(store, telling, CATALOGUE, ["log"], NOW)
    for text, act, value in said:
        if text == ON_PAGE:
            await corrects_all(shop, talk, value or "self")
        else:
            await shop.hears(talk, text, act, value)

    async with store.begin(readonly=True) as session:
        query = select(AnswerRow).where(AnswerRow.shopper_id == talk.shopper)
        answers = (await session.exec(query)).all()
        spoken = select(MessageRow.message_id).where(
            MessageRow.conversation_id == talk.id, MessageRow.author == "shopper"
        )
        messages = set((await session.exec(spoken)).all())
        events = {row.id: row for row in (await session.exec(select(ConsentEventRow))).all()}
    declared = [row for row in answers if row.kind == "declared"]
    assert sorted(row.value for row in answers if row.kind != "declared") == sorted(
        value for _, value in facts
    )
    said_here = messages | {f"corrects:{row.id}" for row in declared}
    for row in declared:
        assert (row.source, row.message_id in said_here) == ("shopper", True)
        basis = events[row.consent_id or ""]
        assert (basis.state, basis.purpose) == ("given", row.purpose)
        assert basis.occurred_at <= row.answered_at


@pytest.mark.parametrize(
    "forged",
    [
        {"source": "model"},
        {"consent_id": None},
        {"message_id": ""},
        {"kind": "guessed", "source": "model"},
    ],
)
async def test_the_database_takes_nothing_as_declared_that_no_shopper_said(
    shop: Shop, forged: dict[str, Any]
) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")
    (answer,) = await shop.rows(AnswerRow)
    other = AnswerRow(**answer.model_dump() | {"id": "other", "ask_id": None} | forged)

    with pytest.raises(IntegrityError, match="answer_"):
        async with shop.store.begin() as session:
            session.add(other)


# How long an answer is relied on


@pytest.mark.parametrize(("polarity", "days"), [("wants", 180), ("does_not_want", None)])
async def test_an_answer_is_relied_on_for_its_half_life_and_a_no_for_ever(
    shop: Shop, polarity: str, days: int | None
) -> None:
    question = CATALOGUE.questions["gift_or_self"].model_copy(update={"half_life_days": 180})
    catalogue = CATALOGUE.model_copy(
        update={"questions": {**CATALOGUE.questions, question.id: question}}
    )
    talk, _ = await shop.asks_the_question()
    desk = await at(shop, talk, "a gift")
    async with shop.store.begin() as session:
        here = replace(desk(session), catalogue=catalogue)
        answer = Answered(here.state.ask, "gift", {"polarity": polarity}, None, 0.9)
        await write_records(here, [answer])

    (kept,) = await shop.rows(AnswerRow)
    assert kept.fresh_until == (None if days is None else NOW + days * DAY)


# The current view is the fold of the ledger


async def test_the_view_is_the_fold_of_the_events_after_any_life(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    for text in ("a gift", "stop", "start"):
        await shop.hears(talk, text)
    async with shop.store.begin(readonly=True) as session:
        query = select(ConsentEventRow).order_by(col(ConsentEventRow.seq))
        events = (await session.exec(query)).all()

    folded = {row.purpose: (row.id, row.state) for row in events if row.state != "requested"}
    views = await shop.rows(ConsentRow)
    assert {row.purpose: (row.event_id, row.state) for row in views} == folded
