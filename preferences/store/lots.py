"""Keeps what many shoppers did at the same time: one transaction, a handful of statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlmodel import col

from preferences.errors import BadInputError, UnavailableError
from preferences.store.addresses import Names
from preferences.store.arrivals import Arrival, Reception, arrive
from preferences.store.engine import Store
from preferences.store.newcomers import begin_new
from preferences.store.tables import ConversationRow, IdentityRow, MessageRow, ShopperRow
from preferences.store.talks import Deed, Kept, Key, Talk, keys_of
from preferences.store.vault import Vault

_MOST_VALUES = 1000
_OWNER, _MEMBER = aliased(ShopperRow), aliased(ShopperRow)
_KNOWN: Any = (
    select(
        col(IdentityRow.kind),
        col(IdentityRow.lookup),
        col(_OWNER.head_id),
        col(ConversationRow.id),
        col(ConversationRow.channel),
        col(ConversationRow.account),
        col(ConversationRow.locale),
        col(ConversationRow.last_seq),
        col(ConversationRow.seen_at),
        col(ConversationRow.handed_off_at),
        col(ConversationRow.handed_off_until),
        col(ConversationRow.sealed_address),
    )
    .join(_OWNER, col(_OWNER.id) == col(IdentityRow.shopper_id))
    .join(_MEMBER, col(_MEMBER.head_id) == col(_OWNER.head_id))
    .join(ConversationRow, col(ConversationRow.shopper_id) == col(_MEMBER.id))
    .where(
        col(IdentityRow.unlinked_at).is_(None),
        col(IdentityRow.kind).in_(bindparam("kinds", expanding=True)),
        col(IdentityRow.lookup).in_(bindparam("lookups", expanding=True)),
        col(ConversationRow.channel).in_(bindparam("channels", expanding=True)),
        col(ConversationRow.sealed_address).is_not(None),
    )
    .order_by(col(ConversationRow.seen_at).desc(), col(ConversationRow.id))
    .with_for_update(of=ConversationRow, skip_locked=True)
)
_REPORTED = select(col(MessageRow.conversation_id), col(MessageRow.message_id)).where(
    col(MessageRow.conversation_id).in_(bindparam("talks", expanding=True)),
    col(MessageRow.message_id).in_(bindparam("names", expanding=True)),
)
_MOVE = (
    update(ConversationRow)
    .where(col(ConversationRow.id) == bindparam("talk"))
    .values(
        last_seq=bindparam("last"),
        seen_at=bindparam("seen"),
        handed_off_at=bindparam("handed_off"),
        handed_off_until=bindparam("until"),
    )
)


async def arrive_together(
    store: Store, deeds: Sequence[Deed], reception: Reception, now: datetime
) -> list[Kept | Exception]:
    """Keep what people did, and give for each what came of it: none fails for another's fault.

    What is of people with all of the names, or with none, is kept in one transaction; who may have to
    be joined with another, or is held by a turn, has one of their own.

    :raises UnavailableError: the store is away: nothing is kept.
    """
    try:
        kept = await _keep_known(store, deeds, reception, now)
    except UnavailableError:
        raise
    except Exception:  # noqa: BLE001 whoever it was, the others are kept one by one
        kept = [None] * len(deeds)
    return [
        done if done is not None else await _meet(store, deed, reception, now)
        for deed, done in zip(deeds, kept, strict=True)
    ]


async def _meet(store: Store, deed: Deed, reception: Reception, now: datetime) -> Kept | Exception:
    """Keep what somebody did who may be new; names that cannot be are the channel's own."""
    try:
        return await _arrive(store, deed, deed.names, reception, now)
    except BadInputError:
        own = {deed.place.channel: next(iter(deed.names.values()))}
    except Exception as error:  # noqa: BLE001 it is this one's alone, and raised to whoever reported it
        return error
    try:
        return await _arrive(store, deed, own, reception, now)
    except Exception as error:  # noqa: BLE001
        return error


async def _arrive(
    store: Store, deed: Deed, names: Names, reception: Reception, now: datetime
) -> Kept:
    return await arrive(
        store, deed.place, names, deed.read, reception=reception, referral=deed.referral, now=now
    )


async def _keep_known(
    store: Store, deeds: Sequence[Deed], reception: Reception, now: datetime
) -> list[Kept | None]:
    """Keep what is of people whose names are all known, or all new; None for the others."""
    keys = [() if deed.referral else tuple(keys_of(store.vault, deed)) for deed in deeds]
    if not any(keys):
        return [None] * len(deeds)
    async with store.begin() as session:
        connection = await session.connection()
        channels = list({deed.place.channel for deed in deeds})
        talks = await _talks(connection, keys, channels, store.vault)
        await begin_new(session, talks, dict(zip(keys, deeds, strict=True)), reception.locale, now)
        lot = [(_talk_of(deed, talks, own), deed) for deed, own in zip(deeds, keys, strict=True)]
        told = [(talk, deed.read(talk.id) if talk else ()) for talk, deed in lot]
        known = await _reported(connection, [(talk.id, one) for talk, one in told if talk])
        kept = [talk.keep(arrivals, known) if talk else None for talk, arrivals in told]
        changed = {talk.id: talk for talk, _ in told if talk and talk.is_changed(now)}
        if rows := [row for talk in changed.values() for row in talk.rows]:
            await connection.execute(insert(MessageRow), rows)
        if changed:
            await connection.execute(_MOVE, [talk.ends for talk in changed.values()])
    return kept


def _talk_of(deed: Deed, talks: Mapping[Key, list[Talk]], keys: Sequence[Key]) -> Talk | None:
    """Give the conversation of a place in which somebody is known by all of these names."""
    there = [talk for key in keys for talk in talks.get(key, ()) if talk.place == deed.place]
    return there[0] if there and there[0].has(deed.names) else None


async def _talks(
    connection: AsyncConnection,
    keys: Sequence[Sequence[Key]],
    channels: Sequence[str],
    vault: Vault,
) -> dict[Key, list[Talk]]:
    """Find the conversations of whoever has these names, the latest first, and hold them."""
    wanted = list(dict.fromkeys(key for own in keys for key in own))
    found: dict[Key, list[Talk]] = {}
    held: dict[str, Talk] = {}
    for some in batched(wanted, _MOST_VALUES):
        kinds, lookups = list({kind for kind, _ in some}), [one for _, one in some]
        values = {"kinds": kinds, "lookups": lookups, "channels": channels}
        for row in (await connection.execute(_KNOWN, values)).all():
            talk = held.get(row.id) or held.setdefault(row.id, Talk(row, row.head_id, vault))
            found.setdefault((row.kind, row.lookup), []).append(talk)
    return found


async def _reported(
    connection: AsyncConnection, told: Sequence[tuple[str, Sequence[Arrival]]]
) -> set[tuple[str, str]]:
    """Find what was reported before, by conversation and message."""
    wanted = [(talk, one.message_id) for talk, arrivals in told for one in arrivals]
    known: set[tuple[str, str]] = set()
    for some in batched(wanted, _MOST_VALUES):
        values = {"talks": list({talk for talk, _ in some}), "names": [name for _, name in some]}
        rows = (await connection.execute(_REPORTED, values)).all()
        known.update((row.conversation_id, row.message_id) for row in rows)
    return known
