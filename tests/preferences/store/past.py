"""A database as the first schema left it, with somebody in every table, written by plain SQL."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from alembic import command
from sqlalchemy import Connection, MetaData

from preferences.store.engine import create_engine
from preferences.store.migrate import alembic_config
from tests.vaults import VAULT

START = datetime.now(UTC).replace(microsecond=250_000) - timedelta(days=30)
MINUTE = timedelta(minutes=1)
PURPOSE, OTHER = "tailor_suggestions", "contact_wishes"
NOTICE, SPANISH = "May I keep it? – “yes”", "¿Puedo guardarlo?"
NOTICE_SHA256 = sha256(NOTICE.encode()).hexdigest()
WORDS = "it's for my sister 🎁"
PENDING = {
    "question": "gift_or_self",
    "value": "gift",
    "detail": {"relation": "sister"},
    "words": WORDS,
    "confidence": 0.6,
    "asked": "",
}
BODY = '{"customer": {"id": 4711}, "line_items": "?"}'

type Rows = dict[str, list[dict[str, Any]]]


def make(url: str, rows: Rows | None = None) -> None:
    """Bring a bare database to the first schema, with what was kept in it."""
    command.upgrade(alembic_config(url, VAULT), "0001")
    run(url, lambda connection: _insert(connection, rows or PAST))


def run[Result](url: str, work: Callable[[Connection], Result]) -> Result:
    """Do something in a transaction of its own, on either database."""

    async def begin() -> Result:
        engine = create_engine(url)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return asyncio.run(begin())


def dump(connection: Connection) -> Rows:
    """Give every row of every table, to be compared."""
    held = {}
    for table in _tables(connection).sorted_tables:
        rows = connection.execute(table.select()).mappings().all()
        held[table.name] = sorted(map(dict, rows), key=repr)
    return held


def _insert(connection: Connection, rows: Rows) -> None:
    for table in _tables(connection).sorted_tables:
        for row in rows.get(table.name, []):
            connection.execute(table.insert().values(row))


def _tables(connection: Connection) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection)
    return metadata


def _event(
    number: int, seq: int, state: str, purpose: str = PURPOSE, **more: Any
) -> dict[str, Any]:
    shown = state in {"given", "refused"}
    return {
        "id": f"event-{number}",
        "shopper_id": "ann",
        "seq": seq,
        "purpose": purpose,
        "state": state,
        "method": "button",
        "notice_version": 1 if shown else None,
        "notice_sha256": NOTICE_SHA256 if shown else None,
        "notice_text": NOTICE if shown else None,
        "locale": "en",
        "channel": "web",
        "conversation_id": "talk",
        "message_id": f"m-{number}",
        "occurred_at": START + number * MINUTE,
    } | more


_SHOWN = {
    "question_id": "gift_or_self",
    "question_version": 1,
    "purpose": PURPOSE,
    "wording": "A gift, or for you?",
    "options": [{"label": "A gift", "value": "gift", "act": None}],
    "locale": "en",
    "channel": "web",
    "about": {"purchase": "order-1", "sku": "D-1", "product": "Dress"},
    "asked_at": START + 4 * MINUTE,
}

PAST: Rows = {
    "shopper": [{"id": name, "created_at": START} for name in ("ann", "bob", "zoe")],
    "identity": [
        {
            "id": "id-ann",
            "shopper_id": "ann",
            "kind": "customer",
            "value": "4711",
            "assurance": "verified",
            "linked_at": START,
            "unlinked_at": None,
        },
        {
            "id": "id-bob",
            "shopper_id": "bob",
            "kind": "customer",
            "value": "4712",
            "assurance": "claimed",
            "linked_at": START,
            "unlinked_at": START + MINUTE,
        },
    ],
    "conversation": [
        {
            "id": talk,
            "shopper_id": who,
            "channel": "web",
            "locale": "en",
            "verified": verified,
            "created_at": START,
            "seen_at": START,
            "last_seq": 2,
            "disclosed_at": START,
            "open_ask_id": None,
            "unclear": 0,
            "turns": 1,
            "handed_off_at": None,
        }
        for talk, who, verified in (("talk", "ann", True), ("chat", "bob", False))
    ],
    "message": [
        {
            "conversation_id": "talk",
            "seq": seq,
            "author": author,
            "kind": "text",
            "text": text,
            "lang": "en",
            "message_id": name,
            "body": {},
            "reply_to": None,
            "at": START,
            "answered_at": START,
        }
        for seq, author, text, name in (
            (1, "shopper", "Yes, you may", "m-1"),
            (2, "assistant", "Thank you!", None),
            (3, "shopper", WORDS, "m-4"),
            (4, "shopper", "", "m-5"),
        )
    ],
    "ask": [
        {
            "id": name,
            "shopper_id": "ann",
            "conversation_id": "talk",
            "kind": "question",
            "candidate_id": None,
            "begun_by": None,
            "pending": pending,
            "closed_at": None,
            "outcome": None,
            **_SHOWN,
        }
        for name, pending in (("ask-1", None), ("ask-2", PENDING), ("ask-3", None))
    ],
    "consent_event": [
        _event(1, 1, "given"),
        _event(2, 2, "refused", OTHER),
        _event(3, 3, "withdrawn", OTHER, occurred_at=START - MINUTE, method="stop_keyword"),
        _event(
            4,
            1,
            "given",
            shopper_id="bob",
            conversation_id="chat",
            notice_text=SPANISH,
            notice_sha256=sha256(SPANISH.encode()).hexdigest(),
            locale="es",
        ),
        _event(5, 2, "withdrawn", shopper_id="bob", conversation_id="gone"),
    ],
    "answer": [
        {
            "id": f"answer-{number}",
            "shopper_id": "ann",
            "ask_id": ask,
            "value": "gift",
            "detail": {"relation": "sister"},
            "own_words": words,
            "kind": "declared",
            "confidence": 0.9,
            "subject": "gift",
            "message_id": "m-4",
            "consent_id": "event-1",
            "answered_at": START + (number + 4) * MINUTE,
            **_SHOWN,
        }
        for number, ask, words in ((1, "ask-1", WORDS), (2, "ask-3", None))
    ],
    "decision": [
        {
            "id": "decision-1",
            "shopper_id": "ann",
            "conversation_id": "talk",
            "trigger": "opened",
            "question_id": None,
            "reasons": [{"code": "nothing_to_ask", "question": ""}],
            "policy_version": 1,
            "at": START,
        }
    ],
    "suppression": [
        {
            "id": f"suppression-{name}",
            "shopper_id": "bob",
            "scope": "all",
            "target": "",
            "source": "shopper",
            "reason": "shopper_said_stop",
            "created_at": START,
            "expires_at": None,
            "lifted_at": lifted_at,
        }
        for name, lifted_at in (("old", START + MINUTE), ("new", None))
    ],
    "candidate": [
        {
            "id": "candidate-1",
            "shopper_id": "ann",
            "question_id": "gift_or_self",
            "about": _SHOWN["about"],
            "reason": "unusual",
            "created_at": START,
            "expires_at": START + 60 * MINUTE,
            "closed_at": None,
        }
    ],
    "purchase": [
        {
            "id": "purchase-1",
            "source": "shopify",
            "external_id": "order-1",
            "shopper_id": "ann",
            "placed_at": START,
            "received_at": START,
        }
    ],
    "purchase_line": [
        {"purchase_id": "purchase-1", "position": 1, "sku": "D-1", "title": "Dress", "quantity": 1}
    ],
    "quarantine": [
        {
            "id": f"quarantine-{number}",
            "source": "shopify",
            "topic": "orders/create",
            "delivery_id": f"delivery-{number}",
            "body": body,
            "problem": "line_items: is no list",
            "received_at": START,
        }
        for number, body in ((1, BODY), (2, "{"))
    ],
    "outbox": [
        {
            "shopper_id": "ann",
            "destination": "log",
            "desired_version": 2,
            "synced_version": 1,
            "urgent": False,
            "payload_hash": "h",
            "attempts": 0,
            "next_attempt_at": START,
            "last_error": None,
        }
    ],
    "tracker": [{"sender_id": "talk", "events": "[]", "updated_at": START}],
    "product": [
        {
            "sku": "D-1",
            "title": "Dress",
            "category": "clothes",
            "audience": "women",
            "updated_at": START,
        }
    ],
    "api_key": [
        {
            "id": "key-1",
            "sha256": "0" * 64,
            "label": "crm",
            "scopes": ["read"],
            "created_at": START,
            "expires_at": START + 525600 * MINUTE,
            "revoked_at": None,
        }
    ],
}
