"""Writes a value as a CRM wants it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

type Transform = Literal[
    "as_is",
    "upper",
    "lower",
    "semicolons",
    "list",
    "date",
    "milliseconds",
    "midnight",
    "yes_no",
    "sha256",
    "sha256_digits",
]


def _date(value: str) -> str:
    return datetime.fromisoformat(value).astimezone(UTC).date().isoformat()


def _milliseconds(value: str) -> int:
    return int(datetime.fromisoformat(value).timestamp() * 1000)


def _midnight(value: str) -> int:
    at = datetime.fromisoformat(value).astimezone(UTC)
    return _milliseconds(at.replace(hour=0, minute=0, second=0, microsecond=0).isoformat())


def _sha256(value: str) -> str:
    return sha256(value.encode()).hexdigest()


_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "as_is": lambda value: value,
    "upper": str.upper,
    "lower": str.lower,
    "semicolons": lambda value: value.replace(",", ";"),
    "list": lambda value: value.split(","),
    "date": _date,
    "milliseconds": _milliseconds,
    "midnight": _midnight,
    "yes_no": lambda value: "yes" if value else "no",
    "sha256": _sha256,
    "sha256_digits": lambda value: _sha256("".join(filter(str.isdigit, value))),
}


def transformed(form: Transform, value: Any) -> Any:
    """Give a value in another form.

    `semicolons` and `list` are for several options, which we keep with commas; `date` is the day in
    UTC, `milliseconds` and `midnight` count from 1970, the second from the begin of that day; `sha256`
    and `sha256_digits` are how advertising tools take an address and a number: Meta's have no plus.
    """
    return _FORMS[form](value)
