from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from preferences.catalogue import load_catalogue
from preferences.understanding import Heard, gives_permission
from tests.preferences.scenes import an_ask
from tests.understanding.heldout import (
    FIFTH,
    FIRST,
    FOURTH,
    SECOND,
    THIRD,
    plain,
    sentences,
    training,
)

ROOT = Path(__file__).parents[2]
LOCALES = ("en", "es", "de")
EVERY = [FIRST, SECOND, THIRD, FOURTH, FIFTH]
CHANNEL_VIEWS = {"wants", "does_not_want"}


@cache
def acts():
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    return frozenset(domain["intents"]) - {"press", "event"}


@pytest.mark.parametrize("folder", EVERY, ids=lambda folder: folder.name)
def test_every_act_is_one_that_the_assistant_knows(folder):
    for sentence in sentences(folder):
        assert sentence.acts <= acts(), sentence


@pytest.mark.parametrize("folder", EVERY, ids=lambda folder: folder.name)
def test_every_question_and_option_stands_in_the_catalogue(folder):
    questions = load_catalogue().questions
    for sentence in sentences(folder):
        assert sentence.asked is None or sentence.asked in questions, sentence
        if sentence.question is None:
            assert sentence.value is None, sentence
            continue
        values = {option.value for option in questions[sentence.question].options}
        assert sentence.value is None or sentence.value in values, sentence


@pytest.mark.parametrize("folder", [SECOND, THIRD, FOURTH, FIFTH], ids=lambda folder: folder.name)
def test_an_answer_names_its_question_and_nothing_else_does(folder):
    for sentence in sentences(folder):
        assert (sentence.question is not None) == (sentence.act == "answer"), sentence
        assert (sentence.value is not None) == (sentence.act == "answer"), sentence


@pytest.mark.parametrize("folder", [SECOND, THIRD, FOURTH, FIFTH], ids=lambda folder: folder.name)
def test_what_is_thought_of_a_channel_is_said_with_the_channel_alone(folder):
    for sentence in sentences(folder):
        is_channel = sentence.question == "channel_preference" and sentence.value != "none"
        assert (sentence.polarity in CHANNEL_VIEWS) == is_channel, sentence


@pytest.mark.parametrize("folder", [SECOND, THIRD, FOURTH, FIFTH], ids=lambda folder: folder.name)
def test_an_option_is_declined_only_where_something_was_asked(folder):
    asked_for = {"decline", "dont_know", "no_preference", "not_relevant"}
    for sentence in sentences(folder):
        assert sentence.asked or sentence.act not in asked_for, sentence


@pytest.mark.parametrize("folder", EVERY, ids=lambda folder: folder.name)
@pytest.mark.parametrize("kind", ["consent", "confirm", "erase", "claim"])
def test_whoever_says_no_yes_permits_nothing(kind, folder):
    no_yes = [one.text for one in sentences(folder) if "affirm" not in one.acts]
    ask = an_ask(kind)

    assert len(no_yes) > 400
    assert [text for text in no_yes if gives_permission(Heard(text), ask)] == []


def test_no_sentence_that_is_taught_as_something_else_permits_anything():
    ask, taught = an_ask("consent"), [text for act, text in training() if act != "affirm"]

    assert len(taught) > 30_000
    assert [text for text in taught if gives_permission(Heard(text), ask)] == []


def test_no_sentence_of_the_second_set_stands_twice_or_in_the_first():
    second = Counter(plain(one.text) for one in sentences(SECOND))

    assert second.most_common(1)[0][1] == 1
    assert not second.keys() & {plain(one.text) for one in sentences(FIRST)}


@pytest.mark.parametrize(
    ("folder", "older"),
    [
        (THIRD, [FIRST, SECOND]),
        (FOURTH, [FIRST, SECOND, THIRD]),
        (FIFTH, [FIRST, SECOND, THIRD, FOURTH]),
    ],
    ids=["heldout3", "heldout4", "heldout5"],
)
def test_no_sentence_of_a_later_set_stands_twice_or_in_an_older(folder, older):
    later = Counter(plain(one.text) for one in sentences(folder))

    assert later.most_common(1)[0][1] == 1
    assert not later.keys() & {plain(one.text) for other in older for one in sentences(other)}


@pytest.mark.parametrize("locale", LOCALES)
def test_the_third_set_says_something_of_everything_in_each_language(locale):
    said = [one for one in sentences(THIRD) if one.locale == locale]

    assert len(said) >= 150
    assert {one.act for one in said} == acts()
    assert sum(one.act == "stop" for one in said) >= 20


@pytest.mark.parametrize("locale", LOCALES)
def test_the_second_set_says_enough_of_everything_in_each_language(locale):
    said = [one for one in sentences(SECOND) if one.locale == locale]
    count = Counter(one.act for one in said)
    recipients = {one.value for one in said if one.question == "gift_or_self"}

    assert len(said) >= 200
    assert {act for act in acts() if count[act] < 8} == set()
    assert count["stop"] >= 30
    assert count["sensitive_event"] >= 20
    assert count["out_of_scope"] >= 30
    assert sum("hard_negative" in one.tags for one in said) >= 20
    assert recipients == {"gift", "self", "household", "unknown"}


def test_a_file_holds_the_sentences_of_its_own_language():
    for locale in LOCALES:
        file = SECOND / f"{locale}.jsonl"
        held = [one for one in sentences(SECOND) if one.locale == locale]

        assert len(held) == len(file.read_text(encoding="utf-8").splitlines())
