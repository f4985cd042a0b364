import json
from copy import deepcopy
from typing import Any

import pytest
from sqlmodel import select

from preferences.errors import BadInputError, NotFoundError
from preferences.profile import as_json
from preferences.store.changes import read_changes
from preferences.store.conversations import start_conversation
from preferences.store.engine import Store
from preferences.store.erasure import erase_shopper
from preferences.store.export import export_shopper
from preferences.store.holdings import HELD
from preferences.store.importing import import_shopper
from preferences.store.links import link, unlink
from preferences.store.outbox import claim
from preferences.store.profiles import read_profile
from preferences.store.shoppers import shopper_named
from preferences.store.tables import IdentityRow, QuarantineRow, SuppressionRow
from preferences.store.verifying import verify
from tests.preferences.scenes import DAY, NOW
from tests.preferences.store.lives import CUSTOMER, EMAIL, PHONE, PRODUCT, WORDS, a_whole_life
from tests.preferences.store.shop import Shop


@pytest.fixture
async def page(shop: Shop) -> dict[str, Any]:
    return json.loads(json.dumps(await export_shopper(shop.store, (await a_whole_life(shop)).head)))


async def test_an_export_holds_a_row_of_every_table_that_holds_the_person(
    page: dict[str, Any],
) -> None:
    tables = page["held"] | page["traffic"]

    assert tables.keys() == {table.__tablename__ for table in HELD}
    assert all(tables.values())


async def test_an_export_is_in_clear(page: dict[str, Any]) -> None:
    held = page["held"]

    assert {row["value"] for row in held["identity"]} == {CUSTOMER, EMAIL, PHONE}
    assert all("lookup" not in row for row in [*held["identity"], *held["quarantine"]])
    assert any(WORDS in row["text"] for row in held["message"])
    assert [row["text"] for row in held["own_words"]] == [f"a gift {WORDS}"]
    assert [EMAIL in row["body"] for row in held["quarantine"]] == [True]
    assert [EMAIL in row["body"] for row in page["traffic"]["idempotency"]] == [True]
    assert PRODUCT in {row["title"] for row in held["purchase_line"]}
    assert not [name for rows in held.values() for row in rows for name in row if "sealed" in name]


async def test_times_are_utc(page: dict[str, Any]) -> None:
    (answer,) = page["held"]["answer"]

    assert answer["answered_at"] == "2026-11-22T12:00:00Z"


async def test_every_shopper_of_a_person_gives_the_same(shop: Shop) -> None:
    life = await a_whole_life(shop)

    pages = [await export_shopper(shop.store, shopper) for shopper in life.shoppers]

    assert pages[0] == pages[1]
    assert {row["id"] for row in pages[0]["held"]["shopper"]} == {*life.shoppers}


async def test_an_export_of_others_holds_nothing_of_the_person(shop: Shop) -> None:
    await a_whole_life(shop)
    other = await shop.meets("4712")

    text = json.dumps(await export_shopper(shop.store, other.shopper))

    assert "anari" not in text


async def test_it_is_taken_in_elsewhere_and_given_again_the_same(
    page: dict[str, Any], shop: Shop, elsewhere: Store
) -> None:
    head = await import_shopper(elsewhere, page, ["log"], NOW)

    again = json.loads(json.dumps(await export_shopper(elsewhere, head)))
    assert again["held"] == page["held"]
    assert await verify(elsewhere, head) == []
    assert as_json(await read_profile(elsewhere, head)) == as_json(
        await read_profile(shop.store, head)
    )
    assert await shopper_named(elsewhere, "email", EMAIL) == head


async def test_what_came_in_is_told_to_crms_and_mirrors(
    page: dict[str, Any], elsewhere: Store
) -> None:
    head = await import_shopper(elsewhere, page, ["log"], NOW)

    assert [due.shopper for due in await claim(elsewhere, "log", 10, NOW)] == [head]
    told = {(one.type, *one.detail.values()) for one in await read_changes(elsewhere, 0, 100)}
    assert ("preference.imported", "gift_or_self") in told
    assert ("consent.withdrawn", "tailor_suggestions") in told
    # The wish to stop was lifted, and one that is over does not hold.
    assert not [type_ for type_, *_ in told if type_ == "suppression.added"]


async def test_a_wish_that_holds_is_told_too(shop: Shop, elsewhere: Store) -> None:
    talk = await shop.meets("4711")
    await shop.hears(talk, "stop")
    page = await export_shopper(shop.store, talk.shopper)
    over = deepcopy(page["held"]["suppression"][0])
    over |= {"id": "over", "expires_at": "2026-01-01T00:00:00Z"}
    page["held"]["suppression"].append(over)

    await import_shopper(elsewhere, page, ["log"], NOW)

    told = [one.type for one in await read_changes(elsewhere, 0, 100)]
    assert told.count("suppression.added") == 1


async def test_what_was_imported_can_be_erased_whole(
    page: dict[str, Any], elsewhere: Store
) -> None:
    head = await import_shopper(elsewhere, page, ["log"], NOW)

    await erase_shopper(elsewhere, head, ["log"], NOW)

    async with elsewhere.begin(readonly=True) as session:
        assert (await session.exec(select(QuarantineRow))).all() == []


async def test_who_was_erased_is_exported_as_a_wish_alone(shop: Shop, elsewhere: Store) -> None:
    life = await a_whole_life(shop)
    await erase_shopper(shop.store, life.head, ["log"], NOW)

    page = await export_shopper(shop.store, life.head)
    await import_shopper(elsewhere, page, ["log"], NOW)

    assert {name for name, rows in page["held"].items() if rows} == {
        "shopper",
        "identity",
        "conversation",
        "suppression",
    }
    async with elsewhere.begin(readonly=True) as session:
        names = (await session.exec(select(IdentityRow))).all()
    assert {row.lookup for row in names} == {row["lookup"] for row in page["held"]["identity"]}
    assert (await read_profile(elsewhere, life.head)).erased


