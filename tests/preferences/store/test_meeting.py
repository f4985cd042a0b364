"""Channels that know people by an id of their own, by a phone number, or by both."""

import pytest

from preferences.errors import BadInputError, NotFoundError
from preferences.store.addresses import Place, open_conversation, put_address, read_address
from preferences.store.arrivals import follow
from preferences.store.dispatches import put_dispatch, read_dispatches
from preferences.store.engine import Store, vault_of
from preferences.store.meeting import meet_on_channel, rename
from preferences.store.persons import head_of
from preferences.store.shoppers import add_name, find_shopper, known_shopper, remove_name
from preferences.store.tables import (
    ConversationRow,
    DispatchRow,
    IdentityRow,
    LinkRow,
    MessageRow,
)
from tests.preferences.scenes import DAY, NOW
from tests.preferences.store.shop import Shop

PHONE, OTHER_PHONE = "+49 30 123456", "+49 30 654321"
ID, OTHER_ID = "DE.111", "DE.222"


async def meet(store: Store, **ids: str) -> str:
    async with store.begin() as session:
        return await meet_on_channel(session, ids, ("log",), NOW)


async def person(store: Store, shopper: str) -> str:
    async with store.begin(readonly=True) as session:
        return await head_of(session, shopper)


async def named(store: Store, kind: str, value: str) -> str | None:
    async with store.begin(readonly=True) as session:
        return await find_shopper(session, kind, value)


async def has_something_waiting(store: Store, shopper: str, channel: str, **names: str) -> None:
    place = Place(channel, "1")
    async with store.begin() as session:
        talk = await open_conversation(session, shopper, place, names, "en", NOW)
        put_address(vault_of(session), talk, names)
        await session.flush()
        said = MessageRow(
            conversation_id=talk.id,
            seq=1,
            author="shopper",
            kind="text",
            sealed_text="",
            lang="en",
            at=NOW,
        )
        put_dispatch(session, talk, said, names, NOW)


async def addresses(store: Store) -> dict[str, dict[str, str]]:
    rows = await Shop(store).rows(ConversationRow)
    return {row.channel: read_address(store.vault, row) for row in rows}


async def test_one_message_with_both_makes_the_other_name_theirs_too(store: Store) -> None:
    first = await meet(store, phone=PHONE)

    assert await meet(store, phone="+4930123456", whatsapp=ID) == first
    assert await meet(store, whatsapp=ID) == first
    assert await meet(store, phone=PHONE) == first
    assert await meet(store, whatsapp=ID, phone=OTHER_PHONE) == first
    assert len(await Shop(store).rows(IdentityRow)) == 3


async def test_a_number_with_another_id_of_the_channel_belongs_to_somebody_new(
    store: Store,
) -> None:
    old = await meet(store, phone=PHONE, whatsapp=ID)

    new = await meet(store, phone=PHONE, whatsapp=OTHER_ID)

    assert new != old
    assert await person(store, new) != await person(store, old)
    assert await meet(store, phone=PHONE) == new
    assert await meet(store, whatsapp=ID) == old
    (gone,) = [row for row in await Shop(store).rows(IdentityRow) if row.unlinked_at]
    assert (gone.kind, gone.shopper_id, gone.unlinked_why) == ("phone", old, "recycled")


async def test_nothing_that_waits_goes_to_a_number_that_somebody_else_has_by_now(
    store: Store,
) -> None:
    old = await meet(store, phone=PHONE, whatsapp=ID)
    await has_something_waiting(store, old, "whatsapp", phone=PHONE, whatsapp=ID)
    await has_something_waiting(store, old, "twilio", phone=PHONE)
    await has_something_waiting(store, old, "messenger", messenger="7")

    await meet(store, phone=PHONE, whatsapp=OTHER_ID)

    assert await addresses(store) == {
        "whatsapp": {"whatsapp": ID},
        "twilio": {},
        "messenger": {"messenger": "7"},
    }
    waiting = {one.channel: (one.state, one.to) for one in await read_dispatches(store, old)}
    assert waiting == {
        "whatsapp": ("waiting", {"whatsapp": ID}),
        "messenger": ("waiting", {"messenger": "7"}),
    }
    [withheld] = [row for row in await Shop(store).rows(DispatchRow) if row.state == "withheld"]
    assert (withheld.channel, withheld.why, withheld.sealed_to) == ("twilio", "recycled", None)


