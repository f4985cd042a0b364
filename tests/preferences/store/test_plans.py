"""No query that somebody waits for reads a whole table: the databases say how they would go about it."""

from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import Column, Table, UniqueConstraint
from sqlmodel import SQLModel, select, text

from preferences.settings import Settings
from preferences.store import outbox, outcomes, webhook_queue
from preferences.store.changes import read_changes
from preferences.store.conversations import (
    choice_label,
    reachable,
    read_log,
    read_unanswered,
    read_waiting,
    start_conversation,
)
from preferences.store.ends import tell_ends
from preferences.store.engine import open_store
from preferences.store.erasure import erase_shopper
from preferences.store.everyone import every_profile
from preferences.store.export import export_shopper
from preferences.store.facts import Fact, Telling, add_facts, last_change
from preferences.store.history import After, read_history
from preferences.store.idempotency import Errand, Remembered, begin_errand, end_errand
from preferences.store.keys import check_key, issue_key
from preferences.store.links import link, unlink
from preferences.store.naming import tell_names
from preferences.store.objections import object_by_browser
from preferences.store.profiles import read_profile, read_profiles
from preferences.store.provenance import provenance
from preferences.store.receipts import receipt
from preferences.store.retention import Limits, sweep
from preferences.store.shoppers import shopper_named
from preferences.store.tables import (
    CandidateRow,
    DecisionRow,
    DispatchRow,
    IdempotencyRow,
    LinkRow,
    OwnWordsRow,
    PrivacyRequestRow,
    PromiseRow,
    PurchaseLineRow,
    PurchaseNoteRow,
    PurchaseRow,
    ReferralCodeRow,
    ReferralRow,
    Row,
    ShopperRow,
    SuppressionRow,
    SurroundingsRow,
    TrackerRow,
    WebhookDeliveryRow,
    WebhookEndpointRow,
)
from preferences.store.verifying import verify
from preferences.store.webhook_intake import behind, take_up
from preferences.store.webhook_log import read_deliveries
from preferences.store.wishes import Reported, Unwanted, add_suppression, report_decision
from tests.bench.crowd import CUSTOMER, ID, PURPOSE, QUESTION, customer
from tests.bench.loading import load
from tests.preferences.scenes import DAY, NOW
from tests.preferences.store.plans import BIG, listening, scans
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

CROWD = 20_000
TO = ("log",)
YESTERDAY, LONG_AGO = NOW - DAY, NOW - 1500 * DAY
ENDPOINT = "endpoint"
EVERYBODY_HAS: tuple[Row, ...] = (
    OwnWordsRow(answer_id=ID, shopper_id=ID, sealed_text="", at=YESTERDAY),
    DecisionRow(
        id=ID, shopper_id=ID, conversation_id=ID, trigger="purchased", reasons=[],
        policy_version=1, at=YESTERDAY,
    ),
    PurchaseRow(
        id=ID, source="shopify", external_id=ID, shopper_id=ID, placed_at=YESTERDAY,
        received_at=YESTERDAY, told_at=YESTERDAY,
    ),
    PurchaseLineRow(
        purchase_id=ID, position=1, sku=ID, title="Summer dress", quantity=1, ordered=1
    ),
    PurchaseNoteRow(
        source="shopify", external_id=ID, id=ID, kind="delivered", at=YESTERDAY,
        received_at=YESTERDAY,
    ),
    PrivacyRequestRow(
        id=ID, source="shopify", delivery_id=ID, kind="data", shopper_id=ID, received_at=YESTERDAY
    ),
    CandidateRow(
        id=ID, shopper_id=ID, question_id=QUESTION, reason="misfit", created_at=YESTERDAY,
        about={"purchase": ID, "sku": "D-1", "product": "Summer dress"}, expires_at=NOW + 9 * DAY,
    ),
    ReferralCodeRow(code=ID, shopper_id=ID, made_at=YESTERDAY, replaces_until=YESTERDAY),
    ReferralRow(shopper_id=ID, code="a friend's", at=YESTERDAY),
    PromiseRow(
        id=ID, shopper_id=ID, give_id=ID, kind="points", value="1", ask_id=ID,
        promised_at=YESTERDAY, due_at=YESTERDAY,
    ),
    SuppressionRow(
        id=ID, shopper_id=ID, scope="topic", target=ID, source="shopper", reason="shopper_said_no",
        created_at=YESTERDAY,
    ),
    LinkRow(
        id=ID, shopper_id=ID, head_id=ID, state="unlinked", proof="", actor="", at=YESTERDAY
    ),
    DispatchRow(
        id=ID, conversation_id=ID, reply_to=1, channel="whatsapp", state="read", provider_id=ID,
        next_attempt_at=YESTERDAY, created_at=YESTERDAY, sent_at=YESTERDAY,
    ),
    SurroundingsRow(
        conversation_id=ID, shopper_id=ID, place="DE-BE", weather="rain", at=YESTERDAY
    ),
    TrackerRow(sender_id=ID, events="[]", updated_at=YESTERDAY),
    IdempotencyRow(
        key_id=ID, key=ID, request_sha256="", status=200, sealed_body="", shopper_id=ID, at=YESTERDAY
    ),
    WebhookDeliveryRow(
        id=ID, endpoint_id=ENDPOINT, change_id=ID, shopper_id=ID, type="preference.answered",
        position=1, state="delivered", next_attempt_at=YESTERDAY, created_at=YESTERDAY,
        done_at=YESTERDAY,
    ),
)  # fmt: skip


