"""What a CRM knows, all the way to the choosing: nobody is asked it, nobody is written to against it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from preferences.store.conversations import Conversation
from preferences.store.decisions import read_decisions
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.profiles import read_profile
from preferences.store.tables import CandidateRow
from sync.capabilities import Remote
from sync.pull import pull
from sync.telling import Teller
from tests.preferences.scenes import ASSISTANT, DAY, HOUR
from tests.preferences.store.seeds import add_consent
from tests.preferences.store.shop import Replies, Shop
from tests.sync.memory import TellingCrm
from tests.sync.pages import CATALOGUE, mapping

QUESTION, PURPOSE = "channel_preference", "contact_wishes"
LINE = {"from": f"answers.{QUESTION}.value", "to": "reached_by", "direction": "pull"}


@pytest.fixture
def shop(store: Store) -> Shop:
    """One with the questions that are shipped."""
    return Shop(store, replace(ASSISTANT, catalogue=CATALOGUE), ("crm",))


async def may_be_asked(shop: Shop, channel: str = "web") -> Conversation:
    """Meet somebody who gave permission, and of whom something is worth knowing."""
    talk = await shop.meets("4711", channel)
    async with shop.store.begin() as session:
        await add_consent(session, talk.shopper, 1, "given", PURPOSE, conversation_id=talk.id)
        session.add(
            CandidateRow(
                id=new_id(),
                shopper_id=talk.shopper,
                question_id=QUESTION,
                about={"purchase": "order-0", "sku": "a-1", "product": "the toy mouse"},
                reason="welcome",
                created_at=shop.now,
                expires_at=shop.now + 30 * DAY,
            )
        )
    return talk


async def pulls(shop: Shop, folder: Path, *records: Remote) -> int:
    crm = TellingCrm(*records)
    teller = Teller("crm", shop.store, crm, mapping(folder, LINE), now=lambda: shop.now)
    return await pull(teller, CATALOGUE, ["crm"])


def asked(replies: Replies) -> list[str]:
    return [one["text"] for one in replies if one["kind"] == "question"]


async def why(shop: Shop, talk: Conversation) -> list[str]:
    """Say why the last decision was silence."""
    last = (await read_decisions(shop.store, talk.shopper, None, 1))[1][0]
    assert last.question is None
    return [one["code"] for one in last.reasons]


async def test_whom_the_crm_says_nothing_of_is_asked(shop: Shop, tmp_path: Path) -> None:
    talk = await may_be_asked(shop)
    assert await pulls(shop, tmp_path, Remote(talk.shopper, fields={"reached_by": ""})) == 0

    assert asked(await shop.sees(talk, "opened"))


async def test_what_the_crm_knows_is_not_asked(shop: Shop, tmp_path: Path) -> None:
    talk = await may_be_asked(shop)
    assert await pulls(shop, tmp_path, Remote(talk.shopper, fields={"reached_by": "email"})) == 1

    assert not asked(await shop.sees(talk, "opened"))

    assert "known_already" in await why(shop, talk)
    [answer] = (await read_profile(shop.store, talk.shopper, shop.now)).answers
    assert (answer.kind, answer.value) == ("imported", "email")


@pytest.mark.parametrize(
    ("channel", "left", "asks"),
    [
        ("web", "all", False),
        ("whatsapp", "all", False),
        ("whatsapp", "whatsapp", False),
        ("web", "whatsapp", True),
    ],
)
async def test_who_left_in_the_crm_is_left_alone_where_they_left(
    shop: Shop, tmp_path: Path, channel: str, left: str, *, asks: bool
) -> None:
    talk = await may_be_asked(shop, channel)
    assert await pulls(shop, tmp_path, Remote(talk.shopper, opted_out=(left,))) == 1

    assert bool(asked(await shop.sees(talk, "opened"))) is asks


async def test_a_stop_of_the_shoppers_own_outlives_whatever_the_crm_says(
    shop: Shop, tmp_path: Path
) -> None:
    talk = await may_be_asked(shop)
    await shop.hears(talk, "stop", "stop")
    shop.waits(HOUR)
    back = Remote(talk.shopper, opted_out=(), fields={}, at=shop.now)

    for record in (Remote(talk.shopper, opted_out=("email",)), back):
        assert await pulls(shop, tmp_path, record) == 0
        shop.waits(timedelta(days=40))

    assert not asked(await shop.sees(talk, "opened"))
    [left] = (await read_profile(shop.store, talk.shopper, shop.now)).suppressions
    assert (left.scope, left.source) == ("all", "shopper")
