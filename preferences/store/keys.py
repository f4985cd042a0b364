"""Keys of CRM integrations: shown once, kept as a hash, with scopes and an end."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, get_args

from sqlmodel import col, select

from preferences.errors import BadInputError, NotFoundError
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.tables import ApiKeyRow

Scope = Literal["read", "lookup", "write", "consent", "export", "erase", "sync", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What a key may be allowed: reading one, by a name of theirs, telling facts, telling consents and
wishes, exporting, erasing, following all, and managing keys, links and webhooks."""

LONGEST = timedelta(days=731)
"""No key lasts longer: two years."""

_PREFIX = "ask_"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in force."""

    id: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What is known of a key, in force or not; the key itself nobody knows but its holder."""

    id: str
    label: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def in_force(self, now: datetime) -> bool:
        """Tell whether it opens anything at this moment."""
        return self.revoked_at is None and now < self.expires_at


async def issue_key(
    store: Store, label: str, scopes: Collection[str], lasts: timedelta, now: datetime
) -> str:
    """Make a key and give it; it cannot be read again.

    :raises BadInputError: a scope is unknown, none is given, or it would last too long.
    """
    _check(scopes, lasts)
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
    if row is None or not _entry(row).in_force(now):
        return None
    return ApiKey(row.id, frozenset(row.scopes))


async def list_keys(store: Store) -> list[KeyEntry]:
    """Give every key that was ever issued, the oldest first."""
    query = select(ApiKeyRow).order_by(col(ApiKeyRow.created_at), col(ApiKeyRow.id))
    async with store.begin(readonly=True) as session:
        return [_entry(row) for row in (await session.exec(query)).all()]


async def revoke_key(store: Store, key_id: str, now: datetime) -> None:
    """End a key: the next request with it fails. One that is revoked stays so.

    :raises NotFoundError: there is no key of that id.
    """
    async with store.begin() as session:
        row = await session.get(ApiKeyRow, key_id)
        if row is None:
            message = "There is no key of that id; `python -m preferences keys list` shows all."
            raise NotFoundError(message)
        row.revoked_at = row.revoked_at or now


def _check(scopes: Collection[str], lasts: timedelta) -> None:
    unknown = sorted({*scopes} - {*SCOPES})
    if unknown or not scopes:
        what = f"No scope is called {', '.join(unknown)}" if unknown else "A key needs a scope"
        message = f"{what}; choose from {', '.join(SCOPES)}."
        raise BadInputError(message, field="scopes")
    if not timedelta() < lasts <= LONGEST:
        message = f"A key lasts between one and {LONGEST.days} days; choose a number of them."
        raise BadInputError(message, field="days")


def _entry(row: ApiKeyRow) -> KeyEntry:
    scopes = tuple(row.scopes)
    return KeyEntry(row.id, row.label, scopes, row.created_at, row.expires_at, row.revoked_at)


def _digest(key: str) -> str:
    """A key has 256 random bits, so a plain hash cannot be turned back."""
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
