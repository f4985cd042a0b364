"""Keys of CRM integrations: shown once, kept as a hash, with a scope and an end."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlmodel import select

from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.tables import ApiKeyRow

_PREFIX = "ask_"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in force."""

    id: str
    scopes: frozenset[str]


async def issue_key(
    store: Store, label: str, scopes: frozenset[str], lasts: timedelta, now: datetime
) -> str:
    """Make a key and give it; it cannot be read again."""
    key = _PREFIX + secrets.token_urlsafe(32)
    async with store.begin() as session:
        session.add(
            ApiKeyRow(
                id=new_id(),
                sha256=_digest(key),
                label=label,
                scopes=sorted(scopes),
                created_at=now,
                expires_at=now + lasts,
            )
        )
    return key


async def check_key(store: Store, key: str, now: datetime) -> ApiKey | None:
    """Give what a key may do, or None where it is unknown, over or revoked: all look the same."""
    query = select(ApiKeyRow).where(ApiKeyRow.sha256 == _digest(key))
    async with store.begin(readonly=True) as session:
        row = (await session.exec(query)).first()
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return None
    return ApiKey(row.id, frozenset(row.scopes))


def _digest(key: str) -> str:
    """A key has 256 random bits, so a plain hash cannot be turned back."""
    return sha256(key.encode()).hexdigest()
