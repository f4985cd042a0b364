"""The change feed while many write: whoever reads misses nothing, sees nothing twice, in one order.

Writers have transactions open beside one another (on SQLite one at a time: it has one writer);
readers come in between, each from where it stopped. Every reader must see the same.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.changes import Change, head_position, note, read_changes
from tests.preferences.store.machines.world import World, playing

READERS = 3

readers = st.integers(0, READERS - 1)


@dataclass
class Writing:
    """A transaction that is open, and what it noted so far."""

    opened: AbstractAsyncContextManager[AsyncSession]
    session: AsyncSession
    noted: list[str] = field(default_factory=list)


@dataclass
class Reader:
    """Who follows the feed, and what they have seen."""

    position: int
    seen: list[Change] = field(default_factory=list)


class FeedMachine(RuleBasedStateMachine):
    """Transactions that overlap, and readers between any two steps of them."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.store, self.run = world, world.store, world.run
        self.writing: list[Writing] = []
        self.committed: list[list[str]] = []
        self.readers: list[Reader] = []

    @initialize()
    def everybody_begins_here(self) -> None:
        start = self.run(head_position(self.store))
        self.readers = [Reader(start) for _ in range(READERS)]

    @rule()
    def begins_to_write(self) -> None:
        if not self.writing or self._several_may_write:
            opened = self.store.begin()
            self.writing.append(Writing(opened, self.run(opened.__aenter__())))

    @rule(which=st.integers(0, 9))
    def notes(self, which: int) -> None:
        if self.writing:
            one = self.writing[which % len(self.writing)]
            name = uuid4().hex
            note(one.session, name, "preference.answered", {"question": name}, self.world.now)
            self.run(one.session.flush())
            one.noted.append(name)

    @rule(which=st.integers(0, 9))
    def commits(self, which: int) -> None:
        if self.writing:
            one = self.writing.pop(which % len(self.writing))
            self.run(one.opened.__aexit__(None, None, None))
            self.committed.append(one.noted)

    @rule(which=st.integers(0, 9))
    def rolls_back(self, which: int) -> None:
        if self.writing:
            one = self.writing.pop(which % len(self.writing))
            self.run(_break(one))

    @rule(which=readers, limit=st.integers(1, 5))
    def reads(self, which: int, limit: int) -> None:
        if not self.writing or self._several_may_write:
            self._read(self.readers[which], limit)

    @rule(limits=st.lists(st.integers(1, 5), min_size=READERS, max_size=READERS))
    def all_read_at_once(self, limits: list[int]) -> None:
        if not self.writing or self._several_may_write:
            self.run(self._all_read(limits))

    @invariant()
    def what_was_seen_is_in_order(self) -> None:
        for reader in self.readers:
            positions = [change.position for change in reader.seen]
            assert positions == sorted(set(positions))
            names = [change.shopper for change in reader.seen]
            assert len(names) == len(set(names))

    @invariant()
    def all_see_the_same(self) -> None:
        longest = max((reader.seen for reader in self.readers), key=len, default=[])
        for reader in self.readers:
            assert reader.seen == longest[: len(reader.seen)]

    @invariant()
    def only_what_is_committed_is_seen(self) -> None:
        committed = {name for noted in self.committed for name in noted}
        for reader in self.readers:
            assert {change.shopper for change in reader.seen} <= committed

    def teardown(self) -> None:
        for one in self.writing:
            self.run(one.opened.__aexit__(None, None, None))
            self.committed.append(one.noted)
        committed = [name for noted in self.committed for name in noted]
        for reader in self.readers:
            while self._read(reader, 7):
                pass
            seen = [change.shopper for change in reader.seen]
            assert sorted(seen) == sorted(committed)
            for noted in self.committed:  # within a transaction in the order of the notes
                assert [name for name in seen if name in set(noted)] == noted

    @property
    def _several_may_write(self) -> bool:
        return self.store._engine.dialect.name == "postgresql"

    def _read(self, reader: Reader, limit: int) -> bool:
        return self.run(self._reads(reader, limit))

    async def _reads(self, reader: Reader, limit: int) -> bool:
        changes = await read_changes(self.store, reader.position, limit)
        reader.seen += changes
        reader.position = changes[-1].position if changes else reader.position
        return bool(changes)

    async def _all_read(self, limits: list[int]) -> None:
        pairs = zip(self.readers, limits, strict=True)
        await asyncio.gather(*(self._reads(reader, limit) for reader, limit in pairs))


async def _break(one: Writing) -> None:
    """End a transaction as an error in it does."""
    try:
        await one.opened.__aexit__(RuntimeError, RuntimeError("broken"), None)
    except RuntimeError:
        return


def test_nobody_who_follows_misses_anything(world: World) -> None:
    run_state_machine_as_test(lambda: FeedMachine(world), settings=playing(12, 25))
