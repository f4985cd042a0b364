"""Two shoppers who are one person, and are not: nothing moves, nothing is lost, nothing is shown."""

import asyncio
import json
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

from preferences.errors import NotFoundError
from preferences.profile import as_json
from preferences.store.changes import read_changes
from preferences.store.conversations import reachable, read_unanswered, read_waiting
from preferences.store.engine import Store, open_store
from preferences.store.links import link, unlink
from preferences.store.persons import head_of, members_of
from preferences.store.profiles import read_profile, read_profiles
from preferences.store.shoppers import new_shopper, shopper_named
from preferences.store.states import read_consents
from preferences.store.tables import LinkRow, OutboxRow, ShopperRow
from tests.preferences.scenes import DAY, MINUTE, NOW
from tests.preferences.store.seeds import (
    PURPOSE,
    add_answer,
    add_consent,
    add_shopper,
    add_shopper_who_answered,
    add_suppression,
)
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

BY = {"actor": "key:crm", "destinations": ("log",), "now": NOW}


async def join(store: Store, shopper: str, other: str) -> str:
    return await link(store, shopper, other, proof="code", **BY)


async def heads(store: Store) -> dict[str, str]:
    return {row.id: row.head_id for row in await Shop(store).rows(ShopperRow)}


async def profiles(store: Store, *shoppers: str) -> list[str]:
    found = await read_profiles(store, shoppers)
    return [json.dumps(as_json(found[shopper]), sort_keys=True) for shopper in shoppers]


async def strangers(store: Store, *names: str) -> None:
    async with store.begin() as session:
        for name in names:
            await add_shopper(session, name)


async def test_a_purchase_is_spoken_of_where_the_shop_vouches_for_who_talks_alone(
    shop: Shop,
) -> None:
    talk, device = await shop.meets("4711"), await shop.meets()
    await join(shop.store, talk.shopper, device.shopper)
    await shop.has_a_habit("4711")
    await shop.sells("4711", "order-1", "dress")

    there = await shop.sees(device, "opened")
    here = await shop.sees(talk, "opened")

    assert {reply["kind"] for reply in there} == {"say"}
    assert here[-1]["kind"] == "consent"


async def test_a_linked_person_is_read_under_one_id_and_parted_without_a_trace(
    store: Store,
) -> None:
    async with store.begin() as session:
        await add_shopper_who_answered(session, "a")
        await add_shopper_who_answered(session, "b")
        await add_answer(session, "b", 2, "self", question_id="channel", about=None)
        await add_suppression(session, "b", "shopper_paused")
    before = await profiles(store, "a", "b")

    assert await join(store, "a", "b") == "a"

    one = await read_profile(store, "b")
    assert one == await read_profile(store, "a")
    assert one.shopper == "a"
    assert {answer.question for answer in one.answers} == {"gift_or_self", "channel"}
    assert [entry.reason for entry in one.suppressions] == ["shopper_paused"]
    assert await shopper_named(store, "shopify", "number-b") == "a"
    left = (await read_profiles(store, ["b"]))["b"]
    assert (left.linked_to, left.answers, left.identities) == ("a", (), {})

    await unlink(store, "a", "b", **BY)

    assert await profiles(store, "a", "b") == before
    assert await shopper_named(store, "shopify", "number-b") == "b"


async def test_who_was_linked_twice_is_linked_once(store: Store) -> None:
    await strangers(store, "a", "b")

    assert await join(store, "a", "b") == "a"
    assert await join(store, "b", "a") == "a"
    assert len(await Shop(store).rows(LinkRow)) == 1


