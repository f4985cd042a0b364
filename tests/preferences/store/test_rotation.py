"""Keys change while people talk: nothing is lost, nothing becomes unreadable."""

import asyncio
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import SQLModel, col

from preferences.commands import reseal as command
from preferences.settings import load_settings
from preferences.store import rotation
from preferences.store.conversations import read_log
from preferences.store.engine import Store, open_store
from preferences.store.journal import Entry, Journal
from preferences.store.migrate import migrate
from preferences.store.rotation import (
    Resealed,
    keys_in_use,
    outdated,
    reseal,
    retire,
    sealed_columns,
)
from preferences.store.sealed import put_sealed, read_sealed
from preferences.store.shoppers import known_shopper, shopper_named
from preferences.store.tables import IdentityRow, MessageRow, WebhookEndpointRow
from preferences.store.vault import Keys, SealError, Vault, exchange_keys
from tests.preferences.scenes import NOW
from tests.preferences.store.shop import Shop


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "own-keys.json"
    file.write_text(Keys.generate().as_json())
    return file


@pytest.fixture
async def own(store_url: str, keys: Path) -> AsyncIterator[Store]:
    """A store whose keys are its own, to be changed."""
    async with open_store(store_url, Vault(keys)) as opened:
        yield opened


def change(store: Store, *, data: bool = False, lookup: bool = False) -> None:
    exchange_keys(store.vault.file, lambda keys: keys.with_new(data=data, lookup=lookup))


def write(file: Path, keys: Keys) -> None:
    file.write_text(keys.as_json())


async def erase_value(store: Store) -> None:
    async with store.begin() as session:
        await session.exec(update(IdentityRow).values(sealed_value=None))


def test_every_table_that_holds_something_sealed_is_walked() -> None:
    found = {column.name for _, columns in sealed_columns() for column in columns}
    everything = {
        column.name
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name.startswith("sealed_")
    }

    assert found == everything
    assert {table.name for table, _ in sealed_columns()} >= {"identity", "message", "own_words"}


async def test_everything_is_under_the_newest_keys_and_old_ones_may_go(own: Store) -> None:
    shop = Shop(own)
    talk, ask = await shop.asks_the_question("4711")
    await shop.feels(talk, ask, "A gift", 0)
    await shop.hears(talk, "thank you", "thank")
    before = await read_log(own, talk.id, 0)
    old = own.vault.keys
    change(own, data=True, lookup=True)
    shown: list[int] = []
    expected = await outdated(own)

    done = await reseal(own, shown.append)

    assert done.values
    assert (done.names, done.kept) == (1, 0)
    assert sum(shown) == expected
    assert await outdated(own) == 0
    assert await reseal(own) == Resealed(0, 0, 0)
    gone, left = await retire(own)
    assert gone == {*old.data, *old.lookup}
    assert left == {*own.vault.keys.data, *own.vault.keys.lookup}
    assert await read_log(own, talk.id, 0) == before
    assert await shopper_named(own, "customer", "4711") == talk.shopper


