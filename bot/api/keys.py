"""Managing the keys of the API, by whoever holds one that may."""

from datetime import timedelta

from pydantic import AwareDatetime, Field

from bot.api.models import Body, Params, Text, View
from bot.api.operations import Call, operation
from bot.api.refusals import NOT_FOUND
from preferences.store.keys import (
    LONGEST,
    KeyEntry,
    Scope,
    check_key,
    issue_key,
    list_keys,
    revoke_key,
)


class NewKey(Body):
    """A key to be made."""

    label: Text
    """Whose it is: a program, never a person."""
    scopes: list[Scope] = Field(min_length=1, max_length=20)
    days: int = Field(90, ge=1, le=LONGEST.days)
    """For how many days it opens anything."""


class IssuedKey(View):
    """A new key."""

    id: str
    key: str
    """The key itself. It is shown only here."""


class KeyPath(Params):
    """Which key."""

    id: Text


class KeyView(View):
    """What is known of a key."""

    id: str
    label: str
    scopes: list[str]
    created_at: AwareDatetime
    expires_at: AwareDatetime
    revoked_at: AwareDatetime | None


class KeysPage(View):
    """Every key, the oldest first."""

    keys: list[KeyView]


@operation("GET", "/v1/keys", {"admin"})
async def read_keys(call: Call) -> KeysPage:
    """List every key that was ever issued."""
    return KeysPage(keys=[_view(entry) for entry in await list_keys(call.store)])


@operation("POST", "/v1/keys", {"admin"}, status=201)
async def add_key(call: Call, body: NewKey) -> IssuedKey:
    """Issue a key.

    The answer is the only place where it stands.
    """
    lasts = timedelta(days=body.days)
    key = await issue_key(call.store, body.label, body.scopes, lasts, call.now)
    known = await check_key(call.store, key, call.now)
    return IssuedKey(id=known.id if known else "", key=key)


@operation("DELETE", "/v1/keys/{id}", {"admin"}, status=204, problems=[NOT_FOUND])
async def end_key(call: Call, path: KeyPath) -> None:
    """Revoke a key.

    The next request with it fails.
    """
    await revoke_key(call.store, path.id, call.now)


def _view(entry: KeyEntry) -> KeyView:
    return KeyView(
        id=entry.id,
        label=entry.label,
        scopes=list(entry.scopes),
        created_at=entry.created_at,
        expires_at=entry.expires_at,
        revoked_at=entry.revoked_at,
    )


OPERATIONS = (read_keys, add_key, end_key)
