"""What holds in every turn, tried with every act in every state: none is forgotten by hand."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from typing import NamedTuple, get_args

import pytest

from preferences import understanding
from preferences.catalogue import HERE, Kind, read_yaml
from preferences.conversation import (
    Answered,
    Ask,
    AskKind,
    Claimed,
    Closed,
    ConsentAct,
    Decision,
    Disclosed,
    Erased,
    HandedOff,
    Put,
    State,
    Suppress,
    Turn,
    Unclear,
)
from preferences.dialogue.respond import Happened, Message, Pressed, Said
from preferences.texts import LOCALES
from preferences.understanding import gives_permission
from tests.preferences.scenes import (
    CATALOGUE,
    DAY,
    GIVEN,
    NOW,
    OPEN_KINDS,
    QUESTIONS,
    REFUSED,
    STOPPED,
    STRANGER,
    VOICE,
    WITHDRAWN,
    a_candidate,
    a_state,
    a_state_with,
    an_answer,
    asking,
    every_ask,
    records,
    respond,
    said,
)

ACTS = [
    act for act in read_yaml(HERE.parent / "domain.yml")["intents"] if act not in {"press", "event"}
]
OPEN = [None, *every_ask("en")]
NAMES = {
    (ask.wording, len(ask.choices), repr(ask.pending)): name
    for locale in LOCALES
    for name, ask in every_ask(locale).items()
}
HEARD_BY_THE_SILENT = {"stop", "start", "stop_channel", "erase_data"}


class Case(NamedTuple):
    """One message in one state, and what came of it."""

    act: str
    sure: bool
    message: Message
    state: State
    turn: Turn

    def __repr__(self) -> str:
        """Short enough to be read when it fails."""
        ask = self.state.ask and self.state.ask.kind
        flags = f"disclosed={self.state.disclosed} handed_off={self.state.handed_off}"
        stopped = bool(self.state.suppressions)
        return f"<{self.act} {self.sure=} {ask=} {flags} {stopped=} {self.turn}>"


def states() -> Iterator[State]:
    for locale, disclosed, handed_off, stopped, unclear in product(
        LOCALES, (True, False), (False, True), (False, True), (0, 2)
    ):
        around = {
            "locale": locale,
            "disclosed": disclosed,
            "handed_off": handed_off,
            "suppressions": (STOPPED,) if stopped else (),
            "unclear": unclear,
        }
        for consents in ({}, GIVEN, REFUSED, WITHDRAWN):
            yield a_state(**around, consents=consents, candidates=(a_candidate(),))
        yield a_state(**around, known=(an_answer(),), purchases={"shopify": 3})
        yield a_state(**around, claimable=STRANGER, consents=GIVEN, candidates=(a_candidate(),))
        usual = disclosed and not unclear
        for name, ask in every_ask(locale).items():
            if name in OPEN_KINDS or usual:
                yield a_state_with(ask, **around)
            if name not in OPEN_KINDS:
                continue
            yield a_state_with(replace(ask, asked_at=NOW - DAY), **around)
            yield a_state_with(ask, **around, consents=WITHDRAWN)


def messages(state: State) -> Iterator[tuple[str, bool, Message]]:
    for act in ACTS:
        more = {"question": "gift_or_self", "value": "gift"} if act == "answer" else {}
        for confidence in (0.95, 0.35):
            yield act, confidence > 0.5, said("some words or other", act, confidence, **more)
    for text in ("yes", "Ja, gern", "stop", "start", "", "1", "2"):
        yield text, True, said(text, "affirm")
    for choice in (None, *(state.ask.choices if state.ask else ())):
        yield f"pressed {choice and choice.act}", True, Pressed(choice)
    for event in ("opened", "purchased"):
        yield event, True, Happened(event)


@cache
def cases() -> list[Case]:
    """Every message in every state: a handful of sentences, read once each instead of 70,000 times."""
    with pytest.MonkeyPatch.context() as once:
        for name in ("stops", "is_stop_word", "is_no_stop", "grief", "is_no_grief", "short_act"):
            once.setattr(understanding, name, cache(getattr(understanding, name)))
        return [
            Case(act, sure, message, state, respond(message, state))
            for state in states()
            for act, sure, message in messages(state)
        ]


def name_of(state: State) -> str | None:
    """What stands open, by the name that `every_ask` gives it."""
    if state.ask is None:
        return None
    return NAMES[state.ask.wording, len(state.ask.choices), repr(state.ask.pending)]


def open_ask(case: Case) -> Ask | None:
    """The ask that this message may still answer: not a day old, not forbidden."""
    state = case.state
    if state.ask is None or (state.suppressions and state.ask.kind != "erase"):
        return None
    is_old = NOW - state.ask.asked_at >= DAY and not isinstance(case.message, Pressed)
    return None if is_old else state.ask


def picks(ask: Ask) -> str | None:
    return ask.pending.value if ask.pending else None


def comes_back(case: Case, put: Put) -> bool:
    """Whether this is the question that rested while something else was read back."""
    told = case.state.ask and case.state.ask.pending
    return bool(told and told.rests and put.ask.begun == told.rests.begun)


def test_every_act_is_tried_in_every_state() -> None:
    tried = {(case.act, case.state.locale, name_of(case.state)) for case in cases()}

    assert len(ACTS) > 25
    assert set(product(ACTS, LOCALES, OPEN)) <= tried


def test_every_kind_of_ask_and_of_question_is_among_the_states() -> None:
    asks = every_ask("en").values()
    questions = {QUESTIONS[ask.question].kind for ask in asks if ask.kind == "question"}

    assert {ask.kind for ask in asks} == set(get_args(AskKind)) - {"suggestion"}
    assert questions == set(get_args(Kind))


def test_at_most_one_thing_is_asked_and_it_is_the_last_that_is_said() -> None:
    for case in cases():
        asked = asking(case.turn)
        assert len(asked) <= 1, case
        assert not asked or case.turn.replies[-1] is asked[0], case
        assert len(records(case.turn, Put)) <= 1, case


def test_whatever_is_asked_anew_is_shown_with_its_buttons_as_it_will_be_kept() -> None:
    for case in cases():
        for put in records(case.turn, Put):
            shown = case.turn.replies[-1]
            assert (shown.text, shown.ask, shown.choices) == (
                put.ask.wording,
                put.ask.id,
                put.ask.choices,
            ), case


def test_what_is_asked_again_is_the_open_ask_with_its_own_buttons() -> None:
    for case in cases():
        if asking(case.turn) and not records(case.turn, Put):
            ask = open_ask(case)
            assert ask is not None, case
            assert (asking(case.turn)[0].ask, asking(case.turn)[0].choices) == (ask.id, ask.choices)


def test_a_new_ask_goes_on_with_the_open_one_or_comes_after_it_was_closed() -> None:
    followed = 0
    for case in cases():
        for put in records(case.turn, Put):
            ask = case.state.ask
            if ask is None:
                assert put.ask.begun is None, case
            elif put.ask.begun is None or comes_back(case, put):
                assert records(case.turn, Closed), case
            else:
                followed += 1
                assert put.ask.begun == (ask.begun or ask.id), case
                assert not records(case.turn, Closed), case
    assert followed


def test_nothing_is_stored_and_nothing_lost_while_a_question_goes_on() -> None:
    for case in cases():
        for put in records(case.turn, Put):
            if put.ask.begun is not None and not comes_back(case, put):
                assert not records(case.turn, Answered), case
                assert case.state.ask is not None, case
                assert put.ask.candidate == case.state.ask.candidate, case


def test_what_is_closed_was_open_and_closes_once() -> None:
    for case in cases():
        closed = records(case.turn, Closed)
        assert len(closed) <= (case.state.ask is not None), case


def test_in_a_new_conversation_the_first_thing_said_is_that_this_is_a_machine() -> None:
    for case in cases():
        if case.state.disclosed:
            assert not records(case.turn, Disclosed), case
        elif case.turn.replies:
            hello = VOICE.say("hello", case.state.locale)
            assert case.turn.replies[0].text == hello, case
            assert records(case.turn, Disclosed) == [Disclosed()], case


def test_nothing_is_said_without_words_nor_with_a_placeholder_left() -> None:
    for case in cases():
        for reply in case.turn.replies:
            assert reply.text.strip(), case
            assert "{" not in reply.text, case
            assert all(choice.label.strip() for choice in reply.choices), case


def test_permission_is_given_by_a_plain_yes_or_the_yes_button_alone() -> None:
    given = 0
    for case in cases():
        for act in records(case.turn, ConsentAct):
            if act.state != "given":
                continue
            given += 1
            ask = open_ask(case)
            assert ask is not None, case
            assert (ask.kind, act.ask, act.purpose) == ("consent", ask, ask.purpose), case
            match case.message:
                case Said(heard):
                    assert gives_permission(heard, ask), case
                    assert act.method == "typed", case
                case Pressed(choice):
                    assert choice is not None, case
                    assert choice.act == "affirm", case
                    assert act.method == "button", case
                case _:
                    pytest.fail(f"permission without a word: {case}")
    assert given


def test_everything_is_deleted_by_a_plain_yes_to_that_very_question_alone() -> None:
    erased = 0
    for case in cases():
        if not records(case.turn, Erased):
            continue
        erased += 1
        ask = open_ask(case)
        assert ask is not None, case
        assert ask.kind == "erase", case
        assert case.act in {"yes", "Ja, gern", "pressed affirm"}, case
        assert not asking(case.turn), case
    assert erased


def test_what_a_stranger_said_is_taken_over_by_a_plain_yes_and_deleted_by_a_plain_no_alone() -> (
    None
):
    yes, no = 0, 0
    for case in cases():
        claimed = records(case.turn, Claimed)
        assert len(claimed) <= 1, case
        for record in claimed:
            ask = open_ask(case)
            assert ask is not None, case
            assert (ask.kind, record.shopper) == ("claim", STRANGER), case
            assert len(records(case.turn, Closed)) == 1, case
            assert not asking(case.turn), case
            if record.accepted:
                yes += 1
                assert case.act in {"yes", "Ja, gern", "1", "pressed affirm"}, case
            else:
                no += 1
                assert case.act in {"2", "pressed deny"}, case
    assert yes
    assert no


def test_whether_to_take_it_over_is_asked_when_the_chat_is_opened_before_anything_else() -> None:
    asked = 0
    for case in cases():
        for put in records(case.turn, Put):
            if put.ask.kind == "claim" and put.ask.begun is None:
                asked += 1
                assert case.act == "opened", case
                assert case.state.claimable == STRANGER, case
                assert not case.state.handed_off, case
        is_free = case.state.ask is None and not case.state.handed_off
        if case.act == "opened" and case.state.claimable and is_free:
            assert bool(asking(case.turn)) != bool(case.state.suppressions), case
    assert asked


def test_stop_withdraws_every_permission_and_forbids_everything_from_every_state() -> None:
    for case in cases():
        if case.act == "stop" and case.sure:
            assert Suppress(STOPPED) in case.turn.records, case
            given = {name for name, held in case.state.consents.items() if held.state == "given"}
            withdrawn = records(case.turn, ConsentAct)
            assert {act.purpose for act in withdrawn} == given, case
            assert all(act.state == "withdrawn" for act in withdrawn), case
            assert not asking(case.turn), case
            assert bool(records(case.turn, Closed)) == bool(case.state.ask), case
            assert case.turn.replies[-1].text == VOICE.say("stopped", case.state.locale), case


def test_a_sensitive_moment_gets_one_sentence_and_no_question() -> None:
    for case in cases():
        if case.act == "sensitive_event" and case.sure and not case.state.handed_off:
            said_first = 0 if case.state.disclosed else 1
            assert len(case.turn.replies) == said_first + 1, case
            assert case.turn.replies[-1].text == VOICE.say("sensitive", case.state.locale), case
            assert not asking(case.turn), case
            assert [act.days for act in records(case.turn, Suppress)] == [90], case


def test_after_handing_over_it_is_silent_but_for_what_only_it_can_do() -> None:
    for case in cases():
        if not case.state.handed_off:
            continue
        ask = open_ask(case)
        about_erasure = ask is not None and ask.kind == "erase"
        if not about_erasure and not (case.sure and case.act in HEARD_BY_THE_SILENT):
            assert not case.turn.replies, case
            kept = set(map(type, case.turn.records))
            moment = {Suppress} if case.act == "sensitive_event" else set()
            assert kept <= {Closed, Decision, Unclear} | moment, case


def test_while_a_person_talks_only_a_decision_on_the_deletion_is_taken_from_small_talk() -> None:
    for case in cases():
        ask = open_ask(case)
        if case.state.handed_off and ask and ask.kind == "erase" and case.act in {"greet", "thank"}:
            assert not case.turn.replies, case


def test_whoever_wants_to_be_left_alone_is_asked_nothing_but_whether_to_delete_everything() -> None:
    for case in cases():
        if case.state.suppressions:
            for put in records(case.turn, Put):
                assert put.ask.kind == "erase", case
            for reply in asking(case.turn):
                assert reply.kind == "consent", case
            assert not any(act.state == "given" for act in records(case.turn, ConsentAct)), case


def test_an_answer_is_kept_only_for_an_open_question_under_a_permission_in_force() -> None:
    kept = 0
    for case in cases():
        for answer in records(case.turn, Answered):
            kept += 1
            assert answer.ask == open_ask(case), case
            assert case.state.consents == GIVEN, case
            assert Closed("answered") in case.turn.records, case
            own = answer.ask.pending.words if answer.ask.pending else None
            picked = answer.ask.kind == "question" and answer.value == picks(answer.ask)
            typed = isinstance(case.message, Said) and not picked
            assert (answer.words is not None) == (typed or own is not None), case
            assert CATALOGUE.questions[answer.ask.question].holds(answer.value), case
    assert kept


def test_what_was_said_unasked_is_stored_only_after_it_was_read_back() -> None:
    for case in cases():
        told = case.state.ask and case.state.ask.pending
        if case.state.ask and case.state.ask.kind == "consent" and told:
            assert not records(case.turn, Answered), case
            for put in records(case.turn, Put):
                assert put.ask.kind in {"consent", "confirm", "erase"}, case


def test_nobody_is_asked_the_same_again_more_than_twice() -> None:
    for case in cases():
        counts = [record.count for record in records(case.turn, Unclear)]
        assert len(counts) <= 1, case
        assert all(0 <= count <= 2 for count in counts), case
        if case.state.unclear == 2:
            assert counts in ([], [0]), case


def test_a_question_is_weighed_only_when_something_happens_or_permission_was_given() -> None:
    for case in cases():
        volunteered = case.state.ask and case.state.ask.pending
        acts = records(case.turn, ConsentAct)
        gave = any(act.state == "given" for act in acts) and not volunteered
        happened = isinstance(case.message, Happened)
        assert len(records(case.turn, Decision)) == int(gave or happened), case


def test_calling_a_person_is_announced_and_closes_what_was_asked() -> None:
    for case in cases():
        if records(case.turn, HandedOff):
            assert not asking(case.turn), case
            assert bool(records(case.turn, Closed)) == bool(case.state.ask), case