async def test_batches_meet_every_row(own: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preferences.store.rotation._BATCH", 2)
    shop = Shop(own)
    for number in range(5):
        await shop.hears(await shop.meets(f"{number}"), "hello", "greet")
    change(own, data=True, lookup=True)

    done = await reseal(own)

    assert done.names == 5
    assert await outdated(own) == 0
    assert await keys_in_use(own) == {
        *list(own.vault.keys.data)[:1],
        *list(own.vault.keys.lookup)[:1],
    }


async def test_of_a_row_with_two_secrets_only_what_is_old_is_sealed_anew(own: Store) -> None:
    endpoint = WebhookEndpointRow(
        id="e", url="https://crm.example", types=[], sealed_secret="", position=0, created_at=NOW
    )
    put_sealed(own.vault, endpoint, "old_secret", "the former")
    change(own, data=True)
    put_sealed(own.vault, endpoint, "secret", "the newer")
    async with own.begin() as session:
        session.add(endpoint)

    done = await reseal(own)

    (row,) = await Shop(own).rows(WebhookEndpointRow)
    assert done.values == 1
    assert read_sealed(own.vault, row, "secret") == "the newer"
    assert read_sealed(own.vault, row, "old_secret") == "the former"
    assert len(await keys_in_use(own)) == 1


async def test_a_key_stays_as_long_as_something_needs_it(own: Store) -> None:
    await Shop(own).meets("4711")
    old = own.vault.keys
    change(own, data=True, lookup=True)

    gone, _ = await retire(own)

    assert not gone
    assert {*old.data, *old.lookup} <= await keys_in_use(own)


async def test_the_hash_of_an_erased_name_stays_and_so_does_its_key(own: Store) -> None:
    talk = await Shop(own).meets("4711")
    old = own.vault.keys
    await erase_value(own)
    change(own, data=True, lookup=True)

    done = await reseal(own)
    gone, left = await retire(own)

    assert (done.names, done.kept) == (0, 1)
    assert {*old.lookup} <= left
    assert gone == {*old.data}
    assert await shopper_named(own, "customer", "4711") == talk.shopper


async def test_what_the_journal_names_keeps_its_key(own: Store, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    old = own.vault.lookup("customer", "4711")
    await journal.write([Entry("erased", NOW, "shopper", names=[("customer", old)])])
    own.journal = journal
    change(own, lookup=True)

    assert old.partition(".")[0] in await keys_in_use(own)


async def test_what_cannot_be_opened_stops_it_and_changes_nothing(own: Store) -> None:
    await Shop(own).meets("4711")
    (row,) = await Shop(own).rows(IdentityRow)
    own.vault.file.write_text(Keys.generate().as_json())

    with pytest.raises(SealError, match="bring it back"):
        await reseal(own)
    assert await Shop(own).rows(IdentityRow) == [row]


async def test_two_processes_with_other_newest_keys_meet_one_person(
    postgresql_url: str, keys: Path, tmp_path: Path
) -> None:
    first = Keys.read(keys).with_new(lookup=True)
    second = Keys(first.data, dict(reversed(first.lookup.items())))
    other = tmp_path / "other.json"
    write(keys, first)
    write(other, second)
    async with (
        open_store(postgresql_url, Vault(keys)) as one,
        open_store(postgresql_url, Vault(other)) as two,
    ):

        async def meet(store: Store, number: int) -> str:
            async with store.begin() as session:
                return await known_shopper(
                    session, "customer", f"{number}", assurance="claimed", proof="order", now=NOW
                )

        for number in range(20):
            met = await asyncio.gather(*(meet(store, number) for store in (one, two, one, two)))
            assert len(set(met)) == 1
        assert len(await Shop(one).rows(IdentityRow)) == 20


async def test_while_people_talk_the_keys_change_and_nothing_is_lost(own: Store) -> None:
    shop = Shop(own)
    talks = [await shop.meets(f"{number}") for number in range(4)]
    over = asyncio.Event()
    said: list[list[str]] = [[] for _ in talks]

    async def talk(number: int) -> None:
        for turn in count():
            text = f"word {turn} of {number}"
            await shop.gets(talks[number], "text", text)
            said[number].append(text)
            await shop.meets(f"{number}-{turn % 3}")
            if over.is_set():
                return

    async def listen(number: int) -> None:
        while not over.is_set():
            stored = len(said[number])  # one more may be stored before it is counted
            lines = await read_log(own, talks[number].id, 0, limit=10_000)
            assert len(lines) >= stored
            assert [line.text for line in lines] == [
                f"word {turn} of {number}" for turn in range(len(lines))
            ]
            assert await shopper_named(own, "customer", f"{number}") == talks[number].shopper
            await asyncio.sleep(0)

    async def rotate() -> None:
        try:
            for _ in range(3):
                change(own, data=True, lookup=True)
                await reseal(own)
        finally:
            over.set()

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(talk(number))
            group.create_task(listen(number))
        group.create_task(rotate())
    await reseal(own)
    await retire(own)

    assert len(own.vault.keys.data) == len(own.vault.keys.lookup) == 1
    for number, texts in enumerate(said):
        lines = await read_log(own, talks[number].id, 0, limit=10_000)
        assert [line.text for line in lines] == texts
        assert await shopper_named(own, "customer", f"{number}") == talks[number].shopper
    names = {read_sealed(own.vault, row, "value") for row in await shop.rows(IdentityRow)}
    assert len(names) == len(await shop.rows(IdentityRow))


async def test_a_value_that_changed_since_it_was_read_is_left_alone(
    own: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(own)
    await shop.gets(await shop.meets("4711"), "text", "hello")
    change(own, data=True, lookup=True)
    execute, numbers = rotation._execute, count()

    async def too_late(store: Store, statement: Any, changes: Any) -> None:
        async with own.begin() as session:
            if statement.table.name == "message":
                await session.exec(update(MessageRow).values(sealed_text=""))
            await session.exec(update(IdentityRow).values(lookup=f"another-{next(numbers)}"))
        await execute(store, statement, changes)

    monkeypatch.setattr("preferences.store.rotation._execute", too_late)
    await reseal(own)

    assert [row.sealed_text for row in await shop.rows(MessageRow)] == [""]
    assert [row.lookup for row in await shop.rows(IdentityRow)] == [f"another-{next(numbers) - 1}"]


def test_the_verb_changes_the_keys_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    settings = load_settings()
    asyncio.run(migrate(settings))

    async def somebody_comes() -> None:
        async with open_store(settings.database, Vault(settings.keys)) as store:
            await Shop(store).meets("4711")
            await Shop(store).meets("4712")
            async with store.begin() as session:
                one = update(IdentityRow).where(
                    col(IdentityRow.lookup) == store.vault.lookup("customer", "4712")
                )
                await session.exec(one.values(sealed_value=None))

    asyncio.run(somebody_comes())
    parser = ArgumentParser()
    command.add(parser.add_subparsers())

    def call(*words: str) -> str:
        chosen = parser.parse_args(["reseal", *words])
        assert chosen.run(chosen) == 0
        return capsys.readouterr().out

    first = Keys.read(settings.keys)
    assert "0 values and 0 names" in call()
    said = call("--new-key", "--new-lookup-key", "--retire", "--grace", "0")

    assert "has a new key; back it up now" in said
    assert "1 values and 1 names are under the newest keys now." in said
    assert "1 names were erased" in said
    assert "1 keys were removed, 3 stay." in said
    assert not first.data.keys() & Keys.read(settings.keys).data.keys()
    assert first.lookup.keys() < Keys.read(settings.keys).lookup.keys()
