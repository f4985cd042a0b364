"""The table of conduct, through the domain and a store: what is taught is what is heard."""

from dataclasses import dataclass, field
from uuid import uuid4

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.store.conversations import Conversation, start_conversation
from preferences.store.engine import Store
from preferences.store.facts import Fact, Telling, add_facts
from preferences.understanding import Guess, Heard
from tests.conversations.conduct.cases import (
    RECIPES,
    SENTENCES,
    TABLE,
    Case,
    Do,
    arrange,
    find,
    one_in_three,
)
from tests.conversations.conduct.expected import WORDS, wrong
from tests.conversations.conduct.seen import Line, Seen, as_line, play, read_facts
from tests.preferences.dialogue.test_every_turn import ACTS
from tests.preferences.scenes import INVITING, MINUTE, POLICY, VOICE
from tests.preferences.store.shop import Replies, Shop

TAUGHT = {"answer": Guess("answer", 0.95, "gift_or_self", "gift")}


CATALOGUE = load_catalogue()
ORDERS = 3  # so many make somebody a regular


@dataclass
class Taught:
    """A shopper whose every word is understood."""

    shop: Shop
    talk: Conversation
    ask: str = ""
    talks: list[str] = field(default_factory=list)

    async def does(self, case: Case, step: Do) -> list[Line]:
        self.shop.waits(MINUTE)
        replies = await self._does(case, step)
        self.ask = next((reply["ask"] for reply in replies if reply["ask"]), self.ask)
        return [as_line(reply) for reply in replies]

    async def _does(self, case: Case, step: Do) -> Replies:
        match step:
            case Do("says", act):
                text = case.sentence(act)
                heard = Heard(text, (TAUGHT.get(act, Guess(act, 0.95)),))
                return await self.shop.answers(await self.shop.gets(self.talk, "text", text), heard)
            case Do("presses", place):
                return await self.shop.feels(self.talk, self.ask, "", place)
            case Do("signs_in"):
                self.talk = await begin(self.shop, case, uuid4().hex, self.talk.id)
                self.talks.append(self.talk.id)
                return []
            case Do("finds"):
                async with self.shop.store.begin() as session:
                    await find(session, self.talk.shopper, self.shop.now)
                return []
        return await self.shop.sees(self.talk, "opened")


async def begin(
    shop: Shop, case: Case, customer: str | None = None, previous: str | None = None
) -> Conversation:
    return await start_conversation(
        shop.store,
        channel="web",
        locale=case.locale,
        customer=customer,
        now=shop.now,
        previous=previous,
    )


async def comes(shop: Shop, case: Case) -> Conversation:
    """Somebody unknown comes, or, where they are to be invited, a regular who praised the shop."""
    if case.state != "invite":
        return await begin(shop, case)
    customer = uuid4().hex
    talk = await begin(shop, case, customer)
    for number in range(ORDERS):
        await shop.sells(customer, f"{customer}-{number}", "hat")
    praise = Fact("imported", "how_was_it", "good", "reviews", shop.now)
    telling = Telling(talk.shopper, (praise,), customer)
    await add_facts(shop.store, telling, CATALOGUE, shop.destinations, shop.now)
    return talk


async def held(shop: Shop, case: Case) -> Seen:
    talk = await comes(shop, case)
    async with shop.store.begin() as session:
        await arrange(session, case, talk.shopper, shop.now)
    return await play(Taught(shop, talk, talks=[talk.id]), case)


async def test_each_act_has_its_conduct_in_each_state(store: Store) -> None:
    shop = Shop(store, Assistant(CATALOGUE, VOICE, POLICY, INVITING))
    every = [await held(shop, case) for case in one_in_three()]
    facts = await read_facts(store, every)
    found = [broken for seen in every if (broken := wrong(seen, facts[seen.talks[-1]]))]

    assert not found, "\n".join(found)


def test_the_table_holds_every_act_and_every_state() -> None:
    assert set(TABLE) == {(act, state) for act in ACTS for state in RECIPES}
    assert set(SENTENCES) == set(ACTS)
    assert set(TABLE.values()) == set(WORDS)
