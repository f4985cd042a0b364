"""Carries what 0001 kept over to 0002: sealed, chained, and nothing of it lost.

It is written out here, with tables of its own, so that it does the same whatever the rest of the
store has become since. It takes a page of rows at a time.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import batched
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from preferences.errors import BadInputError
from preferences.names import normal
from preferences.purchases import customer_in
from preferences.store.types import Json, UtcTime
from preferences.store.vault import Vault

_PAGE = 500
_VALID = timedelta(days=730)
_TAKING_BACK = "write “stop” in any chat, or ask the shop"
_PROOFS = {"verified": "identity_token", "claimed": "order"}
_TIMES = ("occurred_at", "shown_at", "disclosed_at", "valid_until")


def _table(name: str, *columns: str, times: str = "", jsons: str = "") -> sa.TableClause:
    return sa.table(
        name,
        *(sa.column(column, sa.String()) for column in columns),
        *(sa.column(column, UtcTime()) for column in times.split()),
        *(sa.column(column, Json) for column in jsons.split()),
    )


_IDENTITY = _table(
    "identity",
    *("id", "kind", "value", "lookup", "sealed_value", "assurance", "proof"),
    times="linked_at seen_at",
)
_MESSAGE = sa.table(
    "message",
    sa.column("conversation_id", sa.String()),
    sa.column("seq", sa.Integer()),
    sa.column("message_id", sa.String()),
    sa.column("text", sa.String()),
    sa.column("sealed_text", sa.String()),
)
_ASK = _table("ask", "id", "sealed_pending", jsons="pending")
_ANSWER = _table("answer", "id", "shopper_id", "own_words", "source", times="answered_at")
_OWN_WORDS = _table("own_words", "answer_id", "shopper_id", "sealed_text", times="at")
_QUARANTINE = _table("quarantine", "id", "body", "sealed_body", "lookup")
_NOTICE = sa.table(
    "notice",
    *(sa.column(name, sa.String()) for name in ("sha256", "key", "locale", "text")),
    sa.column("version", sa.Integer()),
    sa.column("first_shown_at", UtcTime()),
)
_CONVERSATION = sa.table(
    "conversation",
    sa.column("id", sa.String()),
    sa.column("verified", sa.Boolean()),
    sa.column("assurance", sa.String()),
    sa.column("disclosed_at", UtcTime()),
)
_SHOPPER = sa.table(
    "shopper",
    *(sa.column(name, sa.String()) for name in ("id", "head_id", "ledger_hash")),
    sa.column("ledger_seq", sa.Integer()),
)
_SUPPRESSION = _table("suppression", "id", "lifted_by", times="lifted_at")
_CONSENT = sa.table(
    "consent",
    *(sa.column(name, sa.String()) for name in ("shopper_id", "purpose", "state", "event_id")),
    sa.column("seq", sa.Integer()),
    sa.column("valid_until", UtcTime()),
    sa.column("occurred_at", UtcTime()),
)
# Every field that the hash of an event covers, and the hash itself.
_WORDS = (
    *("id", "shopper_id", "purpose", "lawful_basis", "state", "method", "actor", "assurance"),
    *("notice_sha256", "shown_ask", "locale", "channel", "conversation_id", "message_id"),
    *("evidence_sha256", "supersedes", "idempotency_key", "withdrawal_method", "prev_hash"),
    "hash",
)
_EVENT = sa.table(
    "consent_event",
    *(sa.column(name, sa.String()) for name in (*_WORDS, "notice_text")),
    *(sa.column(name, sa.Integer()) for name in ("schema_version", "seq", "notice_version")),
    *(sa.column(name, Json) for name in ("data_categories", "recipients")),
    *(sa.column(name, UtcTime()) for name in _TIMES),
)
_HASHED = tuple(column.name for column in _EVENT.c if column.name not in {"notice_text", "hash"})


def carry_over(connection: Connection, vault: Vault) -> None:
    """Fill the new columns and tables from the old columns, which are still there."""
    connection.execute(_SHOPPER.update().values(head_id=_SHOPPER.c.id))
    is_verified = sa.case((_CONVERSATION.c.verified.is_(True), "verified"), else_="anonymous")
    connection.execute(_CONVERSATION.update().values(assurance=is_verified))
    connection.execute(
        _SUPPRESSION.update()
        .where(_SUPPRESSION.c.lifted_at.is_not(None))
        .values(lifted_by="shopper")
    )
    _chain(connection)
    _seal_names(connection, vault)
    _seal_messages(connection, vault)
    _seal_pending(connection, vault)
    _seal_quarantine(connection, vault)
    _part_words(connection, vault)


def _seal_names(connection: Connection, vault: Vault) -> None:
    _write(
        connection,
        _IDENTITY,
        ("id",),
        (
            {
                "id": row["id"],
                "lookup": vault.lookup(row["kind"], _spelled(row)),
                "sealed_value": vault.seal(_spelled(row), "identity.value", row["id"]),
                "proof": _PROOFS.get(row["assurance"], ""),
                "seen_at": row["linked_at"],
            }
            for row in _rows(connection, _IDENTITY, "id")
        ),
    )


def _spelled(row: Mapping[str, Any]) -> str:
    """Give a name in its one spelling; one that can be nobody's stays as it is."""
    try:
        return normal(row["kind"], row["value"])
    except BadInputError:
        return str(row["value"])


