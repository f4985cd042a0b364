"""Everything that was ever said, allowed or wished, page by page: the provenance of a profile."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from bot.api.models import Params, View
from bot.api.operations import Call, operation
from bot.api.refusals import NOT_FOUND
from bot.api.shoppers import ShopperPath, person
from preferences.errors import BadInputError
from preferences.store.decisions import Decided
from preferences.store.history import After, Entry, read_history


class HistoryQuery(Params):
    """Which page."""

    cursor: str | None = Field(None, max_length=300)
    """`next` of the page before; without it, the first page."""
    limit: int = Field(100, ge=1, le=1000)
    """How many entries at most."""


class EntryView(View):
    """One entry of a ledger."""

    type: Literal["answer", "consent", "suppression", "link"]
    at: AwareDatetime
    id: str
    record: dict[str, JsonValue]
    """The row as it was written, with all that proves it."""


class HistoryPage(View):
    """Entries, the oldest first."""

    shopper: str
    entries: list[EntryView]
    next: str | None
    """The cursor of the next page; none where this is the last one for now."""


@operation("GET", "/v1/shoppers/{id}/history", {"read"}, problems=[NOT_FOUND], conditional=True)
async def read_shopper_history(call: Call, path: ShopperPath, query: HistoryQuery) -> HistoryPage:
    """Read the history of a shopper.

    Answers of every kind, superseded ones too, acts of consent, wishes and links, each with who,
    when, which words and which act.
    """
    after = None if query.cursor is None else cursor_after(query.cursor)
    shopper = await person(call, path.id)
    head, entries = await read_history(call.store, shopper, after, query.limit)
    more = entries[-1] if len(entries) == query.limit else None
    return HistoryPage(
        shopper=head,
        entries=[entry_view(entry) for entry in entries],
        next=cursor_of(more) if more else None,
    )


def entry_view(entry: Entry) -> EntryView:
    """Give an entry as it is shown."""
    return EntryView(type=entry.kind, at=entry.at, id=entry.id, record=dict(entry.record))


def cursor_of(entry: Entry | Decided) -> str:
    """Give the cursor of the page after an entry."""
    return urlsafe_b64encode(json.dumps([entry.at.isoformat(), entry.id]).encode()).decode()


def cursor_after(cursor: str) -> After:
    """Read a cursor.

    :raises BadInputError: it is none.
    """
    try:
        at, name = json.loads(urlsafe_b64decode(cursor.encode("ascii")))
        place = After(datetime.fromisoformat(at), str(name))
    except (ValueError, TypeError):
        place = None
    if place is None or place.at.tzinfo is None or not place.id.isalnum():
        message = "This is no cursor of ours; take `next` of the page before."
        raise BadInputError(message, field="cursor")
    return place


OPERATIONS = (read_shopper_history,)
