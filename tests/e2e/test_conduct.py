"""The table of conduct, held with the running system: every act, in every state, in each language."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import ClientSession
from sqlmodel import select

from preferences.store.engine import Store, open_store
from preferences.store.tables import ConversationRow
from tests.conversations.conduct.cases import Case, Do, arrange, cases, find, one_in_three
from tests.conversations.conduct.expected import wrong
from tests.conversations.conduct.seen import Line, Seen, as_line, play, read_facts
from tests.e2e.shopper import Shopper, browsing
from tests.e2e.world import World

AT_A_TIME = 8
NOBODY = frozenset({"invite"})
"""The states that nobody is in: as delivered, no shop invites anybody to bring a friend."""


@dataclass
class Visitor:
    """Somebody who is in one of the states when the time comes; unknown, until they sign in."""

    http: ClientSession
    world: World
    store: Store
    shopper: Shopper
    room: AsyncExitStack
    talks: list[str] = field(default_factory=list)

    async def does(self, case: Case, step: Do) -> list[Line]:
        match step:
            case Do("says", act):
                replies = await self.shopper.sends(text=case.sentence(act))
            case Do("presses", place):
                replies = await self.shopper.presses(place)
            case Do("signs_in"):
                return await self._signs_in(case)
            case Do("finds"):
                return await self._finds()
            case _:
                replies = await self.shopper.sends(event="opened")
        return [as_line(reply) for reply in replies]

    async def _signs_in(self, case: Case) -> list[Line]:
        proof = {"identity": self.world.identity(uuid4().hex), "session": self.shopper.session}
        self.shopper = await Shopper.begin(self.http, self.world.url, locale=case.locale, **proof)
        self.talks.append(self.shopper.conversation)
        await self.room.enter_async_context(self.shopper.listening())
        return []

    async def _finds(self) -> list[Line]:
        async with self.store.begin() as session:
            row = await session.get_one(ConversationRow, self.shopper.conversation)
            await find(session, row.shopper_id, datetime.now(UTC))
        return []


async def come(
    http: ClientSession, world: World, store: Store, every: list[Case]
) -> list[tuple[Shopper, Case]]:
    """Let a shopper come for each case, and something be worth asking them."""
    come = [(await Shopper.begin(http, world.url, locale=case.locale), case) for case in every]
    async with store.begin() as session:
        talks = {row.id: row for row in await session.exec(select(ConversationRow))}
        now = datetime.now(UTC)
        for shopper, case in come:
            await arrange(session, case, talks[shopper.conversation].shopper_id, now)
    return come


async def test_each_act_has_its_conduct_in_each_state_and_each_language(world: World) -> None:
    every = (cases if world.database.startswith("sqlite") else one_in_three)(but=NOBODY)
    room = asyncio.Semaphore(AT_A_TIME)  # a few conversations at a time

    async with browsing() as http, open_store(world.database, world.vault) as store:

        async def held(shopper: Shopper, case: Case) -> Seen:
            async with room, AsyncExitStack() as stack:
                await stack.enter_async_context(shopper.listening())
                talks = [shopper.conversation]
                return await play(Visitor(http, world, store, shopper, stack, talks), case)

        come_in = await come(http, world, store, every)
        seen = await asyncio.gather(*(held(shopper, case) for shopper, case in come_in))
        facts = await read_facts(store, seen)
    found = [broken for one in seen if (broken := wrong(one, facts[one.talks[-1]]))]

    assert len(seen) == len(every)
    assert not found, "\n".join(found)
