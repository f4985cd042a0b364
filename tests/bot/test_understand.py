"""The command that tries phrases, up to the model."""

import json

import pytest

from bot.understand import Phrase, asked_as, command, phrases, shown_as_json, shown_as_words
from preferences.catalogue import load_catalogue
from preferences.understanding import Guess, Heard

CATALOGUE = load_catalogue()


def read(*lines):
    return list(phrases(lines, CATALOGUE))


def test_a_line_is_a_phrase():
    line = '{"text": "für Oma", "asked": "gift_or_self", "locale": "de"}'

    assert [Phrase("für Oma", "gift_or_self", "de")] == read(line, "", "  \n")
    assert [Phrase("hi", None, "en")] == read('{"text": "hi"}')


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "{}",
        '{"text": 5}',
        '{"text": "hi", "locale": "fr"}',
        json.dumps({"text": "x" * 1001}),
    ],
)
def test_a_bad_line_is_answered_in_its_place(line):
    found, phrase = read(line, '{"text": "hi"}')

    assert isinstance(found, str)
    assert {"error": found} == json.loads(shown_as_json(found, None, CATALOGUE))
    assert Phrase("hi", None, "en") == phrase


def test_an_unknown_question_is_read_without_and_said():
    phrase = read('{"text": "hi", "asked": "shoe_size_of_the_king"}')[0]

    assert phrase.asked is None
    assert "shoe_size_of_the_king" in phrase.warning
    shown = json.loads(shown_as_json(Heard("hi"), phrase, CATALOGUE))
    assert phrase.warning == shown["warning"]


def test_what_is_meant_is_one_line():
    heard = Heard(
        "it goes to my sister",
        (Guess("answer", 0.9, "gift_or_self", "gift"),),
        {"relation": "sister"},
    )
    shown = json.loads(shown_as_json(heard, Phrase(heard.text, None, "en"), CATALOGUE))

    assert {"act": "answer", "question": "gift_or_self", "value": "gift"}.items() <= shown.items()
    assert shown["entities"] == {"relation": "sister"}
    assert {"polarity", "confidence", "alternatives"} <= set(shown)


def test_a_marketer_reads_words():
    heard = Heard("hm", (Guess("thank", 0.5), Guess("greet", 0.4)))
    shown = shown_as_words(heard, Phrase("good day thanks", None, "en", "A warning."), CATALOGUE)

    assert "A warning." in shown
    assert "means" in shown


def test_the_question_is_put_as_a_shopper_sees_it():
    ask = asked_as(Phrase("x", "gift_or_self", "es"), CATALOGUE)

    assert "Un regalo" in [choice.label for choice in ask.choices]
    assert asked_as(Phrase("x", None, "es"), CATALOGUE) is None


def test_help_is_for_people(capsys):
    with pytest.raises(SystemExit):
        command(["--help"])

    assert "--asked" in capsys.readouterr().out
