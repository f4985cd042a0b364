import re
from copy import deepcopy
from pathlib import Path
from shutil import copy, copytree
from typing import Any, get_args

import pytest
import yaml

from preferences.catalogue import (
    HERE,
    WORDS,
    Catalogue,
    Kind,
    Option,
    Question,
    load_catalogue,
    read_yaml,
)
from preferences.check.run import check
from preferences.dialogue.asks import question_ask
from preferences.errors import CatalogueError
from preferences.texts import LOCALES, fill
from preferences.understanding import Guess, Heard, read
from tests.preferences.scenes import DRESS, a_scene, a_state

NEW_QUESTION = Path(__file__).parents[1] / "examples" / "motivation_garden.yml"
FACTS = {"shop": "Corner Shop", "product": "Summer dress"}
STARTERS = sorted((HERE / "questions").glob("*.yml"))
A_QUESTION = read_yaml(HERE / "questions" / "gift_or_self.yml")
PURPOSES = read_yaml(HERE / "purposes.yml")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def written(folder: Path, question: Any = A_QUESTION, purposes: Any = PURPOSES) -> Path:
    (folder / "questions").mkdir()
    (folder / "questions" / "gift_or_self.yml").write_text(yaml.safe_dump(question))
    (folder / "purposes.yml").write_text(yaml.safe_dump(purposes))
    return folder


def changed(*place: str | int, to: Any) -> dict[str, Any]:
    """The question with one thing in it that is wrong."""
    question = deepcopy(A_QUESTION)
    inner: Any = question
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = to
    return question


def all_texts(question: Question) -> list[dict[str, str]]:
    of_options = [
        text for option in question.options for text in (option.label, option.reply, option.give)
    ]
    return [question.wording, question.reason, question.use, question.unclear, *of_options]


@pytest.mark.parametrize("file", STARTERS, ids=lambda file: file.stem)
def test_every_starter_question_is_complete_in_every_language(
    file: Path, catalogue: Catalogue
) -> None:
    question = catalogue.questions[file.stem]

    for text in all_texts(question):
        for locale in LOCALES:
            assert text[locale].strip()
            assert not re.search("[{}]", fill(text[locale], FACTS))


@pytest.mark.parametrize("file", STARTERS, ids=lambda file: file.stem)
def test_every_option_of_a_starter_question_has_examples_in_every_language(
    file: Path, catalogue: Catalogue
) -> None:
    question = catalogue.questions[file.stem]
    least = {"en": 12, "es": 8, "de": 8}
    if question.kind == "confirm":  # a yes and a no are acts of their own
        pytest.skip("a confirm has none")
    for option in question.options:
        for locale in LOCALES if option.offered else ():
            distinct = set(option.examples[locale])
            assert len(distinct) >= least[locale], f"{option.value} in {locale}"


@pytest.mark.parametrize("file", STARTERS, ids=lambda file: file.stem)
def test_the_buttons_of_a_starter_question_differ_from_one_another(
    file: Path, catalogue: Catalogue
) -> None:
    options = catalogue.questions[file.stem].options

    assert len({option.value for option in options}) == len(options)
    for locale in LOCALES:
        assert len({option.label[locale] for option in options}) == len(options)


@pytest.mark.parametrize("file", STARTERS, ids=lambda file: file.stem)
def test_a_starter_question_says_in_its_own_sentence_what_it_is_for(
    file: Path, catalogue: Catalogue
) -> None:
    begins = {"en": r"(So that|To) [^:]+: ", "es": r"Para [^:]+: ", "de": r"Damit [^:]+: "}
    question = catalogue.questions[file.stem]

    for locale, begin in begins.items():
        assert re.match(begin, question.wording[locale]), locale


@pytest.mark.parametrize("file", STARTERS, ids=lambda file: file.stem)
def test_every_answer_to_a_starter_question_changes_something_of_its_own(
    file: Path, catalogue: Catalogue
) -> None:
    options = catalogue.questions[file.stem].options

    for locale in LOCALES:
        assert len({option.reply[locale] for option in options}) == len(options)


