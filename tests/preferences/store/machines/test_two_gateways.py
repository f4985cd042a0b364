"""Several processes' worth of writers on one database at once: the same has to hold as with one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from preferences.conversation import State, Turn
from preferences.dialogue.respond import Message
from preferences.errors import UnavailableError
from preferences.store.changes import Change, read_changes
from preferences.store.conversations import Conversation
from preferences.store.engine import Store, open_store
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.links import link, unlink
from preferences.store.profiles import read_profile
from preferences.store.turns import Turns
from preferences.store.verifying import verify
from preferences.store.wishes import Reported, report_decision
from preferences.understanding import Guess, Heard
from tests.kill9.checking import findings
from tests.kill9.writer import (
    DESTINATIONS,
    PURPOSE,
    QUESTION,
    START,
    Scene,
    Witness,
    Writer,
    begin,
)
from tests.preferences.scenes import CATALOGUE
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

WRITERS, ACTS = 4, 8


@dataclass
class Busy(Writer):
    """A writer that ends by itself, and tries again what another one was in the way of."""

    acks: list[dict[str, Any]] = field(default_factory=list)

    async def works(self, acts: int) -> None:
        for _ in range(acts):
            talk = self.random.choice(self.talks)
            act = self.random.choices(["talks", "withdraws", "tells", "brings"], [5, 1, 1, 1])[0]
            try:
                await self._does(act, talk)
            except UnavailableError:
                continue  # nothing was stored

    async def _does(self, act: str, talk: Conversation) -> None:
        match act:
            case "talks":
                await self._talks(talk)
            case "withdraws":
                await self._withdraws(talk)
            case "tells":
                await self._tells()
            case _:
                await self._brings(talk.shopper)

    async def _brings(self, shopper: str) -> None:
        fact = Fact("imported", QUESTION, "gift", "crm", self.now)
        told = Telling(shopper, [fact], uuid4().hex)
        await add_facts(self.store, told, CATALOGUE, DESTINATIONS, self.now)

    def _says(self, **told: Any) -> None:
        self.acks.append(told)


async def test_two_gateways_and_an_api_write_at_once(store_url: str, tmp_path: Path) -> None:
    scene = await begin(store_url, tmp_path / "journal.jsonl")
    acks = list[dict[str, Any]]()
    async with scene.open() as one, scene.open() as other:
        writers = [
            Busy(store, scene.talks, 0, START, Random(number), acks=acks)
            for number, store in enumerate([one, other] * (WRITERS // 2))
        ]
        done = asyncio.Event()
        following = [asyncio.create_task(_follow(store, done)) for store in (one, other)]
        joining = asyncio.create_task(_join_and_part(other, scene, done))
        await asyncio.gather(*(writer.works(ACTS) for writer in writers))
        done.set()
        seen = await asyncio.gather(*following)
        await joining
        await writers[0].recovers()
        rest = [await read_changes(one, so_far[-1].position, 1000) for so_far in seen if so_far]

    whole = [
        [change.id for change in (*so_far, *more)] for so_far, more in zip(seen, rest, strict=True)
    ]
    assert whole[0] == whole[1]
    assert len(whole[0]) == len(set(whole[0])) > 0
    assert await findings(scene, acks) == []


async def test_a_permission_withdrawn_in_the_middle_of_a_turn_covers_no_answer(
    postgresql_url: str,
) -> None:
    """The shop's page withdraws while a turn has read the state and not yet written.

    It waits for the turn, which holds the person: what the turn stored is not used any more.
    """
    async with open_store(postgresql_url, VAULT) as store:
        shop = Shop(store)
        talk, _ = await shop.asks_the_question()
        inbound = await shop.gets(talk, "text", "a gift")
        heard = Heard("a gift", (Guess("answer", 0.95, QUESTION, "gift"),))

        async def withdraw() -> None:
            async with open_store(postgresql_url, VAULT) as page:
                told = Reported(PURPOSE, "withdrawn", "no", "en", "shop", "key:1", "effect")
                purpose = CATALOGUE.purposes[PURPOSE]
                await report_decision(page, talk.shopper, told, purpose, ("log",), shop.now)

        with ThreadPoolExecutor(1) as elsewhere:
            page = Interrupted(lambda: elsewhere.submit(lambda: asyncio.run(withdraw())))
            turns = Turns(store, page, ("log",), lambda: shop.now)
            await turns.take(talk.id, inbound.message_id, heard)
            await asyncio.wrap_future(page.meanwhile)

        assert await verify(store, talk.shopper) == []
        profile = await read_profile(store, talk.shopper)
        assert profile.consents[PURPOSE].state == "withdrawn"
        assert profile.answers == ()


class Interrupted(Witness):
    """Decides as ever; but before it is written, something else is begun and given a while."""

    def __init__(self, begin: Callable[[], Future[None]]) -> None:
        super().__init__(Shop.assistant)
        self.begin = begin

    def respond(self, message: Message, state: State) -> Turn:
        turn = super().respond(message, state)
        self.meanwhile = self.begin()
        wait([self.meanwhile], timeout=0.5)
        return turn


async def _follow(store: Store, done: asyncio.Event) -> list[Change]:
    seen = list[Change]()
    while not done.is_set():
        seen += await read_changes(store, seen[-1].position if seen else 0, 5)
        await asyncio.sleep(0.01)
    return seen


async def _join_and_part(store: Store, scene: Scene, done: asyncio.Event) -> None:
    """Two of the shoppers are found to be one person, and found not to be, over and over."""
    one, other = scene.talks[0].shopper, scene.talks[1].shopper
    more: dict[str, Any] = {"actor": "shop", "destinations": DESTINATIONS, "now": START}
    while not done.is_set():
        try:
            await link(store, one, other, proof="code", **more)
            await asyncio.sleep(0.01)
            await unlink(store, one, other, **more)
        except UnavailableError:
            continue  # somebody was in the way; the next round does it
        await asyncio.sleep(0.01)
