from preferences.choosing import choose
from preferences.choosing.renewing import renewals
from preferences.conversation import Candidate, Held
from tests.preferences.scenes import CATALOGUE, DAY, GIVEN, NOW, POLICY, a_state

QUESTION = CATALOGUE.questions["matters"]
AGE = QUESTION.half_life_days * DAY


def old(*held: Held) -> list[Candidate]:
    return list(renewals(held, CATALOGUE.questions, NOW))


def test_an_answer_is_asked_for_again_from_its_half_life_on() -> None:
    assert old(Held("matters", NOW - AGE + DAY)) == []
    [again] = old(Held("matters", NOW - AGE))
    assert (again.question, again.reason, again.at) == ("matters", "reconfirm", NOW)


def test_whoever_said_it_anew_is_not_asked() -> None:
    assert old(Held("matters", NOW - 2 * AGE), Held("matters", NOW - DAY)) == []


def test_what_was_said_about_a_purchase_is_not_asked_again() -> None:
    assert old(Held("matters", NOW - 2 * AGE, "order-1", "dress")) == []


def test_what_the_catalogue_does_not_ask_any_more_is_not_asked_again() -> None:
    assert old(Held("gone", NOW - 2 * AGE)) == []


def test_the_decision_takes_it_like_any_other_question() -> None:
    held = (Held("matters", NOW - AGE),)
    state = a_state(held=held, candidates=tuple(old(*held)), consents=GIVEN)

    decision = choose("opened", state, CATALOGUE, POLICY)

    assert (decision.question, decision.candidate) == ("matters", "reconfirm:matters")
