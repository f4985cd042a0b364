"""What a page tells of the moment: what brought the shopper there, where they are, the weather there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from preferences.catalogue import GOOD_MOMENT, Catalogue
from preferences.errors import NotFoundError
from preferences.store.context import ASKED_ON_COMING
from preferences.store.engine import Store
from preferences.store.persons import hold_person
from preferences.store.states import read_consents
from preferences.store.tables import ConversationRow, SurroundingsRow

_LINKS = ("ref", "ad_id", "source_id")
"""What a platform calls the link or the advertisement by which somebody came."""


async def keep_surroundings(
    store: Store, conversation: str, *, place: str, weather: str, now: datetime
) -> bool:
    """Keep where a shopper is, if they permitted it; tell whether it was kept.

    :raises NotFoundError: there is no such conversation (any more).
    """
    async with store.begin() as session:
        row = await session.get(ConversationRow, conversation)
        if row is None or row.ended_at is not None:
            message = "This conversation is over; begin a new one."
            raise NotFoundError(message)
        head = await hold_person(session, row.shopper_id)  # who takes it back meanwhile comes after
        held = (await read_consents(session, head, now)).get(GOOD_MOMENT)
        if held is None or held.state != "given":
            return False
        here = SurroundingsRow(
            conversation_id=row.id, shopper_id=row.shopper_id, place=place, weather=weather, at=now
        )
        await session.merge(here)
    return True


def entry_of(row: ConversationRow, body: Mapping[str, Any], catalogue: Catalogue) -> str | None:
    """Give what brought a shopper, if a page tells it now, or a platform told another than before."""
    told = catalogue.campaigns.get(str(body.get("entry", "")).casefold())
    links = (str((row.referral or {}).get(name, "")) for name in _LINKS)
    linked = next(
        (found for name in links if (found := catalogue.campaigns.get(name.casefold()))), None
    )
    return told or (linked if linked != row.entry else None)


def enter(row: ConversationRow, entry: str, now: datetime) -> None:
    """Note what brought a shopper to a conversation; the same again today is no news."""
    if entry != row.entry or row.entered_at is None or row.entered_at < now - ASKED_ON_COMING:
        row.entry, row.entered_at = entry, now
