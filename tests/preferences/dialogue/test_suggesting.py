"""One tap beside a question or a suggestion: kept for a time, respected, and thanked for."""

from dataclasses import replace
from typing import Any

import pytest

from preferences.catalogue import load_catalogue
from preferences.conversation import (
    Ask,
    Choice,
    Closed,
    Promised,
    Suggested,
    Suppress,
    Suppression,
    Turn,
)
from preferences.dialogue.asks import candidate_ask
from preferences.dialogue.respond import Assistant, Pressed
from preferences.texts import LOCALES
from tests.preferences.dialogue.test_giving import POINTS, TIP, giving
from tests.preferences.scenes import (
    CATALOGUE,
    DAY,
    NOW,
    POLICY,
    VOICE,
    a_candidate,
    a_scene,
    a_state,
    a_state_with,
    an_ask,
    pressed,
    records,
    respond,
    said,
    texts,
)

QUESTION = an_ask("question")


def suggested(turn: Turn) -> Ask:
    (record,) = records(turn, Suggested)
    return record.ask


def tap(name: str, **around: Any) -> Turn:
    """The shopper answered, and taps one of the two buttons under the tip."""
    under = suggested(respond(pressed(QUESTION, 0), a_state_with(QUESTION)))
    (choice,) = [one for one in under.choices if one.act == name]
    return respond(Pressed(choice, under), a_state(turn=8, **around))


def test_a_tip_has_two_taps_under_it_and_nothing_is_open() -> None:
    turn = respond(pressed(QUESTION, 0), a_state_with(QUESTION))

    under = suggested(turn)
    (reply,) = turn.replies
    assert (reply.kind, reply.ask, reply.choices) == ("say", under.id, under.choices)
    assert [choice.label for choice in under.choices] == ["Tip not for me", "No more tips"]
    assert (under.kind, under.begun) == ("suggestion", QUESTION.id)
    assert Closed("answered") in turn.records


@pytest.mark.parametrize(
    ("name", "topic", "reason", "days"),
    [
        ("tip_not_relevant", "tips_gift_or_self", "not_relevant", POLICY.days_after_not_relevant),
        ("tips_mute", "tips", "shopper_muted", POLICY.days_muted),
    ],
)
def test_a_tap_is_kept_for_a_time_and_thanked_for(
    name: str, topic: str, reason: str, days: int
) -> None:
    turn = tap(name)

    assert turn.records == (Suppress(Suppression("topic", topic, reason), days),)
    (thanks,) = texts(turn)
    assert "thank" in thanks.lower()


def test_a_tap_leaves_what_is_open_as_it_is() -> None:
    turn = tap("tips_mute", ask=QUESTION, consents=a_state_with(QUESTION).consents)

    assert not records(turn, Closed)
    assert len(turn.replies) == 1


def test_a_tap_is_kept_while_a_person_talks_and_nothing_is_said() -> None:
    turn = tap("tips_mute", handed_off=True)

    assert (len(turn.records), turn.replies) == (1, ())


@pytest.mark.parametrize("topic", ["tips", "tips_gift_or_self"])
def test_what_was_muted_is_not_suggested_any_more(topic: str) -> None:
    quiet = (Suppression("topic", topic, "shopper_muted"),)
    state = a_state_with(QUESTION, suppressions=quiet)

    turn = respond(pressed(QUESTION, 0), state)

    assert "tip" not in texts(turn)[0].lower()
    assert not records(turn, Suggested)
    assert not turn.replies[0].choices


def test_another_tip_is_still_given() -> None:
    quiet = (Suppression("topic", "tips_size_fit", "not_relevant"),)

    turn = respond(pressed(QUESTION, 0), a_state_with(QUESTION, suppressions=quiet))

    assert records(turn, Suggested)


def test_a_promise_is_kept_though_no_tips_are_wanted() -> None:
    quiet = (Suppression("topic", "tips", "shopper_muted"),)
    state = a_state_with(QUESTION, suppressions=quiet)

    assert records(giving(POINTS).respond(pressed(QUESTION, 0), state), Promised)
    assert len(giving(TIP).respond(pressed(QUESTION, 0), state).replies) == 1


def test_a_question_is_muted_by_one_tap() -> None:
    at = [choice.act for choice in QUESTION.choices].index("mute")

    turn = respond(pressed(QUESTION, at), a_state_with(QUESTION))

    muted = Suppression("topic", "gift_or_self", "shopper_muted")
    assert turn.records == (Closed("declined", "muted"), Suppress(muted, POLICY.days_muted))
    (thanks,) = texts(turn)
    assert thanks in VOICE.pages["en"]["muted"]


