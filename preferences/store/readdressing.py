"""Has a person answered under another name, or under one no more, in every conversation of theirs."""

import json
from collections.abc import Mapping

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.names import normal
from preferences.store.addresses import read_address
from preferences.store.engine import vault_of
from preferences.store.persons import head_of, of_person
from preferences.store.sealed import put_sealed, read_text
from preferences.store.tables import ConversationRow, DispatchRow

_RECYCLED = "recycled"


async def readdress(
    session: AsyncSession, shopper: str, kind: str, old: str, new: str | None
) -> None:
    """Put a name in the place of an old one, or none where that belongs to somebody else by now.

    What waits to be sent goes to the names that are left, and nowhere where none is.
    """
    vault, head = vault_of(session), await head_of(session, shopper)
    talks = select(ConversationRow).where(
        of_person(ConversationRow.shopper_id, head),
        col(ConversationRow.sealed_address).is_not(None),
    )
    for talk in (await session.exec(talks.with_for_update())).all():
        names = _instead(read_address(vault, talk), kind, old, new)
        put_sealed(vault, talk, "address", json.dumps(names, sort_keys=True))
    waiting = (
        select(DispatchRow)
        .join(ConversationRow)
        .where(of_person(ConversationRow.shopper_id, head), col(DispatchRow.sealed_to).is_not(None))
    )
    for row in (await session.exec(waiting.with_for_update(of=DispatchRow))).all():
        names = _instead(json.loads(read_text(vault, row, "to")), kind, old, new)
        put_sealed(vault, row, "to", json.dumps(names) if names else None)
        if not names:
            row.state, row.why = "withheld", _RECYCLED
    await session.flush()


def _instead(names: Mapping[str, str], kind: str, old: str, new: str | None) -> dict[str, str]:
    if kind not in names or normal(kind, names[kind]) != normal(kind, old):
        return dict(names)
    others = {one: name for one, name in names.items() if one != kind}
    return others if new is None else {**others, kind: new}
