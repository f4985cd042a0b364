"""Writes the register of what is held, from the schema: `docs/register.md` is this page."""

from datetime import timedelta
from inspect import cleandoc

from sqlmodel import SQLModel

from preferences.settings import Settings
from preferences.store.changes import KEPT as KEPT_CHANGES
from preferences.store.holdings import HELD, OF_NOBODY
from preferences.store.idempotency import KEPT as KEPT_ERRANDS
from preferences.store.retention import Limits
from preferences.store.sealed import PREFIX

_LIMITS = Limits.of(Settings.model_construct())


def _days(limit: timedelta) -> str:
    return f"{limit.days} days"


_FACTS, _TALK = _days(_LIMITS.answers), _days(_LIMITS.messages)
_KNOWN = "as long as the shopper is known"
HOW_LONG = {
    "shopper": f"{_KNOWN}; without a name, until nothing is left",
    "identity": f"{_KNOWN}; {_FACTS} once given up",
    "link": _KNOWN,
    "conversation": _KNOWN,
    "surroundings": "a day; as long as the permission stands",
    "message": _TALK,
    "dispatch": _TALK,
    "ask": _FACTS,
    "answer": f"{_FACTS}; a wish not to be offered something until it is taken back",
    "own_words": _days(_LIMITS.words),
    "notice": "for good: a text of the shop's",
    "consent_event": _KNOWN,
    "consent": _KNOWN,
    "suppression": f"as long as it holds, and {_FACTS} after",
    "decision": _FACTS,
    "purchase": _days(_LIMITS.orders),
    "purchase_line": "as long as its order",
    "purchase_note": f"as long as its order; {_days(_LIMITS.unread)} where that never came",
    "habit": "as long as an order it is worked out from",
    "privacy_request": _FACTS,
    "candidate": "until it is over",
    "promise": _FACTS,
    "referral_code": _KNOWN,
    "referral": _KNOWN,
    "quarantine": _days(_LIMITS.unread),
    "outbox": _KNOWN,
    "change": _days(KEPT_CHANGES),
    "webhook_delivery": f"{_days(_LIMITS.deliveries)}; what waits as long as its change",
    "idempotency": f"{KEPT_ERRANDS // timedelta(hours=1)} hours",
    "tracker": _TALK,
}
"""How long each table that holds a person keeps its rows, unless a setting says otherwise."""


def register() -> str:
    """Give the page: every table that holds a person, with every column of it."""
    lines = ["# What is held of a person, and could be handed over", ""]
    lines += ["Made from the schema; a test fails where the two differ.", ""]
    for table in HELD:
        about = cleandoc(table.__doc__ or "").partition("\n")[0]
        lines += [f"## {table.__tablename__}", "", about, ""]
        lines += [f"Kept: {HOW_LONG[table.__tablename__]}.", "", "| column | as |", "|---|---|"]
        columns = SQLModel.metadata.tables[table.__tablename__].columns
        lines += [f"| `{column.name}` | {_form(column.name)} |" for column in columns]
        lines.append("")
    lines += ["## Tables that hold nothing of a person", "", "| table | holds |", "|---|---|"]
    lines += [f"| `{name}` | {what} |" for name, what in OF_NOBODY.items()]
    return "\n".join([*lines, ""])


def _form(column: str) -> str:
    if column.startswith(PREFIX):
        return "encrypted, bound to its row"
    return "keyed hash" if column == "lookup" else "in clear"
