"""What was said on a device before somebody signed in: asked about once, kept or deleted."""

from dataclasses import replace

import pytest

from preferences.conversation import Claimed, Closed, Decision, Disclosed, Erased, Put, Reason
from preferences.dialogue import claiming
from preferences.dialogue.respond import Said
from preferences.texts import LOCALES
from preferences.understanding import Heard, Reading
from tests.preferences.scenes import (
    DAY,
    GIVEN,
    POLICY,
    STOPPED,
    STRANGER,
    VOICE,
    a_candidate,
    a_scene,
    a_state,
    a_state_with,
    an_answer,
    an_ask,
    asking,
    opened,
    pressed,
    records,
    respond,
    said,
    texts,
    was_asked,
)


def test_it_is_asked_after_the_disclosure_and_before_any_question() -> None:
    state = a_state(
        claimable=STRANGER, disclosed=False, consents=GIVEN, candidates=(a_candidate(),)
    )

    turn = respond(opened(), state)

    assert texts(turn) == [VOICE.say("hello", "en"), VOICE.say("claim_ask", "en")]
    assert records(turn, Disclosed)
    assert [put.ask.kind for put in records(turn, Put)] == ["claim"]
    assert records(turn, Decision) == [
        Decision("opened", None, None, (Reason("claim_first"),), POLICY.version)
    ]


@pytest.mark.parametrize(
    "around",
    [{"suppressions": (STOPPED,)}, {"handed_off": True}, {"claimable": None}],
    ids=["left alone", "a person talks", "nothing to claim"],
)
def test_it_is_not_asked_where_nothing_may_be_or_there_is_nothing(
    around: dict[str, object],
) -> None:
    turn = respond(opened(), a_state(**{"claimable": STRANGER} | around))

    assert not records(turn, Put)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("option", "accepted"), [(0, True), (1, False)])
def test_a_button_keeps_it_or_deletes_it(locale: str, option: int, *, accepted: bool) -> None:
    ask = an_ask("claim", locale=locale)

    turn = respond(pressed(ask, option), a_state_with(ask))

    outcome = "answered" if accepted else "declined"
    assert turn.records == (Claimed(STRANGER, accepted=accepted), Closed(outcome))
    assert texts(turn) == [VOICE.say("claim_kept" if accepted else "claim_deleted", locale)]


@pytest.mark.parametrize(("words", "accepted"), [("yes please", True), ("no", False)])
def test_plain_words_do_the_same(words: str, *, accepted: bool) -> None:
    ask = an_ask("claim")

    turn = respond(Said(Heard(words)), a_state_with(ask))

    assert records(turn, Claimed) == [Claimed(STRANGER, accepted=accepted)]


def test_what_only_sounds_like_no_deletes_nothing() -> None:
    turn = respond(said("hardly worth the trouble", "deny"), a_state_with(an_ask("claim")))

    assert not records(turn, Claimed)
    assert records(turn, Closed) == [Closed("declined")]


def test_whoever_puts_it_off_is_left_with_it_undecided() -> None:
    turn = respond(said("not now", "pause"), a_state_with(an_ask("claim")))

    assert turn.records == (Closed("skipped"),)


def test_what_is_neither_is_asked_again_and_why_is_told() -> None:
    ask = an_ask("claim")
    unclear = respond(said("hm hm", "out_of_scope", 0.3), a_state_with(ask))
    why = respond(said("why do you ask", "ask_why"), a_state_with(ask))

    assert asking(unclear)[0].ask == ask.id
    assert texts(why) == [VOICE.say("claim_why", "en"), ask.wording]


def test_it_goes_on_in_another_language() -> None:
    ask = an_ask("claim")

    turn = respond(said("auf Deutsch bitte", "change_language"), a_state_with(ask))

    assert asking(turn)[0].text == VOICE.say("claim_ask", "de")
    assert [put.ask.begun for put in records(turn, Put)] == [ask.id]


def test_what_somebody_else_has_claimed_meanwhile_is_over() -> None:
    ask = an_ask("claim")

    turn = respond(pressed(ask, 0), a_state_with(ask, claimable=None))

    assert not records(turn, Claimed)
    assert records(turn, Closed) == [Closed("ignored")]
    assert claiming.answered(a_scene(a_state()), Reading("affirm", 1.0), permitted=True) is None


def test_what_was_said_elsewhere_is_corrected_only_by_whom_the_shop_vouched_for() -> None:
    elsewhere = replace(an_answer(), here=False)
    around = {"known": (elsewhere,), "consents": GIVEN}

    for verified in (True, False):
        turn = respond(said("that is wrong", "correct_data"), a_state(**around, verified=verified))
        assert bool(records(turn, Put)) is verified


def test_who_would_rather_not_say_has_decided_nothing() -> None:
    turn = respond(Said(Heard("prefiero no decirlo")), a_state_with(an_ask("claim", locale="es")))

    assert turn.records == (Closed("declined"),)


def test_who_has_everything_deleted_has_that_deleted_too_after_the_one_confirmation() -> None:
    asks = respond(said("delete all my data", "erase_data"), a_state_with(an_ask("claim")))
    assert not records(asks, Claimed)

    erase = an_ask("erase")
    gone = respond(pressed(erase, 0), a_state_with(erase, claimable=STRANGER))
    assert gone.records == (Claimed(STRANGER, accepted=False), Erased())
    kept = respond(pressed(erase, 1), a_state_with(erase, claimable=STRANGER))
    assert not records(kept, Claimed)


def test_who_put_it_off_is_not_asked_again_in_the_same_conversation() -> None:
    before = was_asked("skipped", DAY, kind="claim", here=True)

    turn = respond(opened(), a_state(claimable=STRANGER, asked=(before,)))

    assert not records(turn, Put)
    elsewhere = a_state(claimable=STRANGER, asked=(replace(before, here=False),))
    assert records(respond(opened(), elsewhere), Put)
