"""The profile under any history of answers: what the shopper said wins, and nothing is made up.

Beside the real store, a fold that was written from its description alone, without an eye on speed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
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

from preferences.profile import Profile
from preferences.store.profiles import read_profile
from preferences.store.tables import AnswerRow
from tests.preferences.scenes import DAY, MINUTE, NOW
from tests.preferences.store.machines.world import World, playing
from tests.preferences.store.seeds import PURPOSE, START, add_consent, add_shopper

TELLERS = (
    ("declared", "shopper"),
    ("declared", "shopper"),
    ("imported", "crm"),
    ("imported", "till"),
    ("observed", "crm"),
    ("inferred", "model"),
)
ARTICLES = (None, {"purchase": "1", "sku": "A", "product": "Hat"},
            {"purchase": "1", "sku": "B", "product": "Coat"})  # fmt: skip
DETAILS = ({}, {}, {"purpose": "sport"}, {"polarity": "wants"}, {"polarity": "does_not_want"})


@dataclass(frozen=True)
class Told:
    """One answer, as plain as it can be."""

    id: str
    by: tuple[str, str]
    matter: tuple[str, ...]
    value: str
    unwanted: bool
    at: datetime
    until: datetime | None

    @property
    def order(self) -> tuple[datetime, str]:
        return self.at, self.id

    @property
    def declared(self) -> bool:
        return self.by[0] == "declared"

    def replaces(self, older: "Told") -> bool:
        """Whether who told both does not mean the older one any more."""
        if self.by != older.by or self.matter != older.matter or self.order <= older.order:
            return False
        both_wanted = not self.unwanted and not older.unwanted
        return both_wanted or self.value == older.value

    def excludes(self, other: "Told") -> bool:
        """Whether there is room for one of the two only, though different people told them."""
        both_wanted = not self.unwanted and not other.unwanted
        return self.matter == other.matter and (both_wanted or self.value == other.value)

    def agrees(self, other: "Told") -> bool:
        return (self.value, self.unwanted) == (other.value, other.unwanted)


def folded(told: list[Told], now: datetime) -> tuple[set[str], dict[str, str], set[str]]:
    """Give the answers that count, those that contradict them (with whom), and the expired ones."""
    meant = [one for one in told if not any(other.replaces(one) for other in told)]
    fresh = [one for one in meant if one.until is None or now < one.until]
    counting = sorted((one for one in fresh if one.declared), key=lambda one: one.order)[::-1]
    conflicts = dict[str, str]()
    for one in sorted((one for one in fresh if not one.declared), key=lambda one: one.order)[::-1]:
        rivals = [other for other in counting if one.excludes(other)]
        against = [other for other in rivals if not one.agrees(other)]
        if against:
            conflicts[one.id] = against[0].id
        elif not rivals:
            counting.append(one)
    expired = [one for one in meant if one.declared and one not in fresh]
    for one in sorted((one for one in meant if not one.declared), key=lambda one: one.order)[::-1]:
        if one not in fresh and not any(one.excludes(other) for other in (*counting, *expired)):
            expired.append(one)
    return {one.id for one in counting}, conflicts, {one.id for one in expired}


class FoldMachine(RuleBasedStateMachine):
    """One shopper who gave permission, of whom many tell many things."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.run = world, world.run
        self.shopper = uuid4().hex
        self.told: list[Told] = []

    @initialize()
    def permission_is_given(self) -> None:
        self.world.now = NOW + 10 * MINUTE
        self.run(self._begins())

    @rule(
        teller=st.sampled_from(TELLERS),
        question=st.sampled_from(["motive", "channel"]),
        article=st.sampled_from(ARTICLES),
        value=st.sampled_from(["taste", "price"]),
        detail=st.sampled_from(DETAILS),
        days=st.sampled_from([1, 30, 365, None]),
        ago=st.sampled_from([0, 0, 1, 5]),
    )
    def somebody_tells(
        self,
        *,
        teller: tuple[str, str],
        question: str,
        article: dict[str, str] | None,
        value: str,
        detail: dict[str, str],
        days: int | None,
        ago: int,
    ) -> None:
        at = self.world.now - ago * MINUTE
        place = (article["purchase"], article["sku"]) if article else ("", "")
        one = Told(
            uuid4().hex,
            teller,
            (question, *place, detail.get("purpose", "")),
            value,
            detail.get("polarity") == "does_not_want",
            at,
            None if days is None else at + days * DAY,
        )
        self.told.append(one)
        row = AnswerRow(
            id=one.id, shopper_id=self.shopper, kind=teller[0], source=teller[1],
            question_id=question, question_version=1, purpose=PURPOSE, value=value, detail=detail,
            confidence=0.9, subject="self", wording="Which?", options=[], locale="en",
            channel="web", message_id=one.id, about=article,
            consent_id=f"consent-{self.shopper}-1" if one.declared else None,
            answered_at=at, fresh_until=one.until,
        )  # fmt: skip
        self.run(self._adds(row))

    @rule(days=st.sampled_from([1, 2, 40, 400]))
    def time_passes(self, days: int) -> None:
        self.world.waits(timedelta(days=days))

    @invariant()
    def the_profile_is_the_fold(self) -> None:
        if self.told:
            profile = self._read()
            counting, conflicts, expired = folded(self.told, self.world.now)
            assert {answer.id for answer in profile.answers} == counting
            assert {c.answer.id: c.against for c in profile.conflicts} == conflicts
            assert {answer.id for answer in profile.expired} == expired

    @invariant()
    def what_is_declared_is_declared_by_the_shopper(self) -> None:
        """Nothing that was seen, brought along or inferred stands where the shopper has spoken."""
        if self.told:
            profile = self._read()
            kinds = {one.id: one.by[0] for one in self.told}
            shown = (*profile.answers, *profile.expired)
            assert all(answer.kind == kinds[answer.id] for answer in shown)
            fields = [(a.matter, a.value if a.unwanted else None) for a in profile.answers]
            declared = {
                field
                for field, answer in zip(fields, profile.answers, strict=True)
                if answer.kind == "declared"
            }
            others = {
                field
                for field, answer in zip(fields, profile.answers, strict=True)
                if answer.kind != "declared"
            }
            assert not declared & others

    def _read(self) -> Profile:
        return self.run(read_profile(self.world.store, self.shopper))

    async def _begins(self) -> None:
        async with self.world.store.begin() as session:
            await add_shopper(session, self.shopper)
            await add_consent(session, self.shopper, 1, "given", occurred_at=START - DAY)

    async def _adds(self, row: AnswerRow) -> None:
        session: AsyncSession
        async with self.world.store.begin() as session:
            session.add(row)


def test_whatever_is_told_the_profile_is_what_counts(world: World) -> None:
    run_state_machine_as_test(lambda: FoldMachine(world), settings=playing(8, 20))