async def test_who_was_linked_once_and_is_no_more_comes_along_as_an_id(
    shop: Shop, elsewhere: Store
) -> None:
    one, other = await shop.meets("1"), await shop.meets("2")
    how = {"actor": "shop", "destinations": ["log"], "now": NOW}
    await link(shop.store, one.shopper, other.shopper, proof="code", **how)
    await unlink(shop.store, one.shopper, other.shopper, **how)
    pages = [await export_shopper(shop.store, talk.shopper) for talk in (one, other)]
    page = next(page for page in pages if page["held"]["link"])

    head = await import_shopper(elsewhere, page, ["log"], NOW)

    assert (await export_shopper(elsewhere, head))["held"] == page["held"]


async def test_two_who_saw_the_same_notice_can_both_be_taken_in(
    shop: Shop, elsewhere: Store
) -> None:
    talks = [(await shop.asks_the_question(number))[0] for number in ("1", "2")]

    for talk in talks:
        page = await export_shopper(shop.store, talk.shopper)
        await import_shopper(elsewhere, page, ["log"], NOW)

    assert [await verify(elsewhere, talk.shopper) for talk in talks] == [[], []]


async def test_the_same_is_not_taken_in_twice(page: dict[str, Any], elsewhere: Store) -> None:
    head = await import_shopper(elsewhere, page, ["log"], NOW)
    before = await export_shopper(elsewhere, head)

    with pytest.raises(BadInputError, match="already"):
        await import_shopper(elsewhere, page, ["log"], NOW + DAY)

    assert await export_shopper(elsewhere, head) == before


async def test_a_name_that_somebody_has_is_not_taken_from_them(
    page: dict[str, Any], elsewhere: Store
) -> None:
    await start_conversation(elsewhere, channel="web", locale="en", customer=CUSTOMER, now=NOW)

    with pytest.raises(BadInputError, match="already"):
        await import_shopper(elsewhere, page, ["log"], NOW)


def _without(page: dict[str, Any], *path: Any) -> dict[str, Any]:
    spoilt = deepcopy(page)
    place = spoilt
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return spoilt


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (("format",), "format"),
        (("held",), "held.notice"),
        (("held", "answer"), "held.answer"),
        (("held", "answer", 0, "value"), "held.answer"),
        (("held", "identity", 0, "kind"), "held.identity"),
        (("held", "message", 0, "text"), "held.message"),
        (("shopper",), "shopper"),
    ],
)
async def test_what_is_no_export_is_refused_by_name_and_nothing_is_kept(
    page: dict[str, Any], elsewhere: Store, path: tuple[Any, ...], field: str
) -> None:
    with pytest.raises(BadInputError) as refused:
        await import_shopper(elsewhere, _without(page, *path), ["log"], NOW)

    assert refused.value.field == field
    with pytest.raises(NotFoundError):
        await export_shopper(elsewhere, page["shopper"])


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("answer", {"answered_at": "yesterday"}),
        ("answer", {"answered_at": "2026-11-22T12:00:00"}),
        ("answer", {"confidence": "sure"}),
        ("message", {"text": 7}),
        ("shopper", {"name": "Kim"}),
    ],
)
async def test_a_row_that_was_changed_by_hand_is_refused(
    page: dict[str, Any], elsewhere: Store, table: str, change: dict[str, Any]
) -> None:
    page["held"][table][0] |= change

    with pytest.raises(BadInputError) as refused:
        await import_shopper(elsewhere, page, ["log"], NOW)

    assert refused.value.field == f"held.{table}"


@pytest.mark.parametrize("value", [2**31, 2**70, -(2**31) - 1])
async def test_a_number_that_no_database_holds_is_refused(
    page: dict[str, Any], store: Store, value: int
) -> None:
    page["held"]["purchase_line"][0]["quantity"] = value
    await erase_shopper(store, page["shopper"], ["log"], NOW)

    with pytest.raises(BadInputError) as refused:
        await import_shopper(store, page, ["log"], NOW)

    assert refused.value.field == "held.purchase_line"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("purchase_line", {"title": "a\x00b"}),
        ("answer", {"detail": {"polarity": ["a\x00b"]}}),
        ("answer", {"detail": {"a\x00b": 1}}),
    ],
)
async def test_a_character_that_no_database_holds_is_refused(
    page: dict[str, Any], elsewhere: Store, table: str, change: dict[str, Any]
) -> None:
    page["held"][table][0] |= change

    with pytest.raises(BadInputError) as refused:
        await import_shopper(elsewhere, page, ["log"], NOW)

    assert refused.value.field == f"held.{table}"


async def test_a_wish_that_is_over_is_told_to_nobody(shop: Shop, elsewhere: Store) -> None:
    talk = await shop.meets(CUSTOMER)
    ended = {"over": {"expires_at": NOW - DAY}, "lifted": {"lifted_at": NOW - DAY}}
    async with shop.store.begin() as session:
        session.add_all(
            SuppressionRow(
                id=name, shopper_id=talk.shopper, scope="all", target="", source="shopper",
                reason="later", created_at=NOW - 2 * DAY, **end,
            )
            for name, end in ended.items()
        )  # fmt: skip
    page = json.loads(json.dumps(await export_shopper(shop.store, talk.shopper)))

    await import_shopper(elsewhere, page, ["log"], NOW)

    assert {row["id"] for row in page["held"]["suppression"]} == ended.keys()
    assert await read_changes(elsewhere, 0, 10) == []
