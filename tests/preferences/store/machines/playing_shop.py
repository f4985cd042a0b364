"""A shop whose every act is done by the real store and remembered in plain lists beside it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
)

from preferences.catalogue import load_catalogue
from preferences.conversation import About, Ask, Choice, Put, Record
from preferences.store.conversations import receive, start_conversation
from preferences.store.desk import Desk
from preferences.store.facts import ErasedError
from preferences.store.records import write_records
from preferences.store.states import Need, read_ask, read_state
from preferences.store.tables import (
    ConsentEventRow,
    ConversationRow,
    MessageRow,
    NoticeRow,
)
from preferences.store.wishes import OvertakenError, Reported, report_decision
from tests.preferences.scenes import MINUTE, NOW, POLICY
from tests.preferences.store.machines.naive import Naive, Said
from tests.preferences.store.machines.world import World

CATALOGUE = load_catalogue()
QUESTIONS = {
    "tailor_suggestions": "gift_or_self",
    "contact_wishes": "channel_preference",
    "service_feedback": "how_was_it",
}
TOLD = ("log",)
SHOPPERS = 4


class PlayingShop(RuleBasedStateMachine):
    """A few shoppers in one shop; `model` is what they did, `kept` every row that was ever seen."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.store, self.run = world, world.store, world.run
        self.model = Naive()
        self.talks: dict[str, str] = {}
        self.customers: dict[str, str] = {}
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}
        self.reports: list[tuple[str, Reported, str]] = []

    @property
    def now(self) -> Any:
        return self.world.now

    @initialize()
    def some_come_in(self) -> None:
        self.world.now = NOW
        for _ in range(SHOPPERS):
            customer = uuid4().hex
            talk = self.run(
                start_conversation(
                    self.store, channel="web", locale="en", customer=customer, now=self.now
                )
            )
            self.model.shoppers.append(talk.shopper)
            self.talks[talk.shopper] = talk.id
            self.customers[talk.shopper] = customer
        ask = an_ask("consent", "tailor_suggestions", self.now)
        self.run(self._writes(self.model.shoppers[0], "shown", [Put(ask)]))
        self._did(self.model.shoppers[0], "tailor_suggestions", "requested", "shown")
        notice = self.run(self.store_notices())
        self.notice = notice[0].sha256

    async def store_notices(self) -> list[NoticeRow]:
        events = await self.world.rows(ConsentEventRow, ConsentEventRow.shopper_id, self.shoppers)
        return await self.world.rows(NoticeRow, NoticeRow.sha256, [e.notice_sha256 for e in events])

    @property
    def shoppers(self) -> list[str]:
        return self.model.shoppers

    def _waits(self, minutes: int) -> None:
        self.world.waits(minutes * MINUTE)

    def _rows(self, table: Any, column: Any = None) -> list[Any]:
        where = table.shopper_id if column is None else column
        return self.run(self.world.rows(table, where, self.shoppers))

    def _did(
        self, shopper: str, purpose: str, state: str, message: str, *, whole_key: bool = False
    ) -> None:
        """Remember an act, under the id that the store gave it."""
        key = message if whole_key else f"{self.talks[shopper]}/{message}/{purpose}/{state}"
        (row,) = [
            event
            for event in self._rows(ConsentEventRow)
            if (event.shopper_id, event.idempotency_key) == (shopper, key)
        ]
        until = self.now + timedelta(days=730) if state == "given" else None
        self.model.acts[row.id] = Said(shopper, purpose, state, self.now, until, key)

    def _reports(self, shopper: str, told: Reported) -> None:
        members, no = self.model.person(shopper), {"refused", "withdrawn", "objected"}
        lasts = [
            story[-1][1] for one in members if (story := self.model.story({one}, told.purpose))
        ]
        late = told.shown and any(a.state in no and a.at >= told.shown.at for a in lasts)
        try:
            event = self._report(shopper, told)
        except ErasedError:
            assert self.model.is_erased(shopper)
        except OvertakenError:
            assert late
        else:
            assert not late
            assert not self.model.is_erased(shopper)
            head = self.model.heads()[shopper]
            self._did(head, told.purpose, told.state, f"api/{told.effect}", whole_key=True)
            self.reports.append((shopper, told, event))

    def _report(self, shopper: str, told: Reported) -> str:
        purpose = CATALOGUE.purposes[told.purpose]
        return self.run(report_decision(self.store, shopper, told, purpose, TOLD, self.now))

    async def _writes(
        self, shopper: str, message: str, records: list[Record], purpose: str = ""
    ) -> bool:
        """Write what came of a turn as a turn does; tell whether a purpose was permitted then."""
        talk = self.talks[shopper]
        told = {"kind": "text", "text": "words", "body": {}, "now": self.now}
        received = await receive(self.store, talk, message_id=message, **told)
        async with self.store.begin() as session:
            row = await session.get_one(ConversationRow, talk, with_for_update=True)
            inbound = await session.get_one(MessageRow, (talk, received.seq))
            ask = await read_ask(session, row)
            need = Need(occasion=False, knowledge=False)
            more = {"turn": received.seq, "now": self.now, "catalogue": CATALOGUE}
            state = await read_state(session, row, ask, need, policy=POLICY, **more)
            inbound.answered_at = self.now
            if purpose == "" or _permits(state, purpose):
                await write_records(
                    Desk(session, row, inbound, state, CATALOGUE, TOLD), list(records)
                )
        return _permits(state, purpose)


def _permits(state: Any, purpose: str) -> bool:
    return purpose in state.consents and state.consents[purpose].state == "given"


def an_ask(kind: str, purpose: str, now: Any) -> Ask:
    """Something that was asked about an article that nobody else was asked about."""
    question = CATALOGUE.questions[QUESTIONS[purpose]]
    name = purpose if kind == "consent" else question.id
    about = None if kind == "consent" else About(uuid4().hex, "sku", "Dress")
    choices = tuple(Choice(option.value, option.value) for option in question.options)
    return Ask(uuid4().hex, kind, name, 1, purpose, f"May I, {purpose}?", choices, "en", now, about)
