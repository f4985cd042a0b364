from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preferences.texts import fill

NAMES = st.text(ascii_lowercase + "_", min_size=1, max_size=8)
WORDS = st.text(st.characters(exclude_characters="{}|", exclude_categories=["Cs"]))
BARE = str.maketrans("", "", "{}|")
FACTS = st.dictionaries(NAMES, st.text(max_size=8))


def test_a_fact_takes_its_place() -> None:
    assert fill("Hello, {shop}!", {"shop": "Corner Shop"}) == "Hello, Corner Shop!"


@pytest.mark.parametrize("facts", [{}, {"product": ""}])
def test_words_stand_in_for_a_fact_that_is_missing_or_empty(facts: dict[str, str]) -> None:
    assert fill("Is {product|your purchase} a gift?", facts) == "Is your purchase a gift?"


@pytest.mark.parametrize("text", ["{shop}", "{shop|}"])
def test_a_missing_fact_without_words_instead_is_an_error_and_never_shown(text: str) -> None:
    with pytest.raises(KeyError, match="shop"):
        fill(text, {"shop": ""})


def test_what_looks_like_a_placeholder_in_a_fact_is_left_as_the_shop_wrote_it() -> None:
    assert fill("“{product}”", {"product": "{shop} tee"}) == "“{shop} tee”"


@given(st.lists(st.tuples(WORDS, NAMES, WORDS)), FACTS)
def test_no_placeholder_ever_stays(
    parts: list[tuple[str, str, str]], facts: dict[str, str]
) -> None:
    text = "".join(f"{before}{{{name}|{instead}}}" for before, name, instead in parts)
    facts = {name: fact.translate(BARE) for name, fact in facts.items()}

    if any(not facts.get(name) and not instead for _, name, instead in parts):
        with pytest.raises(KeyError):
            fill(text, facts)
    else:
        assert not set(fill(text, facts)) & set("{}|")
