"""A crowd of shoppers, each with a name, a talk, a permission and an answer, as rows to be loaded."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from sqlmodel import SQLModel

from preferences.store.ledger import SCHEMA_VERSION, TAKING_BACK, digest
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ChangeFeedRow,
    ChangeRow,
    ConsentEventRow,
    ConsentRow,
    ConversationRow,
    IdentityRow,
    MessageRow,
    NoticeRow,
    OutboxRow,
    Row,
    ShopperRow,
)
from preferences.store.vault import Vault

PURPOSE, QUESTION = "tailor_suggestions", "gift_or_self"
CUSTOMER = "customer"
DESTINATION = "log"

ID = "0" * 32
"""The id of the specimen; everything named by it becomes a shopper's own."""

type Values = list[Any]
type Encode = Callable[[Any], Any]
"""How a database driver wants a value."""

_NOTICE = "May I keep what you tell me, to suggest what fits?"
_NOTICE_SHA256 = sha256(_NOTICE.encode()).hexdigest()
_OPTIONS = [
    {"label": "A gift", "value": "gift", "act": None},
    {"label": "For me", "value": "self", "act": None},
]
_DRESS = {"purchase": "order-1", "sku": "D-1", "product": "Summer dress"}
_SEED = 20261122


def customer(number: int) -> str:
    """Give the shop's own number of the shopper of a place in the crowd, from 1 on."""
    return f"{1_000_000 + number}"


def shopper_ids(count: int) -> list[str]:
    """Give the ids of a crowd, the same for everybody who asks."""
    numbers = Random(_SEED)
    return [f"{numbers.getrandbits(128):032x}" for _ in range(count)]


class Crowd:
    """Makes the rows of one shopper after another from those of a specimen."""

    def __init__(
        self, vault: Vault, encode: Encode, now: datetime, more: Sequence[Row] = ()
    ) -> None:
        """Take how values are encoded, and when all of it happened: a day before `now`.

        Everybody has one each of `more` as well, with their own id wherever `ID` stands.
        """
        self._vault = vault
        self._encode = encode
        self._at = now - timedelta(days=1)
        rows = [*_specimen(self._at), *more]
        self._stencils = {type(row).__tablename__: _Stencil(row, encode) for row in rows}
        event = next(row for row in rows if isinstance(row, ConsentEventRow))
        self._event = _page(event)

    @property
    def columns(self) -> Mapping[str, Sequence[str]]:
        """Name the columns of each table, in the order of the rows."""
        return {name: stencil.columns for name, stencil in self._stencils.items()}

    def shared(self, count: int) -> Iterator[tuple[str, Sequence[str], Values]]:
        """Give the rows that are there once for all: tables, columns and values."""
        notice = NoticeRow(
            sha256=_NOTICE_SHA256,
            key=PURPOSE,
            version=1,
            locale="en",
            text=_NOTICE,
            first_shown_at=self._at,
        )
        for row in (notice, ChangeFeedRow(id=1, position=count, kept_after=0)):
            stencil = _Stencil(row, self._encode)
            yield type(row).__tablename__, stencil.columns, stencil.filled(ID)

    def rows_of(self, number: int, shopper: str) -> Iterator[tuple[str, Values]]:
        """Give the rows of one shopper, by table."""
        seal, lookup = self._vault.seal, self._vault.lookup
        digest = sha256(self._event.replace(ID, shopper).encode()).hexdigest()
        name = customer(number)
        special: dict[str, dict[str, Any]] = {
            "shopper": {"ledger_hash": digest},
            "identity": {
                "lookup": lookup(CUSTOMER, name),
                "sealed_value": seal(name, "identity.value", shopper),
            },
            "message": {
                "sealed_text": seal("a gift for my sister", "message.text", f"{shopper}/1")
            },
            "consent_event": {"hash": digest},
            "change": {"id": f"{number:016x}{shopper[:16]}", "position": number},
        }
        for table, stencil in self._stencils.items():
            yield table, stencil.filled(shopper, **special.get(table, {}))


