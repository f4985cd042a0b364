import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from preferences.catalogue import Catalogue
from preferences.conversation import (
    Answered,
    Ask,
    Asked,
    AskKind,
    Choice,
    Closed,
    ConsentAct,
    Decision,
    Disclosed,
    Erased,
    HandedOff,
    Lifted,
    Outcome,
    Put,
    Reason,
    Reply,
    State,
    Suppress,
    Suppression,
    Turn,
    Unclear,
)
from preferences.dialogue.respond import Assistant, Happened, Pressed
from preferences.texts import LOCALES
from tests.preferences.scenes import (
    ASSISTANT,
    CATALOGUE,
    DAY,
    GIVEN,
    HOUR,
    MINUTE,
    NOW,
    OPEN_KINDS,
    POLICY,
    PURPOSE,
    REFUSED,
    STOPPED,
    VOICE,
    WITHDRAWN,
    a_candidate,
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

QUESTION, CONSENT, ERASE = an_ask("question"), an_ask("consent"), an_ask("erase")


def follows(state: State, turn: Turn, *, later: timedelta = MINUTE) -> State:
    """The state that the store would read after a turn: what the next message meets."""
    ask, asked = state.ask, state.asked
    for closed in records(turn, Closed):
        asked = tuple(
            replace(one, outcome=closed.outcome) if one.outcome is None else one for one in asked
        )
        ask = None
    for put in records(turn, Put):
        ask = put.ask
        asked += (Asked(ask.kind, ask.question, ask.purpose, ask.asked_at, None, here=True),)
    consents = {
        act.purpose: replace(GIVEN[PURPOSE], state=act.state) for act in records(turn, ConsentAct)
    }
    counts = [record.count for record in records(turn, Unclear)]
    return replace(
        state,
        now=state.now + later,
        turn=state.turn + 2,
        spoken=state.spoken + 1,
        ask=ask,
        asked=asked,
        disclosed=state.disclosed or bool(records(turn, Disclosed)),
        consents={**state.consents, **consents},
        unclear=counts[-1] if counts else state.unclear,
        suppressions=state.suppressions + tuple(act.suppression for act in records(turn, Suppress)),
    )


def test_a_purchase_that_does_not_fit_leads_by_a_permission_to_one_question_and_an_answer() -> None:
    state = a_state(disclosed=False, candidates=(a_candidate(),))

    asks = respond(Happened("purchased"), state)
    assert [reply.kind for reply in asks.replies] == ["say", "consent"]

    state = follows(state, asks)
    assert state.ask is not None
    permitted = respond(pressed(state.ask, 0), state)
    assert [reply.kind for reply in permitted.replies] == ["say", "question"]
    assert "Summer dress" in permitted.replies[1].text

    state = follows(state, permitted)
    answered = respond(
        said("for my sister", "answer", question="gift_or_self", value="gift"), state
    )
    assert [answer.value for answer in records(answered, Answered)] == ["gift"]
    assert [reply.kind for reply in answered.replies] == ["say"]

    state = follows(state, answered)
    assert respond(opened(), state).replies == ()


# Occasions


def test_with_a_permission_in_force_the_question_comes_at_once() -> None:
    turn = respond(opened(), a_state(consents=GIVEN, candidates=(a_candidate(),)))

    assert [reply.kind for reply in turn.replies] == ["question"]


@pytest.mark.parametrize("consents", [{}, REFUSED, WITHDRAWN])
def test_without_one_the_permission_is_asked_for_first(consents: dict[str, object]) -> None:
    turn = respond(opened(), a_state(consents=consents, candidates=(a_candidate(),)))

    assert [put.ask.kind for put in records(turn, Put)] == ["consent"]


def test_who_opens_the_chat_for_the_first_time_without_an_occasion_hears_what_it_can_do() -> None:
    turn = respond(opened(), a_state(disclosed=False))

    assert texts(turn) == [VOICE.say("hello", "en"), VOICE.say("offer", "en")]


def test_who_opens_it_again_is_left_in_peace() -> None:
    turn = respond(opened(), a_state())

    assert turn.replies == ()
    assert records(turn, Decision)[0].reasons == (Reason("nothing_to_ask"),)


def test_a_purchase_without_an_occasion_is_no_reason_to_speak() -> None:
    assert respond(Happened("purchased"), a_state(disclosed=False)).replies == ()


@pytest.mark.parametrize("kind", ["question", "consent", "erase"])
def test_what_is_open_stays_open_while_something_else_happens(kind: AskKind) -> None:
    turn = respond(opened(), a_state_with(an_ask(kind)))

    assert turn.replies == ()
    assert not records(turn, Closed)


# Buttons


def test_the_way_out_stands_right_behind_the_answers() -> None:
    assert QUESTION.choices[3] == Choice("Rather not say", act="decline")


@pytest.mark.parametrize("reason", ["misfit:audience+recipient", "misfit:price", "welcome"])
def test_why_a_purchase_made_it_worth_asking_is_not_in_the_words_of_the_question(
    reason: str,
) -> None:
    found = replace(a_candidate(), reason=reason)
    turn = respond(
        opened(),
        a_state(consents=GIVEN, candidates=(found,), asked=(was_asked("answered", 60 * DAY),)),
    )

    [question] = asking(turn)
    wording = CATALOGUE.questions["gift_or_self"].wording["en"]
    assert question.text == VOICE.fill(wording, product=found.about.product)


def test_the_first_two_buttons_change_places_from_shopper_to_shopper_and_the_others_do_not() -> (
    None
):
    orders = {
        tuple(one.value or one.act for one in an_ask("question", shopper=f"shopper-{n}").choices)
        for n in range(20)
    }

    assert orders == {
        ("gift", "self", "household", "decline", "mute"),
        ("self", "gift", "household", "decline", "mute"),
    }


def test_a_question_that_does_not_rotate_keeps_its_order() -> None:
    fixed = CATALOGUE.questions["gift_or_self"].model_copy(update={"rotate": False})
    shop = Assistant(CATALOGUE.model_copy(update={"questions": {fixed.id: fixed}}), VOICE, POLICY)

    for shopper in ("a", "b", "c", "d", "e", "f"):
        state = a_state(shopper=shopper, consents=GIVEN, candidates=(a_candidate(),))
        (question,) = shop.respond(opened(), state).replies
        assert question.choices[0].value == "gift"


@pytest.mark.parametrize("locale", LOCALES)
def test_permission_is_asked_for_with_two_buttons_of_equal_rank(locale: str) -> None:
    assert [choice.act for choice in an_ask("consent", locale=locale).choices] == ["affirm", "deny"]


def test_a_pressed_option_is_kept_without_words_and_answered_with_thanks_and_something_back() -> (
    None
):
    option = CATALOGUE.questions["gift_or_self"].option("household")
    position = [choice.value for choice in QUESTION.choices].index("household")

    turn = respond(pressed(QUESTION, position), a_state_with(QUESTION))

    assert records(turn, Answered) == [Answered(QUESTION, "household", {}, None, 1.0)]
    assert texts(turn) == [f"{option.reply['en']} {option.give['en']}"]


def test_a_button_of_yesterday_still_answers_what_is_open() -> None:
    state = a_state_with(replace(QUESTION, asked_at=NOW - DAY))

    assert records(respond(pressed(QUESTION, 0), state), Answered)


@pytest.mark.parametrize("state", [a_state(), a_state_with(QUESTION)])
def test_a_button_that_is_not_open_any_more_changes_nothing(state: State) -> None:
    turn = respond(Pressed(None), state)

    assert (texts(turn), turn.records) == ([VOICE.say("acknowledged", "en")], ())


def test_an_option_that_the_catalogue_has_no_more_is_asked_again() -> None:
    gone = replace(QUESTION, choices=(Choice("A loan", "loan"), *QUESTION.choices))

    turn = respond(pressed(gone, 0), a_state_with(gone))

    assert not records(turn, Answered)
    assert asking(turn)[0].ask == gone.id


@pytest.mark.parametrize("kind", ["question", "consent"])
def test_what_the_catalogue_asks_no_more_is_closed_and_not_spoken_of(kind: AskKind) -> None:
    bare = Assistant(Catalogue(questions={}, purposes={}), VOICE, POLICY)
    ask = an_ask(kind)

    for message in (pressed(ask, 0), said("why?", "ask_why"), said("yes", "affirm"), opened()):
        turn = bare.respond(message, a_state_with(ask))
        assert records(turn, Closed) == [Closed("ignored")]
        assert not asking(turn)


# Answers in words


def test_words_that_answer_are_kept_with_what_was_found_in_them() -> None:
    words = said("for my sister's birthday", "answer", 0.8, question="gift_or_self", value="gift")
    heard = replace(words.heard, entities={"relation": "sister", "occasion": "birthday"})

    turn = respond(replace(words, heard=heard), a_state_with(QUESTION))

    detail = {"relation": "sister", "occasion": "birthday"}
    (kept,) = records(turn, Answered)
    assert (kept.ask, kept.value, kept.detail) == (QUESTION, "gift", detail)
    assert kept.words == "for my sister's birthday"
    assert turn.records[1] == Closed("answered")


@pytest.mark.parametrize("consents", [{}, REFUSED, WITHDRAWN])
def test_an_answer_that_comes_after_permission_was_withdrawn_elsewhere_is_not_kept(
    consents: dict[str, object],
) -> None:
    turn = respond(pressed(QUESTION, 0), a_state_with(QUESTION, consents=consents))

    assert turn.records == (Closed("withdrawn"),)
    assert texts(turn) == [VOICE.say("acknowledged", "en")]


def test_after_a_stop_elsewhere_what_is_open_here_is_closed_and_not_asked_again() -> None:
    turn = respond(said("hello", "greet"), a_state_with(QUESTION, suppressions=(STOPPED,)))

    assert turn.records == (Closed("withdrawn"),)
    assert texts(turn) == [VOICE.say("greeting", "en")]


@pytest.mark.parametrize(
    ("act", "outcome", "occasion"),
    [
        ("decline", "declined", "declined"),
        ("deny", "declined", "declined"),
        ("pause", "skipped", "skipped"),
        ("dont_know", "dont_know", "dont_know"),
        ("no_preference", "no_preference", "no_preference"),
        ("not_relevant", "not_relevant", "not_relevant"),
        ("already_sorted", "already_sorted", "already_sorted"),
    ],
)
def test_each_way_not_to_answer_is_remembered_as_what_it_is(
    act: str, outcome: Outcome, occasion: str
) -> None:
    turn = respond(said("well", act), a_state_with(QUESTION))

    left = Suppress(Suppression("topic", "gift_or_self", outcome), 180)
    lasting = [left] if outcome in {"not_relevant", "already_sorted"} else []
    assert turn.records[0] == Closed(outcome)
    assert records(turn, Suppress) == lasting
    assert not records(turn, Answered)
    (told,) = texts(turn)
    assert told.startswith(VOICE.say(occasion, "en"))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("act", ["decline", "deny", "dont_know", "no_preference"])
def test_who_does_not_answer_is_thanked_and_given_something_as_who_does(
    act: str, locale: str
) -> None:
    tip = CATALOGUE.questions["gift_or_self"].give[locale]
    ask = an_ask("question", locale=locale)
    state = a_state_with(ask)

    (told,) = texts(respond(said("well", act), state))
    again = respond(said("well", act), replace(state, tips=((told, NOW - DAY),)))

    assert told.endswith(f" {tip}")
    assert tip not in texts(again)[0]


@pytest.mark.parametrize("act", ["pause", "goodbye", "not_relevant", "already_sorted"])
def test_who_puts_it_off_or_has_no_use_for_it_is_thanked_and_left_be(act: str) -> None:
    tip = CATALOGUE.questions["gift_or_self"].give["en"]

    assert tip not in texts(respond(said("well", act), a_state_with(QUESTION)))[0]


@pytest.mark.parametrize(
    "act",
    [
        "greet",
        "thank",
        "bot_challenge",
        "ask_capabilities",
        "order_status",
        "change_language",
    ],
)
@pytest.mark.parametrize("kind", ["question", "confirm", "consent", "erase"])
def test_small_talk_in_between_is_answered_and_the_same_asked_again(
    act: str, kind: AskKind
) -> None:
    ask = an_ask(kind)

    turn = respond(said("by the way", act), a_state_with(ask))

    assert len(turn.replies) == 2
    assert (turn.replies[1].text, turn.replies[1].ask) == (ask.wording, ask.id)
    assert turn.records == ()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", OPEN_KINDS)
def test_who_asks_whether_it_is_a_machine_hears_the_truth_whatever_is_open(
    kind: AskKind, locale: str
) -> None:
    state = a_state_with(an_ask(kind, locale=locale))

    (told, _) = texts(respond(said("well?", "bot_challenge"), state))

    assert told == VOICE.say("bot", locale)


def test_who_asks_to_hear_it_again_hears_it_again_without_being_counted_unclear() -> None:
    turn = respond(said("what?", "repeat"), a_state_with(QUESTION))

    assert texts(turn) == [QUESTION.wording]
    assert turn.records == ()


@pytest.mark.parametrize("kind", OPEN_KINDS)
def test_what_is_not_understood_is_asked_again_in_other_words_twice_and_then_left(
    kind: AskKind,
) -> None:
    state = a_state_with(an_ask(kind))
    turns = []
    for _ in range(3):
        turns.append(respond(said("the moon is made of cheese"), state))
        state = follows(state, turns[-1])

    assert [bool(asking(turn)) for turn in turns] == [True, True, False]
    shown = [an_ask(kind).wording, *(texts(turn)[-1] for turn in turns)]
    assert all(first != second for first, second in pairwise(shown))
    assert [turn.records for turn in turns] == [
        (Unclear(1),),
        (Unclear(2),),
        (Unclear(0), Closed("unclear")),
    ]
    assert texts(turns[2]) == [VOICE.say("unclear_end", "en")]


def test_an_unclear_answer_to_a_question_gets_the_questions_own_help() -> None:
    turn = respond(said("hm"), a_state_with(QUESTION))

    assert texts(turn) == [CATALOGUE.questions["gift_or_self"].unclear["en"]]


def test_the_shop_may_be_named_in_the_help_for_an_unclear_answer() -> None:
    question = CATALOGUE.questions["gift_or_self"]
    unclear = dict.fromkeys(LOCALES, "Sorry from {shop}?")
    named = question.model_copy(update={"unclear": unclear})
    shop = Assistant(CATALOGUE.model_copy(update={"questions": {named.id: named}}), VOICE, POLICY)

    assert texts(shop.respond(said("hm"), a_state_with(QUESTION))) == ["Sorry from Corner Shop?"]


@pytest.mark.parametrize(
    "message", [pressed(QUESTION, 0), said("thanks", "thank"), said("no", "decline")]
)
def test_what_was_not_understood_before_is_forgotten_once_something_was(message: object) -> None:
    turn = respond(message, a_state_with(QUESTION, unclear=2))

    assert records(turn, Unclear) == [Unclear(0)]


def test_a_new_question_does_not_inherit_what_was_not_understood_of_an_older_one() -> None:
    state = a_state_with(replace(CONSENT, asked_at=NOW - DAY), unclear=2)

    assert records(respond(opened(), state), Unclear) == [Unclear(0)]


# Permission


def test_the_yes_button_gives_permission_with_the_notice_that_was_shown() -> None:
    turn = respond(pressed(CONSENT, 0), a_state_with(CONSENT))

    assert turn.records[0] == ConsentAct(PURPOSE, "given", "button", CONSENT)
    assert turn.replies[0] == Reply("say", VOICE.say("consent_given", "en"))
    assert [put.ask.kind for put in records(turn, Put)] == ["question"]


def test_a_typed_yes_gives_it_too_and_without_an_occasion_nothing_is_asked() -> None:
    turn = respond(said("Yes, you may!", "thank"), a_state_with(CONSENT, candidates=()))

    assert turn.records[0] == ConsentAct(PURPOSE, "given", "typed", CONSENT)
    assert not asking(turn)


@pytest.mark.parametrize("act", ["affirm", "thank", "answer", "out_of_scope"])
def test_words_that_may_be_a_yes_are_asked_again(act: str) -> None:
    turn = respond(said("I suppose that would be okay", act), a_state_with(CONSENT))

    assert not records(turn, ConsentAct)
    assert asking(turn)[0].ask == CONSENT.id


@pytest.mark.parametrize("act", ["deny", "decline", "dont_know", "no_preference", "not_relevant"])
def test_a_no_in_any_words_refuses(act: str) -> None:
    turn = respond(said("rather not", act), a_state_with(CONSENT))

    assert turn.records == (ConsentAct(PURPOSE, "refused", "typed", CONSENT), Closed("declined"))
    assert texts(turn) == [VOICE.say("consent_refused", "en")]


def test_the_no_button_refuses() -> None:
    turn = respond(pressed(CONSENT, 1), a_state_with(CONSENT))

    assert turn.records[0] == ConsentAct(PURPOSE, "refused", "button", CONSENT)


def test_not_now_is_no_refusal() -> None:
    turn = respond(said("later", "pause"), a_state_with(CONSENT))

    assert turn.records == (Closed("skipped"),)


# Wishes


@pytest.mark.parametrize("ask", [None, QUESTION, CONSENT, ERASE])
def test_why_is_answered_and_the_same_is_asked_again(ask: Ask | None) -> None:
    state = a_state() if ask is None else a_state_with(ask)

    turn = respond(said("why?", "ask_why"), state)

    if ask is None:
        assert texts(turn) == [VOICE.say("why_nothing", "en")]
    else:
        assert turn.replies[-1].text == ask.wording
        reasons = [CATALOGUE.questions["gift_or_self"].reason["en"]]
        reasons.append(CATALOGUE.purposes[PURPOSE].reason["en"])
        told = {"question": reasons[:1], "consent": reasons[1:], "erase": []}[ask.kind]
        assert texts(turn)[:-1] == told
    assert turn.records == ()


def test_who_asks_what_is_known_hears_what_they_said_and_what_the_shop_reported() -> None:
    state = a_state(known=(an_answer(),), purchases={"shopify": 12}, verified=True)

    (told,) = texts(respond(said("what do you know about me?", "ask_data"), state))

    assert "Is “Hat” a gift, or for you? – “A gift” (you said so here on 21 November 2026)" in told
    assert "12 purchases that Corner Shop reported to me (from “shopify”)" in told


def test_who_asks_what_is_known_may_hear_that_it_is_nothing() -> None:
    assert texts(respond(said("what do you know?", "ask_data"), a_state())) == [
        VOICE.say("data_nothing", "en")
    ]


def test_start_lifts_what_was_forbidden() -> None:
    turn = respond(said("start"), a_state(suppressions=(STOPPED,), consents=WITHDRAWN))

    assert turn.records == (Lifted(),)


def test_leaving_a_channel_forbids_that_channel_alone_and_withdraws_nothing() -> None:
    turn = respond(said("not here", "stop_channel"), a_state_with(QUESTION, channel="whatsapp"))

    here = Suppress(Suppression("channel", "whatsapp", "shopper_left_channel"))
    assert turn.records == (Closed("declined", "stopped"), here)


def test_a_complaint_is_met_with_help_and_no_question() -> None:
    turn = respond(said("it arrived broken", "complaint"), a_state_with(QUESTION))

    assert turn.records == (
        Closed("skipped", "complained"),
        Suppress(Suppression("all", "", "complaint"), 14),
    )
    assert not asking(turn)


def test_a_person_is_called_and_then_it_is_silent() -> None:
    turn = respond(said("a person, please", "handoff"), a_state_with(QUESTION))

    assert turn.records == (Closed("skipped"), HandedOff())
    assert texts(turn) == [VOICE.say("handed_off", "en")]


@pytest.mark.parametrize("act", ["stop", "erase_data"])
def test_while_a_person_talks_an_unsure_guess_at_a_wish_is_left_to_the_person(act: str) -> None:
    turn = respond(said("could you delete the second one", act, 0.35), a_state(handed_off=True))

    assert turn == Turn()


def test_everything_can_be_deleted_while_a_person_is_talking() -> None:
    state = a_state(handed_off=True)
    asks = respond(said("forget me", "erase_data"), state)
    state = follows(state, asks)
    assert state.ask is not None

    for yes in (said("yes"), pressed(state.ask, 0)):
        assert records(respond(yes, state), Erased)


# Deletion


def test_deleting_is_confirmed_once_before_it_is_done() -> None:
    turn = respond(said("forget me", "erase_data"), a_state_with(QUESTION))

    assert [type(record) for record in turn.records] == [Closed, Put]
    assert texts(turn) == [VOICE.say("erase_ask", "en")]


@pytest.mark.parametrize("yes", [pressed(ERASE, 0), said("yes"), said("Yes, delete it")])
def test_after_a_yes_everything_is_deleted(yes: object) -> None:
    turn = respond(yes, a_state_with(ERASE))

    assert turn.records == (Erased(),)
    assert texts(turn) == [VOICE.say("erased", "en")]


@pytest.mark.parametrize("no", [pressed(ERASE, 1), said("no", "deny"), said("later", "pause")])
def test_after_a_no_nothing_is_deleted(no: object) -> None:
    turn = respond(no, a_state_with(ERASE))

    assert turn.records == (Closed("answered"),)
    assert texts(turn) == [VOICE.say("erase_kept", "en")]


# Time


@pytest.mark.parametrize(("age", "ended"), [(12 * HOUR, False), (12 * HOUR + MINUTE, True)])
def test_after_twelve_hours_words_are_no_answer_any_more(age: timedelta, *, ended: bool) -> None:
    state = a_state_with(replace(QUESTION, asked_at=NOW - age))
    words = said("a gift", "answer", question="gift_or_self", value="gift")

    turn = respond(words, state)

    assert bool(records(turn, Answered)) is not ended
    assert (turn.records[0] == Closed("ignored")) is ended


def test_a_permission_that_was_not_answered_is_not_asked_for_again_at_once() -> None:
    old = replace(CONSENT, asked_at=NOW - DAY)
    open_one = Asked("consent", PURPOSE, PURPOSE, old.asked_at, None, here=True)

    turn = respond(opened(), a_state_with(old, asked=(open_one,)))

    assert not asking(turn)
    assert records(turn, Decision)[0].reasons == (Reason("was_ignored", PURPOSE),)


# Small talk


@pytest.mark.parametrize(
    ("act", "occasion"),
    [
        ("greet", "greeting"),
        ("goodbye", "goodbye"),
        ("bot_challenge", "bot"),
        ("affirm", "acknowledged"),
        ("decline", "declined"),
        ("answer", "out_of_scope"),
        ("unsure", "out_of_scope"),
    ],
)
def test_small_talk_gets_one_sentence(act: str, occasion: str) -> None:
    assert texts(respond(said("so", act), a_state())) == [VOICE.say(occasion, "en")]


@pytest.mark.parametrize("locale", LOCALES)
def test_what_it_can_do_is_told_with_the_limits_that_hold_today(locale: str) -> None:
    limits = {"questions_per_week": 2, "questions_per_month": 3, "days_after_decline": 77}
    shop = replace(ASSISTANT, policy=POLICY.model_copy(update=limits))

    for told in (None, an_ask("question", locale=locale)):
        state = a_state(locale=locale) if told is None else a_state_with(told)
        turn = shop.respond(said("so", "ask_capabilities"), state)
        first = texts(turn)[0]
        assert first.startswith(VOICE.say("offer", locale))
        assert re.findall(r"\d+", first) == ["2", "7", "3", "30", "77"]
        assert [reply.text for reply in asking(turn)] == ([told.wording] if told else [])


def test_what_it_is_not_sure_of_it_does_not_answer_as_if_it_were() -> None:
    assert texts(respond(said("so", "goodbye", 0.4), a_state())) == [
        VOICE.say("out_of_scope", "en")
    ]


@pytest.mark.parametrize("locale", LOCALES)
def test_it_speaks_the_shoppers_language(locale: str) -> None:
    turn = respond(said("so", "greet"), a_state(locale=locale))

    assert texts(turn) == [VOICE.say("greeting", locale)]


def test_the_assistant_of_another_shop_says_its_own_name() -> None:
    other = replace(ASSISTANT, voice=replace(VOICE, shop="Rivet"))

    assert "Rivet" in texts(other.respond(opened(), a_state(disclosed=False)))[0]
