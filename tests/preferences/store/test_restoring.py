import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from shutil import copyfile

import asyncpg
import pytest
from sqlmodel import select

from preferences.store.changes import head_position, note, read_changes
from preferences.store.engine import open_store
from preferences.store.erasure import erase_shopper
from preferences.store.journal import Entry, Journal
from preferences.store.outbox import claim
from preferences.store.profiles import read_profile
from preferences.store.restoring import reapply
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    IdentityRow,
    JournalMarkRow,
    Row,
    SuppressionRow,
)
from preferences.store.vault import Vault
from preferences.store.verifying import verify
from tests.conftest import ADMIN
from tests.preferences.scenes import DAY, HOUR, NOW
from tests.preferences.store.lives import CANARIES, CUSTOMER, EMAIL, a_whole_life, held
from tests.preferences.store.lives import person as person_of
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

LOG = ["log"]


@dataclass
class Deployment:
    """A database that can be backed up and brought back, and a journal that is not touched."""

    url: str
    journal: Journal
    backups: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def open(self):
        async with open_store(self.url, VAULT, self.journal) as store:
            yield Shop(store)

    async def back_up(self) -> None:
        """Nobody may be connected: it is a copy as it stands."""
        self.backups.append(await self._copy(self.url, f"backup_{token_hex(4)}"))

    async def bring_back(self) -> None:
        """Go on with the backup."""
        self.url = self.backups[-1]

    async def _copy(self, url: str, name: str) -> str:
        if url.startswith("sqlite"):
            file = Path(url.removeprefix("sqlite:///"))
            return f"sqlite:///{copyfile(file, file.with_name(name))}"
        await administer(f'CREATE DATABASE "{name}" TEMPLATE "{url.rpartition("/")[2]}"')
        return f"{ADMIN.rpartition('/')[0]}/{name}"


