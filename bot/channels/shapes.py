"""Reads JSON that anybody may have shaped: whatever is not as expected reads as not there."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

from bot.messages import Inbound
from preferences.errors import BadInputError

logger = logging.getLogger(__name__)

_LONGEST_WORD = 1024
_MILLISECONDS = 10**11  # as seconds that would be the year 5138


def read_object(raw: bytes) -> dict[str, Any]:
    """Read a body.

    :raises BadInputError: it is not JSON, or not an object.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        message = "The body must be a JSON object."
        raise BadInputError(message)
    return cast("dict[str, Any]", body)


def thing(value: object) -> dict[str, Any]:
    """Give an object, or an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def things(value: object) -> list[dict[str, Any]]:
    """Give the objects of a list."""
    return [thing(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def word(value: object) -> str:
    """Give an id or a word: numbers are written out, what no database takes is left out."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**40 else ""
    if not isinstance(value, str):
        return ""
    kept = value.replace("\x00", "").encode("utf-8", "ignore").decode()
    return kept.strip()[:_LONGEST_WORD]


def words(value: object) -> str | None:
    """Give a text as it was sent, None where there is none."""
    return value if isinstance(value, str) and value else None


def number(value: object) -> int | None:
    """Give a whole number, also one that was written as a text."""
    told = word(value)
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else None  # noqa: PLR2004


def moment(value: object) -> datetime | None:
    """Give a time told in seconds or milliseconds since 1970."""
    told = number(value)
    if told is None:
        return None
    try:
        return datetime.fromtimestamp(told / 1000 if told >= _MILLISECONDS else told, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def guarded(
    read: Callable[[], Iterator[Inbound]], channel: str, *, account: str = ""
) -> list[Inbound]:
    """Read one item; one that cannot be read is counted and spoils no other."""
    try:
        return list(read())
    except Exception as error:  # noqa: BLE001 one item must never make a platform resend them all
        logger.warning("An item of %s could not be read (%s).", channel, type(error).__name__)
        return [Inbound("unreadable", account=account)]
