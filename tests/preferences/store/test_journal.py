import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from preferences.errors import UnavailableError
from preferences.store.anchors import anchor
from preferences.store.engine import open_store
from preferences.store.erasure import erase_shopper
from preferences.store.journal import End, Entry, Journal
from preferences.store.tables import ConsentEventRow, MessageRow, SuppressionRow
from tests.preferences.scenes import DAY, NOW, PURPOSE
from tests.preferences.store.lives import CANARIES, CUSTOMER, WORDS, a_whole_life
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

STOPPED = Entry("suppression", NOW, "shopper", {"id": "1"}, (("customer", "hash"),))
ERASED = Entry("erased", NOW + DAY, "shopper")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "data" / "journal.jsonl")


@pytest.fixture
async def shop(store_url: str, journal: Journal) -> Shop:
    async with open_store(store_url, VAULT, journal) as store:
        yield Shop(store)


def text(journal: Journal) -> str:
    return journal.file.read_text()


# The file


async def test_what_is_written_is_read_in_order(journal: Journal) -> None:
    await journal.write([STOPPED])
    await journal.write([ERASED])

    assert [*journal.read()] == [STOPPED, ERASED]
    assert [*journal.read(after=1)] == [ERASED]


async def test_nothing_to_write_makes_no_file(journal: Journal) -> None:
    await journal.write([])

    assert not journal.file.exists()
    assert [*journal.read()] == []


async def test_only_its_owner_may_read_it(journal: Journal) -> None:
    await journal.write([STOPPED])

    assert journal.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", range(0, 100, 7))
async def test_a_line_that_a_crash_cut_off_hurts_no_other(journal: Journal, kept: int) -> None:
    await journal.write([STOPPED, ERASED])
    whole = journal.file.read_bytes()
    first = whole.index(b"\n") + 1
    journal.file.write_bytes(whole[: first + kept])

    assert [*journal.read()][:1] == [STOPPED]
    await journal.write([ERASED])

    assert [entry for entry in journal.read() if entry != ERASED] == [STOPPED]
    assert [*journal.read()][-1] == ERASED


@pytest.mark.parametrize("line", ["3", "[]", "null", '{"at": 3}', '{"at": "2026-11-22", "x": 1}'])
async def test_a_line_that_somebody_spoilt_says_nothing(journal: Journal, line: str) -> None:
    await journal.write([STOPPED])
    with journal.file.open("a") as file:
        file.write(f"{line}\n")

    assert [*journal.read()] == [STOPPED]


async def test_where_it_cannot_be_written_the_remedy_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match="make room or make it writable"):
        await Journal(tmp_path / "file" / "journal").write([STOPPED])


async def test_without_a_file_nothing_is_kept() -> None:
    nowhere = Journal(None)

    await nowhere.write([STOPPED])
    await nowhere.write_ends([("shopper", 1, "hash")], NOW)
    await nowhere.anchor(NOW)

    assert [*nowhere.read()] == []
    assert nowhere.is_whole()


async def test_what_is_settled_is_counted_by_its_time(journal: Journal) -> None:
    await journal.write([STOPPED, ERASED])

    assert [journal.settled(NOW + n * DAY) for n in (0, 1, 2)] == [0, 1, 2]


# Anchors


async def anchored(journal: Journal, ends: Sequence[End], at: datetime) -> None:
    await journal.write_ends(ends, at)
    await journal.anchor(at)


async def test_an_anchor_remembers_the_ends_of_ledgers(journal: Journal) -> None:
    ends = [(f"shopper-{number}", number, f"hash-{number}") for number in range(1001)]
    await anchored(journal, ends, NOW)
    await anchored(journal, [("shopper-7", 8, "newer")], NOW + DAY)

    assert journal.end_of("shopper-7") == ("shopper-7", 8, "newer")
    assert journal.end_of("shopper-1000") == ends[1000]
    assert journal.end_of("nobody") is None
    assert journal.last_anchor() == NOW + DAY
    assert journal.is_whole()


