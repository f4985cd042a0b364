"""Facts and names that the shop tells."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from preferences.catalogue import load_catalogue
from preferences.errors import BadInputError, NotFoundError
from preferences.store.engine import Store
from preferences.store.erasure import erase_shopper
from preferences.store.everyone import every_profile
from preferences.store.facts import (
    ChangedError,
    ErasedError,
    Fact,
    Telling,
    add_facts,
    check_facts,
    last_change,
)
from preferences.store.naming import NamesakesError, tell_names
from preferences.store.tables import AnswerRow, IdentityRow, OutboxRow
from tests.preferences.scenes import DAY, MINUTE, NOW

CATALOGUE = load_catalogue()
FACT = Fact("imported", "gift_or_self", "gift", "old crm", NOW - DAY)
NUMBER, EMAIL = ("customer", "1001"), ("email", "anna@example.com")


@pytest.fixture
async def anna(store: Store) -> str:
    return await tell_names(store, [NUMBER], NOW)


async def tell(store: Store, shopper: str, *facts: Fact, **more: Any) -> list[str]:
    telling = Telling(shopper, facts or (FACT,), **({"effect": "one"} | more))
    return await add_facts(store, telling, CATALOGUE, ("log",), NOW)


async def rows[Row: (AnswerRow, IdentityRow, OutboxRow)](
    store: Store, table: type[Row]
) -> list[Row]:
    async with store.begin(readonly=True) as session:
        return list((await session.exec(select(table))).all())


async def test_a_fact_has_its_source_its_end_and_no_ask(store: Store, anna: str) -> None:
    question = CATALOGUE.questions["gift_or_self"]

    [name] = await tell(store, anna)

    [row] = await rows(store, AnswerRow)
    assert (row.id, row.kind, row.source, row.ask_id) == (name, "imported", "old crm", None)
    assert (row.subject, row.purpose) == (question.option("gift").subject, question.purpose)
    assert row.fresh_until == FACT.at + timedelta(days=question.half_life_days)
    assert [row.destination for row in await rows(store, OutboxRow)] == ["log"]


async def test_several_options_are_about_the_subject_of_the_question(
    store: Store, anna: str
) -> None:
    question = next(one for one in CATALOGUE.questions.values() if one.kind == "pick_two")
    value = ",".join(option.value for option in question.options[:2])

    await tell(store, anna, replace(FACT, question=question.id, value=value))

    assert [row.subject for row in await rows(store, AnswerRow)] == [question.subject]


async def test_facts_told_again_are_kept_once(store: Store, anna: str) -> None:
    first = await tell(store, anna, FACT, FACT)

    assert await tell(store, anna, FACT, FACT) == first
    assert len(await rows(store, AnswerRow)) == 2
    assert await tell(store, anna, FACT, FACT, effect="two") != first


async def test_facts_told_of_an_older_state_are_not_kept(store: Store, anna: str) -> None:
    seen = await last_change(store, anna)
    assert seen == ""
    await tell(store, anna, seen=seen)

    with pytest.raises(ChangedError):
        await tell(store, anna, seen=seen, effect="two")
    await tell(store, anna, seen=await last_change(store, anna), effect="two")
    assert len(await rows(store, AnswerRow)) == 2


async def test_nothing_is_kept_of_who_is_erased_or_not_there(store: Store, anna: str) -> None:
    await erase_shopper(store, anna, (), NOW)

    with pytest.raises(ErasedError):
        await tell(store, anna)
    with pytest.raises(NotFoundError):
        await tell(store, "nobody")
    assert await rows(store, AnswerRow) == []


def test_what_the_catalogue_does_not_know_is_named() -> None:
    detailed = next(one for one in CATALOGUE.questions.values() if any(one.details.values()))
    opened = CATALOGUE.questions["gift_or_self"].model_copy(update={"kind": "open"})
    known, values = next((name, known) for name, known in detailed.details.items() if known)
    right = replace(FACT, question=detailed.id, value=detailed.options[0].value)
    wrong = [
        (replace(FACT, question="shoe_size"), "question"),
        (replace(FACT, value="maybe"), "value"),
        (replace(FACT, at=NOW + timedelta(hours=1)), "at"),
        (replace(right, detail={"height": "tall"}), "detail.height"),
        (replace(right, detail={known: "no such value"}), f"detail.{known}"),
    ]
    asks_for_words = CATALOGUE.model_copy(update={"questions": {"gift_or_self": opened}})
    with pytest.raises(BadInputError, match="only what a shopper says"):
        check_facts([replace(FACT, value="words")], asks_for_words, NOW)
    for fact, field in wrong:
        with pytest.raises(BadInputError) as refused:
            check_facts([FACT, fact], CATALOGUE, NOW)
        assert refused.value.field == f"facts.1.{field}"

    check_facts(
        [replace(right, detail={known: next(iter(values))}, at=NOW + MINUTE)], CATALOGUE, NOW
    )


async def test_who_is_known_by_one_name_gets_the_others(store: Store, anna: str) -> None:
    assert await tell_names(store, [EMAIL, NUMBER], NOW) == anna
    assert await tell_names(store, [EMAIL], NOW) == anna
    assert {row.shopper_id for row in await rows(store, IdentityRow)} == {anna}


async def test_names_of_two_people_are_not_put_together(store: Store) -> None:
    await tell_names(store, [NUMBER], NOW)
    await tell_names(store, [EMAIL], NOW)

    with pytest.raises(NamesakesError):
        await tell_names(store, [EMAIL, NUMBER, ("customer", "7")], NOW)
    assert len(await rows(store, IdentityRow)) == 2


async def test_a_name_that_cannot_be_is_named_and_nothing_is_kept(store: Store) -> None:
    with pytest.raises(BadInputError) as refused:
        await tell_names(store, [NUMBER, ("phone", "call me")], NOW)

    assert refused.value.field == "identities.1.value"
    assert await rows(store, IdentityRow) == []


async def test_no_name_is_kept_of_who_is_erased(store: Store, anna: str) -> None:
    await erase_shopper(store, anna, (), NOW)

    assert await tell_names(store, [NUMBER, EMAIL], NOW) == anna
    assert [row.sealed_value for row in await rows(store, IdentityRow)] == [None]


async def test_everybody_is_read_once_in_batches_of_any_size(store: Store) -> None:
    people = [await tell_names(store, [("customer", str(number))], NOW) for number in range(5)]
    for batch in (1, 2, 5, 100):
        read = [one.shopper async for some in every_profile(store, batch) for one in some]
        assert read == sorted(people)
