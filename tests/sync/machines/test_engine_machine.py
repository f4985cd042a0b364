"""Two workers, a CRM with moods and shoppers who change their minds, in any order.

Whatever happens: what a CRM is told is how the shopper stands in that moment; nothing is told twice
where nobody can be in doubt; and once everything is well again, the CRM holds the truth.
"""

from collections.abc import Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlmodel import select

from preferences.errors import AskfirstError
from preferences.lanes import LANES
from preferences.store.erasure import erase
from preferences.store.letters import Letters, replay
from preferences.store.outbox import Due, claim, mark
from preferences.store.tables import OutboxRow, SuppressionRow
from sync.delivery import Delivery, Result
from sync.errors import DestinationUnavailableError
from sync.telling import Teller
from tests.preferences.store.machines.world import World, playing
from tests.preferences.store.seeds import (
    add_answer,
    add_consent,
    add_shopper_who_answered,
    add_suppression,
)
from tests.sync.memory import MemoryCrm
from tests.sync.pages import mapping

WORKERS, SHOPPERS = 2, 2
LINES = (
    {"from": "answers.gift_or_self.value", "to": "for_whom"},
    {"from": "suppressions.all", "to": "leave_alone"},
)

workers = st.integers(0, WORKERS - 1)
shoppers = st.integers(0, SHOPPERS - 1)
moods = st.sampled_from(["well", "well", "away", "loses", "picky"])
lossy = st.sampled_from(["loses", "loses", "away"])
lanes = st.sampled_from([("wish",), ("news", "backfill"), LANES])
waits = st.sampled_from([0, 0, 1, 40, 3600])
changes = st.one_of(
    st.tuples(st.just("answers"), shoppers),
    st.tuples(st.just("withdraws"), shoppers),
    st.tuples(st.just("stops"), shoppers),
    st.tuples(st.just("starts_again"), shoppers),
    st.tuples(st.just("has_everything_deleted"), shoppers),
    st.tuples(st.just("is_looked_at_though_nothing_has_changed"), shoppers),
)
moves = st.one_of(
    changes,
    st.tuples(st.just("claims"), workers, lanes),
    st.tuples(st.just("tells"), workers, moods),
    *[st.tuples(st.just("works"), workers, moods, waits)] * 2,
    st.tuples(st.just("works_and_meanwhile"), workers, moods, changes),
    *[st.tuples(st.just("stops_and_regrets_it"), workers, shoppers, lossy)] * 2,
    st.tuples(st.just("dies"), workers),
    st.tuples(st.just("waits"), waits),
    st.tuples(st.just("letters_are_replayed")),
)


class Moody(MemoryCrm):
    """Fails as it is told, and holds what arrives against the truth of that moment."""

    def __init__(self, machine: "EngineMachine") -> None:
        super().__init__(batch_size=SHOPPERS)
        self.machine = machine
        self.mood = "well"
        self.meanwhile: tuple[Any, ...] | None = None

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        if self.mood == "away":
            message = "It is away."
            raise DestinationUnavailableError(message)
        if self.mood == "picky":
            self.poison = {one.shopper: "No." for one in batch[:1]}
        if self.mood == "loses":
            self.lose = 1
        try:
            return await super().push(batch)
        finally:
            self.poison, self.lose = {}, 0
            if self.meanwhile and (doing := self.machine._begins(self.meanwhile)):
                await doing

    def _take(self, one: Delivery) -> Result:
        self.machine.arrives(one)
        return super()._take(one)

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        for one in batch:
            assert self.machine.truth[one.shopper] is None
        return await super().erase(batch)


