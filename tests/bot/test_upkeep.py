import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from bot import upkeep
from bot.upkeep import keep_up
from preferences.choosing.pausing import Reception
from preferences.errors import UnavailableError
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.retention import Limits
from preferences.store.tables import MessageRow
from tests.bot.conftest import FakeRasa, Start
from tests.preferences.scenes import DAY, NOW, POLICY
from tests.preferences.store.shop import Shop

SETTINGS = Settings(_env_file=None, keep_words_days=7, destinations=("log",))
MINUTE = timedelta(minutes=1)


@dataclass
class House:
    """A clock that goes a minute on whenever upkeep rests, and what was done at which time."""

    now: datetime = NOW
    fails: int = 0
    told: list[datetime] = field(default_factory=list)
    swept: list[datetime] = field(default_factory=list)
    anchored: list[datetime] = field(default_factory=list)
    counted: list[datetime] = field(default_factory=list)
    limits: Limits | None = None
    ends_at: datetime = NOW
    burdens: list[Reception] = field(default_factory=list)

    async def tell_ends(self, _store: Store, destinations: object, now: datetime) -> int:
        assert destinations == ("log",)
        self.told.append(now)
        return 1

    async def sweep(self, _store: Store, limits: Limits, destinations: object, now: datetime):
        assert destinations == ("log",)
        self.limits = limits
        self.swept.append(now)
        if len(self.swept) <= self.fails:
            message = "The store is away."
            raise UnavailableError(message)
        return {"message": 3, "answer": 1}

    async def anchor(self, _store: Store, now: datetime) -> None:
        self.anchored.append(now)

    async def work_out_missing(self, _store: Store) -> int:
        self.counted.append(self.now)
        return 0

    async def pause_burdens(self, *_: object) -> list[Reception]:
        return self.burdens if len(self.anchored) == 1 else []

    async def rest(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        if self.now >= self.ends_at:
            raise asyncio.CancelledError

    async def runs(self, time: timedelta) -> None:
        self.ends_at = NOW + time
        with pytest.raises(asyncio.CancelledError):
            await keep_up(None, SETTINGS, POLICY, lambda: self.now)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    made = House()
    monkeypatch.setattr(upkeep, "tell_ends", made.tell_ends)
    monkeypatch.setattr(upkeep, "sweep", made.sweep)
    monkeypatch.setattr(upkeep, "anchor", made.anchor)
    monkeypatch.setattr(upkeep, "work_out_missing", made.work_out_missing)
    monkeypatch.setattr(upkeep, "pause_burdens", made.pause_burdens)
    monkeypatch.setattr(upkeep.asyncio, "sleep", made.rest)
    return made


async def test_it_is_done_at_the_start_and_once_a_day(house: House) -> None:
    await house.runs(2 * DAY + MINUTE)

    assert house.swept == house.anchored == [NOW, NOW + DAY, NOW + 2 * DAY]
    assert house.limits == Limits.of(SETTINGS)


async def test_what_ended_by_itself_is_told_every_minute(house: House) -> None:
    await house.runs(3 * MINUTE)

    assert house.told == [NOW, NOW + MINUTE, NOW + 2 * MINUTE]


async def test_what_failed_is_tried_again_soon(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.fails = 2

    await house.runs(DAY)

    assert house.swept == [NOW, NOW + MINUTE, NOW + 2 * MINUTE]
    assert house.counted == house.anchored
    assert house.anchored == [NOW + 2 * MINUTE]
    assert caplog.messages.count("Retention waits: The store is away.") == 2


async def test_the_log_says_how_much_went(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    await house.runs(MINUTE)

    async def nothing(*_: object) -> dict[str, int]:
        return {}

    monkeypatch.setattr(upkeep, "sweep", nothing)
    await house.runs(MINUTE + (house.now - NOW))

    assert caplog.messages == [
        "Retention: 3 of message, 1 of answer removed.",
        "Retention: nothing removed.",
    ]


async def test_the_owner_hears_that_a_question_pauses(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.burdens = [Reception("size_fit", asks=40, declined=30, opted_out=2)]

    await house.runs(DAY + MINUTE)

    (told,) = [one for one in caplog.messages if "pauses" in one]
    assert told.startswith("The question size_fit pauses: of 40 asks 30 were declined, 2 ended in")


async def test_a_gateway_does_it_by_itself(start: Start, rasa: FakeRasa) -> None:
    shop = Shop(rasa.store, now=NOW - 1000 * DAY)
    await shop.hears(await shop.meets(), "hello", "greet")
    assert await shop.rows(MessageRow)

    async with start(), asyncio.timeout(30):
        while await shop.rows(MessageRow):  # noqa: ASYNC110  (a sweep tells nobody)
            await asyncio.sleep(0.05)