async def administer(statement: str) -> None:
    connection = await asyncpg.connect(ADMIN)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path):
    journal = Journal(tmp_path / "journal.jsonl")
    if request.param == "sqlite":
        file = copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "askfirst.db")
        yield Deployment(f"sqlite:///{file}", journal)
        return
    made = Deployment(request.getfixturevalue("postgresql_url"), journal)
    yield made
    for url in made.backups:
        asyncio.run(administer(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)'))


async def rows[Kind: Row](shop: Shop, table: type[Kind]) -> list[Kind]:
    return await shop.rows(table)


async def test_what_was_wished_since_the_backup_holds_before_the_first_is_told(
    deployment: Deployment,
) -> None:
    async with deployment.open() as shop:
        gone = await a_whole_life(shop)
        stopped, _ = await shop.asks_the_question("stopped")
        refused, notice = await shop.asks_for_permission("refused")
        happy, _ = await shop.asks_the_question("happy")
        await shop.hears(happy, "a gift", "answer", "gift")
    await deployment.back_up()
    async with deployment.open() as shop:
        shop.waits(2 * HOUR)
        await shop.hears(stopped, "stop")
        await shop.feels(refused, notice, "No", 1)
        await erase_shopper(shop.store, gone.head, LOG, shop.now)
        await reapply(shop.store, LOG, shop.now + DAY)  # another start, before the disaster
    await deployment.bring_back()

    async with deployment.open() as shop:
        assert (await read_profile(shop.store, stopped.shopper)).suppressions == ()
        assert await reapply(shop.store, LOG, NOW + DAY) == 4

        due = await claim(shop.store, "log", 10, NOW + DAY)
        assert {one.shopper for one in due} >= {*gone.shoppers, stopped.shopper, refused.shopper}
        assert (await read_profile(shop.store, gone.head)).erased
        profile = await read_profile(shop.store, stopped.shopper)
        assert [entry.reason for entry in profile.suppressions] == ["shopper_said_stop"]
        events = {
            row.shopper_id: (row.state, row.method, row.occurred_at)
            for row in sorted(await rows(shop, ConsentEventRow), key=lambda row: row.seq)
        }
        assert events[stopped.shopper] == ("withdrawn", "restore", NOW + 2 * HOUR)
        assert events[refused.shopper] == ("refused", "restore", NOW + 2 * HOUR)
        assert events[happy.shopper][0] == "given"
        assert [row.shopper_id for row in await rows(shop, AnswerRow)] == [happy.shopper]
        for talk in (stopped, refused, happy):
            assert await verify(shop.store, talk.shopper) == []
        left = await held(shop.store, await person_of(shop.store, gone.head))
        assert (left["answer"], left["message"], left["purchase"]) == (0, 0, 0)
        # Nothing happens twice.
        lines = [*deployment.journal.read()]
        assert await reapply(shop.store, LOG, NOW + DAY) == 0
        assert [*deployment.journal.read()] == lines


async def test_who_was_met_after_the_backup_and_forgotten_is_known_by_a_hash_alone(
    deployment: Deployment,
) -> None:
    await deployment.back_up()
    async with deployment.open() as shop:
        life = await a_whole_life(shop)
        await erase_shopper(shop.store, life.head, LOG, shop.now)
        nobody = await shop.meets()
        await shop.hears(nobody, "stop")
    await deployment.bring_back()

    async with deployment.open() as shop:
        await reapply(shop.store, LOG, NOW)

        back = await shop.meets(CUSTOMER)
        assert back.shopper == life.head
        assert (await read_profile(shop.store, back.shopper)).erased
        kept = await shop.sells(CUSTOMER, "order", "dress")
        assert (kept.shopper, kept.candidate) == (life.head, False)
        assert {row.sealed_value for row in await rows(shop, IdentityRow)} == {None}
        # Who has no name cannot be met again: nothing is kept of them.
        assert {row.shopper_id for row in await rows(shop, SuppressionRow)} == {life.head}


async def test_who_had_a_name_before_the_id_that_asked_is_found_by_the_name(
    deployment: Deployment,
) -> None:
    async with deployment.open() as shop:
        early = await shop.meets("4711")
    entry = Entry(
        "erased", NOW + HOUR, "later-id", {}, [("customer", VAULT.lookup("customer", "4711"))]
    )
    await deployment.journal.write([entry])

    async with deployment.open() as shop:
        assert await reapply(shop.store, LOG, NOW + DAY) == 1

        assert (await read_profile(shop.store, early.shopper)).erased


async def test_a_name_that_was_hashed_under_another_key_then_is_found_all_the_same(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preferences.store.bearers._BATCH", 1)
    (tmp_path / "keys.json").write_text(VAULT.keys.with_new(lookup=True).as_json())
    newer = Vault(tmp_path / "keys.json")
    async with deployment.open() as shop:
        early, other = await shop.meets("4711"), await shop.meets("4712")
        gone = await shop.meets("4713")
        await erase_shopper(shop.store, gone.shopper, LOG, NOW)  # no name is left of them
    names = [("customer", newer.lookup("customer", number)) for number in ("4711", "new")]
    await deployment.journal.write(
        [
            Entry("erased", NOW + HOUR, f"later-{number}", {}, [name])
            for number, name in enumerate(names)
        ]
    )

    async with open_store(deployment.url, newer, deployment.journal) as store:
        assert await reapply(store, LOG, NOW + DAY) == 2

        assert (await read_profile(store, early.shopper)).erased
        assert not (await read_profile(store, other.shopper)).erased
        assert (await read_profile(store, "later-1")).erased


async def test_no_position_of_the_feed_is_given_a_second_time(deployment: Deployment) -> None:
    async def happens(shop: Shop, times: int) -> list[int]:
        async with shop.store.begin() as session:
            for _ in range(times):
                note(session, "somebody", "preference.imported", {}, NOW)
        return [one.position for one in await read_changes(shop.store, 0, 10)]

    async with deployment.open() as shop:
        assert await happens(shop, 2) == [1, 2]
    await deployment.back_up()
    async with deployment.open() as shop:
        given = await happens(shop, 3)
    await deployment.bring_back()

    async with deployment.open() as shop:
        await reapply(shop.store, LOG, NOW)
        assert min(set(await happens(shop, 1)) - {1, 2}) > max(given)
        assert await read_changes(shop.store, max(given), 10)
        ahead = await head_position(shop.store)
    await deployment.bring_back()  # and once more
    async with deployment.open() as shop:
        await reapply(shop.store, LOG, NOW)
        assert max(await happens(shop, 1)) > ahead


async def test_what_was_overtaken_is_left_as_it_is(deployment: Deployment) -> None:
    async with deployment.open() as shop:
        talk, _ = await shop.asks_the_question("4711")
        shop.waits(HOUR)
        await shop.hears(talk, "stop")
        shop.waits(HOUR)
        await shop.hears(talk, "start")
        before = await read_profile(shop.store, talk.shopper)

        assert await reapply(shop.store, LOG, shop.now) == 0

        assert await read_profile(shop.store, talk.shopper) == before


async def test_a_wish_of_before_an_erasure_does_not_come_back(deployment: Deployment) -> None:
    async with deployment.open() as shop:
        talk, _ = await shop.asks_the_question("4711")
        await shop.hears(talk, "stop")
        await erase_shopper(shop.store, talk.shopper, LOG, shop.now + HOUR)

        assert await reapply(shop.store, LOG, shop.now + DAY) == 0

        assert len(await rows(shop, SuppressionRow)) == 1


async def test_a_pause_that_is_over_by_now_is_not_applied_again(deployment: Deployment) -> None:
    async with deployment.open() as shop:
        talk = await shop.meets("4711")
    pause = {
        "id": "pause", "scope": "all", "target": "", "source": "shopper", "reason": "later",
        "expires_at": (NOW + DAY).isoformat(),
    }  # fmt: skip
    await deployment.journal.write([Entry("suppression", NOW, talk.shopper, pause)])

    async with deployment.open() as shop:
        assert await reapply(shop.store, LOG, NOW + 2 * DAY) == 0
        assert await reapply(shop.store, LOG, NOW) == 0  # the mark is past it
        await forget_mark(shop)
        assert await reapply(shop.store, LOG, NOW) == 1

        (row,) = await rows(shop, SuppressionRow)
        assert (row.id, row.expires_at, row.created_at) == ("pause", NOW + DAY, NOW)


async def forget_mark(shop: Shop) -> None:
    async with shop.store.begin() as session:
        await session.delete((await session.exec(select(JournalMarkRow))).one())


async def test_the_mark_stays_behind_what_may_still_be_under_way(deployment: Deployment) -> None:
    async with deployment.open() as shop:
        talk = await shop.meets("4711")
        for _ in range(3):
            await shop.hears(talk, "stop")
            await shop.hears(talk, "start")
            shop.waits(HOUR)
        written = len([*deployment.journal.read()])
        await reapply(shop.store, LOG, shop.now)

        (mark,) = await rows(shop, JournalMarkRow)
        assert 0 < mark.lines < written


async def test_anchors_are_nothing_to_apply(deployment: Deployment) -> None:
    await deployment.journal.write_ends([("shopper", 1, "hash")], NOW)
    await deployment.journal.anchor(NOW)

    async with deployment.open() as shop:
        assert await reapply(shop.store, LOG, NOW + DAY) == 0


async def test_the_journal_that_brings_it_back_names_nobody(deployment: Deployment) -> None:
    async with deployment.open() as shop:
        life = await a_whole_life(shop)
        await erase_shopper(shop.store, life.head, LOG, shop.now)

    text = deployment.journal.file.read_text()
    assert not [one for one in (*CANARIES, EMAIL) if one in text]
