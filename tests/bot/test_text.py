import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.text import LONGEST, clean
from preferences.errors import BadInputError

ANYTHING = st.text(st.characters(), max_size=LONGEST + 20)
NASTY = st.text(st.sampled_from("/\\ \t\n\r\0\x1b\x85\u200b\u200d\u2028\u202e\ufeff\uff0f\ud800ab"))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("hello", "hello"),
        ("  for my sister's birthday \n", "for my sister's birthday"),
        ("first line\nsecond line", "first line\nsecond line"),
        ("one\ttwo\rthree\vfour", "one two three four"),
        ('<b>bold</b> & "quoted"', '<b>bold</b> & "quoted"'),
        ("a/b", "a/b"),
        ("¿Es para mí? Ja, für mich. 贈り物", "¿Es para mí? Ja, für mich. 贈り物"),
        ("👨‍👩‍👧 ❤️", "👨‍👩‍👧 ❤️"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_what_a_person_writes_stays_as_it_is(typed: str, kept: str) -> None:
    assert clean(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "/restart",
        " /restart",
        "//restart",
        "/ / restart",
        "\u200b/restart",
        "\u200d/restart",
        "\0/restart",
        "\n/restart",
        "\ufeff/restart",
        "\u2044restart",
        "\u2215restart",
        "／restart",
        "\u00a0/restart",
    ],
)
def test_no_text_ever_begins_like_a_command(typed: str) -> None:
    assert clean(typed) == "restart"


def test_what_cannot_be_seen_is_taken_out() -> None:
    assert clean("sto\u200bp\x00 \x1b[31mnow\u202e\ue000\udcff") == "stop [31mnow"


@pytest.mark.parametrize("typed", ["", " ", "\n\t", "/", "///", "\0", "\u200d", "\u200b/\u2060"])
def test_what_says_nothing_is_told_to_its_sender(typed: str) -> None:
    with pytest.raises(BadInputError, match="empty; please write a few words") as raised:
        clean(typed)

    assert raised.value.field == "text"


def test_a_thousand_characters_are_read_and_one_more_is_told_to_its_sender() -> None:
    assert len(clean("é" * 1000)) == 1000
    with pytest.raises(BadInputError, match="longer than 1000 characters"):
        clean("é" * 1001)


@given(ANYTHING | NASTY)
@example("\u200d\u200c/x")
def test_whatever_was_typed_is_harmless_afterwards_or_refused_with_a_sentence(typed: str) -> None:
    try:
        kept = clean(typed)
    except BadInputError:
        return
    assert kept == kept.strip()
    assert not kept.startswith(("/", "\u2044", "\u2215", "\uff0f"))
    assert not [c for c in kept if c != "\n" and unicodedata.category(c) in {"Cc", "Cs", "Co"}]
    assert clean(kept) == kept
