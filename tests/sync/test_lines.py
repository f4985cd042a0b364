"""Several fields in one text come back as they were."""

from hypothesis import given
from hypothesis import strategies as st

from sync.lines import read, told

NAMES = st.from_regex(r"[a-z_]{1,20}", fullmatch=True)
WORDS = st.text(min_size=1).filter(lambda text: "\r" not in text)


@given(st.dictionaries(NAMES, WORDS))
def test_what_was_written_is_read(fields: dict[str, str]) -> None:
    assert read(told("A head: kept", fields)) == fields


def test_people_read_a_line_for_each() -> None:
    assert told("Head", {"b": "two\nlines", "a": "one"}) == "Head\na: one\nb: two\n lines"


def test_what_is_no_field_is_passed_over() -> None:
    assert read("Head\na note of somebody\na: one") == {"a": "one"}
