import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from preferences.__main__ import main
from preferences.policy import load_policy
from preferences.store.conversations import read_log
from preferences.store.engine import open_store
from preferences.store.pausing import pause_burdens
from preferences.store.reception import Balance, Met, read_reception
from preferences.store.tables import AskRow
from tests.preferences.scenes import NOW
from tests.preferences.store.shop import Shop
from tests.vaults import KEYS, VAULT

TODAY = datetime.now(UTC)


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch, store_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))


async def presses(shop: Shop, customer: str, label: str) -> None:
    """Somebody is asked whom a dress is for, and presses a button."""
    talk, ask = await shop.asks_the_question(customer)
    rows = await shop.rows(AskRow)
    (labels,) = [[one["label"] for one in row.options] for row in rows if row.id == ask]
    await shop.feels(talk, ask, label, labels.index(label))


async def meet_it(shop: Shop) -> None:
    """One answers, one declines, one mutes it, one stops everything, one leaves it open, one shuts it."""
    for customer, label in enumerate(("A gift", "Rather not say", "Don't ask again")):
        await presses(shop, str(customer), label)
    talk, _ = await shop.asks_the_question("3")
    await shop.hears(talk, "stop", "stop")
    await shop.sees(talk, "opened")
    await shop.asks_the_question("4")
    talk, _ = await shop.asks_the_question("5")
    [line] = [one for one in await read_log(shop.store, talk.id, 0) if one.kind == "question"]
    await shop.answers(await shop.gets(talk, "event", "dismissed", {"dismissed": line.seq}))


def test_it_shows_how_a_question_was_met_and_how_often_silence_won(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def lives() -> tuple[list[Met], Balance]:
        async with open_store(store_url, VAULT) as store:
            shop = Shop(store)
            shop.now = TODAY - timedelta(hours=1)
            await meet_it(shop)
            met, balance = await read_reception(store, TODAY)
            return [*met], balance

    (met,), balance = asyncio.run(lives())

    assert (met.question, met.asked) == ("gift_or_self", 6)
    ended = {"declined": 2, "withdrawn": 1, "open": 1, "answered": 1, "dismissed": 1}
    assert met.outcomes == ended
    assert (met.muted, met.stopped, met.annoyed, met.pauses) == (1, 1, 3, False)
    assert (balance.told, balance.given) == (1, 2)  # who declined was given a tip, too
    assert (balance.decisions, balance.silent) == (13, 1)
    assert main(["reception"]) == 0
    out = capsys.readouterr().out
    assert "gift_or_self" in out
    assert f"Nothing was asked in {balance.silent} of {balance.decisions} decisions." in out
    assert "For 1 answers 2 tips and promises were given" in out


def test_the_ways_not_to_answer_are_counted_each_by_itself(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = ("decline", "dont_know", "no_preference", "not_relevant", "already_sorted", "pause")

    async def lives() -> list[Met]:
        async with open_store(store_url, VAULT) as store:
            shop = Shop(store)
            shop.now = TODAY - timedelta(hours=1)
            for customer, act in enumerate(ways):
                talk, _ = await shop.asks_the_question(str(customer))
                await shop.hears(talk, "well", act)
            met, _ = await read_reception(store, TODAY)
            return [*met]

    (met,) = asyncio.run(lives())

    assert set(met.outcomes.values()) == {1}
    assert len(met.outcomes) == len(ways)
    assert main(["reception"]) == 0
    head, row = (
        [cell.strip() for cell in line.strip("┃│").replace("┃", "│").split("│")]
        for line in capsys.readouterr().out.splitlines()
        if "question" in line or "gift_or_self" in line
    )
    counts = dict(zip(head, row, strict=True))
    for end in ("declined", "dont know", "no preference", "not relevant", "already sorted"):
        assert counts[end] == "1"
    assert (counts["skipped"], counts["others"]) == ("1", "0")


def test_it_is_a_failure_that_a_question_pauses(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def lives() -> None:
        async with open_store(store_url, VAULT) as store:
            shop = Shop(store)
            shop.now = TODAY - timedelta(hours=1)
            await meet_it(shop)
            limits = load_policy().pausing.model_copy(update={"least_asks": 1})
            assert await pause_burdens(store, limits, TODAY)

    asyncio.run(lives())

    assert main(["reception"]) == 1
    assert "pauses" in capsys.readouterr().out.splitlines()[3]


def test_what_is_older_is_not_counted(store_url: str) -> None:
    async def lives() -> tuple[list[Met], Balance]:
        async with open_store(store_url, VAULT) as store:
            shop = Shop(store)
            await meet_it(shop)
            met, balance = await read_reception(store, NOW + timedelta(days=91))
            return [*met], balance

    assert asyncio.run(lives()) == ([], Balance(0, 0, 0, 0))
