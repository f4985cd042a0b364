import json
from pathlib import Path

import pytest

from preferences.errors import SettingsError
from sync.capabilities import FieldShape
from sync.mapping import HERE, load_mapping, schema
from tests.sync.pages import CATALOGUE, mapping


def test_a_star_gives_every_question_a_field_under_its_own_attribute(tmp_path: Path) -> None:
    found = mapping(
        tmp_path, {"from": "answers.*.value", "to": "ask_{attribute}", "type": "choice"}
    )

    fields = {rule.question: rule.to for rule in found.rules}
    assert set(fields) == set(CATALOGUE.questions)
    assert fields["channel_preference"] == "ask_preferred_channel"
    (rule,) = [rule for rule in found.rules if rule.question == "gift_or_self"]
    assert rule.purpose == "tailor_suggestions"
    options = [option.value for option in CATALOGUE.questions["gift_or_self"].options]
    assert rule.shape == FieldShape(rule.to, "choice", rule.shape.label, tuple(options))


def test_an_open_question_takes_any_text_whatever_a_star_says(tmp_path: Path) -> None:
    found = mapping(
        tmp_path, {"from": "answers.*.value", "to": "ask_{attribute}", "type": "choice"}
    )

    for rule in found.rules:
        is_open = CATALOGUE.questions[rule.question].kind == "open"
        assert (rule.shape.type == "text") is is_open
        assert bool(rule.shape.options) is not is_open


def test_a_later_line_takes_the_place_of_a_star(tmp_path: Path) -> None:
    found = mapping(
        tmp_path,
        {"from": "answers.*.value", "to": "ask_{attribute}"},
        {"from": "answers.gift_or_self.value", "to": "ask_last_purchase_for", "transform": "upper"},
    )

    (rule,) = [rule for rule in found.rules if rule.to == "ask_last_purchase_for"]
    assert rule.line.transform == "upper"


def test_the_words_of_the_page_come_before_those_of_the_question(tmp_path: Path) -> None:
    found = mapping(
        tmp_path,
        {
            "from": "answers.channel_preference.value",
            "to": "channel",
            "type": "choice",
            "values": {"none": "LEAVE", "email": "MAIL"},
        },
    )

    assert {"LEAVE", "MAIL", "sms"} < set(found.rules[0].shape.options)


def test_every_purpose_has_its_consent(tmp_path: Path) -> None:
    found = mapping(tmp_path, {"from": "consents.*.state", "to": "ask_may_{attribute}"})

    assert {rule.to for rule in found.rules} == {f"ask_may_{name}" for name in CATALOGUE.purposes}


def test_every_give_may_have_a_field(tmp_path: Path) -> None:
    found = mapping(tmp_path, {"from": "promises.*.due_at", "to": "due_{attribute}"})

    assert {rule.to for rule in found.rules} == {f"due_{name}" for name in CATALOGUE.gives}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            {"from": "answers.nobody.value", "to": "x"},
            "fields.0: from: there is no question nobody",
        ),
        ({"from": "consents.none.state", "to": "x"}, "fields.0: from: there is no purpose none"),
        ({"from": "answers.*.mood", "to": "x"}, "fields.0: from: answers.*.mood is nothing that"),
        ({"from": "answers.*", "to": "x"}, "is nothing that a profile has"),
        ({"from": "promises.cake.value", "to": "x"}, "fields.0: from: there is no give cake"),
        ({"from": "promises.points_20.mood", "to": "x"}, "is nothing that a profile has"),
        ({"from": "referral.code", "to": "x"}, "is nothing that a profile has"),
        ({"from": "mood", "to": "x"}, "is nothing that a profile has"),
        ({"from": "shopper", "to": "askfirst_id"}, "askfirst_id is the key"),
        ({"from": "shopper", "to": "x", "purpose": "none"}, "there is no purpose none"),
        ({"from": "shopper", "to": "x", "when_null": "maybe"}, "fields.0.when_null"),
        ({"from": "shopper"}, "fields.0.to"),
        ({"from": "Shopper", "to": "x"}, "fields.0.from"),
    ],
)
def test_what_is_wrong_with_a_page_is_named_with_its_place(
    tmp_path: Path, line: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        mapping(tmp_path, line)

    assert str(caught.value).startswith(str(tmp_path / "crm.yml"))
    assert sentence in str(caught.value)


def test_a_page_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "crm.yml").write_text("key: [")

    with pytest.raises(SettingsError, match=r"crm\.yml"):
        load_mapping("crm", CATALOGUE, tmp_path)


def test_a_destination_without_a_page_has_no_mapping(tmp_path: Path) -> None:
    assert load_mapping("log", CATALOGUE, tmp_path) is None
    assert load_mapping("log", CATALOGUE) is None


@pytest.mark.parametrize("file", sorted(HERE.glob("*.yml")), ids=lambda file: file.stem)
def test_every_page_that_is_shipped_can_be_read(file: Path) -> None:
    found = load_mapping(file.stem, CATALOGUE)

    assert found
    assert found.rules
    assert file.read_text().startswith("# yaml-language-server: $schema=../mapping.schema.json\n")


def test_the_schema_in_the_tree_is_that_of_the_code() -> None:
    held = HERE.with_name("mapping.schema.json").read_text()

    assert held == schema()
    assert json.loads(held)["properties"]["fields"]