def _seal_messages(connection: Connection, vault: Vault) -> None:
    key = ("conversation_id", "seq")
    _write(
        connection,
        _MESSAGE,
        key,
        (
            {
                "conversation_id": row["conversation_id"],
                "seq": row["seq"],
                "sealed_text": vault.seal(
                    row["text"], "message.text", f"{row['conversation_id']}/{row['seq']}"
                ),
            }
            for row in _rows(connection, _MESSAGE, *key)
            if row["text"]
        ),
    )


def _seal_pending(connection: Connection, vault: Vault) -> None:
    _write(
        connection,
        _ASK,
        ("id",),
        (
            {
                "id": row["id"],
                "sealed_pending": vault.seal(json.dumps(row["pending"]), "ask.pending", row["id"]),
            }
            for row in _rows(connection, _ASK, "id")
            if row["pending"]
        ),
    )


def _seal_quarantine(connection: Connection, vault: Vault) -> None:
    _write(
        connection,
        _QUARANTINE,
        ("id",),
        (
            {
                "id": row["id"],
                "sealed_body": vault.seal(row["body"], "quarantine.body", row["id"]),
                "lookup": _lookup(vault, row["body"]),
            }
            for row in _rows(connection, _QUARANTINE, "id")
        ),
    )


def _lookup(vault: Vault, body: str) -> str | None:
    customer = customer_in(body)
    return vault.lookup("customer", customer) if customer else None


def _part_words(connection: Connection, vault: Vault) -> None:
    """Put the own words beside the answers; all that was kept until now the shopper said."""
    connection.execute(_ANSWER.update().values(source="shopper"))
    parted = (
        {
            "answer_id": row["id"],
            "shopper_id": row["shopper_id"],
            "sealed_text": vault.seal(row["own_words"], "own_words.text", row["id"]),
            "at": row["answered_at"],
        }
        for row in _rows(connection, _ANSWER, "id")
        if row["own_words"] is not None
    )
    for some in batched(parted, _PAGE):
        connection.execute(_OWN_WORDS.insert(), [*some])


def _chain(connection: Connection) -> None:
    """Chain the consent events of each shopper, keep their notices once, and fold them."""
    owner, seq, end = "", 0, ""
    last: dict[str, dict[str, Any]] = {}
    for row in _rows(connection, _EVENT, "shopper_id", "seq"):
        if row["shopper_id"] != owner:
            _end(connection, owner, seq, end, last)
            owner, seq, end, last = row["shopper_id"], 0, "", {}
        seq += 1
        before = last.get(row["purpose"])
        _keep_notice(connection, row)
        event = _event(connection, row, seq, end, before)
        end = event["hash"]
        told = {name: held for name, held in event.items() if name != "id"}
        connection.execute(_EVENT.update().where(_EVENT.c.id == event["id"]).values(**told))
        latest = max(event["occurred_at"], before["latest"]) if before else event["occurred_at"]
        last[event["purpose"]] = event | {"latest": latest}
    _end(connection, owner, seq, end, last)


