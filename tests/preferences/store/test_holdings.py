import re

import pytest
from sqlalchemy import Table
from sqlmodel import SQLModel

from preferences.store.export import sealed_columns
from preferences.store.holdings import HELD, OF_NOBODY, STAYS
from preferences.store.tables import Row
from tests.preferences.store.lives import a_whole_life, held, person
from tests.preferences.store.shop import Shop

TABLES = SQLModel.metadata.sorted_tables
NAMES = {table.__tablename__ for table in HELD}
OWNED = re.compile(r"(^|_)(shopper|head|conversation|sender|claimable)_id$|^lookup$")


def has_a_path(table: Table, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a row of it leads to a shopper, by a reference or by the name of a column."""
    if table.name == "shopper" or any(OWNED.search(column.name) for column in table.c):
        return True
    return any(
        has_a_path(key.column.table, seen | {table.name})
        for key in table.foreign_keys
        if key.column.table.name not in seen
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_says_whether_it_holds_something_of_a_person(table: Table) -> None:
    assert (table.name in NAMES) != (table.name in OF_NOBODY)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_with_a_path_to_a_shopper_is_among_those_that_hold_one(table: Table) -> None:
    # `removal` names a shopper, and is empty whenever a transaction is over.
    assert not has_a_path(table) or table.name in NAMES | {"removal"}


def test_what_an_erasure_leaves_is_explained() -> None:
    assert STAYS.keys() <= NAMES
    assert all(STAYS.values())
    assert all(OF_NOBODY.values())


@pytest.mark.parametrize("table", HELD, ids=lambda table: table.__tablename__)
def test_an_opened_column_never_takes_the_name_of_another(table: type[Row]) -> None:
    assert not {*sealed_columns(table)} & table.model_fields.keys()


async def test_a_whole_life_is_in_every_table(shop: Shop) -> None:
    life = await a_whole_life(shop)

    of = await person(shop.store, life.head)

    assert {name for name, rows in (await held(shop.store, of)).items() if not rows} == set()
    assert {*of.members} == {*life.shoppers}
