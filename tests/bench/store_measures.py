"""What is measured of a store with a crowd in it: reads, writes and rights, beside bare SQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from time import perf_counter

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.policy import load_policy
from preferences.store.conversations import receive
from preferences.store.engine import Store
from preferences.store.erasure import erase_shopper
from preferences.store.export import export_shopper
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.profiles import read_profile
from preferences.store.shoppers import shopper_named
from preferences.store.tables import AskRow, ConversationRow
from preferences.store.turns import Turns
from preferences.understanding import Guess, Heard
from preferences.voice import load_voice
from tests.bench.crowd import CUSTOMER, DESTINATION, PURPOSE, QUESTION, customer
from tests.bench.databases import AT_ONCE, Bare
from tests.bench.figures import Compared, Figure, Figures, percentile

SELECT, INSERT = "one row by primary key", "one row inserted and committed"
_TO = (DESTINATION,)

type Did = Callable[[int], Awaitable[object]]
"""Does something for the shopper of a place in the crowd, from 1 on."""


@dataclass(frozen=True, slots=True)
class Times:
    """How often each is done, one after another and then again several at a time."""

    reads: int
    writes: int
    rights: int


FULL, QUICK = Times(reads=1000, writes=100, rights=20), Times(reads=100, writes=20, rights=5)


class Crowded:
    """One store with a crowd; nobody is taken twice, and whatever is loaded first is loaded."""

    def __init__(self, store: Store, bare: Bare, ids: Sequence[str], times: Times) -> None:
        self._store = store
        self._bare = bare
        self._ids = ids
        self._times = times
        assistant = Assistant(load_catalogue(), load_voice("Bench"), load_policy())
        self._turns = Turns(store, assistant, _TO, _now)
        self._strangers = self._shuffled()
        self._anybody = Random(7)

    async def measured(self) -> AsyncIterator[Compared]:
        """Measure all of it, one after the other, and the bare questions before."""
        times = self._times
        select = await self._timed("", self._select, self._some(times.reads))
        insert = await self._timed("", self._insert, self._some(times.writes))
        for name, read in (("read", self._read), ("lookup", self._look_up)):
            taken = await self._timed(name, read, self._some(times.reads))
            yield _beside(taken, SELECT, select)
        for name, did, prepare, count in (
            ("fact", self._tell, self._nothing, times.writes),
            ("message", self._receive, self._nothing, times.writes),
            ("answer", self._answer, self._ask, times.writes),
            ("withdrawal", self._withdraw, self._stop, times.writes),
            ("export.one", self._export, self._nothing, times.rights),
            ("erase.one", self._erase, self._nothing, times.rights),
        ):
            who = [next(self._strangers) for _ in range(2 * count)]
            await prepare(who)
            taken = await self._timed(name, did, who)
            bare = (SELECT, select) if name == "export.one" else (INSERT, insert)
            yield _beside(taken, *bare)

    async def _timed(self, name: str, did: Did, who: Sequence[int]) -> Figures:
        """Do it for half of them one after another, then for the others several at a time."""
        half = len(who) // 2
        seconds = []
        for one in who[:half]:
            begun = perf_counter()
            await did(one)
            seconds.append(perf_counter() - begun)
        rest = iter(who[half:])
        begun = perf_counter()
        await asyncio.gather(*(_each(did, rest) for _ in range(AT_ONCE)))
        rate = (len(who) - half) / (perf_counter() - begun)
        return {
            f"{name}.p50": Figure(1000 * percentile(seconds, 0.5), "ms", half),
            f"{name}.p95": Figure(1000 * percentile(seconds, 0.95), "ms", half),
            f"{name}.rate": Figure(rate, "/s", len(who) - half),
        }

    async def _select(self, who: int) -> None:
        await self._bare.read(self._ids[who - 1])

    async def _insert(self, _who: int) -> None:
        await self._bare.write()

    async def _read(self, who: int) -> None:
        await read_profile(self._store, self._ids[who - 1])

    async def _look_up(self, who: int) -> None:
        found = await shopper_named(self._store, CUSTOMER, customer(who))
        await read_profile(self._store, found)

    async def _tell(self, who: int) -> None:
        fact = Fact("imported", QUESTION, "gift", "crm", _now())
        telling = Telling(self._ids[who - 1], [fact], f"bench-{who}")
        await add_facts(self._store, telling, self._turns.assistant.catalogue, _TO, _now())

    async def _receive(self, who: int) -> None:
        await self._gets(who, "hello there")

    async def _answer(self, who: int) -> None:
        heard = Heard("a gift", (Guess("answer", 0.95, QUESTION, "gift"),))
        replies = await self._turns.take(self._ids[who - 1], f"bench-{who}", heard)
        assert replies, "an answer has a reply"

    async def _withdraw(self, who: int) -> None:
        replies = await self._turns.take(self._ids[who - 1], f"bench-{who}", Heard("stop"))
        assert replies, "a withdrawal has a reply"

    async def _export(self, who: int) -> None:
        await export_shopper(self._store, self._ids[who - 1])

    async def _erase(self, who: int) -> None:
        await erase_shopper(self._store, self._ids[who - 1], _TO, _now())

    async def _nothing(self, _who: Sequence[int]) -> None:
        """Prepare nothing."""

    async def _ask(self, who: Sequence[int]) -> None:
        """Have a question open with each, and an answer in the log."""
        question = self._turns.assistant.catalogue.questions[QUESTION]
        options = [
            {"label": option.label["en"], "value": option.value, "act": None}
            for option in question.options
        ]
        async with self._store.begin() as session:
            for one in who:
                shopper = self._ids[one - 1]
                ask = AskRow(
                    id=f"bench-{one}", shopper_id=shopper, conversation_id=shopper,
                    question_id=QUESTION, question_version=question.version, kind="question",
                    purpose=PURPOSE, wording="Is it a gift?", options=options, locale="en",
                    channel="web", asked_at=_now(),
                )  # fmt: skip
                session.add(ask)
                talk = await session.get_one(ConversationRow, shopper)
                talk.open_ask_id = ask.id
        for one in who:
            await self._gets(one, "a gift")

    async def _stop(self, who: Sequence[int]) -> None:
        for one in who:
            await self._gets(one, "stop")

    async def _gets(self, who: int, words: str) -> None:
        await receive(
            self._store, self._ids[who - 1], message_id=f"bench-{who}", kind="text", text=words,
            body={}, now=_now(),
        )  # fmt: skip

    def _some(self, count: int) -> list[int]:
        return self._anybody.choices(range(1, len(self._ids) + 1), k=2 * count)

    def _shuffled(self) -> Iterator[int]:
        """Give everybody once, in no order."""
        places = [*range(1, len(self._ids) + 1)]
        Random(11).shuffle(places)
        return iter(places)


async def _each(did: Did, who: Iterator[int]) -> None:
    for one in who:
        await did(one)


def _beside(ours: Figures, against: str, bare: Figures) -> Compared:
    """Put each figure beside the bare one of the same kind."""
    return Compared(ours, against, {name: bare[f".{name.rpartition('.')[2]}"] for name in ours})


def _now() -> datetime:
    return datetime.now(UTC)
