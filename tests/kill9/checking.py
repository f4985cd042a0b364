"""Compares what a store holds with what its writers said before they were killed."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlmodel import SQLModel, select

from preferences.profile import ERASED
from preferences.store.changes import read_changes
from preferences.store.engine import Store
from preferences.store.sealed import read_text
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    MessageRow,
    OutboxRow,
    SuppressionRow,
)
from preferences.store.verifying import verify
from tests.kill9.harness import Ack
from tests.kill9.writer import Scene

_WISHES = frozenset({"refused", "withdrawn", "objected"})


async def findings(scene: Scene, acks: Sequence[Ack]) -> list[str]:
    """Say everything that is lost, doubled or does not fit."""
    async with scene.open() as store:
        found = _Found(
            messages=await _all(store, MessageRow),
            answers=await _all(store, AnswerRow),
            events=await _all(store, ConsentEventRow),
            wishes=await _all(store, SuppressionRow),
            outbox=await _all(store, OutboxRow),
        )
        wrong = [*found.against(acks, store)]
        for talk in scene.talks:
            wrong += [str(one) for one in await verify(store, talk.shopper)]
        wrong += _unwritten(store, found)
        wrong += [text async for text in _misnumbered(store)]
    return wrong


async def _all[Row: SQLModel](store: Store, table: type[Row]) -> list[Row]:
    async with store.begin(readonly=True) as session:
        return list((await session.exec(select(table))).all())


class _Found:
    """The rows, and what they say about what was acknowledged."""

    def __init__(self, **rows: list[Any]) -> None:
        self.messages, self.answers = rows["messages"], rows["answers"]
        self.events, self.wishes, self.outbox = rows["events"], rows["wishes"], rows["outbox"]

    def against(self, acks: Sequence[Ack], store: Store) -> Iterator[str]:
        begun = {ack["shopper"]: number for number, ack in enumerate(acks) if "erasing" in ack}
        ended = {ack["shopper"]: number for number, ack in enumerate(acks) if "erased" in ack}
        versions, synced = defaultdict[str, int](int), defaultdict[str, int](int)
        for number, ack in enumerate(acks):
            shopper = ack.get("shopper", "")
            head = ack.get("head", shopper)
            versions[head] = max(versions[head], ack.get("version", 0))
            synced[shopper] = max(synced[shopper], ack.get("synced", 0))
            if number > begun.get(shopper, -1):
                yield from self._of_turn(ack, store)
                yield from self._of_report(ack)
            elif number < ended.get(shopper, -1):
                yield from self._of_who_is_gone(ack)
        yield from self._halves()
        yield from self._told(versions, synced)

    def _of_who_is_gone(self, ack: Ack) -> Iterator[str]:
        """What was said before an erasure is not there; of one that was cut off nobody knows."""
        name = ack.get("taken")
        if name and any(row.message_id == name for row in (*self.answers, *self.events)):
            yield f"turn {name} is of somebody who was erased since"

    def _of_turn(self, ack: Ack, store: Store) -> Iterator[str]:
        if "taken" not in ack:
            return
        name, talk = ack["taken"], ack["talk"]
        lines = [row for row in self.messages if row.conversation_id == talk]
        asked = [row for row in lines if row.message_id == name]
        if len(asked) != 1 or asked[0].answered_at is None:
            yield f"turn {name} is there {len(asked)} times, or not answered"
            return
        replies = [[r.seq, read_text(store.vault, r, "text")] for r in lines
                   if r.reply_to == asked[0].seq]  # fmt: skip
        if sorted(replies) != sorted(ack["replies"]):
            yield f"turn {name} was answered otherwise than it was said"
        if "answers" not in ack:
            return
        answers = sum(row.message_id == name for row in self.answers)
        if answers != ack["answers"]:
            yield f"turn {name} has {answers} answers instead of {ack['answers']}"
        for purpose, state in ack["consents"]:
            key = f"{talk}/{name}/{purpose}/{state}"
            count = sum(event.idempotency_key == key for event in self.events)
            if count != 1:
                yield f"the act {key} is there {count} times"
        wishes = sum(row.message_id == name for row in self.wishes)
        if wishes != ack["wishes"]:
            yield f"turn {name} has {wishes} wishes instead of {ack['wishes']}"

    def _of_report(self, ack: Ack) -> Iterator[str]:
        if "event" in ack and sum(event.id == ack["event"] for event in self.events) != 1:
            yield f"the withdrawal {ack['event']} is lost or doubled"

    def _halves(self) -> Iterator[str]:
        """A turn that nobody acknowledged has all of its effects or none; all are taken by now."""
        waiting = [
            row.message_id for row in self.messages if row.message_id and not row.answered_at
        ]
        if waiting:
            yield f"{len(waiting)} messages are not answered after the last start"
        told = Counter(
            (row.conversation_id, row.message_id) for row in self.messages if row.message_id
        )
        yield from (f"message {name} is kept twice" for name, count in told.items() if count > 1)
        seqs = defaultdict[str, list[int]](list)
        for row in self.messages:
            seqs[row.conversation_id].append(row.seq)
        for talk, numbers in seqs.items():
            if len(numbers) != len(set(numbers)):
                yield f"the log of {talk} has a number twice"

    def _told(self, versions: dict[str, int], synced: dict[str, int]) -> Iterator[str]:
        rows = {row.shopper_id: row for row in self.outbox}
        for shopper, version in versions.items():
            row = rows.get(shopper)
            if version and (row is None or row.desired_version < version):
                yield f"the outbox has forgotten version {version} of {shopper}"
            elif row and row.desired_version > synced[shopper] > row.synced_version:
                yield f"{shopper} was told more than the outbox knows"
            elif row and version > row.synced_version and row.desired_version <= row.synced_version:
                yield f"the outbox of {shopper} is clean and should not be"


def _unwritten(store: Store, found: _Found) -> Iterator[str]:
    """Every wish of the database is in the journal, which fits its own anchors."""
    if not store.journal.is_whole():
        yield "the journal does not fit its anchors"
    entries = list(store.journal.read())
    acts = {entry.detail["event"] for entry in entries if entry.kind == "consent"}
    wishes = {entry.detail["id"] for entry in entries if entry.kind == "suppression"}
    erased = {entry.shopper for entry in entries if entry.kind == "erased"}
    for event in found.events:
        if event.state in _WISHES and event.method != "restore" and event.id not in acts:
            yield f"the {event.state} of event {event.id} is not in the journal"
    for wish in found.wishes:
        if wish.reason == ERASED:
            if wish.shopper_id not in erased:
                yield f"the erasure of {wish.shopper_id} is not in the journal"
        elif wish.id not in wishes:
            yield f"the wish {wish.id} is not in the journal"


async def _misnumbered(store: Store) -> Any:
    """Read the whole feed: the positions are in order, and nothing is there twice."""
    after, names = 0, list[str]()
    while changes := await read_changes(store, after, 1000):
        if [change.position for change in changes] != sorted({c.position for c in changes}):
            yield "the change feed is not in order"
        names += [change.id for change in changes]
        after = changes[-1].position
    if len(names) != len(set(names)):
        yield "the change feed has something twice"