@pytest.mark.parametrize("number", range(5))
async def test_a_line_that_is_changed_or_removed_before_an_anchor_is_noticed(
    journal: Journal, number: int
) -> None:
    await journal.write([STOPPED])
    await anchored(journal, [("shopper", 1, "hash")], NOW)
    await journal.write([ERASED])
    await anchored(journal, [("shopper", 0, "")], NOW)
    lines = text(journal).splitlines(keepends=True)
    assert len(lines) == 6

    for spoilt in ([lines[number].replace("2026", "2025")], []):
        journal.file.write_text("".join([*lines[:number], *spoilt, *lines[number + 1 :]]))
        # The time of an anchor is not what it vouches for, but the next one vouches for it.
        assert not journal.is_whole() or (spoilt and '"anchor"' in lines[number])


async def test_the_ledgers_that_grew_are_anchored_each_day(shop: Shop, journal: Journal) -> None:
    first, _ = await shop.asks_the_question("1")
    await anchor(shop.store, shop.now)
    shop.waits(3 * DAY)
    await anchor(shop.store, shop.now)
    second, _ = await shop.asks_for_permission("2")
    await shop.hears(second, "stop")

    await anchor(shop.store, shop.now)

    newest = [entry for entry in journal.read() if entry.kind == "ends"][-1]
    assert [name for name, _, _ in newest.detail["ends"]] == [second.shopper]
    assert journal.end_of(first.shopper) is not None


async def test_many_ledgers_are_anchored_a_batch_at_a_time(
    shop: Shop, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preferences.store.anchors._BATCH", 2)
    talks = [(await shop.asks_the_question(str(number)))[0] for number in range(5)]

    await anchor(shop.store, shop.now)

    assert all(journal.end_of(talk.shopper) for talk in talks)


# What a store writes to it


async def test_an_ordinary_turn_writes_nothing_to_it(shop: Shop, journal: Journal) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift", "answer", "gift")

    assert not journal.file.exists()


async def test_every_wish_is_in_it_with_hashes_of_the_names(shop: Shop, journal: Journal) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "stop")
    await erase_shopper(shop.store, talk.shopper, ["log"], shop.now)

    entries = [*journal.read()]

    assert {entry.kind for entry in entries} == {"consent", "suppression", "erased"}
    withdrawn = next(entry for entry in entries if entry.kind == "consent")
    assert (withdrawn.detail["purpose"], withdrawn.detail["state"]) == (PURPOSE, "withdrawn")
    for entry in entries:
        assert entry.shopper == talk.shopper
        assert entry.names == (("customer", VAULT.lookup("customer", "4711")),)


async def test_a_refusal_is_in_it_too(shop: Shop, journal: Journal) -> None:
    talk, notice = await shop.asks_for_permission()
    await shop.feels(talk, notice, "No", 1)

    assert [entry.detail["state"] for entry in journal.read()] == ["refused"]


async def test_it_holds_ids_and_hashes_alone(shop: Shop, journal: Journal) -> None:
    life = await a_whole_life(shop)
    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    assert not [one for one in (*CANARIES, CUSTOMER, WORDS) if one in text(journal)]
    assert all(json.loads(line) for line in text(journal).splitlines())


async def test_what_cannot_be_written_to_it_is_not_done(
    store_url: str, tmp_path: Path, shop: Shop
) -> None:
    talk, _ = await shop.asks_the_question()
    events = len(await shop.rows(ConsentEventRow))
    (tmp_path / "file").write_text("")
    async with open_store(store_url, VAULT, Journal(tmp_path / "file" / "journal")) as full:
        received = await shop.gets(talk, "text", "stop")
        with pytest.raises(UnavailableError):
            await shop.of(store=full).answers(received)

    assert await shop.rows(SuppressionRow) == []
    assert len(await shop.rows(ConsentEventRow)) == events
    assert [row for row in await shop.rows(MessageRow) if row.message_id and not row.answered_at]

    # It is answered as soon as the journal is there again.
    assert await shop.answers(received)
    assert len(await shop.rows(SuppressionRow)) == 1


async def test_a_wish_that_is_rolled_back_is_not_in_it(shop: Shop, journal: Journal) -> None:
    talk = await shop.meets("4711")
    wish = SuppressionRow(
        id="1", shopper_id=talk.shopper, scope="all", target="", source="shopper",
        reason="shopper_said_stop", created_at=NOW,
    )  # fmt: skip

    async def fail() -> None:
        async with shop.store.begin() as session:
            session.add(wish)
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert not journal.file.exists()