def test_a_muted_question_is_not_asked() -> None:
    muted = Suppression("topic", "gift_or_self", "shopper_muted")
    state = a_state(suppressions=(muted,), candidates=(a_candidate(),))

    assert not respond(said("hello", "greet"), state).records


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("act", ["not_relevant", "already_sorted"])
def test_a_need_is_closed_by_one_tap_in_every_language(locale: str, act: str) -> None:
    catalogue = load_catalogue()
    question = catalogue.questions["motivation_pets"]
    scene = replace(a_scene(a_state(turn=5, locale=locale)), catalogue=catalogue)
    ask = candidate_ask(scene, question, a_candidate(question="motivation_pets"))
    (choice,) = [one for one in ask.choices if one.act == act]

    shop = Assistant(catalogue, VOICE, POLICY)
    turn = shop.respond(Pressed(choice), a_state_with(ask))

    (kept,) = records(turn, Suppress)
    assert kept.suppression == Suppression("category", "pets", act)
    assert kept.days == POLICY.days_after_not_relevant == POLICY.days_after_already_sorted
    assert choice.label == VOICE.say(f"{act}_label", locale)
    written = shop.respond(said(choice.label), a_state_with(ask))
    assert records(written, Suppress) == [kept]


def test_the_answers_and_the_way_out_stand_together_and_the_taps_behind_them() -> None:
    for question in load_catalogue().questions.values():
        ask = candidate_ask(a_scene(a_state()), question, a_candidate(question=question.id))
        acts = [choice.act for choice in ask.choices]
        answers = acts.index("decline")
        assert ask.choices[answers] == Choice("Rather not say", act="decline")
        assert acts[answers:] == ["decline", *question.taps], question.id
        assert all(choice.value for choice in ask.choices[:answers])
        assert len(ask.choices) <= 10


def test_every_label_fits_where_channels_cut_them_off() -> None:
    names = ("mute", "not_relevant", "already_sorted", "tip_not_relevant", "tips_mute")
    labels = [VOICE.say(f"{name}_label", locale) for name in names for locale in LOCALES]
    assert all(len(label) <= 18 for label in labels), labels
    assert len(set(labels)) == len(labels)


def test_the_questions_of_the_tests_have_what_those_of_a_shop_have() -> None:
    assert CATALOGUE.questions["matters"].taps == ["mute"]


AGO = [
    pytest.param(0, False, id="today"),
    pytest.param(POLICY.days_between_same_tip, True, id="long ago"),
]


@pytest.mark.parametrize(("days", "again"), AGO)
def test_the_same_tip_is_not_told_again_for_a_time_and_thanks_are(
    days: int, *, again: bool
) -> None:
    first = respond(pressed(QUESTION, 0), a_state_with(QUESTION))
    told = ((suggested(first).wording, NOW - days * DAY),)

    turn = respond(pressed(QUESTION, 0), a_state_with(QUESTION, tips=told))

    assert bool(records(turn, Suggested)) is again
    assert texts(turn)[0] in texts(first)[0]
    assert (texts(turn) == texts(first)) is again


def test_another_tip_is_told_though_one_was() -> None:
    told = ((suggested(respond(pressed(QUESTION, 0), a_state_with(QUESTION))).wording, NOW),)

    assert records(respond(pressed(QUESTION, 1), a_state_with(QUESTION, tips=told)), Suggested)


@pytest.mark.parametrize(("days", "again"), AGO)
def test_what_is_given_beside_is_not_repeated_either(days: int, *, again: bool) -> None:
    first = giving(TIP).respond(said("no pets", "not_relevant"), a_state_with(QUESTION))
    told = ((suggested(first).wording, NOW - days * DAY),)

    turn = giving(TIP).respond(said("no", "not_relevant"), a_state_with(QUESTION, tips=told))

    assert texts(first)[-1] == "A tip, whatever you said."
    assert [choice.act for choice in first.replies[-1].choices] == ["tip_not_relevant", "tips_mute"]
    assert ("A tip, whatever you said." in texts(turn)) is again


def test_two_tips_in_one_turn_have_the_taps_once() -> None:
    turn = giving(TIP).respond(pressed(QUESTION, 0), a_state_with(QUESTION))

    assert [bool(reply.choices) for reply in turn.replies] == [True, False]
    assert len({record.ask.id for record in records(turn, Suggested)}) == 2


def test_a_promise_is_given_each_time() -> None:
    told = (("20 points, whatever you said.", NOW),)

    turn = giving(POINTS).respond(pressed(QUESTION, 0), a_state_with(QUESTION, tips=told))

    assert records(turn, Promised)