@pytest.fixture(params=["sqlite", "sqlite without statistics", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgresql_url")
        return url
    template = request.getfixturevalue("sqlite_template")
    return f"sqlite:///{copyfile(template, tmp_path / 'askfirst.db')}"


@pytest.fixture
async def shop(request: pytest.FixtureRequest, empty_url: str) -> AsyncIterator[Shop]:
    """A shop that thousands know, and whose database knows how many they are."""
    await load(empty_url, CROWD, VAULT, NOW, more=EVERYBODY_HAS)
    async with open_store(empty_url, VAULT) as store:
        async with store.begin() as session:
            session.add(
                WebhookEndpointRow(
                    id=ENDPOINT, url="https://crm.example", types=[], sealed_secret="",
                    position=CROWD, created_at=YESTERDAY,
                )
            )  # fmt: skip
            if "without" not in request.node.name:  # as most files of SQLite's are
                await session.exec(text("ANALYZE"))
        yield Shop(store)


async def test_no_query_reads_a_whole_table_and_one_that_would_is_found(shop: Shop) -> None:
    await _one_that_would_is_found(shop)
    with listening(shop.store) as asked:
        await _talk(shop)
        await _serve(shop)
        await _tell(shop)
        await _read(shop)
        await _remove(shop)

    assert asked.touched() >= BIG
    found = await scans(shop.store, asked)
    assert set(found) == set()


async def _one_that_would_is_found(shop: Shop) -> None:
    with listening(shop.store) as asked:
        async with shop.store.begin(readonly=True) as session:
            await session.exec(select(ShopperRow.id).where(ShopperRow.ledger_hash == "none"))
            await session.exec(select(ShopperRow.id).where(ShopperRow.id == "none"))

    [[statement, scan]] = (await scans(shop.store, asked)).items()
    assert "ledger_hash" in statement
    assert "shopper" in scan


def test_whoever_is_referred_to_is_found_by_an_index() -> None:
    """Else each row that is removed has the database read all that might refer to it."""
    without = {
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.foreign_keys and column not in _leading(table)
    }

    assert without == {"consent_event.notice_sha256"}, "notices are never removed"


def _leading(table: Table) -> list[Column[Any]]:
    """Give the first columns of all indexes of a table that hold every row."""
    uniques = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    whole = [one for one in table.indexes if one.dialect_options["sqlite"]["where"] is None]
    return [next(iter(one.columns)) for one in (table.primary_key, *uniques, *whole)]


async def _talk(shop: Shop) -> None:
    talk, ask = await shop.asks_the_question("somebody else")
    await shop.feels(talk, ask, "A gift", 0)
    other, _ = await shop.asks_the_question("somebody new")
    await shop.hears(other, "a gift for my sister", "answer", "gift")
    await shop.hears(other, "what do you know of me?", "ask_data")
    await shop.hears(other, "stop")
    await shop.hears(other, "start")
    await shop.hears(other, "forget me", "erase_data")
    again = await shop.meets(customer(2), "whatsapp")
    received = await shop.gets(again, "text", "hello")
    await read_waiting(shop.store)
    await read_unanswered(shop.store, again.shopper)
    await shop.answers(received)
    await shop.answers(received)
    await read_log(shop.store, again.id, 0)
    await choice_label(shop.store, talk.id, ask, 0)
    await reachable(shop.store, talk.shopper, "web", shop.now, DAY)
    await start_conversation(
        shop.store, channel="web", locale="en", customer=customer(3), now=shop.now,
        previous=(await shop.meets()).id,
    )  # fmt: skip


async def _serve(shop: Shop) -> None:
    """What the CRMs are told, and what webhooks carry."""
    store, now = shop.store, shop.now
    [due, *_] = await outbox.claim(store, "log", 100, now)
    await outcomes.acknowledge(store, "log", [outcomes.Told(due.shopper, due.version, "hash")], now)
    await outcomes.fail(store, "log", {due: "away"}, DAY, now)
    await outbox.retry(store, "log", now)
    await outbox.pending(store)
    await read_changes(store, CROWD, 100)
    for endpoint, position in await behind(store):
        await take_up(store, endpoint, position, 100, now)
    await webhook_queue.due(store, now)
    claimed = await webhook_queue.claim(store, ENDPOINT, 100, now)
    assert claimed is not None
    outcome = webhook_queue.Outcome(
        claimed.parcels[0].id, delivered=True, status=200, error="", again=None
    )
    await webhook_queue.settle(store, ENDPOINT, [outcome], gone=False, now=now)
    await read_deliveries(store, ENDPOINT, None, None, 50)


async def _tell(shop: Shop) -> None:
    """What comes in by the API."""
    store, now = shop.store, shop.now
    key = await issue_key(store, "test", ["read"], DAY, now)
    await check_key(store, key, now)
    one, other = await _named(shop, 4), await _named(shop, 5)
    errand = Errand("key", "k-1", "0")
    await begin_errand(store, errand, now)
    await end_errand(store, errand, Remembered(200, "{}"), one, now)
    fact = Fact("imported", QUESTION, "gift", "crm", now)
    telling = Telling(one, [fact], "effect", await last_change(store, one))
    await add_facts(store, telling, shop.assistant.catalogue, TO, now)
    await tell_names(store, [(CUSTOMER, customer(6)), ("email", "anna@example.com")], now)
    purpose = shop.assistant.catalogue.purposes[PURPOSE]
    told = Reported(PURPOSE, "withdrawn", None, "en", "api", "shop", "effect")
    await report_decision(store, one, told, purpose, TO, now)
    await add_suppression(store, one, Unwanted("topic", "shoes", "shop"), TO, now)
    await object_by_browser(store, (await shop.meets()).id, shop.assistant.catalogue, TO, now)
    await link(store, one, other, proof="code", actor="test", destinations=TO, now=now)
    await unlink(store, one, other, actor="test", destinations=TO, now=now)


async def _read(shop: Shop) -> None:
    store, now = shop.store, shop.now
    one = await _named(shop, 7)
    answer, *_ = (await read_profile(store, one, now)).answers
    await read_profiles(store, [one, await _named(shop, 8)])
    async for _ in every_profile(store, 500):
        break
    await read_history(store, one, None, 100)
    await read_history(store, one, After(now, "0"), 100)
    await provenance(store, one, answer.id)
    await receipt(store, one, Settings(), now)
    await verify(store, one)
    await export_shopper(store, one)


async def _remove(shop: Shop) -> None:
    """An erasure, and what retention finds: of long ago, too."""
    await erase_shopper(shop.store, await _named(shop, 9), TO, shop.now)
    long_ago = shop.of(now=LONG_AGO)
    talk, ask = await long_ago.asks_the_question("somebody of old")
    await long_ago.feels(talk, ask, "A gift", 0)
    await tell_ends(shop.store, TO, shop.now)
    await sweep(shop.store, Limits.of(Settings()), TO, shop.now)


async def _named(shop: Shop, number: int) -> str:
    return await shopper_named(shop.store, CUSTOMER, customer(number))
