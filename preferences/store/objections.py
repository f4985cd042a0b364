"""Takes a browser's signal that its user objects (Global Privacy Control) as what it is: a no."""

from collections.abc import Sequence
from datetime import datetime

from preferences.catalogue import Catalogue, Purpose
from preferences.store.changes import note
from preferences.store.engine import Store
from preferences.store.facts import ErasedError, refuse_erased
from preferences.store.ledger import Act, append_consent
from preferences.store.outbox import mark
from preferences.store.persons import hold_person
from preferences.store.states import read_consents
from preferences.store.tables import ConversationRow

SIGNAL = "Sec-GPC: 1"
"""The words of the act: the header that a browser sends with every request."""

_STANDS = frozenset({"given", "objected"})


async def object_by_browser(
    store: Store,
    conversation: str,
    catalogue: Catalogue,
    destinations: Sequence[str],
    now: datetime,
) -> None:
    """Object to every purpose of a conversation that was just begun, before anything is asked.

    What the shopper gave in plain words stands: the signal is of a browser, and the yes was of the
    shopper.
    """
    async with store.begin() as session:
        talk = await session.get_one(ConversationRow, conversation)
        head = await hold_person(session, talk.shopper_id)
        try:
            await refuse_erased(session, head)
        except ErasedError:
            return  # they are left alone as it is, and nothing is kept of them
        consents = await read_consents(session, head, now)
        objected = [
            name
            for name in catalogue.purposes
            if name not in consents or consents[name].state not in _STANDS
        ]
        for purpose in objected:
            act = _act(talk, purpose, catalogue.purposes[purpose], destinations, now)
            await append_consent(session, talk.shopper_id, act)
            note(session, head, "consent.objected", {"purpose": purpose}, now)
        if objected:
            await session.flush()
            await mark(session, head, destinations, now, urgent=False)


def _act(
    talk: ConversationRow, name: str, purpose: Purpose, destinations: Sequence[str], now: datetime
) -> Act:
    return Act(
        purpose=name,
        state="objected",
        method="gpc",
        actor="shopper",
        assurance=talk.assurance,
        locale=talk.locale,
        channel=talk.channel,
        idempotency_key=f"{talk.id}/gpc/{name}",
        occurred_at=now,
        conversation=talk.id,
        words=SIGNAL,
        recipients=tuple(destinations),
        categories=tuple(purpose.data_categories),
    )