async def test_chains_are_flat_and_parted_where_they_were_joined(store: Store) -> None:
    await strangers(store, "a", "b", "c", "d")
    await join(store, "b", "c")
    await join(store, "a", "b")
    await join(store, "c", "d")
    assert set((await heads(store)).values()) == {"a"}
    async with store.begin(readonly=True) as session:
        assert await members_of(session, "a") == ["a", "b", "c", "d"]
        assert await members_of(session, "b") == []

    await unlink(store, "a", "c", **BY)

    assert await heads(store) == {"a": "a", "b": "a", "c": "c", "d": "c"}
    await join(store, "b", "c")
    await unlink(store, "a", "b", **BY)
    assert await heads(store) == {"a": "a", "b": "b", "c": "b", "d": "b"}


async def test_who_is_not_linked_cannot_be_parted_and_who_is_unknown_not_linked(
    store: Store,
) -> None:
    await strangers(store, "a", "b")

    for pair in (("a", "b"), ("a", "a"), ("a", "nobody"), ("nobody", "a")):
        with pytest.raises(NotFoundError, match="not linked"):
            await unlink(store, *pair, **BY)
    for pair in (("a", "nobody"), ("nobody", "a")):
        with pytest.raises(NotFoundError, match="no shopper of that id"):
            await join(store, *pair)
    async with store.begin(readonly=True) as session:
        with pytest.raises(NotFoundError):
            await head_of(session, "nobody")


async def test_whoever_mirrors_the_store_hears_of_both(store: Store) -> None:
    await strangers(store, "a", "b")

    await join(store, "a", "b")
    await unlink(store, "a", "b", **BY)

    told = [(one.type, one.shopper, one.detail) for one in await read_changes(store, 0, 10)]
    pair = {"head": "a", "other": "b"}
    assert told == [
        ("shopper.linked", "a", pair),
        ("shopper.linked", "b", pair),
        ("shopper.unlinked", "a", pair),
        ("shopper.unlinked", "b", pair),
    ]
    rows = await Shop(store).rows(OutboxRow)
    assert {row.shopper_id: (row.desired_version, row.urgent) for row in rows} == {
        "a": (2, True),
        "b": (2, True),
    }
    kept = sorted(await Shop(store).rows(LinkRow), key=lambda row: row.id)
    assert [(row.head_id, row.shopper_id, row.state, row.proof) for row in kept] == [
        ("a", "b", "linked", "code"),
        ("a", "b", "unlinked", ""),
    ]


async def test_the_last_word_counts_whichever_shopper_gave_it(store: Store) -> None:
    async with store.begin() as session:
        await add_shopper_who_answered(session, "a")
        await add_shopper(session, "b")
        await add_consent(session, "b", 1, "refused")
    await join(store, "a", "b")

    assert (await read_profile(store, "a")).consents[PURPOSE].state == "refused"

    async with store.begin() as session:
        await add_consent(session, "a", 2, "given")
    assert (await read_profile(store, "a")).consents[PURPOSE].state == "given"


@pytest.mark.parametrize("forbids", ["a", "b"])
async def test_of_two_words_at_one_moment_the_one_that_forbids_counts(
    store: Store, forbids: str
) -> None:
    async with store.begin() as session:
        for shopper in ("a", "b"):
            await add_shopper(session, shopper)
            state = "withdrawn" if shopper == forbids else "given"
            await add_consent(session, shopper, 1, state, occurred_at=NOW)
    await join(store, "a", "b")

    async with store.begin(readonly=True) as session:
        assert (await read_consents(session, "a", NOW))[PURPOSE].state == "withdrawn"
    assert (await read_profile(store, "a")).consents[PURPOSE].state == "withdrawn"


