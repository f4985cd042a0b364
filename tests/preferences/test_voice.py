from pathlib import Path
from shutil import copytree
from string import Formatter
from typing import Any

import pytest
import yaml

from preferences.catalogue import HERE, read_yaml
from preferences.errors import CatalogueError
from preferences.texts import LOCALES
from preferences.voice import Voice, load_voice


@pytest.fixture
def wording(tmp_path: Path) -> Path:
    return copytree(HERE / "wording", tmp_path / "wording")


def rewrite(wording: Path, locale: str, **said: Any) -> None:
    file = wording / f"{locale}.yml"
    file.write_text(yaml.safe_dump(read_yaml(file) | said))


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_every_language_has_words_for_every_occasion() -> None:
    pages = load_voice("Corner Shop").pages

    assert set(pages) == set(LOCALES)
    assert len({frozenset(page) for page in pages.values()}) == 1


def test_every_language_wants_the_same_facts_for_an_occasion() -> None:
    pages = load_voice("Corner Shop").pages

    for occasion, variants in pages["en"].items():
        wanted = [placeholders(sentence) for sentence in variants]
        for locale in LOCALES:
            for sentence in pages[locale][occasion]:
                assert placeholders(sentence) in wanted, f"{occasion} in {locale}"


@pytest.mark.parametrize("locale", LOCALES)
def test_the_first_word_of_all_is_that_this_is_no_person(locale: str) -> None:
    hello = load_voice("Corner Shop").say("hello", locale)

    assert "Corner Shop" in hello
    assert any(word in hello for word in ("automated", "automático", "automatische"))


def test_variants_come_in_turn() -> None:
    voice = Voice("Corner Shop", {"en": {"thanks": ("Thanks.", "Thank you.")}})

    said = [voice.say("thanks", "en", turn) for turn in (0, 1, 2)]

    assert said == ["Thanks.", "Thank you.", "Thanks."]


def test_the_shop_is_named_in_texts_of_the_catalogue() -> None:
    text = "{shop} sells “{product}”."

    assert load_voice("Rivet").fill(text, product="a hat") == "Rivet sells “a hat”."


def test_a_language_that_lacks_an_occasion_is_named_with_it(wording: Path) -> None:
    rewrite(wording, "en", farewell="So long.")

    with pytest.raises(CatalogueError, match=r"wording/es\.yml: lacks farewell\."):
        load_voice("Corner Shop", wording.parent)


@pytest.mark.parametrize("said", [True, 5, "", "  ", [], ["Hello.", ""], ["Hello.", 3], {"a": "b"}])
def test_an_occasion_without_words_is_named(wording: Path, said: Any) -> None:
    rewrite(wording, "de", hello=said)

    with pytest.raises(CatalogueError, match=r"de\.yml: hello: must be a sentence in quotes"):
        load_voice("Corner Shop", wording.parent)