def test_the_starter_pack_asks_for_motives_by_category_with_room_for_doubt_and_other_words(
    catalogue: Catalogue,
) -> None:
    motives = [one for name, one in catalogue.questions.items() if name.startswith("motivation_")]
    told = [{option.value for option in one.options if option.offered} for one in motives]

    assert len({one.category for one in motives}) == len(motives) >= 6
    assert {one.kind for one in motives} == {"pick_two"}
    assert all({"sceptical", "something_else"} <= values for values in told)
    assert len({frozenset(values) for values in told}) == len(told)


def test_the_starter_pack_asks_where_to_write_for_what_and_how_often(catalogue: Catalogue) -> None:
    question = catalogue.questions["channel_preference"]
    values = ["email", "sms", "whatsapp", "messenger", "phone", "post", "app", "none"]

    assert [option.value for option in question.options] == values
    assert all(option.offered for option in question.options)
    assert set(question.details) == {"purpose", "often"}
    assert {option.value for option in catalogue.questions["gift_or_self"].options} == {
        *("gift", "self", "household", "unknown")
    }


def test_every_notice_tells_that_permission_can_be_taken_back(catalogue: Catalogue) -> None:
    for purpose in catalogue.purposes.values():
        for locale in LOCALES:
            assert "stop" in purpose.wording[locale].lower()


def test_the_values_an_answer_may_hold_are_those_of_the_options(catalogue: Catalogue) -> None:
    assert {("gift_or_self", "gift"), ("gift_or_self", "unknown")} <= catalogue.values
    assert ("gift_or_self", "maybe") not in catalogue.values


def of_kind(kind: str, **changes: Any) -> dict[str, Any]:
    """The question as one of another kind, with what that kind needs."""
    words = A_QUESTION["options"][0]["reply"]
    return A_QUESTION | {"kind": kind, "reply": words, "give": words} | changes


def loaded(folder: Path, question: Any) -> tuple[Question, Catalogue]:
    catalogue = load_catalogue(written(folder, question))
    return catalogue.questions["gift_or_self"], catalogue


def test_one_choice_holds_one_option(catalogue: Catalogue) -> None:
    question = catalogue.questions["gift_or_self"]

    assert [option.value for option in question.chosen("gift")] == ["gift"]
    assert not question.holds("gift,self")
    assert not question.holds("maybe")
    assert not question.holds("")


@pytest.mark.parametrize(("kind", "three"), [("several", True), ("pick_two", False)])
def test_several_options_are_held_together_up_to_what_the_kind_allows(
    tmp_path: Path, *, kind: str, three: bool
) -> None:
    question, _ = loaded(tmp_path, of_kind(kind))

    assert [option.value for option in question.chosen("gift,self")] == ["gift", "self"]
    assert question.holds("gift")
    assert question.holds("gift,household,self") is three
    assert not question.holds("gift,gift")
    assert not question.holds("gift,maybe")


def test_an_open_question_holds_own_words_alone(tmp_path: Path) -> None:
    question, catalogue = loaded(tmp_path, of_kind("open", options=[]))

    assert question.holds(WORDS)
    assert not question.holds("gift")
    assert catalogue.values == {("gift_or_self", WORDS)}


def test_a_confirm_holds_a_yes_and_a_no(catalogue: Catalogue) -> None:
    question = catalogue.questions["still_right"]

    assert question.holds("yes")
    assert question.holds("no")
    assert not question.holds("maybe")


