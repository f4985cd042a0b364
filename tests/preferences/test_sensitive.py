from pathlib import Path
from typing import Any

import pytest
import yaml

from preferences.catalogue import HERE, read_yaml
from preferences.conversation import Lifted, Suppress, Suppression
from preferences.errors import CatalogueError
from preferences.sensitive import load_sensitive
from tests.preferences.scenes import a_state, asking, records, respond, said, texts

PAGE = read_yaml(HERE / "sensitive.yml")
SENSITIVE = load_sensitive()


def fallen(words: str, act: str = "sensitive_event") -> dict[tuple[str, str], int | None]:
    turn = respond(said(words, act), a_state())
    assert asking(turn) == []
    return {
        (one.suppression.scope, one.suppression.target): one.days for one in records(turn, Suppress)
    }


@pytest.mark.parametrize(
    ("words", "categories"),
    [
        ("my cat passed away yesterday", {"pets", "cats", "cat food"}),
        ("mi perro ha muerto", {"pets", "dogs", "dog food"}),
        ("unser Pferd ist gestorben", {"pets", "horses", "riding"}),
        ("my hamster died", {"pets"}),
        ("we lost the baby", {"toys", "baby", "children", "maternity"}),
        ("meine Tochter ist gestorben", {"toys", "baby", "children", "maternity"}),
        ("my father died", set()),
        ("I want to end my life", set()),
    ],
)
def test_after_a_loss_what_it_is_about_falls_silent_and_everything_for_a_while(
    words: str, categories: set[str]
) -> None:
    found = fallen(words)

    assert {target for scope, target in found if scope == "category"} == categories
    whole = found["all", ""]
    assert whole is not None
    for (scope, _), days in found.items():
        assert scope == "all" or (days or 0) > whole


def test_a_loss_that_only_the_model_heard_is_mapped_by_its_words() -> None:
    assert ("category", "dogs") in fallen("the house is so empty without our dog")
    assert [*fallen("it is so empty here now")] == [("all", "")]


@pytest.mark.parametrize(
    "words",
    [
        "You can talk to me about pets again",
        "it's fine to ask me about cats again",
        "Puedes hablarme de mascotas otra vez",
        "Du darfst mich wieder über Haustiere fragen",
        "du darfst mit mir über Katzen wieder reden",
    ],
)
def test_one_sentence_lifts_it(words: str) -> None:
    moment = (
        Suppression("all", "", "sensitive_moment"),
        Suppression("category", "cats", "sensitive_moment"),
    )

    turn = respond(said(words), a_state(suppressions=moment))

    (lifted,) = records(turn, Lifted)
    assert {"pets", "cats", "dogs"} <= lifted.categories
    assert "toys" not in lifted.categories
    assert len(texts(turn)) == 1


def test_without_a_loss_the_sentence_lifts_nothing_and_no_stop_is_heard_as_it() -> None:
    words, moment = "you can talk to me about pets again", Suppression("category", "x", "law")
    stop = respond(said(words, "stop"), a_state(suppressions=(moment,)))

    assert records(respond(said(words), a_state()), Lifted) == []
    assert records(respond(said(words), a_state(suppressions=(moment,))), Lifted) == []
    assert records(stop, Lifted) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"events": {"cat_died": {"of": "car"}}}, "events.cat_died.of: Input should be"),
        ({"again": ["("]}, "again: Value error, cannot be searched for"),
        ({"names": {"pets": "("}}, "names: Value error, cannot be searched for"),
    ],
)
def test_a_page_that_is_wrong_is_named(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    (tmp_path / "sensitive.yml").write_text(yaml.safe_dump(PAGE | changes))

    with pytest.raises(CatalogueError) as raised:
        load_sensitive(tmp_path)

    assert complaint in str(raised.value)
