"""The table of conduct, held with the running system: every act, in every state, in each language."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import ClientSession
from sqlmodel import select

from preferences.store.engine import Store, open_store
from preferences.store.tables import ConversationRow
from tests.conversations.conduct.cases import Case, Do, arrange, cases, one_in_three
from tests.conversations.conduct.expected import wrong
from tests.conversations.conduct.seen import Line, Seen, as_line, play, read_facts
from tests.e2e.shopper import Shopper, browsing
from tests.e2e.world import World

AT_A_TIME = 8


@dataclass
class Visitor:
    """Somebody unknown, who is in one of the states when the time comes."""

    shopper: Shopper

    async def does(self, case: Case, step: Do) -> list[Line]:
        match step:
            case Do("says", act):
                replies = await self.shopper.sends(text=case.sentence(act))
            case Do("presses", place):
                replies = await self.shopper.presses(place)
            case _:
                replies = await self.shopper.sends(event="opened")
        return [as_line(reply) for reply in replies]


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


async def hold(shoppers: list[tuple[Shopper, Case]]) -> dict[str, Seen]:
    """Hold every conversation, a few at a time."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def held(shopper: Shopper, case: Case) -> tuple[str, Seen]:
        async with room, shopper.listening():
            return shopper.conversation, await play(Visitor(shopper), case)

    return dict(await asyncio.gather(*(held(shopper, case) for shopper, case in shoppers)))


async def test_each_act_has_its_conduct_in_each_state_and_each_language(world: World) -> None:
    every = cases() if world.database.startswith("sqlite") else one_in_three()
    async with browsing() as http, open_store(world.database, world.vault) as store:
        seen = await hold(await come(http, world, store, every))
        facts = await read_facts(store, seen)
    found = [broken for talk, one in seen.items() if (broken := wrong(one, facts[talk]))]

    assert len(seen) == len(every)
    assert not found, "\n".join(found)