def _end(
    connection: Connection, owner: str, seq: int, end: str, last: Mapping[str, Mapping[str, Any]]
) -> None:
    connection.execute(
        _SHOPPER.update().where(_SHOPPER.c.id == owner).values(ledger_seq=seq, ledger_hash=end)
    )
    for purpose, event in last.items():
        connection.execute(
            _CONSENT.insert().values(
                shopper_id=owner,
                purpose=purpose,
                state=event["state"],
                event_id=event["id"],
                seq=event["seq"],
                valid_until=event["valid_until"],
                occurred_at=event["latest"],
            )
        )


def _keep_notice(connection: Connection, row: Mapping[str, Any]) -> None:
    if row["notice_text"] is None:
        return
    name = sha256(row["notice_text"].encode()).hexdigest()
    known = sa.select(_NOTICE.c.sha256).where(_NOTICE.c.sha256 == name)
    if connection.execute(known).first() is None:
        connection.execute(
            _NOTICE.insert().values(
                sha256=name,
                key=row["purpose"],
                version=row["notice_version"],
                locale=row["locale"],
                text=row["notice_text"],
                first_shown_at=row["occurred_at"],
            )
        )


def _event(
    connection: Connection,
    row: Mapping[str, Any],
    seq: int,
    end: str,
    before: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Give an event as it is from now on; what nobody wrote down then stays empty."""
    verified, disclosed_at = _talk(connection, row)
    words = _words(connection, row)
    shown = row["notice_text"]
    event = {name: row[name] for name in _HASHED}
    event |= {
        "schema_version": 0,
        "seq": seq,
        "lawful_basis": "consent",
        "data_categories": [],
        "recipients": [],
        "actor": "shopper",
        "assurance": "verified" if verified else "anonymous",
        "notice_sha256": None if shown is None else sha256(shown.encode()).hexdigest(),
        "disclosed_at": disclosed_at,
        "evidence_sha256": sha256(words.encode()).hexdigest() if words else None,
        "supersedes": before["id"] if before else None,
        "idempotency_key": f"0001/{row['id']}",
        "withdrawal_method": _TAKING_BACK,
        "valid_until": row["occurred_at"] + _VALID if row["state"] == "given" else None,
        "prev_hash": end,
    }
    return event | {"hash": _digest(event)}


def _digest(event: Mapping[str, Any]) -> str:
    told = {
        name: held.astimezone(UTC).isoformat() if isinstance(held, datetime) else held
        for name, held in event.items()
    }
    page = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(page.encode()).hexdigest()


def _talk(connection: Connection, row: Mapping[str, Any]) -> tuple[bool, datetime | None]:
    """Tell whether the shop vouched for who talked, and when they were told it is a machine."""
    query = sa.select(_CONVERSATION.c.verified, _CONVERSATION.c.disclosed_at)
    found = connection.execute(query.where(_CONVERSATION.c.id == row["conversation_id"])).first()
    if found is None:
        return False, None
    told_before = found.disclosed_at is not None and found.disclosed_at <= row["occurred_at"]
    return bool(found.verified), found.disclosed_at if told_before else None


def _words(connection: Connection, row: Mapping[str, Any]) -> str | None:
    """Give the words of the act, if the log still holds them."""
    query = sa.select(_MESSAGE.c.text).where(
        _MESSAGE.c.conversation_id == row["conversation_id"],
        _MESSAGE.c.message_id == row["message_id"],
    )
    return connection.execute(query).scalar()


def _rows(connection: Connection, table: sa.TableClause, *key: str) -> Iterator[Mapping[str, Any]]:
    """Give every row in the order of its key, a page at a time, while the rows are changed."""
    columns = [table.c[name] for name in key]
    page = sa.select(table).order_by(*columns).limit(_PAGE)
    rows = connection.execute(page).mappings().all()
    while rows:
        yield from map(dict, rows)
        last = sa.tuple_(*(sa.literal(rows[-1][name]) for name in key))
        rows = connection.execute(page.where(sa.tuple_(*columns) > last)).mappings().all()


def _write(
    connection: Connection,
    table: sa.TableClause,
    key: tuple[str, ...],
    changes: Iterable[Mapping[str, Any]],
) -> None:
    """Change rows by their keys, a page at a time; every change names the same columns."""
    for some in batched(changes, _PAGE):
        where = [table.c[name] == sa.bindparam(f"_{name}") for name in key]
        values: dict[str, Any] = {name: sa.bindparam(name) for name in some[0] if name not in key}
        told = [{f"_{name}" if name in key else name: row[name] for name in row} for row in some]
        connection.execute(table.update().where(*where).values(**values), told)
