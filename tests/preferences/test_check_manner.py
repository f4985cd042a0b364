"""One voice for a shop: every text of it is held to how it speaks."""

from pathlib import Path
from typing import Any

import pytest

from preferences.catalogue import HERE, read_yaml
from preferences.check.pages import Page
from preferences.check.run import check
from tests.preferences.test_check import A_QUESTION, asking, changed, found, shop, talk, write

MANNER = {
    "address": "informal",
    "emoji": False,
    "greeting": {"en": "I am", "es": "Soy", "de": "Ich bin"},
    "banned": {"en": ["guys"], "es": [], "de": ["liebe kund*"]},
}
PURPOSES = read_yaml(HERE / "purposes.yml")


def spoken(folder: Path, question: Any = A_QUESTION, **pages: Any) -> str:
    """What is found in a shop that says how it speaks."""
    manner = pages.pop("manner", MANNER)
    shop(folder, question, **pages)
    write(folder / "manner.yml", manner)
    return found(folder)


def test_nothing_is_said_of_a_shop_that_speaks_with_one_voice(tmp_path: Path) -> None:
    assert spoken(tmp_path) == ""


@pytest.mark.parametrize(
    ("locale", "said", "complaint"),
    [
        ("de", "Schreiben Sie uns.", "bye is not informal (“Sie”)"),
        ("de", "Was kann ich für Ihnen tun?", "bye is not informal (“Ihnen”)"),
        ("de", "Das ist Ihr Konto.", "bye is not informal (“Ihr”)"),
        ("es", "Usted dirá.", "bye is not informal (“Usted”)"),
        ("en", "Bye 🙂.", "bye holds a picture"),
        ("en", "Bye, guys.", "bye says “guys”, which this shop does not"),
        ("de", "Tschüss, liebe Kundin.", "bye says “liebe Kundin”"),
        ("en", ["Bye.", "Bye, guys."], "bye.1 says “guys”"),
    ],
)
def test_what_the_assistant_says_otherwise_is_found(
    tmp_path: Path, locale: str, said: Any, complaint: str
) -> None:
    assert complaint in spoken(tmp_path, **{locale: talk(locale) | {"bye": said}})


@pytest.mark.parametrize("said", ["Sie ist da.", "Ihr Preis? Sie sagt es.", "Sag es der Katze."])
def test_a_german_capital_that_begins_a_sentence_tells_nothing(tmp_path: Path, said: str) -> None:
    assert spoken(tmp_path, de=talk("de") | {"bye": said}) == ""


def test_a_greeting_is_the_shops_own(tmp_path: Path) -> None:
    told = spoken(tmp_path, es=talk("es") | {"greeting": ["¡Soy yo!", "Buenas."]})

    assert "greeting.1 does not greet with “Soy”" in told
    assert "greeting.0" not in told


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (asking(de="Sagen Sie: ein Geschenk?"), "wording.de is not informal"),
        (changed(A_QUESTION, "options", 0, "label", "en", to="Guys"), "options.0.label.en says"),
    ],
)
def test_what_a_question_says_otherwise_is_found(
    tmp_path: Path, question: Any, complaint: str
) -> None:
    assert complaint in spoken(tmp_path, question)


def test_what_a_notice_says_otherwise_is_found(tmp_path: Path) -> None:
    text = "Darf ich behalten, was Sie sagen, bis zum „stop“?"
    purposes = changed(PURPOSES, "tailor_suggestions", "wording", "de", to=text)

    assert "tailor_suggestions.wording.de is not inf" in spoken(tmp_path, purposes=purposes)


def test_a_shop_that_is_formal_has_every_informal_text_found(tmp_path: Path) -> None:
    told = spoken(tmp_path, manner=MANNER | {"address": "formal"})

    assert "wording.de is not formal (“dein”)" in told
    assert "wording.es is not formal (“tu”)" in told
    assert ".en is not" not in told


def test_a_shop_may_show_pictures(tmp_path: Path) -> None:
    page = talk("en") | {"bye": "Bye 🙂."}

    assert spoken(tmp_path, en=page, manner=MANNER | {"emoji": True}) == ""


def test_how_shoppers_speak_is_their_own(tmp_path: Path) -> None:
    own = ["hey guys, for granny 🎁", "a gift, guys", "for a friend, guys"]

    assert spoken(tmp_path, changed(A_QUESTION, "options", 0, "examples", "en", to=own)) == ""


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"address": "chummy"}, "address: Input should be 'informal' or 'formal'"),
        ({"greeting": {"en": "Hello"}}, "greeting: has no words in es, de"),
        ({"banned": {"en": []}}, "banned: Dictionary should have at least 3 items"),
        ({"tone": "merry"}, "tone: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_in_how_the_shop_speaks_is_found_and_nothing_is_held_to_it(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    page = talk("en") | {"bye": "Bye, guys."}

    assert complaint in (told := spoken(tmp_path, en=page, manner=MANNER | changes))
    assert "says" not in told


def test_a_shop_that_does_not_say_how_it_speaks_is_held_to_nothing(tmp_path: Path) -> None:
    assert check(shop(tmp_path, en=talk("en") | {"bye": "Bye, guys 🙂."})) == []


def test_the_page_that_comes_with_it_forbids_something_in_every_language() -> None:
    page = Page(HERE / "manner.yml", (HERE / "manner.yml").read_text())

    assert all(page.data["banned"][locale] for locale in ("en", "es", "de"))
