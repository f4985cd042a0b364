import pytest
from sqlmodel import col, select

from preferences.store.changes import read_changes
from preferences.store.conversations import Conversation
from preferences.store.objections import SIGNAL, object_by_browser
from preferences.store.tables import AnswerRow, ConsentEventRow, ConsentRow, OutboxRow
from tests.preferences.scenes import CATALOGUE, HOUR
from tests.preferences.store.shop import Shop

PURPOSES = set(CATALOGUE.purposes)


async def objects(shop: Shop, talk: Conversation) -> None:
    await object_by_browser(shop.store, talk.id, CATALOGUE, shop.destinations, shop.now)


async def events(shop: Shop) -> list[ConsentEventRow]:
    async with shop.store.begin(readonly=True) as session:
        query = select(ConsentEventRow).order_by(col(ConsentEventRow.seq))
        return list((await session.exec(query)).all())


async def test_a_browser_objects_to_every_purpose_before_the_first_question(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await shop.has_a_habit("4711")
    await shop.sells("4711", "4711-dress", "dress")

    await objects(shop, talk)
    replies = await shop.sees(talk, "purchased")

    kept = await events(shop)
    assert {row.purpose for row in kept} == PURPOSES
    assert {(row.state, row.method, row.actor) for row in kept} == {("objected", "gpc", "shopper")}
    assert SIGNAL == "Sec-GPC: 1"
    assert not [reply for reply in replies if reply["ask"]]
    changes = await read_changes(shop.store, 0, 10)
    assert [(one.type, one.detail) for one in changes] == [
        ("consent.objected", {"purpose": name}) for name in CATALOGUE.purposes
    ]
    assert [(row.shopper_id, row.urgent) for row in await shop.rows(OutboxRow)] == [
        (talk.shopper, False)
    ]


async def test_the_same_signal_in_a_later_session_says_nothing_new(shop: Shop) -> None:
    for _ in range(2):
        await objects(shop, await shop.meets("4711"))

    assert len(await events(shop)) == len(PURPOSES)
    assert [row.desired_version for row in await shop.rows(OutboxRow)] == [1]


async def test_what_was_given_in_plain_words_outlasts_the_signal_of_a_browser(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()

    await objects(shop, await shop.meets("4711"))
    await shop.hears(talk, "a gift")

    states = {row.purpose: row.state for row in await shop.rows(ConsentRow)}
    assert states == dict.fromkeys(PURPOSES, "objected") | {"tailor_suggestions": "given"}
    assert len(await shop.rows(AnswerRow)) == 1


@pytest.mark.parametrize("before", ["no", "stop"])
async def test_an_objection_is_kept_beside_a_refusal_too(shop: Shop, before: str) -> None:
    talk, _ = await shop.asks_for_permission()
    await shop.hears(talk, before, "deny")
    shop.waits(HOUR)

    await objects(shop, await shop.meets("4711"))

    assert {row.state for row in await shop.rows(ConsentRow)} == {"objected"}


async def test_who_tells_something_unasked_and_says_a_plain_yes_permits_it_after_all(
    shop: Shop,
) -> None:
    talk = await shop.meets("4711")
    await objects(shop, talk)

    notice = (await shop.hears(talk, "it is a gift", "answer", "gift"))[-1]
    assert notice["kind"] == "consent"
    read_back = (await shop.feels(talk, notice["ask"], "Yes, you may", 0))[-1]
    await shop.feels(talk, read_back["ask"], "Yes", 0)

    (answer,) = await shop.rows(AnswerRow)
    given = [row for row in await events(shop) if row.state == "given"]
    assert answer.consent_id == given[0].id


async def test_of_who_had_everything_deleted_no_objection_is_kept(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "forget me", "erase_data")
    await shop.hears(talk, "yes")

    await objects(shop, await shop.meets("4711"))

    assert await events(shop) == []
