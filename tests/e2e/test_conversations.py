"""Conversations of `tests/conversations`, held with the running system: the real model hears them."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from preferences.store.engine import open_store
from preferences.store.ids import new_id
from preferences.store.keys import issue_key
from preferences.store.tables import CandidateRow, ConversationRow
from tests.conversations.script import Step, load_script
from tests.conversations.stage import an_earlier_answer, an_earlier_talk, as_list
from tests.e2e.shopper import Shopper, browsing, labels
from tests.e2e.world import World

HELD = (
    *("gift", "motivation", "grief", "stop_in_the_middle", "volunteered_channel"),
    *("in_between", "handed_over"),
)
SILENCE = 2.0  # seconds in which a purchase would have been spoken of
SKUS = {"Linen dress": "DRS-LIN-01"}


class Caller:
    """A customer of the shop at the chat API."""

    def __init__(self, world: World, rooms: AsyncExitStack) -> None:
        self.world = world
        self.rooms = rooms
        self.customer = world.customer_of_mens_clothing()
        self.shopper: Shopper | None = None

    async def does(self, step: Step) -> list[dict[str, Any]]:
        match step.does:
            case "buys":
                return await self._buys(step.what, silent=step.then.get("silent", False))
            case "presses":
                shopper = await self._comes()
                return await shopper.sends(press=shopper.buttons[step.what])
            case "says":
                return await (await self._comes()).sends(text=step.what)
            case "handed_back":
                return await self._hands_back(await self._comes())
            case "worth_asking":
                await self._finds_worth_asking(step.what, await self._comes())
        return await (await self._comes()).sends(event="opened")

    async def _comes(self) -> Shopper:
        """Open the chat, the first time."""
        if self.shopper is None:
            http = await self.rooms.enter_async_context(browsing())
            identity = self.world.identity(self.customer)
            shopper = await Shopper.begin(http, self.world.url, identity=identity, locale="en")
            self.shopper = await self.rooms.enter_async_context(shopper.listening())
        return self.shopper

    async def _buys(self, title: str, *, silent: bool) -> list[dict[str, Any]]:
        """Buy something: who is in the chat hears of it there, anybody else once they open it."""
        sku = SKUS.get(title, "DRS-LIN-01")
        await asyncio.to_thread(self.world.order, self.customer, sku, title=title)
        if self.shopper is None:
            return await (await self._comes()).sends(event="opened")
        if not silent:
            return await self.shopper.hears()
        with suppress(TimeoutError):
            return await self.shopper.hears(SILENCE)
        return []

    async def _finds_worth_asking(self, question: str, shopper: Shopper) -> None:
        """Make a question worth weighing, as an event of the shop would."""
        now = datetime.now(UTC)
        async with (
            open_store(self.world.database, self.world.vault) as store,
            store.begin() as session,
        ):
            talk = await session.get_one(ConversationRow, shopper.conversation)
            session.add(earlier := an_earlier_talk(talk.shopper_id, now - timedelta(days=30)))
            await session.flush()
            session.add(an_earlier_answer(earlier))
            session.add(
                CandidateRow(
                    id=new_id(),
                    shopper_id=talk.shopper_id,
                    question_id=question,
                    about={"purchase": "order-0", "sku": "a-1", "product": "the toy mouse"},
                    reason="purchase",
                    created_at=now,
                    expires_at=now + timedelta(days=1),
                )
            )

    async def _hands_back(self, shopper: Shopper) -> list[dict[str, Any]]:
        """Hand the conversation back as a help desk does, with a key of its own."""
        now, lasts = datetime.now(UTC), timedelta(hours=1)
        async with open_store(self.world.database, self.world.vault) as store:
            key = await issue_key(store, "a help desk", frozenset({"write"}), lasts, now)
        path = f"/v1/conversations/{shopper.conversation}/hand-back"
        status, told = await asyncio.to_thread(self.world.post, path, key)
        assert (status, told["handed_off"]) == (200, False)
        return []


def check(caller: Caller, step: Step, replies: list[dict[str, Any]]) -> None:
    then = step.then
    texts = " ".join(reply["text"] for reply in replies)
    assert bool(replies) is not then.get("silent", step.does == "handed_back"), texts
    if "replies" in then:
        assert len(replies) == then["replies"], texts
    if "kind" in then:
        assert replies[-1]["kind"] == then["kind"], texts
    for words in as_list(then.get("contains", [])):
        assert words.partition(" (you said")[0] in texts  # the date is another every day
    for words in as_list(then.get("lacks", [])):
        assert words not in texts
    if "choices" in then:
        assert sorted(labels(replies)) == sorted(then["choices"])
    if "stored" in then:
        kept = caller.world.preferences(caller.customer)
        assert {answer["question"]: answer["value"] for answer in kept} == then["stored"]
    if "forbidden" in then:
        _, profile = caller.world.get(f"/v1/shoppers/customer:{caller.customer}/preferences")
        held = {entry["reason"] for entry in profile["suppressions"]}
        assert held == set(then["forbidden"])


@pytest.mark.parametrize("name", HELD)
async def test_a_conversation_goes_as_it_is_written(world: World, name: str) -> None:
    async with AsyncExitStack() as rooms:
        caller = Caller(world, rooms)
        for step in load_script(name).steps:
            if step.does == "waits":
                break
            check(caller, step, await caller.does(step))
