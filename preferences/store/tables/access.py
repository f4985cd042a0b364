"""Who may use the API, what they asked for already, and what the journal has taken."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field

from preferences.store.tables.base import Row, a_json, a_time


class ApiKeyRow(Row, table=True):
    """A key of a CRM integration: only its hash is kept."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    sha256: str = Field(unique=True)
    label: str
    scopes: list[str] = a_json()
    created_at: datetime = a_time()
    expires_at: datetime = a_time()
    revoked_at: datetime | None = a_time(default=None)


class IdempotencyRow(Row, table=True):
    """What a request with an idempotency key was answered, to be answered again."""

    __tablename__ = "idempotency"
    key_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_sha256: str
    status: int
    sealed_body: str
    shopper_id: str | None = Field(default=None, index=True)
    at: datetime = a_time(index=True)


class JournalMarkRow(Row, table=True):
    """How much of the journal outside the database this database has seen."""

    __tablename__ = "journal_mark"
    id: int = Field(primary_key=True)
    lines: int = Field(sa_type=BigInteger)
