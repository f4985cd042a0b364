"""An experiment over a store: counted by arm, stopped once a day, seen by command."""

import asyncio
from datetime import date, timedelta
from pathlib import Path

import pytest

from preferences.__main__ import main
from preferences.commands import experiments
from preferences.policy import Experiment
from preferences.store.engine import open_store
from preferences.store.ids import new_id
from preferences.store.pausing import ask_again, read_arms, stop_experiments
from preferences.store.tables import AskRow, ConversationRow, PausedQuestionRow
from tests.preferences.scenes import HOUR, NOW, POLICY
from tests.preferences.store.shop import Shop
from tests.vaults import KEYS, VAULT

EXPERIMENT = Experiment(
    id="wording",
    question="gift_or_self",
    arms={"control": 50, "short": 50},
    asks_per_arm=40,
    until=date(2027, 1, 31),
)


async def asked(shop: Shop, arm: str, asks: int, declined: int) -> None:
    """So many were asked in an arm, and some of them declined."""
    talk = await shop.meets("7")
    async with shop.store.begin() as session:
        row = await session.get_one(ConversationRow, talk.id)
        for number in range(asks):
            session.add(
                AskRow(
                    id=new_id(), shopper_id=row.shopper_id, conversation_id=row.id,
                    question_id="gift_or_self", question_version=1, kind="question",
                    purpose="tailor_suggestions", wording="?", options=[], locale="en",
                    channel="web", experiment=arm, asked_at=shop.now - HOUR, closed_at=shop.now,
                    outcome="declined" if number < declined else "answered",
                )
            )  # fmt: skip


async def test_an_arm_that_is_a_burden_stops_the_experiment_until_it_is_resumed(
    shop: Shop,
) -> None:
    await asked(shop, "wording/control", 35, 3)
    await asked(shop, "wording/short", 35, 25)
    await asked(shop, "wordings/other", 35, 35)
    await asked(shop, "", 35, 35)

    stopped = await stop_experiments(shop.store, [EXPERIMENT], shop.now)
    again = await stop_experiments(shop.store, [EXPERIMENT], shop.now)

    assert stopped == [("experiment:wording", "burden: short")]
    assert again == []
    [row] = await shop.rows(PausedQuestionRow)
    assert (row.question_id, row.asks, row.declined) == ("experiment:wording", 70, 28)
    await ask_again(shop.store, "experiment:wording", shop.now)


async def test_what_is_not_over_goes_on(shop: Shop) -> None:
    await asked(shop, "wording/control", 3, 0)

    assert await stop_experiments(shop.store, [EXPERIMENT], shop.now) == []
    assert await stop_experiments(shop.store, [], shop.now) == []
    [met] = await read_arms(shop.store, EXPERIMENT, shop.now)
    assert (met.question, met.asks) == ("control", 3)


def test_the_arms_are_shown(
    monkeypatch: pytest.MonkeyPatch,
    store_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))
    assert main(["experiments"]) == 0
    assert capsys.readouterr().out == "policy.yml has no experiment.\n"

    other = EXPERIMENT.model_copy(update={"id": "other", "question": "size_fit"})
    policy = POLICY.model_copy(update={"experiments": (EXPERIMENT, other)})
    monkeypatch.setattr(experiments, "load_policy", lambda: policy)

    async def fill() -> None:
        async with open_store(store_url, VAULT) as store:
            shop = Shop(store)
            shop.now = NOW
            await asked(shop, "wording/short", 40, 4)
            await stop_experiments(store, [other], NOW + timedelta(days=100))

    # what is shown counts the last 90 days of the real clock, so the asks are of today
    monkeypatch.setattr(experiments, "datetime", _Clock)
    asyncio.run(fill())

    assert main(["experiments"]) == 0
    shown = capsys.readouterr().out
    [short] = [line for line in shown.splitlines() if "short" in line]
    assert "40" in short
    assert "until 2027-01-31" in short
    [late] = [line for line in shown.splitlines() if "other" in line]
    assert "stopped" in late


class _Clock:
    """The time of the tests."""

    @staticmethod
    def now(_zone: object) -> object:
        return NOW
