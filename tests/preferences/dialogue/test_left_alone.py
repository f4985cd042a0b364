"""What an answer leads to: help after a bad experience, rest for what is taken care of."""

from dataclasses import replace
from typing import Literal

import pytest

from preferences.conversation import Pending, Suppress, Suppression
from preferences.dialogue.resting import after_answer, after_outcome
from preferences.dialogue.scene import Scene
from tests.preferences.scenes import CATALOGUE, POLICY, VOICE, a_state_with, an_ask, records

ASK = replace(an_ask("question"), category="clothes/dresses")
HELP = Suppress(Suppression("all", "", "complaint"), POLICY.days_after_complaint)
REST = Suppress(
    Suppression("category", "clothes/dresses", "already_sorted"), POLICY.days_after_already_sorted
)


def a_scene(leads_to: Literal["help", "rest"] | None) -> Scene:
    """One in which every answer to the question leads there."""
    question = CATALOGUE.questions["gift_or_self"]
    options = [one.model_copy(update={"leads_to": leads_to}) for one in question.options]
    leading = question.model_copy(update={"options": options})
    questions = {**CATALOGUE.questions, "gift_or_self": leading}
    catalogue = CATALOGUE.model_copy(update={"questions": questions})
    return Scene(a_state_with(ASK), catalogue, VOICE, POLICY)


def an_answer(**detail: str) -> Pending:
    return Pending("gift_or_self", "gift", detail, None, 1.0)


@pytest.mark.parametrize(("leads_to", "silence"), [("help", [HELP]), ("rest", [REST]), (None, [])])
def test_an_answer_silences_what_it_leads_to(
    leads_to: Literal["help", "rest"] | None, silence: list[Suppress]
) -> None:
    assert records(after_answer(a_scene(leads_to), ASK, an_answer()), Suppress) == silence


def test_what_is_said_to_be_not_so_leads_nowhere() -> None:
    unwanted = an_answer(polarity="does_not_want")

    assert records(after_answer(a_scene("help"), ASK, unwanted), Suppress) == []


def test_where_the_kind_of_goods_is_not_known_nothing_rests() -> None:
    ask = replace(ASK, category="")

    assert records(after_answer(a_scene("rest"), ask, an_answer()), Suppress) == []


@pytest.mark.parametrize(
    ("outcome", "scope", "target"),
    [
        ("already_sorted", "category", "clothes/dresses"),
        ("not_relevant", "topic", "gift_or_self"),
    ],
)
def test_a_refusal_rests_as_the_kind_of_goods_or_as_a_topic(
    outcome: Literal["already_sorted", "not_relevant"], scope: str, target: str
) -> None:
    [one] = records(after_outcome(a_scene(None), ASK, outcome), Suppress)

    assert (one.suppression.scope, one.suppression.target) == (scope, target)


def test_nothing_rests_after_any_other_end() -> None:
    assert records(after_outcome(a_scene(None), ASK, "declined"), Suppress) == []
