"""Writes what a turn did to permissions: that one was asked for, given, refused or withdrawn."""

from dataclasses import replace
from datetime import timedelta

from preferences.conversation import Ask, ConsentAct, ConsentState
from preferences.errors import UnavailableError
from preferences.store.changes import ChangeType
from preferences.store.desk import Desk
from preferences.store.engine import vault_of
from preferences.store.ledger import Act, Notice, append_consent
from preferences.store.persons import hold_person
from preferences.store.sealed import read_text
from preferences.store.states import read_consents

_CHANGES: dict[ConsentState, ChangeType] = {
    "given": "consent.given",
    "refused": "consent.refused",
    "withdrawn": "consent.withdrawn",
}


async def write_request(desk: Desk, ask: Ask) -> None:
    """Keep that a notice was shown, word for word."""
    act = _act(desk, ask.purpose, "requested", "asked", ask)
    await append_consent(desk.session, desk.state.shopper, act)


async def write_consent(desk: Desk, record: ConsentAct) -> None:
    """Keep what the shopper decided, with the words or the button that decided it."""
    act = _act(desk, record.purpose, record.state, record.method, record.ask)
    words = read_text(vault_of(desk.session), desk.inbound, "text")
    purpose = desk.catalogue.purposes.get(record.purpose)
    until = None
    if record.state == "given" and purpose is not None:
        until = desk.state.now + timedelta(days=purpose.valid_days)
    await append_consent(
        desk.session, desk.state.shopper, replace(act, words=words, valid_until=until)
    )
    desk.note(_CHANGES[record.state], purpose=record.purpose)


async def permission(desk: Desk, purpose: str) -> str:
    """Give the event that permits to keep an answer, and keep it from being taken back meanwhile.

    :raises UnavailableError: it was taken back since the turn began; nothing is stored, and the
        turn has to be taken again, from what is so now.
    """
    await hold_person(desk.session, desk.state.shopper)
    consents = await read_consents(desk.session, desk.state.head, desk.state.now)
    found = consents.get(purpose)
    if found is None or found.state != "given":
        message = "The permission was taken back at this very moment; take the turn once more."
        raise UnavailableError(message)
    return found.event


def _act(desk: Desk, purpose: str, state: ConsentState, method: str, ask: Ask | None) -> Act:
    """Give what every event of this turn has in common; `ask` showed the notice."""
    notice = (
        Notice(ask.question, ask.version, ask.locale, ask.wording, ask.asked_at, ask.id)
        if ask
        else None
    )
    known = desk.catalogue.purposes.get(purpose)
    return Act(
        purpose=purpose,
        state=state,
        method=method,
        actor="assistant" if state == "requested" else "shopper",
        assurance=desk.conversation.assurance,
        locale=desk.state.locale,
        channel=desk.conversation.channel,
        idempotency_key=f"{desk.conversation.id}/{desk.message_id}/{purpose}/{state}",
        occurred_at=desk.state.now,
        conversation=desk.conversation.id,
        message_id=desk.message_id,
        notice=notice,
        recipients=tuple(desk.destinations),
        categories=tuple(known.data_categories) if known else (),
        disclosed_at=desk.conversation.disclosed_at,
    )
