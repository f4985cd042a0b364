"""Something said unasked comes in between of a question: afterwards the question comes back."""

from dataclasses import replace

import pytest

from preferences.conversation import Answered, Ask, Closed, Consent, Put, Resting, Turn
from preferences.dialogue.asks import consent_ask, pick_ask
from preferences.dialogue.respond import Assistant
from tests.preferences.scenes import (
    CATALOGUE,
    DAY,
    GIVEN,
    NOW,
    POLICY,
    PURPOSE,
    QUESTIONS,
    VOICE,
    WITHDRAWN,
    a_scene,
    a_state,
    a_state_with,
    a_volunteered,
    an_ask,
    asked_for,
    asking,
    pressed,
    records,
    respond,
    said,
    texts,
)

GIFT = an_ask("question")
TEXT_ME = said("please text me instead", "answer", question="channel", value="sms")
LATER = {"turn": 9}
CONTACT = "contact_wishes"


def put(turn: Turn) -> Ask:
    (only,) = records(turn, Put)
    return only.ask


def read_back(ask: Ask = GIFT) -> Ask:
    """What is read back after the shopper said something else to an ask."""
    return put(respond(TEXT_ME, a_state_with(ask)))


def test_what_was_said_in_between_is_stored_and_the_question_comes_back() -> None:
    turn = respond(said("yes"), a_state_with(read_back(), **LATER))

    assert [kept.value for kept in records(turn, Answered)] == ["sms"]
    assert records(turn, Closed) == [Closed("answered")]
    back = put(turn)
    assert (back.wording, back.choices, back.about) == (GIFT.wording, GIFT.choices, GIFT.about)
    assert turn.replies[-1].ask == back.id


def test_it_is_the_same_question_still_so_it_costs_nothing() -> None:
    back = put(respond(said("yes"), a_state_with(read_back(), **LATER)))

    assert (back.begun, back.candidate) == (GIFT.id, GIFT.candidate)
    assert back.id != GIFT.id


def test_it_comes_back_as_well_when_the_other_thing_was_misread() -> None:
    turn = respond(said("no", "deny"), a_state_with(read_back(), **LATER))

    assert not records(turn, Answered)
    assert texts(turn) == [VOICE.say("not_noted", "en"), GIFT.wording]
    assert put(turn).begun == GIFT.id


def test_a_correction_of_what_was_read_back_keeps_the_question_in_mind() -> None:
    email = said("no, by email", "answer", question="channel", value="email")
    corrected = put(respond(email, a_state_with(read_back(), **LATER)))
    turn = respond(said("yes"), a_state_with(corrected, turn=11))

    assert [kept.value for kept in records(turn, Answered)] == ["email"]
    assert put(turn).begun == GIFT.id


def test_so_does_a_second_thing_said_in_between() -> None:
    other = said("the price counts", "answer", question="matters", value="price")
    second = put(respond(other, a_state_with(read_back(), **LATER)))
    turn = respond(said("yes"), a_state_with(second, turn=11))

    assert [kept.value for kept in records(turn, Answered)] == ["price"]
    assert put(turn).begun == GIFT.id


def test_permission_for_the_other_thing_is_asked_for_in_between() -> None:
    channel = QUESTIONS["channel"].model_copy(update={"purpose": CONTACT})
    catalogue = CATALOGUE.model_copy(update={"questions": QUESTIONS | {"channel": channel}})
    shop = Assistant(catalogue, VOICE, POLICY)

    notice = put(shop.respond(TEXT_ME, a_state_with(GIFT)))
    assert (notice.kind, notice.purpose) == ("consent", CONTACT)
    told = put(shop.respond(pressed(notice, 0), a_state_with(notice, consents=GIVEN, turn=9)))
    both = GIVEN | {CONTACT: Consent("event-9", "given")}
    turn = shop.respond(said("yes"), a_state_with(told, consents=both, turn=11))

    assert put(turn).begun == GIFT.id


