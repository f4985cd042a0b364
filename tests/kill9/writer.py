"""The writer that gets killed: takes turns of a few shoppers, and says what is committed.

Each line that it writes to the pipe is about something that the store has acknowledged; what was
under way when it died is taken up by the next one, as a restart does.
"""

import json
import os
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from sqlmodel import col, select

from preferences.catalogue import load_catalogue
from preferences.conversation import Answered, ConsentAct, State, Suppress, Turn
from preferences.dialogue.respond import Assistant, Message
from preferences.policy import load_policy
from preferences.store.conversations import (
    Conversation,
    Received,
    read_unanswered,
    read_waiting,
    receive,
    start_conversation,
)
from preferences.store.engine import Store, open_store
from preferences.store.erasure import erase_shopper
from preferences.store.ids import new_id
from preferences.store.journal import Journal
from preferences.store.outbox import claim
from preferences.store.outcomes import Told, acknowledge
from preferences.store.persons import head_of
from preferences.store.restoring import reapply
from preferences.store.tables import AskRow, CandidateRow, ConversationRow, OutboxRow
from preferences.store.turns import Turns
from preferences.store.wishes import Reported, report_decision
from preferences.understanding import Guess, Heard
from preferences.voice import load_voice
from tests.vaults import VAULT

DESTINATIONS = ("log",)
PURPOSE = "tailor_suggestions"
QUESTION = "gift_or_self"
TALKS = 6
FICKLE = 3  # of them say stop and withdraw: who withdrew is not asked, and answers no more
START = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
REHEARSED = 40  # things, so that each kind is likely among them
BETWEEN = timedelta(hours=2)  # so that the journal is settled from one life to the next

_CATALOGUE = load_catalogue()
_POLICY = load_policy()
_NO_LIMIT = 10**9
_EAGER = _POLICY.model_copy(
    update={
        "questions_per_conversation": _NO_LIMIT,
        "questions_per_day": _NO_LIMIT,
        "questions_per_week": _NO_LIMIT,
        "questions_per_month": _NO_LIMIT,
        "days_between_questions": 0,
        "days_after_decline": 0,
        "days_after_skip": 0,
        "quiet_days": 0,
        "quiet_hours": _POLICY.quiet_hours.model_copy(update={"start": 0, "end": 0}),
        "delicate": _POLICY.delicate.model_copy(update={"per_month": _NO_LIMIT, "answers": 0}),
        "worth": _POLICY.worth.model_copy(update={"threshold": -_NO_LIMIT}),
    }
)
_ASSISTANT = Assistant(_CATALOGUE, load_voice("Corner Shop"), _EAGER)


@dataclass
class Witness:
    """The real assistant, of whom the last turn is remembered."""

    assistant: Assistant = _ASSISTANT
    turn: Turn | None = None

    def __getattr__(self, name: str) -> Any:
        """Give whatever else the assistant knows: its catalogue, its policy."""
        return getattr(self.assistant, name)

    def respond(self, message: Message, state: State) -> Turn:
        self.turn = self.assistant.respond(message, state)
        return self.turn


@dataclass
class Scene:
    """What every life of the writer shares: where the store is, and who talks."""

    url: str
    journal: Path
    talks: Sequence[Conversation]

    def open(self) -> AbstractAsyncContextManager[Store]:
        return open_store(self.url, VAULT, Journal(self.journal))