async def test_what_waits_follows_somebody_to_their_new_number(store: Store) -> None:
    old = await meet(store, phone=PHONE, whatsapp=ID)
    await has_something_waiting(store, old, "whatsapp", phone=PHONE, whatsapp=ID)

    assert await follow(store, "phone", PHONE, OTHER_PHONE, NOW)

    names = {"phone": OTHER_PHONE, "whatsapp": ID}
    assert await addresses(store) == {"whatsapp": names}
    [waiting] = await read_dispatches(store, old)
    assert waiting.to == names


async def test_two_who_were_met_apart_are_one_once_a_message_names_both(store: Store) -> None:
    by_phone = await meet(store, phone=PHONE)
    by_id = await meet(store, whatsapp=ID)

    assert await meet(store, whatsapp=ID, phone=PHONE) == by_id

    assert await person(store, by_phone) == await person(store, by_id) == by_id
    (link,) = await Shop(store).rows(LinkRow)
    assert (link.proof, link.actor, link.state) == ("channel", "channel", "linked")


async def test_a_channel_that_gives_another_id_and_says_so_keeps_the_person(store: Store) -> None:
    first = await meet(store, whatsapp=ID, phone=PHONE)

    async with store.begin() as session:
        await rename(session, "whatsapp", ID, OTHER_ID, NOW)

    assert await meet(store, whatsapp=OTHER_ID, phone=PHONE) == first
    assert await named(store, "whatsapp", ID) is None
    async with store.begin() as session:
        with pytest.raises(NotFoundError, match="somebody new"):
            await rename(session, "whatsapp", ID, "DE.333", NOW)


async def test_a_name_is_added_proved_and_removed(store: Store) -> None:
    async with store.begin() as session:
        shopper = await known_shopper(
            session, "customer", "4711", assurance="claimed", proof="order", now=NOW
        )
        how = {"assurance": "claimed", "proof": "form", "now": NOW}
        await add_name(session, shopper, "email", "Ada@example.com", **how)
        await add_name(
            session, shopper, "email", "ada@example.com",
            assurance="verified", proof="code", now=NOW + DAY,
        )  # fmt: skip
        await add_name(session, shopper, "email", "ada@example.com", **how)
    (mail,) = [row for row in await Shop(store).rows(IdentityRow) if row.kind == "email"]
    assert (mail.assurance, mail.proof) == ("verified", "code")
    assert (mail.linked_at, mail.seen_at) == (NOW, NOW + DAY)

    async with store.begin() as session:
        await remove_name(session, shopper, "email", "ADA@example.com", why="recycled", now=NOW)
        assert await find_shopper(session, "email", "ada@example.com") is None
        with pytest.raises(NotFoundError, match="nothing to unlink"):
            await remove_name(session, shopper, "email", "ada@example.com", why="x", now=NOW)


async def test_a_name_of_somebody_else_is_neither_taken_nor_removed(store: Store) -> None:
    async with store.begin() as session:
        how = {"assurance": "verified", "proof": "code", "now": NOW}
        first = await known_shopper(session, "email", "a@b.example", **how)
        second = await known_shopper(session, "customer", "4711", **how)
        with pytest.raises(BadInputError, match="Somebody else has this name"):
            await add_name(session, second, "email", "a@b.example", **how)
        with pytest.raises(NotFoundError):
            await remove_name(session, second, "email", "a@b.example", why="x", now=NOW)
        assert await find_shopper(session, "email", "a@b.example") == first