class EngineMachine(RuleBasedStateMachine):
    """`truth` is what the CRM should hold of each; `doubts` are those of whom nobody can be sure."""

    def __init__(self, world: World, folder: Path) -> None:
        super().__init__()
        self.world, self.store, self.run = world, world.store, world.run
        world.played += 1
        self.name = f"crm-{world.played}"
        self.crm = Moody(self)
        page = mapping(folder, *LINES, name=self.name)
        self.teller = Teller(self.name, self.store, self.crm, page, now=lambda: world.now)
        self.truth: dict[str, dict[str, Any] | None] = {}
        self.consents: dict[str, int] = {}
        self.hands: list[list[Due]] = [[] for _ in range(WORKERS)]
        self.doubts: set[str] = set()
        self.last: dict[str, str] = {}

    @initialize()
    def both_have_answered(self) -> None:
        for which in range(SHOPPERS):
            self.run(self.answers(which))

    # Several at once: a rule by itself is tried too seldom with what it needs before it.
    @rule(told=st.lists(moves, min_size=6, max_size=12))
    def many_things_happen(self, told: list[tuple[Any, ...]]) -> None:
        for move in told:
            if (doing := self._begins(move)) is not None:
                self.run(doing)

    def _begins(self, move: tuple[Any, ...]) -> Coroutine[Any, Any, None] | None:
        name, *given = move
        doing: Coroutine[Any, Any, None] | None = getattr(self, name)(*given)
        return doing

    # What shoppers do

    async def answers(self, which: int) -> None:
        shopper = self._name(which)
        if shopper not in self.truth:
            await self._write(shopper, add_shopper_who_answered, urgent=False)
            self.truth[shopper] = {"for_whom": "gift", "leave_alone": False}
            self.consents[shopper] = 1
            return
        held = self.truth[shopper]
        if held is not None and self.consents[shopper] == 1 and held["for_whom"] == "gift":

            async def again(session: Any, who: str) -> None:
                await add_answer(session, who, 2, "self", None)

            await self._write(shopper, again, urgent=False)
            held["for_whom"] = "self"

    async def withdraws(self, which: int) -> None:
        shopper = self._name(which)
        held = self.truth.get(shopper)
        if held is not None and self.consents[shopper] == 1:

            async def withdraw(session: Any, who: str) -> None:
                await add_consent(session, who, 2, "withdrawn")

            await self._write(shopper, withdraw, urgent=True)
            self.consents[shopper], held["for_whom"] = 2, None

    async def stops(self, which: int) -> None:
        shopper = self._name(which)
        held = self.truth.get(shopper)
        if held is not None and not held["leave_alone"]:

            async def stop(session: Any, who: str) -> None:
                reason = f"shopper_said_stop_{self.world.waits(timedelta(0)).timestamp()}"
                await add_suppression(session, who, reason)

            self.world.waits(timedelta(seconds=1))
            await self._write(shopper, stop, urgent=True)
            held["leave_alone"] = True

    async def starts_again(self, which: int) -> None:
        shopper = self._name(which)
        held = self.truth.get(shopper)
        if held is not None and held["leave_alone"]:

            async def start(session: Any, who: str) -> None:
                query = select(SuppressionRow).where(SuppressionRow.shopper_id == who)
                for row in (await session.exec(query)).all():
                    row.lifted_at = self.world.now

            await self._write(shopper, start, urgent=False)
            held["leave_alone"] = False

    async def has_everything_deleted(self, which: int) -> None:
        shopper = self._name(which)
        if self.truth.get(shopper) is None:
            return

        async def forget() -> None:
            async with self.store.begin() as session:
                await erase(session, shopper, self.world.now, destinations=[self.name])

        await forget()
        self.truth[shopper] = None

    # What workers do

    def claims(self, who: int, lanes: tuple[Any, ...]) -> None:
        if not self.hands[who]:
            self.hands[who] = self.run(claim(self.store, self.name, 2, self.world.now, lanes))

    def tells(self, who: int, mood: str) -> None:
        hand, self.hands[who] = self.hands[who], []
        self.crm.mood = mood
        self._tell(hand)
        self.whoever_the_crm_is_wrong_about_is_still_to_be_told()

    def works(self, who: int, mood: str, later: float) -> None:
        self.world.waits(timedelta(seconds=later))
        self.claims(who, LANES)
        self.tells(who, mood)

    async def is_looked_at_though_nothing_has_changed(self, which: int) -> None:
        if self._name(which) in self.truth:

            async def nothing(session: Any, who: str) -> None:
                del session, who

            await self._write(self._name(which), nothing, urgent=False)

    def works_and_meanwhile(self, who: int, mood: str, change: tuple[Any, ...]) -> None:
        """Have something change while the request is on its way."""
        self.crm.meanwhile = change
        self.works(who, mood, 40)
        self.crm.meanwhile = None

    def stops_and_regrets_it(self, who: int, which: int, mood: str) -> None:
        """Come back to what the CRM was told before, whatever it heard in between."""
        self.works(who, "well", 40)
        self.run(self.stops(which))
        self.works(who, mood, 0)
        self.run(self.starts_again(which))

    def dies(self, who: int) -> None:
        self.doubts |= {due.shopper for due in self.hands[who]}
        self.hands[who] = []

    def waits(self, wait: float) -> None:
        self.world.waits(timedelta(seconds=wait))

    def letters_are_replayed(self) -> None:
        self.run(replay(self.store, self.name, Letters(), self.world.now))

    def teardown(self) -> None:
        """Let all be well, and hold the CRM against the truth."""
        self.crm.mood, self.hands = "well", [[] for _ in self.hands]
        self.doubts |= set(self.truth)
        self.letters_are_replayed()
        for _ in range(2):
            self.world.waits(timedelta(hours=2))
            self._drain()
        for shopper, truth in self.truth.items():
            held = self.crm.records.get(shopper)
            assert _filled(held) == _filled(truth), shopper
        pushes = len(self.crm.pushed)
        self._drain()
        assert len(self.crm.pushed) == pushes

    # How it is looked at

    def arrives(self, one: Delivery) -> None:
        truth = self.truth[one.shopper]
        assert truth is not None, "somebody who is erased is told of"
        assert {name: value for name, value in one.fields.items() if value is not None} == {
            name: value for name, value in truth.items() if value is not None
        }
        repeated = self.last.get(one.shopper) == one.digest and one.shopper not in self.doubts
        assert not repeated, "it is told twice and nobody was in doubt"
        self.last[one.shopper] = one.digest

    def _tell(self, hand: list[Due]) -> None:
        shoppers = {due.shopper for due in hand}
        if hand:
            before, overtaken = set(self.doubts), self._overtaken(hand)
            self.doubts |= shoppers if self._is_held_twice(hand) else set()
            try:
                self.run(self.teller.tell(hand))
            except AskfirstError:
                self.doubts |= shoppers
            else:
                if self.crm.mood == "well":
                    self.doubts = (before - shoppers) | overtaken | self._others(hand)
                else:
                    self.doubts |= shoppers

    def whoever_the_crm_is_wrong_about_is_still_to_be_told(self) -> None:
        rows = self.run(self.world.rows(OutboxRow, OutboxRow.destination, [self.name]))
        waiting = {row.shopper_id for row in rows if row.desired_version > row.synced_version}
        for shopper, truth in self.truth.items():
            is_right = _filled(self.crm.records.get(shopper)) == _filled(truth)
            assert is_right or shopper in waiting, shopper

    def _overtaken(self, hand: list[Due]) -> set[str]:
        """Name those whom another worker has claimed since: what this one tells counts for nothing."""
        rows = self.run(self.world.rows(OutboxRow, OutboxRow.destination, [self.name]))
        leases = {row.shopper_id: row.next_attempt_at for row in rows}
        return {due.shopper for due in hand if leases[due.shopper] != due.until}

    def _is_held_twice(self, hand: list[Due]) -> bool:
        return bool(self._others(hand))

    def _others(self, hand: list[Due]) -> set[str]:
        mine = {due.shopper for due in hand}
        return mine & {due.shopper for other in self.hands for due in other}

    def _drain(self) -> None:
        while due := self.run(claim(self.store, self.name, 9, self.world.now)):
            self._tell(due)

    def _name(self, which: int) -> str:
        return f"{self.name}-{which}"

    async def _write(self, shopper: str, doing: Any, *, urgent: bool) -> None:
        async with self.store.begin() as session:
            await doing(session, shopper)
            await mark(session, shopper, [self.name], self.world.now, urgent=urgent)


