"""Plays a conversation through the domain and a store, with what a model is taught to hear."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.purchases import Product
from preferences.store.conversations import Conversation, hand_back, start_conversation
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.profiles import read_profile
from preferences.store.purchases import keep_product
from preferences.store.tables import (
    AskRow,
    CandidateRow,
    ConversationRow,
    OutboxRow,
    SuppressionRow,
)
from preferences.understanding import Guess, Heard
from tests.conversations.script import Script, Step
from tests.preferences.scenes import DAY, MINUTE, POLICY, VOICE
from tests.preferences.store.shop import Replies, Shop

CUSTOMER = "4711"


@dataclass(frozen=True, slots=True)
class Played:
    """One turn as it was played: what the shopper did, and what they were told."""

    step: Step
    replies: Replies


@dataclass
class Stage:
    """A shop, a shopper, and what was said so far."""

    shop: Shop
    talk: Conversation
    buttons: tuple[str, Sequence[str]] = ("", ())
    orders: int = 0
    played: list[Played] = field(default_factory=list)

    async def plays(self, step: Step) -> Replies:
        self.shop.waits(MINUTE)
        replies = await getattr(self, f"_{step.does}")(step)
        for reply in replies:
            if reply["ask"]:
                labels = [choice["label"] for choice in reply["choices"]]
                self.buttons = (reply["ask"], labels)
        self.played.append(Played(step, replies))
        return list(replies)

    async def _opens(self, _: Step) -> Replies:
        return await self.shop.sees(self.talk, "opened")

    async def _says(self, step: Step) -> Replies:
        received = await self.shop.gets(self.talk, "text", step.what)
        return await self.shop.answers(received, taught(step))

    async def _presses(self, step: Step) -> Replies:
        ask, labels = self.buttons
        return await self.shop.feels(self.talk, ask, step.what, labels.index(step.what))

    async def _buys(self, step: Step) -> Replies:
        self.orders += 1
        sku = step.what.lower().replace(" ", "-")
        shelf = Product(sku, step.what, "clothes", "women", self.shop.now)
        await keep_product(self.shop.store, shelf)
        await self.shop.sells_as(CUSTOMER, f"order-{self.orders}", sku, step.what)
        return await self.shop.sees(self.talk, "purchased")

    async def _worth_asking(self, step: Step) -> Replies:
        about = {"purchase": "order-0", "sku": "a-1", "product": "the toy mouse"}
        async with self.shop.store.begin() as session:
            session.add(earlier := an_earlier_talk(self.talk.shopper, self.shop.now - 30 * DAY))
            await session.flush()
            session.add(an_earlier_answer(earlier))
            session.add(
                CandidateRow(
                    id=new_id(),
                    shopper_id=self.talk.shopper,
                    question_id=step.what,
                    about=about,
                    reason="purchase",
                    created_at=self.shop.now,
                    expires_at=self.shop.now + DAY,
                )
            )
        return await self.shop.sees(self.talk, "opened")

    async def _waits(self, step: Step) -> Replies:
        self.shop.waits(step.what * DAY)
        return []

    async def _handed_back(self, _: Step) -> Replies:
        await hand_back(self.shop.store, self.talk.id)
        return []


def an_earlier_talk(shopper: str, at: datetime) -> ConversationRow:
    """Somebody was here before: whom one does not know is not asked everything."""
    return ConversationRow(
        id=new_id(), shopper_id=shopper, channel="web", locale="en", created_at=at, seen_at=at
    )


def an_earlier_answer(talk: ConversationRow) -> AskRow:
    """And was asked, and answered."""
    return AskRow(
        id=new_id(),
        shopper_id=talk.shopper_id,
        conversation_id=talk.id,
        question_id="how_was_it",
        question_version=1,
        kind="question",
        purpose="service_feedback",
        wording="How was it?",
        options=[],
        locale=talk.locale,
        channel=talk.channel,
        asked_at=talk.created_at,
        closed_at=talk.created_at,
        outcome="answered",
    )


async def stage(store: Store, script: Script) -> Stage:
    """Open the shop to somebody with a habit, if they are a customer, and nobody else."""
    assistant = Assistant(load_catalogue(), VOICE, POLICY)
    shop = Shop(store, assistant)
    customer = CUSTOMER if script.customer else None
    if customer is not None:
        await shop.has_a_habit(customer)
    talk = await start_conversation(
        store, channel="web", locale=script.locale, customer=customer, now=shop.now
    )
    return Stage(shop, talk)


def taught(step: Step) -> Heard:
    """Give the words with what a model is taught to take them for."""
    meaning = dict(step.meaning)
    if not meaning:
        return Heard(step.what)
    entities = meaning.pop("entities", {})
    guess = Guess(**{"confidence": 0.9} | meaning)
    return Heard(step.what, (guess,), entities)


async def check(stage: Stage, step: Step, replies: Replies) -> None:
    """Hold what came of a turn against what was expected."""
    then = step.then
    texts = " ".join(reply["text"] for reply in replies)
    assert bool(replies) is not then.get("silent", False) or step.does in {"waits", "handed_back"}
    if "replies" in then:
        assert len(replies) == then["replies"], texts
    if "kind" in then:
        assert replies[-1]["kind"] == then["kind"], texts
    for words in as_list(then.get("contains", [])):
        assert words in texts
    for words in as_list(then.get("lacks", [])):
        assert words not in texts
    if "choices" in then:
        shown = [choice["label"] for choice in replies[-1]["choices"]]
        assert sorted(shown) == sorted(then["choices"])
    await _check_store(stage, then)


async def _check_store(stage: Stage, then: dict[str, Any]) -> None:
    shop = stage.shop
    profile = await read_profile(shop.store, stage.talk.shopper)
    if "stored" in then:
        assert {answer.question: answer.value for answer in profile.answers} == then["stored"]
    if "forbidden" in then:
        held = [row.reason for row in await shop.rows(SuppressionRow) if row.lifted_at is None]
        assert set(held) == set(then["forbidden"])
    if "outbox" in then:
        due = [row for row in await shop.rows(OutboxRow) if row.desired_version > 0]
        assert bool(due) is then["outbox"]


def as_list(told: str | list[str]) -> list[str]:
    return [told] if isinstance(told, str) else told
