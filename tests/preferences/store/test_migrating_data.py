"""What the first schema held is there after the migration: sealed, chained, folded, unchanged."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from hashlib import sha256
from itertools import islice, repeat

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table
from sqlmodel import SQLModel, select

from preferences.store.engine import Store, open_store
from preferences.store.ledger import verify_chain
from preferences.store.migrate import alembic_config
from preferences.store.profiles import read_profiles
from preferences.store.provenance import provenance
from preferences.store.sealed import read_text
from preferences.store.shoppers import shopper_named
from preferences.store.tables import (
    AskRow,
    ConsentEventRow,
    ConsentRow,
    ConversationRow,
    IdentityRow,
    MessageRow,
    NoticeRow,
    OwnWordsRow,
    QuarantineRow,
    ShopperRow,
    SuppressionRow,
)
from preferences.store.vault import Vault
from tests.preferences.store import past
from tests.preferences.store.past import (
    BODY,
    MINUTE,
    NOTICE,
    NOTICE_SHA256,
    OTHER,
    PENDING,
    PURPOSE,
    SPANISH,
    START,
    WORDS,
)
from tests.vaults import KEYS, VAULT

REVISIONS = [
    step.revision
    for step in reversed([*ScriptDirectory.from_config(alembic_config("", VAULT)).walk_revisions()])
]


@pytest.fixture
def carried_url(bare_url: str) -> str:
    past.make(bare_url)
    command.upgrade(alembic_config(bare_url, VAULT), "head")
    return bare_url


@pytest.fixture
async def carried(carried_url: str) -> AsyncIterator[Store]:
    async with open_store(carried_url, VAULT) as store:
        yield store


async def rows[Kind: SQLModel](store: Store, table: type[Kind]) -> list[Kind]:
    async with store.begin(readonly=True) as session:
        return list((await session.exec(select(table))).all())


def is_whole(url: str) -> None:
    """See that a store has the schema of today, and as much in it as it had at first."""
    command.check(alembic_config(url, VAULT))
    held = past.run(url, past.dump)
    kept = {name: len(found) for name, found in held.items() if name in past.PAST}
    assert kept == {name: len(found) for name, found in past.PAST.items()}


def test_the_schema_is_the_same_with_data_in_it_and_nothing_is_lost(carried_url: str) -> None:
    is_whole(carried_url)


@pytest.mark.parametrize("revision", REVISIONS[1:-1])
def test_a_store_of_any_version_in_between_becomes_one_of_today(
    bare_url: str, revision: str
) -> None:
    past.make(bare_url)
    command.upgrade(alembic_config(bare_url, VAULT), revision)

    command.upgrade(alembic_config(bare_url, VAULT), "head")

    is_whole(bare_url)


def test_it_goes_back_to_what_was_sealed_first_step_by_step_and_up_again(carried_url: str) -> None:
    config = alembic_config(carried_url, VAULT)
    for revision in reversed(REVISIONS[1:-1]):
        command.downgrade(config, revision)
        tables = past.run(carried_url, past.dump)
        assert len(tables["answer"]) == len(past.PAST["answer"])

    command.upgrade(config, "head")

    is_whole(carried_url)


async def test_what_names_a_shopper_is_sealed_and_found_by_its_hash(carried: Store) -> None:
    names = {row.id: row for row in await rows(carried, IdentityRow)}

    assert await shopper_named(carried, "customer", "4711") == "ann"
    told = {name: read_text(VAULT, row, "value") for name, row in names.items()}
    assert told == {"id-ann": "4711", "id-bob": "4712"}
    assert (names["id-ann"].assurance, names["id-ann"].proof) == ("verified", "identity_token")
    assert (names["id-bob"].assurance, names["id-bob"].proof) == ("claimed", "order")
    assert names["id-ann"].seen_at == START
    assert "4711" not in f"{names['id-ann'].sealed_value} {names['id-ann'].lookup}"


async def test_what_was_said_is_sealed_where_it_was_said(carried: Store) -> None:
    said = {row.seq: read_text(VAULT, row, "text") for row in await rows(carried, MessageRow)}
    pending = {row.id: read_text(VAULT, row, "pending") for row in await rows(carried, AskRow)}
    aside = {row.id: row for row in await rows(carried, QuarantineRow)}

    assert said == {1: "Yes, you may", 2: "Thank you!", 3: WORDS, 4: ""}
    assert json.loads(pending.pop("ask-2")) == PENDING
    assert pending == {"ask-1": "", "ask-3": ""}
    assert [read_text(VAULT, aside[f"quarantine-{n}"], "body") for n in (1, 2)] == [BODY, "{"]
    assert aside["quarantine-1"].lookup == VAULT.lookup("customer", "4711")
    assert aside["quarantine-2"].lookup is None


async def test_own_words_stand_beside_their_answer(carried: Store) -> None:
    (words,) = await rows(carried, OwnWordsRow)

    assert (words.answer_id, words.shopper_id) == ("answer-1", "ann")
    assert (read_text(VAULT, words, "text"), words.at) == (WORDS, START + 5 * MINUTE)


async def test_the_events_of_each_shopper_are_a_chain(carried: Store) -> None:
    events = await rows(carried, ConsentEventRow)
    owners = {row.id: row for row in await rows(carried, ShopperRow)}
    chains = {who: [row for row in events if row.shopper_id == who] for who in owners}

    assert {who: verify_chain(chains[who], owners[who]) for who in owners} == {
        who: [] for who in owners
    }
    assert {who: (row.ledger_seq, row.head_id) for who, row in owners.items()} == {
        "ann": (3, "ann"),
        "bob": (2, "bob"),
        "zoe": (0, "zoe"),
    }


async def test_an_event_tells_what_was_known_of_it_and_invents_nothing(carried: Store) -> None:
    events = {row.id: row for row in await rows(carried, ConsentEventRow)}

    given, withdrawn, elsewhere = events["event-1"], events["event-3"], events["event-5"]
    assert (given.schema_version, given.lawful_basis, given.actor) == (0, "consent", "shopper")
    assert (given.data_categories, given.recipients) == ([], [])
    assert given.evidence_sha256 == sha256(b"Yes, you may").hexdigest()
    assert (given.assurance, given.disclosed_at) == ("verified", START)
    assert given.valid_until == given.occurred_at + timedelta(days=730)
    assert (withdrawn.supersedes, withdrawn.valid_until) == ("event-2", None)
    assert (withdrawn.disclosed_at, withdrawn.evidence_sha256) == (None, None)
    assert (elsewhere.assurance, elsewhere.disclosed_at) == ("anonymous", None)


async def test_every_text_that_was_shown_is_kept_once(carried: Store) -> None:
    events = {row.id: row.notice_sha256 for row in await rows(carried, ConsentEventRow)}
    notices = {row.sha256: row for row in await rows(carried, NoticeRow)}

    assert {row.text for row in notices.values()} == {NOTICE, SPANISH}
    assert len(notices) == 2
    assert notices[NOTICE_SHA256].first_shown_at == START + MINUTE
    assert (notices[NOTICE_SHA256].key, notices[NOTICE_SHA256].version) == (PURPOSE, 1)
    assert (events["event-1"], events["event-2"]) == (NOTICE_SHA256, NOTICE_SHA256)
    assert notices[events["event-4"] or ""].text == SPANISH
    assert (events["event-3"], events["event-5"]) == (None, None)


async def test_the_last_word_on_each_purpose_is_kept_beside(carried: Store) -> None:
    views = {(row.shopper_id, row.purpose): row for row in await rows(carried, ConsentRow)}

    assert {key: (row.state, row.event_id, row.seq) for key, row in views.items()} == {
        ("ann", PURPOSE): ("given", "event-1", 1),
        ("ann", OTHER): ("withdrawn", "event-3", 3),
        ("bob", PURPOSE): ("withdrawn", "event-5", 2),
    }
    assert views["ann", PURPOSE].valid_until == START + MINUTE + timedelta(days=730)
    assert views["ann", OTHER].occurred_at == START + 2 * MINUTE  # the clock had gone back


async def test_who_talked_and_who_let_the_assistant_ask_again_is_kept(carried: Store) -> None:
    talks = {row.id: row.assurance for row in await rows(carried, ConversationRow)}
    wishes = {row.id: row.lifted_by for row in await rows(carried, SuppressionRow)}

    assert talks == {"talk": "verified", "chat": "anonymous"}
    assert wishes == {"suppression-old": "shopper", "suppression-new": None}


async def test_a_profile_says_what_it_said(carried: Store) -> None:
    held = await read_profiles(carried, ["ann", "bob"])

    (answer,) = held["ann"].answers
    assert (answer.id, answer.value, answer.detail) == ("answer-2", "gift", {"relation": "sister"})
    assert (answer.kind, answer.source, answer.consent) == ("declared", "shopper", "event-1")
    assert (answer.own_words, answer.fresh_until) == (None, None)
    assert held["ann"].identities == {"customer": "4711"}
    assert {name: one.state for name, one in held["ann"].consents.items()} == {
        PURPOSE: "given",
        OTHER: "withdrawn",
    }
    assert (held["bob"].answers, held["bob"].identities) == ((), {})
    assert [wish.reason for wish in held["bob"].suppressions] == ["shopper_said_stop"]


async def test_an_answer_of_then_is_proved_in_one_call(carried: Store) -> None:
    proof = await provenance(carried, "ann", "answer-1")

    assert (proof.own_words, proof.assurance, proof.shopper) == (WORDS, "verified", "ann")
    assert proof.basis is not None
    assert (proof.basis.event, proof.basis.notice) == ("event-1", NOTICE)


def test_who_has_the_floor_on_a_channel_keeps_it_as_long_as_before(bare_url: str) -> None:
    past.make(bare_url)
    command.upgrade(alembic_config(bare_url, VAULT), "0014")

    def hand_off(connection: Connection) -> None:
        talks = Table("conversation", MetaData(), autoload_with=connection)
        connection.execute(talks.update().values(handed_off_at=START))
        connection.execute(talks.update().where(talks.c.id == "chat").values(account="49123"))

    past.run(bare_url, hand_off)
    command.upgrade(alembic_config(bare_url, VAULT), "head")

    held = past.run(bare_url, past.dump)["conversation"]
    ends = {row["id"]: row["handed_off_until"] for row in held}
    assert ends["talk"] is None
    assert ends["chat"].replace(tzinfo=UTC) == START + timedelta(hours=12)


class Failing(Vault):
    """Seals so many values, then breaks as a killed process does."""

    def __init__(self, values: int) -> None:
        super().__init__(KEYS)
        self._left = iter(range(values))

    def seal(self, text: str, column: str, row: str) -> str:
        if next(self._left, None) is None:
            raise KeyboardInterrupt
        return super().seal(text, column, row)


@pytest.mark.parametrize("values", [0, 3, 7])
def test_a_migration_that_is_killed_leaves_everything_as_it_was(bare_url: str, values: int) -> None:
    past.make(bare_url)
    before = past.run(bare_url, past.dump)

    with pytest.raises(KeyboardInterrupt):
        command.upgrade(alembic_config(bare_url, Failing(values)), "head")

    assert past.run(bare_url, past.dump) == before
    assert before["alembic_version"] == [{"version_num": "0001"}]
    command.upgrade(alembic_config(bare_url, VAULT), "head")
    command.check(alembic_config(bare_url, VAULT))


def test_more_rows_than_a_page_are_carried_over(bare_url: str) -> None:
    (line,) = islice(past.PAST["message"], 1)
    (talk,) = islice(past.PAST["conversation"], 1)
    lines = [
        {**one, "seq": number, "message_id": f"m-{number}", "text": f"hello {number}"}
        for number, one in enumerate(repeat(line, 1201), start=1)
    ]
    past.make(
        bare_url,
        {"shopper": past.PAST["shopper"], "conversation": [talk], "message": lines},
    )

    command.upgrade(alembic_config(bare_url, VAULT), "head")

    held = past.run(bare_url, past.dump)["message"]
    opened = {
        row["seq"]: VAULT.open(row["sealed_text"], "message.text", f"talk/{row['seq']}")
        for row in held
    }
    assert opened == {number: f"hello {number}" for number in range(1, 1202)}
