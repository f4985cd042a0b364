"""An invitation to bring a friend: terms first, one tap, and a link only after a yes."""

from dataclasses import replace

import pytest

from preferences.choosing.renewing import NOTHING
from preferences.conversation import (
    Ask,
    Candidate,
    Closed,
    Decision,
    Invited,
    Put,
    Suppress,
    Suppression,
    Turn,
)
from preferences.dialogue.inviting import invite_ask
from preferences.dialogue.respond import Assistant, Message
from preferences.dialogue.scene import Scene
from preferences.errors import CatalogueError
from preferences.texts import LOCALES
from tests.preferences.scenes import (
    CATALOGUE,
    DAY,
    GIVEN,
    INVITING,
    NOW,
    POLICY,
    VOICE,
    a_candidate,
    a_state,
    a_state_with,
    an_ask,
    opened,
    pressed,
    records,
    respond,
    said,
    texts,
    was_asked,
)

GLAD = Candidate("enthusiasm:referral", "referral", NOTHING, "enthusiasm", NOW - DAY)
INVITE = an_ask("invite")


def answered(message: Message) -> Turn:
    return respond(message, a_state_with(INVITE))


def put(turn: Turn) -> list[Ask]:
    return [record.ask for record in records(turn, Put)]


@pytest.mark.parametrize("locale", LOCALES)
def test_the_terms_are_told_in_three_sentences_and_no_link(locale: str) -> None:
    turn = respond(opened(), a_state(candidates=(GLAD,), locale=locale))

    (ask,) = put(turn)
    assert (ask.kind, ask.question, ask.purpose) == ("invite", "referral", "")
    assert texts(turn) == [" ".join(INVITING.terms[locale])]
    assert "http" not in texts(turn)[0]
    assert [choice.act for choice in ask.choices] == ["affirm", "decline"]
    assert turn.replies[0].choices == ask.choices


def test_an_invitation_and_a_question_never_stand_together() -> None:
    odd = a_candidate()

    turn = respond(opened(), a_state(candidates=(GLAD, odd), consents=GIVEN))

    assert [ask.question for ask in put(turn)] == ["gift_or_self"]
    assert all(INVITING.terms["en"][0] not in text for text in texts(turn))


def test_after_an_answer_nobody_is_invited_in_the_same_turn() -> None:
    ask = an_ask("question")

    turn = respond(pressed(ask, 0), a_state_with(ask, candidates=(GLAD,)))

    assert not put(turn)


def test_as_delivered_nobody_is_invited() -> None:
    off = INVITING.model_copy(update={"enabled": False})
    for page in (off, None):
        turn = Assistant(CATALOGUE, VOICE, POLICY, page).respond(
            opened(), a_state(candidates=(GLAD,))
        )
        assert not put(turn)
        (decision,) = records(turn, Decision)
        assert [reason.code for reason in decision.reasons] == ["question_unknown"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (was_asked("answered", DAY), "week_budget_used"),
        (was_asked("declined", 2 * DAY, kind="invite"), "week_budget_used"),
        (replace(was_asked("declined", 100 * DAY, kind="invite"), question="referral"),
         "was_declined"),
    ],
)  # fmt: skip
def test_it_counts_in_the_budget_like_a_question(asked: object, reason: str) -> None:
    turn = respond(opened(), a_state(candidates=(GLAD,), asked=(asked,)))

    (decision,) = records(turn, Decision)
    assert reason in {one.code for one in decision.reasons}
    assert not put(turn)


def test_and_a_question_after_it_finds_the_budget_used() -> None:
    invited = replace(was_asked("answered", DAY, kind="invite"), question="referral")

    turn = respond(opened(), a_state(candidates=(a_candidate(),), consents=GIVEN, asked=(invited,)))

    assert not put(turn)


@pytest.mark.parametrize(
    "quiet",
    [
        Suppression("all", "", "complaint"),
        Suppression("all", "", "return"),
        Suppression("all", "", "sensitive_moment"),
        Suppression("topic", "referral", "not_relevant"),
        Suppression("channel", "web", "shopper_left_channel"),
    ],
)
def test_whatever_forbids_a_question_forbids_it(quiet: Suppression) -> None:
    turn = respond(opened(), a_state(candidates=(GLAD,), suppressions=(quiet,)))

    assert not put(turn)


@pytest.mark.parametrize(
    "message", [pressed(INVITE, 0), said("yes", "affirm"), said("Get my link")]
)
def test_a_yes_gives_the_link_and_every_way_to_share_it(message: Message) -> None:
    turn = answered(message)

    assert turn.records == (
        Invited("AAAAAAAA-BBBBB", INVITING.promotion_days),
        Closed("answered"),
    )
    _, words = turn.replies
    assert words.text.endswith("https://shop.example/friend/AAAAAAAA-BBBBB")
    assert [link.way for link in words.links] == [
        "copy", "mail", "whatsapp", "messenger", "sms", "sheet",
    ]  # fmt: skip
    assert all(link.label and "AAAAAAAA-BBBBB" in link.target for link in words.links)


@pytest.mark.parametrize(
    "message", [pressed(INVITE, 1), said("no", "deny"), said("no thanks", "decline")]
)
def test_a_no_is_met_as_kindly_as_any(message: Message) -> None:
    turn = answered(message)

    assert turn.records == (Closed("declined"),)
    assert "thank" in texts(turn)[0].lower()


@pytest.mark.parametrize("words", ["maybe", "what do my friends get?", "who are you"])
def test_what_is_no_plain_yes_gives_no_link(words: str) -> None:
    turn = answered(said(words))

    assert not records(turn, Invited)
    assert all("friend/" not in text for text in texts(turn))


def test_not_relevant_is_not_offered_again_for_a_time() -> None:
    turn = answered(said("not relevant", "not_relevant"))

    quiet = Suppression("topic", "referral", "not_relevant")
    assert records(turn, Suppress) == [Suppress(quiet, POLICY.days_after_not_relevant)]


def test_why_is_answered_and_it_stands_again() -> None:
    turn = answered(said("why do you ask?", "ask_why"))

    assert texts(turn) == [VOICE.say("invite_why", "en"), INVITE.wording]
    assert turn.replies[-1].choices == INVITE.choices


def test_an_invitation_of_which_the_shop_thought_better_is_over() -> None:
    off = INVITING.model_copy(update={"enabled": False})

    turn = Assistant(CATALOGUE, VOICE, POLICY, off).respond(
        pressed(INVITE, 0), a_state_with(INVITE)
    )

    assert Closed("ignored") in turn.records
    assert not records(turn, Invited)


def test_a_yes_to_an_invitation_whose_code_is_gone_gives_no_link() -> None:
    turn = respond(pressed(INVITE, 0), a_state_with(INVITE, invitation=None))

    assert Closed("ignored") in turn.records
    assert not records(turn, Invited)
    assert texts(turn) == [VOICE.say("acknowledged", "en")]


def test_whoever_words_an_invitation_without_its_page_is_told_which_to_load() -> None:
    scene = Scene(a_state(), CATALOGUE, VOICE, POLICY)

    with pytest.raises(CatalogueError, match=r"load referral\.yml"):
        invite_ask(scene, None)


def test_stop_ends_it_too() -> None:
    turn = answered(said("stop", "stop"))

    assert Closed("withdrawn", "stopped") in turn.records
    assert not records(turn, Invited)
