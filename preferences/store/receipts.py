"""Gives a person a receipt: to what they said yes or no, in which words, and how to take it back.

Its fields follow ISO/IEC TS 27560; what only the shop knows, as its address, the shop adds.
"""

from datetime import UTC, datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.persons import head_of
from preferences.store.states import read_consents
from preferences.store.tables import ConsentEventRow, NoticeRow

FORMAT = "askfirst.receipt/1"
_RIGHTS = ("access", "rectification", "erasure", "portability", "objection", "withdrawal")


async def receipt(store: Store, shopper: str, settings: Settings, now: datetime) -> dict[str, Any]:
    """Give the act in force on each purpose, with the notice that it answered.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
        consents = await read_consents(session, head, now)
        records = [
            await _record(session, consent.event, settings)
            for _, consent in sorted(consents.items())
        ]
    return {
        "format": FORMAT,
        "based_on": "ISO/IEC TS 27560:2023",
        "pii_principal": head,
        "pii_controllers": [settings.shop_name],
        "storage_locations": [f"the database of {settings.shop_name}"],
        "rights": [*_RIGHTS],
        "records": records,
    }


async def _record(session: AsyncSession, event_id: str, settings: Settings) -> dict[str, Any]:
    event = await session.get_one(ConsentEventRow, event_id)
    notice = await session.get(NoticeRow, event.notice_sha256) if event.notice_sha256 else None
    return {
        "record_id": event.id,
        "schema_version": event.schema_version,
        "purpose": event.purpose,
        "lawful_basis": event.lawful_basis,
        "pii_types": event.data_categories,
        "recipients": event.recipients,
        "retention_days": settings.keep_answers_days,
        "withdrawal_method": event.withdrawal_method,
        "language": event.locale,
        "notice": notice and _notice(event, notice),
        "event": {
            "state": event.state,
            "time": _time(event.occurred_at),
            "valid_until": event.valid_until and _time(event.valid_until),
            "entity": event.actor,
            "method": event.method,
            "channel": event.channel,
            "assurance": event.assurance,
            "message_id": event.message_id,
            "evidence_sha256": event.evidence_sha256,
            "disclosed_at": event.disclosed_at and _time(event.disclosed_at),
            "seq": event.seq,
            "hash": event.hash,
        },
    }


def _notice(event: ConsentEventRow, notice: NoticeRow) -> dict[str, Any]:
    return {
        "key": notice.key,
        "version": notice.version,
        "language": notice.locale,
        "sha256": notice.sha256,
        "text": notice.text,
        "shown_at": event.shown_at and _time(event.shown_at),
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
