"""Writes the register of what is held and what for: `docs/register.md` is that of the defaults."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from inspect import cleandoc

from sqlmodel import SQLModel

from preferences.catalogue import Catalogue
from preferences.settings import Settings
from preferences.store.changes import KEPT as KEPT_CHANGES
from preferences.store.holdings import HELD, OF_NOBODY
from preferences.store.idempotency import KEPT as KEPT_ERRANDS
from preferences.store.retention import Limits
from preferences.store.sealed import PREFIX

_KNOWN = "as long as the shopper is known"


def register(catalogue: Catalogue, settings: Settings) -> str:
    """Give the page: what for, who is told, and every table that holds a person, column by column."""
    lines = ["# What is held of a person, and could be handed over", ""]
    lines += ["Made from the schema, the purposes and the settings; that of your own deployment is"]
    lines += ["printed by `python -m preferences register`.", ""]
    lines += [*_purposes(catalogue), *_recipients(settings)]
    kept = how_long(Limits.of(settings))
    for table in HELD:
        about = cleandoc(table.__doc__ or "").partition("\n")[0]
        lines += [f"## {table.__tablename__}", "", about, ""]
        lines += [f"Kept: {kept[table.__tablename__]}.", "", "| column | as |", "|---|---|"]
        columns = SQLModel.metadata.tables[table.__tablename__].columns
        lines += [f"| `{column.name}` | {_form(column.name)} |" for column in columns]
        lines.append("")
    lines += ["## Tables that hold nothing of a person", "", "| table | holds |", "|---|---|"]
    lines += [f"| `{name}` | {what} |" for name, what in OF_NOBODY.items()]
    return "\n".join([*lines, ""])


def how_long(limits: Limits) -> Mapping[str, str]:
    """Tell how long each table that holds a person keeps its rows."""
    facts, talk = _days(limits.answers), _days(limits.messages)
    return {
        "shopper": f"{_KNOWN}; without a name, until nothing is left",
        "identity": f"{_KNOWN}; {facts} once given up",
        "link": _KNOWN,
        "conversation": _KNOWN,
        "surroundings": "a day; as long as the permission stands",
        "message": talk,
        "dispatch": talk,
        "ask": facts,
        "answer": f"{facts}; a wish not to be offered something until it is taken back",
        "own_words": _days(limits.words),
        "notice": "for good: a text of the shop's",
        "consent_event": _KNOWN,
        "consent": _KNOWN,
        "suppression": f"as long as it holds, and {facts} after",
        "decision": facts,
        "purchase": _days(limits.orders),
        "purchase_line": "as long as its order",
        "purchase_note": f"as long as its order; {_days(limits.unread)} where that never came",
        "habit": "as long as an order it is worked out from",
        "privacy_request": facts,
        "candidate": "until it is over",
        "promise": facts,
        "referral_code": _KNOWN,
        "referral": _KNOWN,
        "quarantine": _days(limits.unread),
        "outbox": _KNOWN,
        "change": _days(KEPT_CHANGES),
        "webhook_delivery": f"{_days(limits.deliveries)}; what waits as long as its change",
        "idempotency": f"{KEPT_ERRANDS // timedelta(hours=1)} hours",
        "tracker": talk,
    }


def _purposes(catalogue: Catalogue) -> Iterator[str]:
    """Tell what answers are kept for, which alone is done on a permission."""
    yield from ("## What answers are kept for", "")
    yield from ("Each on the shopper's own permission, which ends by itself.", "")
    yield from (
        "| purpose | kinds of data | for how long permitted | questions |",
        "|---|---|---|---|",
    )
    for name, purpose in catalogue.purposes.items():
        asked = [one.id for one in catalogue.questions.values() if one.purpose == name]
        kinds, questions = ", ".join(purpose.data_categories), ", ".join(asked)
        yield f"| `{name}` | {kinds} | {purpose.valid_days} days | {questions} |"
    yield ""


def _recipients(settings: Settings) -> Iterator[str]:
    """Tell who gets what may be used, besides the shop's own programs."""
    yield from ("## Who is told", "")
    named = ", ".join(f"`{one}`" for one in settings.destinations) or "nobody"
    yield from (f"{named} (`ASKFIRST_DESTINATIONS`), and programs with a key or a webhook.", "")


def _days(limit: timedelta) -> str:
    return f"{limit.days} days"


def _form(column: str) -> str:
    if column.startswith(PREFIX):
        return "encrypted, bound to its row"
    return "keyed hash" if column == "lookup" else "in clear"
