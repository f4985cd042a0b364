"""What a question gives beside its words: to whoever answers, and to who does not want to."""

from pathlib import Path
from shutil import copytree

import pytest

from preferences.catalogue import HERE, Give, load_catalogue
from preferences.conversation import Promised, Turn
from preferences.dialogue.giving import give
from preferences.dialogue.respond import Assistant
from preferences.dialogue.scene import Scene
from preferences.errors import CatalogueError
from preferences.texts import LOCALES
from tests.preferences.scenes import (
    CATALOGUE,
    POLICY,
    VOICE,
    a_state_with,
    an_ask,
    pressed,
    records,
    said,
    texts,
)

POINTS = Give(
    kind="points",
    value="20",
    due_days=7,
    texts=dict.fromkeys(LOCALES, "20 points, whatever you said."),
)
TIP = Give(kind="tip", texts=dict.fromkeys(LOCALES, "A tip, whatever you said."))


def giving(one: Give) -> Assistant:
    question = CATALOGUE.questions["gift_or_self"].model_copy(update={"gives": "one"})
    questions = {**CATALOGUE.questions, "gift_or_self": question}
    catalogue = CATALOGUE.model_copy(update={"questions": questions, "gives": {"one": one}})
    return Assistant(catalogue, VOICE, POLICY)


def promised(turn: Turn) -> list[Promised]:
    return records(turn, Promised)


def test_points_are_promised_for_an_answer() -> None:
    ask = an_ask("question")

    turn = giving(POINTS).respond(pressed(ask, 0), a_state_with(ask))

    assert texts(turn)[-1] == "20 points, whatever you said."
    assert promised(turn) == [Promised("one", "points", "20", 7)]


@pytest.mark.parametrize("act", ["decline", "dont_know", "no_preference", "not_relevant"])
def test_they_are_promised_to_who_does_not_answer(act: str) -> None:
    ask = an_ask("question")

    turn = giving(POINTS).respond(said("rather not", act), a_state_with(ask))

    assert promised(turn) == [Promised("one", "points", "20", 7)]


@pytest.mark.parametrize("act", ["pause", "goodbye", "greet", "stop"])
def test_who_puts_it_off_or_leaves_has_no_promise(act: str) -> None:
    ask = an_ask("question")

    assert promised(giving(POINTS).respond(said("later", act), a_state_with(ask))) == []


def test_a_tip_is_said_and_no_promise() -> None:
    ask = an_ask("question")

    turn = giving(TIP).respond(pressed(ask, 0), a_state_with(ask))

    assert texts(turn)[-1] == "A tip, whatever you said."
    assert promised(turn) == []


def test_a_permission_is_no_question_and_gives_nothing() -> None:
    ask = an_ask("consent")

    assert promised(giving(POINTS).respond(pressed(ask, 1), a_state_with(ask))) == []


def test_where_nothing_was_asked_or_nothing_is_given_there_is_none() -> None:
    assistant = giving(POINTS)
    ask = an_ask("question")
    scene = Scene(a_state_with(ask), assistant.catalogue, VOICE, POLICY)

    assert give(scene, None) == give(scene, an_ask("claim")) == Turn()
    assert give(Scene(scene.state, CATALOGUE, VOICE, POLICY), ask) == Turn()


def test_the_gives_that_come_with_it_are_whole() -> None:
    gives = load_catalogue().gives

    assert {one.kind for one in gives.values()} == {"tip", "points", "offer"}
    assert {name for name, one in gives.items() if one.is_promise} == {
        "points_20",
        "free_return_shipping",
    }


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("points: {kind: points, texts: {en: a, es: b, de: c}}", "offers and points need it"),
        ("tip: {kind: tip, due_days: 3, texts: {en: a, es: b, de: c}}", "nothing else has it"),
        ("tip: {kind: tip, texts: {en: a, es: b}}", "has no words in de"),
    ],
)
def test_a_give_that_is_wrong_is_named(tmp_path: Path, page: str, complaint: str) -> None:
    folder = Path(copytree(HERE / "questions", tmp_path / "questions")).parent
    (folder / "purposes.yml").write_text((HERE / "purposes.yml").read_text())
    (folder / "gives.yml").write_text(page)

    with pytest.raises(CatalogueError, match=complaint):
        load_catalogue(folder)


def test_a_question_names_a_give_that_there_is(tmp_path: Path) -> None:
    folder = Path(copytree(HERE / "questions", tmp_path / "questions")).parent
    (folder / "purposes.yml").write_text((HERE / "purposes.yml").read_text())
    file = folder / "questions" / "size_fit.yml"
    file.write_text(file.read_text() + "gives: a_castle\n")

    with pytest.raises(CatalogueError, match=r"a_castle is not in gives\.yml"):
        load_catalogue(folder)
