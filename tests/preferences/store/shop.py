"""A shop over a store of its own: people talk to it and buy, and its clock moves when told to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlmodel import SQLModel, select

from preferences.dialogue.respond import Assistant
from preferences.purchases import Line, Product, Purchase
from preferences.store.conversations import Conversation, Received, receive, start_conversation
from preferences.store.engine import Store
from preferences.store.purchases import Kept, keep_product, keep_purchase
from preferences.store.sealed import read_text
from preferences.store.tables import Row
from preferences.store.turns import Turns
from preferences.understanding import Guess, Heard
from tests.preferences.scenes import ASSISTANT, DAY, NOW

Replies = list[dict[str, Any]]


@dataclass
class Shop:
    """Remembers nothing that the store does not, but for the time and how often it rang."""

    store: Store
    assistant: Assistant = ASSISTANT
    destinations: Sequence[str] = ("log",)
    now: datetime = NOW
    rung: int = 0

    def waits(self, time: timedelta) -> None:
        self.now += time

    async def ring(self) -> None:
        self.rung += 1

    @property
    def turns(self) -> Turns:
        return Turns(self.store, self.assistant, self.destinations, lambda: self.now, self.ring)

    async def meets(self, customer: str | None = None, channel: str = "web") -> Conversation:
        return await start_conversation(
            self.store, channel=channel, locale="en", customer=customer, now=self.now
        )

    async def gets(
        self,
        talk: Conversation,
        kind: str,
        text: str,
        body: Mapping[str, Any] | None = None,
        message_id: str | None = None,
    ) -> Received:
        return await receive(
            self.store,
            talk.id,
            message_id=message_id or uuid4().hex,
            kind=kind,
            text=text,
            body=body or {},
            now=self.now,
        )

    async def answers(self, received: Received, heard: Heard | None = None) -> Replies:
        heard = heard or Heard(received.text)
        return await self.turns.take(received.conversation.id, received.message_id, heard)

    async def hears(self, talk: Conversation, text: str, act: str = "", value: str = "") -> Replies:
        """The shopper writes, a model is sure of the act, and the assistant answers."""
        question = "gift_or_self" if act == "answer" else None
        guesses = (Guess(act, 0.9, question, value or None),) if act else ()
        return await self.answers(await self.gets(talk, "text", text), Heard(text, guesses))

    async def sees(self, talk: Conversation, event: str) -> Replies:
        return await self.answers(await self.gets(talk, "event", event))

    async def feels(self, talk: Conversation, ask: str, label: str, option: int) -> Replies:
        """The shopper presses a button."""
        body = {"ask": ask, "option": option}
        return await self.answers(await self.gets(talk, "press", label, body))

    async def sells(self, customer: str, order: str, *skus: str, quantity: int = 1) -> Kept:
        lines = tuple(Line(sku, sku.title(), quantity) for sku in skus)
        return await self.gets_order(Purchase("shopify", order, customer, self.now, lines))

    async def sells_as(self, customer: str, order: str, sku: str, title: str) -> Kept:
        line = Line(sku, title, 1)
        return await self.gets_order(Purchase("shopify", order, customer, self.now, (line,)))

    async def gets_order(self, purchase: Purchase) -> Kept:
        return await keep_purchase(self.store, purchase, self.assistant.policy, self.now)

    async def shelves(self, sku: str, audience: str) -> None:
        await keep_product(self.store, Product(sku, sku.title(), "clothes", audience, self.now))

    async def has_a_habit(self, customer: str) -> None:
        """The customer has bought five shirts for men, long ago, and a dress for women is on sale."""
        await self.shelves("shirt", "men")
        await self.shelves("dress", "women")
        self.now -= 30 * DAY
        await self.sells(customer, f"{customer}-shirts", *["shirt"] * 5)
        self.now += 30 * DAY

    async def asks_for_permission(self, customer: str = "4711") -> tuple[Conversation, str]:
        """Somebody with a habit buys what does not fit it; gives their talk, and the open ask."""
        talk = await self.meets(customer)
        await self.has_a_habit(customer)
        await self.sells(customer, f"{customer}-dress", "dress")
        replies = await self.sees(talk, "purchased")
        return talk, replies[-1]["ask"]

    async def asks_the_question(self, customer: str = "4711") -> tuple[Conversation, str]:
        """The same, and they gave permission."""
        talk, notice = await self.asks_for_permission(customer)
        replies = await self.feels(talk, notice, "Yes, you may", 0)
        return talk, replies[-1]["ask"]

    def of(self, **changes: Any) -> "Shop":
        """The same store with another assistant, say."""
        return replace(self, **changes)

    def reads(self, row: Row, column: str) -> str:
        """Open a sealed column; nothing reads as an empty text."""
        return read_text(self.store.vault, row, column)

    async def rows[Kind: SQLModel](self, table: type[Kind]) -> list[Kind]:
        async with self.store.begin(readonly=True) as session:
            return list((await session.exec(select(table))).all())
