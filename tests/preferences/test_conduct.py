"""The table of conduct, through the domain and a store: what is taught is what is heard."""

from dataclasses import dataclass

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.store.conversations import Conversation, start_conversation
from preferences.store.engine import Store
from preferences.understanding import Guess, Heard
from tests.conversations.conduct.cases import (
    RECIPES,
    SENTENCES,
    TABLE,
    Case,
    Do,
    arrange,
    one_in_three,
)
from tests.conversations.conduct.expected import WORDS, wrong
from tests.conversations.conduct.seen import Line, Seen, as_line, play, read_facts
from tests.preferences.dialogue.test_every_turn import ACTS
from tests.preferences.scenes import MINUTE, POLICY, VOICE
from tests.preferences.store.shop import Replies, Shop

TAUGHT = {"answer": Guess("answer", 0.95, "gift_or_self", "gift")}


@dataclass
class Taught:
    """A shopper whose every word is understood."""

    shop: Shop
    talk: Conversation
    ask: str = ""

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
        return await self.shop.sees(self.talk, "opened")


async def held(shop: Shop, case: Case) -> tuple[str, Seen]:
    talk = await start_conversation(
        shop.store, channel="web", locale=case.locale, customer=None, now=shop.now
    )
    async with shop.store.begin() as session:
        await arrange(session, case, talk.shopper, shop.now)
    return talk.id, await play(Taught(shop, talk), case)


async def test_each_act_has_its_conduct_in_each_state(store: Store) -> None:
    shop = Shop(store, Assistant(load_catalogue(), VOICE, POLICY))
    seen = dict([await held(shop, case) for case in one_in_three()])
    facts = await read_facts(store, seen)
    found = [broken for talk, one in seen.items() if (broken := wrong(one, facts[talk]))]

    assert not found, "\n".join(found)


def test_the_table_holds_every_act_and_every_state() -> None:
    assert set(TABLE) == {(act, state) for act in ACTS for state in RECIPES}
    assert set(SENTENCES) == set(ACTS)
    assert set(TABLE.values()) == set(WORDS)