def test_an_option_is_found_by_its_value(catalogue: Catalogue) -> None:
    assert catalogue.questions["gift_or_self"].option("self").label["de"] == "Für mich"


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (changed("wording", to={"en": "A gift?", "es": " "}), "wording: has no words in es, de"),
        (changed("options", 1, "label", to={"en": "Me"}), "options.1.label: has no words in es"),
        (changed("version", to=0), "version: Input should be greater than or equal to 1"),
        (changed("kind", to="essay"), "kind: Input should be 'one_choice'"),
        (changed("options", to=[A_QUESTION["options"][0]]), "options: one_choice needs at least 2"),
        (changed("options", 1, "value", to="gift"), "options: two have the same value"),
        (of_kind("open"), "options: an open question has none"),
        (of_kind("confirm"), "options: a confirm has yes and no"),
        (of_kind("several", reply=None), "reply: several needs it"),
        (of_kind("open", options=[], reply=None), "reply: open needs it"),
        (changed("colour", to="blue"), "colour: Extra inputs are not permitted"),
        (changed("options", 0, "value", to=True), "options.0.value: Input should be a valid str"),
    ],
)
def test_an_error_in_a_question_names_the_file_the_place_and_what_to_mend(
    tmp_path: Path, question: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(CatalogueError) as raised:
        load_catalogue(written(tmp_path, question))

    assert f"{tmp_path}/questions/gift_or_self.yml: {complaint}" in str(raised.value)


def test_a_question_in_a_file_of_another_name_is_told_its_name(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"the id is gift; name the file gift\.yml\."):
        load_catalogue(written(tmp_path, changed("id", to="gift")))


def test_a_question_for_a_purpose_that_nobody_described_is_refused(tmp_path: Path) -> None:
    question = changed("purpose", to="world_domination")

    with pytest.raises(CatalogueError, match=r"world_domination is not in purposes\.yml"):
        load_catalogue(written(tmp_path, question))


@pytest.mark.parametrize(
    ("notice", "complaint"),
    [
        (PURPOSES["tailor_suggestions"] | {"agree": {"en": "Yes"}}, "agree: has no words in es"),
        ("please", "Input should be a valid dict"),
    ],
)
def test_an_error_in_a_notice_names_its_purpose(
    tmp_path: Path, notice: object, complaint: str
) -> None:
    folder = written(tmp_path, purposes={"tailor_suggestions": notice})

    with pytest.raises(CatalogueError) as raised:
        load_catalogue(folder)

    assert "purposes.yml: tailor_suggestions" in str(raised.value)
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (b"wording: [", "cannot be read as YAML"),
        (b"wording: \xff", "cannot be read as YAML"),
        (b"- a list", "must hold names and values"),
        (b"", "must hold names and values"),
    ],
)
def test_a_page_that_cannot_be_read_is_named(tmp_path: Path, page: bytes, complaint: str) -> None:
    file = tmp_path / "page.yml"
    file.write_bytes(page)

    with pytest.raises(CatalogueError) as raised:
        read_yaml(file)

    assert str(raised.value).startswith(f"{file}: {complaint}")


def test_a_page_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"purposes\.yml: cannot be read"):
        load_catalogue(tmp_path)


def test_what_brings_somebody_may_ask_what_there_is_alone(tmp_path: Path) -> None:
    folder = written(tmp_path)
    texts = {"en": "A sale", "es": "Rebajas", "de": "Ausverkauf"}
    page = {"sale": {"campaigns": ["Sale"], "promise": texts, "asks": [A_QUESTION["id"]]}}
    (folder / "entries.yml").write_text(yaml.safe_dump(page))
    assert load_catalogue(folder).campaigns == {"sale": "sale"}

    page["sale"]["asks"] = ["nothing"]
    (folder / "entries.yml").write_text(yaml.safe_dump(page))
    with pytest.raises(CatalogueError, match=r"entries\.yml: sale: there is no question nothing"):
        load_catalogue(folder)


def test_a_question_in_a_new_category_goes_live_by_one_file_alone(tmp_path: Path) -> None:
    folder = copytree(HERE, tmp_path / "texts")
    copy(NEW_QUESTION, folder / "questions")

    catalogue = load_catalogue(folder)
    heard = Heard("beans", (Guess("answer", 0.9, "motivation_garden", "harvest"),))
    ask = question_ask(a_scene(a_state()), catalogue.questions["motivation_garden"], DRESS)

    assert [one for one in check(folder) if one.file.stem == "motivation_garden"] == []
    assert [choice.value for choice in ask.choices][:2] == ["harvest", "rest"]
    assert read(heard, ask, catalogue).value == "harvest"


def test_the_page_about_questions_names_every_field_kind_and_starter_question() -> None:
    page = (Path(__file__).parents[2] / "docs" / "questions.md").read_text()

    for name in (*Question.model_fields, *Option.model_fields, *get_args(Kind)):
        assert f"`{name}`" in page, name
    for file in STARTERS:
        assert f"`{file.stem}`" in page or f"`{file.stem.removeprefix('motivation')}`" in page
