from datetime import timedelta

import pytest

from preferences.errors import NotFoundError
from preferences.store.conversations import reachable
from preferences.store.progress import (
    Progress,
    change_conversation,
    end_conversation,
    read_progress,
)
from tests.preferences.scenes import NOW
from tests.preferences.store.shop import Shop


async def test_of_a_new_conversation_there_is_nothing_to_tell(shop: Shop) -> None:
    talk = await shop.meets()

    assert await read_progress(shop.store, talk.id, NOW) == Progress(False, (), {})  # noqa: FBT003


async def test_nothing_is_told_of_a_conversation_that_ended(shop: Shop) -> None:
    talk = await shop.meets()
    await end_conversation(shop.store, talk.id, NOW)

    with pytest.raises(NotFoundError):
        await read_progress(shop.store, talk.id, NOW)
    with pytest.raises(NotFoundError):
        await change_conversation(shop.store, talk.id, locale="de", zone=None)
    with pytest.raises(NotFoundError):
        await shop.gets(talk, "text", "hello")


async def test_who_ended_their_session_is_not_reached_by_it(shop: Shop) -> None:
    talk = await shop.meets("7")
    soon = timedelta(hours=1)
    before = await reachable(shop.store, talk.shopper, talk.channel, NOW, soon)
    await end_conversation(shop.store, talk.id, NOW)

    assert before == talk.id
    assert await reachable(shop.store, talk.shopper, talk.channel, NOW, soon) is None