async def test_a_question_on_one_channel_counts_on_the_other(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    other = await shop.meets("4712")
    await shop.sells("4712", "order-2", "dress")
    await join(shop.store, talk.shopper, other.shopper)
    shop.waits(MINUTE)

    replies = await shop.sees(other, "purchased")

    assert not any(reply["ask"] for reply in replies)


async def test_stop_on_one_channel_holds_on_the_other(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    other = await shop.meets("4712")
    await join(shop.store, talk.shopper, other.shopper)
    shop.waits(MINUTE)
    await shop.hears(other, "stop")

    held = await read_profile(shop.store, talk.shopper, shop.now)

    assert held.consents[PURPOSE].state == "withdrawn"
    assert [entry.reason for entry in held.suppressions] == ["shopper_said_stop"]


async def test_what_waits_is_answered_though_the_two_were_linked_meanwhile(shop: Shop) -> None:
    first, second = await shop.meets("4711"), await shop.meets("4712")
    shop.waits(MINUTE)
    waiting = await shop.gets(second, "text", "hello")
    await join(shop.store, first.shopper, second.shopper)

    (found,) = await read_unanswered(shop.store, waiting.conversation.shopper)

    assert (found.seq, found.conversation.shopper) == (waiting.seq, first.shopper)
    assert await read_unanswered(shop.store, first.shopper) == [found]
    assert await read_waiting(shop.store) == [first.shopper]
    within = timedelta(days=1)
    place = await reachable(shop.store, first.shopper, "web", shop.now, within)
    assert place == second.id


async def test_two_who_link_the_same_at_once_make_one_person(postgresql_url: str) -> None:
    async with open_store(postgresql_url, VAULT) as store:
        async with store.begin() as session:
            names = [await new_shopper(session, NOW) for _ in range(6)]
        await asyncio.gather(*(join(store, *pair) for pair in pairwise(names)))
        await asyncio.gather(*(join(store, one, two) for two, one in pairwise(names)))

        assert len({*(await heads(store)).values()}) == 1


PEOPLE = ("a", "b", "c", "d", "e")
TWO = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)).filter(
    lambda two: two[0] != two[1]
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=st.lists(TWO, max_size=5), pair=TWO)
async def test_to_link_and_to_part_again_restores_every_profile(
    store: Store, first: list[tuple[str, str]], pair: tuple[str, str]
) -> None:
    await _empty(store)
    async with store.begin() as session:
        for at, name in enumerate(PEOPLE):
            await add_shopper_who_answered(session, name)
            await add_answer(session, name, 2, "self", question_id=f"q{at}", about=None)
    for two in first:
        await join(store, *two)
    before, stood = await profiles(store, *PEOPLE), await heads(store)

    if stood[pair[0]] == stood[pair[1]]:
        await join(store, *pair)
    else:
        assert await join(store, *pair) == stood[pair[0]]
        gone = await read_profiles(store, [stood[pair[1]]])
        assert gone[stood[pair[1]]].linked_to == stood[pair[0]]
        await unlink(store, *pair, **BY)

    assert await profiles(store, *PEOPLE) == before
    assert await heads(store) == stood


async def test_after_parting_nothing_of_one_is_read_through_the_other(shop: Shop) -> None:
    talk, ask = await shop.asks_the_question("4711")
    await shop.feels(talk, ask, "A gift", 0)
    other = await shop.meets("4712")
    await join(shop.store, other.shopper, talk.shopper)
    shop.waits(DAY)
    assert (await read_profile(shop.store, other.shopper, shop.now)).answers
    await unlink(shop.store, other.shopper, talk.shopper, **BY)

    alone = await read_profile(shop.store, other.shopper, shop.now)
    told = await shop.hears(other, "what do you know about me", "ask_data")

    assert (alone.answers, alone.consents, alone.identities) == ((), {}, {"customer": "4712"})
    assert "gift" not in " ".join(reply["text"] for reply in told).lower()
    assert (await read_profile(shop.store, talk.shopper, shop.now)).answers


async def _empty(store: Store) -> None:
    async with store.begin() as session:
        connection = await session.connection()
        if connection.dialect.name == "postgresql":
            await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        else:
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            await connection.exec_driver_sql(
                "INSERT INTO removal SELECT id FROM shopper WHERE id NOT IN (SELECT shopper_id FROM removal)"
            )
        for table in reversed(SQLModel.metadata.sorted_tables):
            if table.name not in {"notice", "removal"}:
                await connection.execute(table.delete())
        await connection.exec_driver_sql("DELETE FROM removal")