class _Stencil:
    """One row, in which an id and some columns are exchanged for another's."""

    def __init__(self, row: Row, encode: Encode) -> None:
        table = SQLModel.metadata.tables[row.__tablename__]
        self.columns = [column.name for column in table.columns]
        self._values = [encode(getattr(row, name)) for name in self.columns]
        self._at = {name: place for place, name in enumerate(self.columns)}
        self._own = [
            place
            for place, value in enumerate(self._values)
            if isinstance(value, str) and ID in value
        ]

    def filled(self, shopper: str, **special: Any) -> Values:
        """Give the row of a shopper."""
        values = self._values.copy()
        for place in self._own:
            values[place] = values[place].replace(ID, shopper)
        for name, value in special.items():
            values[self._at[name]] = value
        return values


def _specimen(at: datetime) -> list[Row]:
    """Give the rows of one shopper, in an order that no reference forbids."""
    placed = {"shopper_id": ID, "conversation_id": ID}
    shown = {"wording": "Is it a gift?", "options": _OPTIONS, "locale": "en", "channel": "web"}
    asked = {"question_id": QUESTION, "question_version": 1, "purpose": PURPOSE, "about": _DRESS}
    times = {"created_at": at, "seen_at": at}
    return [
        ShopperRow(id=ID, head_id=ID, created_at=at, ledger_seq=1),
        IdentityRow(
            id=ID, shopper_id=ID, kind=CUSTOMER, lookup="", assurance="verified",
            proof="identity_token", linked_at=at, seen_at=at,
        ),
        ConversationRow(
            id=ID, shopper_id=ID, channel="web", locale="en", assurance="verified",
            last_seq=1, disclosed_at=at, turns=1, **times,
        ),
        MessageRow(
            conversation_id=ID, seq=1, author="shopper", kind="text", sealed_text="", lang="en",
            message_id="m-1", at=at, answered_at=at,
        ),
        AskRow(
            id=ID, kind="question", asked_at=at, closed_at=at, outcome="answered",
            **placed, **shown, **asked,
        ),
        ConsentEventRow(
            id=ID, schema_version=SCHEMA_VERSION, seq=1, purpose=PURPOSE, lawful_basis="consent",
            data_categories=["shopping_preferences"], recipients=[DESTINATION], state="given",
            method="button", actor="shopper", assurance="verified", notice_version=1,
            notice_sha256=_NOTICE_SHA256, shown_at=at, shown_ask=ID, disclosed_at=at, locale="en",
            channel="web", message_id="m-1", evidence_sha256=_NOTICE_SHA256,
            idempotency_key=f"{ID}/m-1/{PURPOSE}/given", withdrawal_method=TAKING_BACK,
            valid_until=at + timedelta(days=365), occurred_at=at, prev_hash="", hash="", **placed,
        ),
        ConsentRow(
            shopper_id=ID, purpose=PURPOSE, state="given", event_id=ID, seq=1,
            valid_until=at + timedelta(days=365), occurred_at=at,
        ),
        AnswerRow(
            id=ID, shopper_id=ID, kind="declared", source="shopper", ask_id=ID, value="gift",
            detail={"relation": "sister"}, confidence=1.0, subject="other", message_id="m-1",
            consent_id=ID, asked_at=at, answered_at=at, fresh_until=at + timedelta(days=365),
            **shown, **asked,
        ),
        OutboxRow(
            shopper_id=ID, destination=DESTINATION, desired_version=1, synced_version=1,
            next_attempt_at=at,
        ),
        ChangeRow(
            id=ID, position=1, shopper_id=ID, type="preference.answered",
            detail={"question": QUESTION}, at=at,
        ),
    ]  # fmt: skip


def _page(event: ConsentEventRow) -> str:
    """Give what an event's hash is made of, so that another's is made by exchanging the id."""
    held = event.model_dump(exclude={"hash"})
    times = {name: at.isoformat() for name, at in held.items() if isinstance(at, datetime)}
    page = json.dumps(held | times, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert sha256(page.encode()).hexdigest() == digest(event), "the ledger hashes something else"
    return page
