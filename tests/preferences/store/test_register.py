from pathlib import Path

from preferences.store.holdings import HELD
from preferences.store.register import HOW_LONG, register

PAGE = Path(__file__).parents[3] / "docs" / "register.md"


def test_the_page_in_the_tree_equals_the_schema() -> None:
    assert PAGE.read_text() == register()


def test_every_table_that_holds_a_person_says_how_long() -> None:
    assert HOW_LONG.keys() == {table.__tablename__ for table in HELD}
