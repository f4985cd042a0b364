"""Shoppers who answer in chat, by the store's own turns, and what a CRM should hold of them then."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from preferences.store.conversations import Conversation
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.shoppers import add_name
from preferences.store.tables import CandidateRow
from tests.preferences.store.shop import Shop

LABELS = {"gift": "A gift", "self": "For me"}
ANSWERS = tuple(LABELS)


@dataclass
class People:
    """A shop's customers by number; `said` is what each of them pressed, by the shopper's id."""

    store: Store
    destination: str
    said: dict[str, str] = field(default_factory=dict)
    talks: dict[str, Conversation] = field(default_factory=dict)

    @property
    def shop(self) -> Shop:
        return Shop(self.store, destinations=(self.destination,), now=datetime.now(UTC))

    async def answer(self, first: int, last: int) -> None:
        """Each buys something, is asked, gives permission and presses an answer."""
        for number in range(first, last):
            talk = await self.shop.meets(f"customer-{number}")
            await self.leave_address(talk.shopper, email(number))
            await self.buys(talk)
            await self.answers(talk, ANSWERS[number % 2])

    async def answers(self, talk: Conversation, answer: str) -> None:
        shop = self.shop
        notice = await shop.sees(talk, "purchased")
        question = await shop.feels(talk, notice[-1]["ask"], "Yes, you may", 0)
        label = LABELS[answer]
        option = [one["label"] for one in question[-1]["choices"]].index(label)
        await shop.feels(talk, question[-1]["ask"], label, option)
        self.said[talk.shopper] = answer
        self.talks[talk.shopper] = talk

    async def leave_address(self, shopper: str, address: str) -> None:
        async with self.store.begin() as session:
            await add_name(
                session,
                shopper,
                "email",
                address,
                assurance="claimed",
                proof="form",
                now=datetime.now(UTC),
            )

    async def says(self, shopper: str, words: str, act: str) -> None:
        await self.shop.hears(self.talks[shopper], words, act)

    async def buys(self, talk: Conversation) -> None:
        now = datetime.now(UTC)
        async with self.store.begin() as session:
            session.add(
                CandidateRow(
                    id=new_id(),
                    shopper_id=talk.shopper,
                    question_id="gift_or_self",
                    about={"purchase": uuid4().hex, "sku": "D-1", "product": "Summer dress"},
                    reason="misfit",
                    created_at=now,
                    expires_at=now + timedelta(hours=2),
                )
            )


def email(number: int) -> str:
    return f"customer-{number}@example.com"
