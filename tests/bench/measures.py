"""What is measured of a world, the same way for each: latency, rate, length, memory, start."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from tests.bench.figures import Figure, Figures, latency, percentile
from tests.bench.processes import Running
from tests.bench.sentences import distinct
from tests.bench.worlds import Open, Talk, World

GROUPS = ("text", "press", "rate", "length", "memory", "start")
_TURNS = 8  # of a conversation, except where its length is what is measured
_WIDTHS = (1, 4, 16)  # conversations at the same time
_LENGTHS = (10, 50, 200, 500)  # events
_EVENTS = (
    5  # that a turn is in Rasa's terms: the words, how they are read, action, reply, listening
)
_WINDOW = 10  # turns from a length on that are counted for it
_MEGABYTE = 1e6

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How many conversations each measure takes."""

    text: int
    press: int
    rate: int
    length: int


FULL = Size(text=50, press=100, rate=64, length=4)
QUICK = Size(text=5, press=10, rate=16, length=1)


@dataclass(frozen=True, slots=True)
class Bench:
    """Measures one world; `groups` are the measures that are wanted, `tell` is for a person."""

    world: World
    size: Size
    groups: frozenset[str]
    tell: Tell

    async def run(self) -> Figures:
        """Start it, once or (for the start's own figures) twice, and measure."""
        await self.world.prepare()
        found: Figures = {}
        if "start" in self.groups:
            self._tell("first start")
            async with self.world.start() as (_, signs):
                found |= _start("cold", signs.items())
        self._tell("start")
        async with self.world.start() as (here, signs):
            if "start" in self.groups:
                found |= _start("warm", signs.items())
            found |= await self._measured(here)
        return found

    async def _measured(self, here: Open) -> Figures:
        sentences = distinct(self.world.templates)
        async with here.talks(3) as talks:
            await _say(talks, sentences)  # what is loaded at the first turn is loaded now
        found: Figures = {}
        if "text" in self.groups:
            found |= await self._text(here, sentences)
        if "press" in self.groups:
            found |= await self._press(here)
        for width in _WIDTHS if "rate" in self.groups else ():
            found |= await self._rate(here, sentences, width)
        if "length" in self.groups:
            found |= await self._length(here, sentences)
        if "memory" in self.groups:
            found |= _memory(here.running)
        return found

    async def _text(self, here: Open, sentences: Iterator[str]) -> Figures:
        self._tell("words")
        async with here.talks(self.size.text) as talks:
            with _spending(here.running, "text") as spent:
                seconds = await _say(talks, sentences)
            return latency("text", seconds) | spent(len(seconds))

    async def _press(self, here: Open) -> Figures:
        self._tell("buttons")
        async with here.talks(self.size.press) as talks:
            with _spending(here.running, "press") as spent:
                seconds = [await talk.press() for talk in talks for _ in range(self.world.presses)]
            return latency("press", seconds) | spent(len(seconds))

    async def _rate(self, here: Open, sentences: Iterator[str], width: int) -> Figures:
        """Have conversations held, so many at a time, until all of them are over."""
        self._tell(f"{width} at a time")
        async with here.talks(self.size.rate) as talks:
            waiting = iter(talks)
            with _spending(here.running, f"rate.{width}") as spent:
                begun = perf_counter()
                held = await asyncio.gather(*(_say(waiting, sentences) for _ in range(width)))
                took = perf_counter() - begun
            count = sum(len(seconds) for seconds in held)
        cost = spent(count)[f"rate.{width}.cpu"]
        return {
            f"rate.{width}": Figure(count / took, "turns/s", count),
            f"rate.{width}.cpu": cost,
            f"rate.{width}.per_core": Figure(1000 / cost.value, "turns/s", count),
        }

    async def _length(self, here: Open, sentences: Iterator[str]) -> Figures:
        self._tell("long conversations")
        turns = _LENGTHS[-1] // _EVENTS + _WINDOW
        found: dict[int, list[float]] = {length: [] for length in _LENGTHS}
        async with here.talks(self.size.length) as talks:
            for talk in talks:
                seconds = [await talk.say(next(sentences)) for _ in range(turns)]
                for length, taken in found.items():
                    begin = length // _EVENTS
                    taken.extend(seconds[begin : begin + _WINDOW])
        return {
            f"length.{length}.p50": Figure(1000 * percentile(taken, 0.5), "ms", len(taken))
            for length, taken in found.items()
        }

    def _tell(self, what: str) -> None:
        self.tell(f"{self.world.name}: {what}")


async def _say(talks: Iterable[Talk], sentences: Iterator[str]) -> list[float]:
    """Hold one conversation after another."""
    return [await talk.say(next(sentences)) for talk in talks for _ in range(_TURNS)]


@contextmanager
def _spending(running: Running, name: str) -> Iterator[Callable[[int], Figures]]:
    """Give what gives the CPU time of a turn, in all and of each part, once the block is over."""
    before = running.usage().cpu
    spent: dict[str, float] = {}

    def of_turns(turns: int) -> Figures:
        parts = {f"{name}.cpu.{part}": seconds for part, seconds in spent.items()}
        every = {f"{name}.cpu": sum(spent.values())} | parts
        return {key: Figure(1000 * value / turns, "ms", turns) for key, value in every.items()}

    yield of_turns
    after = running.usage().cpu
    spent |= {part: seconds - before.get(part, 0.0) for part, seconds in after.items()}


def _memory(running: Running) -> Figures:
    memory = running.usage().memory
    parts = {f"memory.{part}": value for part, value in memory.items()}
    every = {"memory": sum(memory.values())} | parts
    return {name: Figure(value / _MEGABYTE, "MB", 1) for name, value in every.items()}


def _start(which: str, signs: Iterable[tuple[str, float]]) -> Figures:
    return {f"start.{which}.{sign}": Figure(seconds, "s", 1) for sign, seconds in signs}