def test_what_was_picked_before_is_not_lost() -> None:
    first = asked_for("matters")
    pressed_price = respond(pressed(first, 0), a_state_with(first))
    picking = put(pressed_price)
    told = read_back(picking)

    back = put(respond(said("yes"), a_state_with(told, **LATER)))

    assert {choice.label for choice in back.choices} == {choice.label for choice in picking.choices}
    assert (back.begun, back.pending) == (first.id, picking.pending)


def test_a_question_whose_answer_was_being_read_back_is_put_anew() -> None:
    back = put(respond(said("yes"), a_state_with(read_back(an_ask("confirm")), **LATER)))

    assert (back.kind, back.question, back.begun) == ("question", "gift_or_self", GIFT.id)
    assert back.pending is None


def test_in_another_language_it_comes_back_in_that() -> None:
    told = read_back()
    german = respond(said("auf deutsch bitte", "change_language"), a_state_with(told, **LATER))
    state = replace(a_state_with(put(german), turn=11), locale="de")

    turn = respond(said("nein", "deny"), state)

    assert texts(turn)[0] == VOICE.say("not_noted", "de")
    assert (put(turn).locale, put(turn).begun) == ("de", GIFT.id)


@pytest.mark.parametrize(
    "act", ["decline", "pause", "goodbye", "handoff", "sensitive_event", "stop"]
)
def test_it_does_not_come_back_to_somebody_who_would_rather_not(act: str) -> None:
    turn = respond(said("so", act), a_state_with(read_back(), **LATER))

    assert not asking(turn)


def test_it_does_not_come_back_after_a_day() -> None:
    state = a_state_with(read_back(), turn=9, now=NOW + DAY)

    assert not asking(respond(said("yes"), state))


@pytest.mark.parametrize(
    "rests",
    [
        Resting("gone", "talk.1"),
        None,
    ],
)
def test_a_question_that_is_gone_does_not_come_back(rests: Resting | None) -> None:
    told = replace(read_back(), pending=a_volunteered(rests=rests))

    turn = respond(said("yes"), a_state_with(told, **LATER))

    assert records(turn, Answered)
    assert not asking(turn)


def test_nor_one_that_may_not_be_kept_any_more() -> None:
    channel = QUESTIONS["channel"].model_copy(update={"purpose": CONTACT})
    catalogue = CATALOGUE.model_copy(update={"questions": QUESTIONS | {"channel": channel}})
    told = replace(read_back(), purpose=CONTACT)
    consents = WITHDRAWN | {CONTACT: Consent("event-9", "given")}

    turn = Assistant(catalogue, VOICE, POLICY).respond(
        said("yes"), a_state_with(told, consents=consents, **LATER)
    )

    assert records(turn, Answered)
    assert not asking(turn)


def test_a_notice_that_was_open_does_not_come_back() -> None:
    told = put(respond(TEXT_ME, a_state_with(consent_ask(a_scene(a_state()), PURPOSE))))

    assert told.pending is not None
    assert told.pending.rests is None


@pytest.mark.parametrize("act", ["deny", "dont_know", "no_preference"])
def test_nothing_more_to_pick_keeps_what_was_picked(act: str) -> None:
    first = asked_for("matters")
    picking = put(respond(pressed(first, 0), a_state_with(first)))

    turn = respond(said("no", act), a_state_with(picking, **LATER))

    assert picking == pick_ask(a_scene(a_state(turn=7)), first, picking.pending)
    assert [kept.value for kept in records(turn, Answered)] == [picking.pending.value]


@pytest.mark.parametrize("kind", ["question", "confirm", "consent"])
def test_a_goodbye_leaves_the_question_for_another_time(kind: str) -> None:
    turn = respond(said("bye", "goodbye"), a_state_with(an_ask(kind)))

    assert turn.records == (Closed("skipped"),)
    assert texts(turn) == [VOICE.say("goodbye", "en")]


def test_a_goodbye_deletes_nothing() -> None:
    turn = respond(said("bye", "goodbye"), a_state_with(an_ask("erase")))

    assert (texts(turn), turn.records) == ([VOICE.say("erase_kept", "en")], (Closed("answered"),))