@dataclass
class Writer:
    """One life of the writer. `out` is the pipe to whoever kills it."""

    store: Store
    talks: Sequence[Conversation]
    out: int
    now: datetime
    random: Random
    witness: Witness = field(default_factory=Witness)

    async def lives(self) -> None:
        """Take up what was left, then do whatever comes, until it is killed."""
        self._says(ready=True)
        await self.recovers()
        while True:
            await self._does_something()

    async def does(self, things: int) -> None:
        """Do so many things that come."""
        for _ in range(things):
            await self._does_something()

    async def recovers(self) -> None:
        """Do what a start does: what the journal holds, then who waits."""
        await reapply(self.store, DESTINATIONS, self.now)
        for shopper in await read_waiting(self.store):
            for received in await read_unanswered(self.store, shopper):
                ask = await self._open_ask(received.conversation.id)
                await self._answers(received, *_words(ask))

    async def _does_something(self) -> None:
        talk = self.random.choice(self.talks[:FICKLE])
        match self.random.choices(
            ["talks", "stops", "withdraws", "tells", "goes"], [70, 12, 8, 8, 2]
        )[0]:
            case "talks":
                await self._talks(self.random.choice(self.talks))
            case "stops":
                for words in ("stop", "start"):
                    await self._answers(await self._gets(talk, words), words)
            case "withdraws":
                await self._withdraws(talk)
            case "tells":
                await self._tells()
            case _:
                await self._goes(self.talks[0])  # always the same, so that the rest can be counted

    async def _talks(self, talk: Conversation) -> None:
        ask = await self._open_ask(talk.id)
        if ask is None:
            await self._has_bought(talk)
            received = await self._gets(talk, "purchased", kind="event")
            await self._answers(received, "purchased")
            return
        words, *guesses = _words(ask)
        await self._answers(await self._gets(talk, words), words, *guesses)

    async def _withdraws(self, talk: Conversation) -> None:
        """The shop's own page tells that a shopper withdrew."""
        effect = uuid4().hex
        told = Reported(PURPOSE, "withdrawn", "no", "en", "shop", "key:1", effect)
        try:
            event = await report_decision(
                self.store, talk.shopper, told, _CATALOGUE.purposes[PURPOSE], DESTINATIONS, self.now
            )
        except Exception as error:  # noqa: BLE001  (who is erased is refused)
            self._says(refused=type(error).__name__)
            return
        self._says(shopper=talk.shopper, event=event, **await self._version(talk.shopper))

    async def _tells(self) -> None:
        """Do what sync does, so that rows are clean now and then."""
        due = await claim(self.store, DESTINATIONS[0], 3, self.now)
        told = [Told(one.shopper, one.version, "hash") for one in due]
        await acknowledge(self.store, DESTINATIONS[0], told, self.now)
        for one in told:
            self._says(shopper=one.shopper, synced=one.version)

    async def _goes(self, talk: Conversation) -> None:
        self._says(shopper=talk.shopper, erasing=True)
        await erase_shopper(self.store, talk.shopper, DESTINATIONS, self.now)
        self._says(shopper=talk.shopper, erased=True, **await self._version(talk.shopper))

    async def _gets(self, talk: Conversation, text: str, kind: str = "text") -> Received:
        received = await receive(
            self.store, talk.id, message_id=uuid4().hex, kind=kind, text=text, body={}, now=self.now
        )
        self._says(talk=talk.id, got=received.message_id)
        return received

    async def _answers(self, received: Received, words: str, *guesses: Guess) -> None:
        talk, shopper = received.conversation.id, received.conversation.shopper
        heard = Heard(received.text or words, guesses)
        turns = Turns(self.store, self.witness, DESTINATIONS, lambda: self.now)
        self.witness.turn = None
        replies = await turns.take(talk, received.message_id, heard)
        told = {"talk": talk, "shopper": shopper, "taken": received.message_id}
        told["replies"] = [[reply["seq"], reply["text"]] for reply in replies]
        if self.witness.turn is not None:  # else one who died had committed it
            told |= _effects(self.witness.turn)
        self._says(**told, **await self._version(shopper))

    async def _has_bought(self, talk: Conversation) -> None:
        about = {"purchase": uuid4().hex, "sku": "D-1", "product": "Summer dress"}
        async with self.store.begin() as session:
            row = await session.get_one(ConversationRow, talk.id)
            session.add(
                CandidateRow(
                    id=new_id(), shopper_id=row.shopper_id, question_id=QUESTION, about=about,
                    reason="misfit", created_at=self.now, expires_at=self.now + BETWEEN,
                )
            )  # fmt: skip

    async def _open_ask(self, talk: str) -> AskRow | None:
        query = select(AskRow).join(ConversationRow, col(ConversationRow.open_ask_id) == AskRow.id)
        async with self.store.begin(readonly=True) as session:
            return (await session.exec(query.where(ConversationRow.id == talk))).first()

    async def _version(self, shopper: str) -> dict[str, Any]:
        """Give the version that the person is to be told in, and whose row of the outbox has it."""
        async with self.store.begin(readonly=True) as session:
            head = await head_of(session, shopper)
            row = await session.get(OutboxRow, (head, DESTINATIONS[0]))
            return {"head": head, "version": row.desired_version if row else 0}

    def _says(self, **told: Any) -> None:
        os.write(self.out, json.dumps(told).encode() + b"\n")


def _effects(turn: Turn) -> dict[str, Any]:
    """Count what a turn has to leave in the ledgers."""
    return {
        "answers": sum(isinstance(record, Answered) for record in turn.records),
        "consents": [[r.purpose, r.state] for r in turn.records if isinstance(r, ConsentAct)],
        "wishes": sum(isinstance(record, Suppress) for record in turn.records),
    }


def _words(ask: AskRow | None) -> tuple[str, *tuple[Guess, ...]]:
    """Give what answers an ask."""
    if ask is None:
        return ("hello", Guess("greet", 0.9))
    if ask.kind == "question":
        return ("a gift for my sister", Guess("answer", 0.95, QUESTION, "gift"))
    return ("yes", Guess("affirm", 0.95))


async def begin(url: str, journal: Path) -> Scene:
    """Let a few customers begin to talk."""
    scene = Scene(url, journal, ())
    async with scene.open() as store:
        scene.talks = [
            await start_conversation(
                store, channel="web", locale="en", customer=f"customer-{number}", now=START
            )
            for number in range(TALKS)
        ]
    return scene


async def rehearse(scene: Scene, life: int, out: int) -> None:
    """Do some things that nobody cuts off."""
    async with scene.open() as store:
        await Writer(store, scene.talks, out, START + life * BETWEEN, Random()).does(REHEARSED)


async def live(scene: Scene, life: int, out: int) -> None:
    """Live the so-and-so-manieth life."""
    async with scene.open() as store:
        await Writer(store, scene.talks, out, START + life * BETWEEN, Random()).lives()


async def recover(scene: Scene, life: int, out: int) -> None:
    """Start once more, take up what was left, and end in peace."""
    async with scene.open() as store:
        await Writer(store, scene.talks, out, START + life * BETWEEN, Random()).recovers()
