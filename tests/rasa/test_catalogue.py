"""The question catalogue as what Rasa learns from."""

from pathlib import Path
from shutil import copy, copytree

import pytest
import yaml
from rasa.shared.exceptions import RasaException
from rasa.shared.importers.utils import training_data_from_paths

from bot.components.catalogue import CatalogueImporter, read_acts, read_examples, read_yaml

ROOT = Path(__file__).parents[2]
QUESTIONS = ROOT / "preferences" / "questions"
NEW_QUESTION = ROOT / "tests" / "examples" / "motivation_garden.yml"


def learned(questions):
    """Every example of an answer, by the question and option that it stands for."""
    importer = CatalogueImporter(
        str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data")], str(questions)
    )
    found = {}
    for example in importer.get_nlu_data().intent_examples:
        if example.get("intent") == "answer":
            about = example.get("metadata")["example"]
            found.setdefault((about["question"], about["value"]), set()).add(example.get("text"))
    return found


def test_a_question_in_a_new_category_is_learned_from_its_one_file(tmp_path):
    copytree(QUESTIONS, tmp_path / "questions")
    before = learned(tmp_path / "questions")
    copy(NEW_QUESTION, tmp_path / "questions")

    after = learned(tmp_path / "questions")

    assert set(after) - set(before) == {
        ("motivation_garden", "harvest"),
        ("motivation_garden", "rest"),
    }
    assert "wir essen, was wir pflanzen" in after["motivation_garden", "harvest"]


def test_every_option_that_a_starter_question_offers_is_learned():
    found = learned(QUESTIONS)

    for file in QUESTIONS.glob("*.yml"):
        question = yaml.safe_load(file.read_text(encoding="utf-8"))
        for option in question["options"] if question["kind"] != "confirm" else ():
            assert found[question["id"], option["value"]], (file.stem, option["value"])


@pytest.mark.parametrize("kind", ["confirm", "open"])
def test_nothing_is_learned_from_a_question_that_is_answered_without_options(kind):
    option = {"value": "yes", "label": {"en": "Yes"}}

    assert list(read_examples({"id": "q", "kind": kind, "options": [option]}, "q.yml")) == []


def test_no_wording_of_an_option_is_an_example_of_another_act():
    importer = CatalogueImporter(
        str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data")]
    )
    meant = {}
    for example in importer.get_nlu_data().intent_examples:
        meant.setdefault(example.get("text").lower(), set()).add(example.get("intent"))

    assert [text for text, acts in meant.items() if "answer" in acts and len(acts) > 1] == []


def test_the_files_of_acts_are_read_as_rasa_reads_them():
    importer = CatalogueImporter(
        str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data")]
    )
    file = ROOT / "data" / "nlu" / "de" / "moments.yml"
    slowly = training_data_from_paths([str(file)], "en").training_examples

    found = [(m.get("text"), m.get("intent")) for m in read_acts(file, "en")]

    assert [(m.get("text"), m.get("intent")) for m in slowly] == found
    assert set(found) < {
        (m.get("text"), m.get("intent")) for m in importer.get_nlu_data().intent_examples
    }


def test_more_answers_to_a_question_stand_among_the_acts(tmp_path):
    about = {"question": "gift_or_self", "value": "gift", "locale": "en"}
    answers = {"intent": "answer", "metadata": about, "examples": "- for gran\n- it's his\n"}
    (tmp_path / "n.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": [answers]}))

    found = [(m.get("text"), m.get("metadata")) for m in read_acts(tmp_path / "n.yml", "en")]

    assert found == [("for gran", {"example": about}), ("it's his", {"example": about})]


def test_a_bare_yes_among_the_acts_is_no_option(tmp_path):
    bare = "metadata: { question: team_orders, value: yes, locale: en }"
    (tmp_path / "n.yml").write_text(f"nlu:\n- intent: answer\n  {bare}\n  examples: '- we do'\n")

    with pytest.raises(RasaException, match=r"n\.yml: the metadata's value is read as True; put"):
        list(read_acts(tmp_path / "n.yml", "en"))


@pytest.mark.parametrize(
    "file",
    sorted((ROOT / "data" / "nlu").glob("*/*.yml")),
    ids=lambda file: f"{file.parent.name}-{file.stem}",
)
def test_an_answer_among_the_acts_names_an_option_of_the_catalogue(file):
    options = {
        (question["id"], option["value"])
        for question in map(read_yaml, QUESTIONS.glob("*.yml"))
        for option in question.get("options", ())
    }

    for entry in read_yaml(file)["nlu"]:
        about = entry.get("metadata") or {}
        assert (entry["intent"] == "answer") == bool(about)
        assert not about or (about["question"], about["value"]) in options
        assert not about or about["locale"] == file.parent.name


def test_a_file_that_is_no_yaml_is_named(tmp_path):
    (tmp_path / "q.yml").write_text("a: [")

    with pytest.raises(RasaException, match=r"q\.yml is not YAML"):
        read_yaml(tmp_path / "q.yml")