def _filled(fields: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (fields or {}).items() if value}


def test_a_crm_is_told_the_truth_of_each_moment_and_ends_with_it(world: World) -> None:
    with TemporaryDirectory() as folder:
        machine = lambda: EngineMachine(world, Path(folder))  # noqa: E731
        run_state_machine_as_test(machine, settings=playing(12, 5))


def test_what_was_told_before_a_lost_answer_is_not_taken_for_what_the_crm_holds(
    world: World, tmp_path: Path
) -> None:
    machine = EngineMachine(world, tmp_path)
    machine.both_have_answered()
    machine.many_things_happen([("stops_and_regrets_it", 0, 0, "loses"), ("waits", 40)])
    machine.teardown()


def test_what_changes_while_a_request_is_on_its_way_is_told_after_it(
    world: World, tmp_path: Path
) -> None:
    machine = EngineMachine(world, tmp_path)
    machine.both_have_answered()
    machine.many_things_happen([("works_and_meanwhile", 0, "well", ("withdraws", 0))])
    machine.teardown()


def test_who_was_claimed_by_another_meanwhile_is_not_known_by_the_first(
    world: World, tmp_path: Path
) -> None:
    machine = EngineMachine(world, tmp_path)
    machine.both_have_answered()
    machine.many_things_happen(
        [
            ("claims", 1, LANES),
            ("waits", 40),
            ("works_and_meanwhile", 0, "loses", ("has_everything_deleted", 0)),
            ("tells", 1, "well"),
            ("works", 1, "loses", 0),
        ]
    )
    machine.teardown()
