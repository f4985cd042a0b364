"""A CRM that is away for three days, answers that get lost, and workers that are killed."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from shutil import copyfile

import pytest

from preferences.errors import AskfirstError
from preferences.store.destinations import read_standing
from preferences.store.engine import Store
from preferences.store.outbox import mark
from sync.bell import Bell
from sync.delivery import Delivery, Result
from sync.errors import DestinationUnavailableError
from sync.telling import Teller
from sync.worker import Worker
from tests.preferences.store.seeds import add_consent, add_shopper_who_answered
from tests.sync.memory import MemoryCrm
from tests.sync.pages import mapping

ROOT = Path(__file__).parents[2]
LINE = {"from": "answers.gift_or_self.value", "to": "for_whom"}
KILLS = 6


class LosingCrm(MemoryCrm):
    """Drops some answers after it took what they are about; `away` takes nothing."""

    def __init__(self, share: float) -> None:
        super().__init__(batch_size=5)
        self.share, self.chance = share, Random(7)
        self.away, self.lost = False, 0

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        if self.away:
            message = "It is away."
            raise DestinationUnavailableError(message)
        results = await super().push(batch)
        if self.chance.random() < self.share:
            self.lost += 1
            message = "The answer was lost."
            raise DestinationUnavailableError(message)
        return results


async def said(store: Store, now: datetime, shoppers: Sequence[str]) -> None:
    async with store.begin() as session:
        for shopper in shoppers:
            await add_shopper_who_answered(session, shopper)
            await mark(session, shopper, ["crm"], now, urgent=False)


async def taken_back(store: Store, now: datetime, shopper: str) -> None:
    async with store.begin() as session:
        await add_consent(session, shopper, 2, "withdrawn")
        await mark(session, shopper, ["crm"], now, urgent=True)


async def test_after_three_days_away_everything_arrives_wishes_first(
    store: Store, tmp_path: Path
) -> None:
    clock = [datetime.now(UTC)]
    crm = LosingCrm(0)
    teller = Teller("crm", store, crm, mapping(tmp_path, LINE), now=lambda: clock[0])
    worker = Worker(teller, Bell())
    shoppers = [f"s-{number:02}" for number in range(20)]
    await said(store, clock[0], shoppers)
    while await worker.tell():
        pass
    crm.away = True
    crm.pushed.clear()
    for hour in range(0, 72, 4):
        clock[0] += timedelta(hours=4)
        if hour == 12:
            await said(store, clock[0], ["late-1", "late-2"])
        if hour == 40:
            await taken_back(store, clock[0], "s-07")
        with suppress(AskfirstError):
            await worker.tell()
    [standing] = await read_standing(store, ["crm"], clock[0])
    assert (standing.waiting["wish"], standing.waiting["news"], standing.dead) == (1, 2, 0)
    assert clock[0] - (standing.behind_since or clock[0]) >= timedelta(hours=56)

    crm.away = False
    clock[0] += timedelta(hours=1)
    while await worker.tell():
        pass

    assert [one.shopper for one in crm.pushed] == ["s-07", "late-1", "late-2"]
    assert crm.records["s-07"]["for_whom"] is None
    assert len(crm.records) == 22


async def test_whatever_answer_is_lost_nobody_is_and_the_crm_is_right(
    store: Store, tmp_path: Path
) -> None:
    clock = [datetime.now(UTC)]
    crm = LosingCrm(0.2)
    teller = Teller("crm", store, crm, mapping(tmp_path, LINE), now=lambda: clock[0])
    worker = Worker(teller, Bell())
    shoppers = [f"s-{number:02}" for number in range(24)]
    await said(store, clock[0], shoppers)
    for round_ in range(12):
        if round_ < 6:
            await taken_back(store, clock[0], shoppers[round_])
        try:
            while await worker.tell():
                pass
        except AskfirstError:
            clock[0] += timedelta(hours=1)

    while True:
        clock[0] += timedelta(hours=1)
        try:
            if not await worker.tell():
                break
        except AskfirstError:
            continue
    assert crm.lost
    assert {who for who, held in crm.records.items() if held.get("for_whom") == "gift"} == {
        *shoppers[6:]
    }


def _killed(*more: str) -> dict[str, object]:
    """Kill in a process of its own: one that forks should have no threads."""
    command = [sys.executable, "-m", "tests.faults", "--kills", str(KILLS), *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_workers_that_are_killed_again_and_again_leave_the_crm_right(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    figures = _killed("--database-url", _own(request, tmp_path, database))

    assert figures["findings"] == []
    assert (figures["kills"], figures["shoppers"]) == (KILLS, 12)


def _own(request: pytest.FixtureRequest, folder: Path, database: str) -> str:
    """Give a store of its own with its tables made: to make them takes longer than the kills."""
    if database == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        return f"sqlite:///{copyfile(template, folder / 'askfirst.db')}"
    url: str = request.getfixturevalue("postgresql_url")
    return url
