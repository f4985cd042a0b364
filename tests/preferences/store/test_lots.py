"""Many people's deeds in one transaction: each kept once, in the conversation where it belongs."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from preferences.errors import BadInputError, UnavailableError
from preferences.store import lots
from preferences.store.addresses import Place
from preferences.store.arrivals import Arrival, give_floor
from preferences.store.conversations import read_unanswered
from preferences.store.engine import Store
from preferences.store.lots import arrive_together
from preferences.store.shoppers import find_shopper
from preferences.store.tables import ConversationRow, IdentityRow, MessageRow, ShopperRow
from preferences.store.talks import Deed, Kept
from tests.preferences.scenes import NOW
from tests.preferences.store.shop import Shop
from tests.preferences.store.test_arrivals import ANA, ELSEWHERE, HERE, RECEPTION, text

BEN, CARA = {"phone": "+34600111333"}, {"whatsapp": "ES.1", "phone": "+34600111444"}


def deed(names: dict[str, str], *arrivals: Arrival, place: Place = HERE) -> Deed:
    def read(_conversation: str) -> Sequence[Arrival]:
        return arrivals

    return Deed(place, names, read, {})


async def keep(shop: Shop, *deeds: Deed) -> list[Kept]:
    found = await arrive_together(shop.store, deeds, RECEPTION, NOW)
    assert not [one for one in found if isinstance(one, Exception)]
    return [one for one in found if not isinstance(one, Exception)]


async def test_new_people_and_known_ones_are_kept_in_one_transaction(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(shop, deed(ANA, text("a")))
    monkeypatch.setattr(lots, "arrive", None)  # nobody needs one of their own
    ana, ben, cara = await keep(
        shop, deed(ANA, text("b"), text("c")), deed(BEN, text("d")), deed(CARA, text("e"))
    )

    assert [waiting for _, waiting in (ana, ben, cara)] == [2, 1, 1]
    assert len(await shop.rows(ShopperRow)) == len(await shop.rows(ConversationRow)) == 3
    assert len(await shop.rows(IdentityRow)) == 4
    waiting = await read_unanswered(shop.store, cara[0].shopper)
    assert [(one.text, dict(one.to), one.account) for one in waiting] == [("hello", CARA, "1")]
    assert [one.seq for one in await read_unanswered(shop.store, ana[0].shopper)] == [1, 2, 3]


async def test_what_is_reported_twice_is_kept_once_within_a_lot_and_after_it(shop: Shop) -> None:
    first = await keep(shop, deed(ANA, text("a")), deed(ANA, text("a"), text("b")))
    again = await keep(shop, deed(ANA, text("b"), text("a")), deed(BEN, text("a")))

    assert [waiting for _, waiting in (*first, *again)] == [1, 1, 0, 1]
    assert len(await shop.rows(MessageRow)) == 3


async def test_who_has_to_be_met_is_met_and_spoils_nobody_s(shop: Shop) -> None:
    await keep(shop, deed(ANA, text("a")))
    both = ANA | {"whatsapp": "ES.2"}
    joined, odd, there, last = await keep(
        shop,
        deed(both, text("b")),
        deed({"phone": "+1"}, text("c")),  # there can be no such number
        deed(ANA, text("d"), place=ELSEWHERE),
        deed(BEN, text("e")),
    )

    async with shop.store.begin(readonly=True) as session:
        assert await find_shopper(session, "whatsapp", "ES.2")
        assert await find_shopper(session, "whatsapp", "+1")
    assert joined[0].shopper == there[0].shopper
    assert len({one[0].id for one in (joined, odd, there, last)}) == 4


async def test_whose_reading_breaks_pays_alone(shop: Shop) -> None:
    def broken(_conversation: str) -> Sequence[Arrival]:
        raise KeyError

    await keep(shop, deed(ANA, text("a")))
    found = await arrive_together(
        shop.store, [Deed(HERE, BEN, broken, {}), deed(ANA, text("b"))], RECEPTION, NOW
    )
    assert isinstance(found[0], KeyError)
    assert not isinstance(found[1], Exception)
    assert len(await shop.rows(MessageRow)) == 2


async def test_a_person_s_silence_gives_the_floor_back_in_a_lot_too(shop: Shop) -> None:
    long_ago = NOW - timedelta(hours=13)
    await give_floor(shop.store, HERE, ANA, reception=RECEPTION, now=long_ago)
    await keep(shop, deed(ANA, text("a")))

    (row,) = await shop.rows(ConversationRow)
    assert (row.handed_off_at, row.last_seq) == (None, 1)


async def test_a_store_that_is_away_keeps_nothing_and_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        message = "The store is away."
        raise UnavailableError(message)

    with monkeypatch.context() as broken:
        broken.setattr(Store, "begin", away)
        with pytest.raises(UnavailableError):
            await arrive_together(shop.store, [deed(ANA, text("a"))], RECEPTION, NOW)
    assert await shop.rows(MessageRow) == []


async def test_nobody_s_names_are_an_error_of_their_own(shop: Shop) -> None:
    (found,) = await arrive_together(
        shop.store, [deed({"whatsapp": " "}, text("a"))], RECEPTION, NOW
    )
    assert isinstance(found, BadInputError)
