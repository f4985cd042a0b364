"""Keeps persons and answers out of a CRM's reasons, which end in the store and in logs."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sync.delivery import Delivery

_MOST = 300  # characters: a reason, not a page
_SHORT = 3  # a value up to here is found in any sentence
_OUT = "…"
_ADDRESS = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")
_NUMBER = re.compile(r"\+?\d[\d ()/-]{6,}\d")
_SPACE = re.compile(r"\s+")


def redacted(reason: str, delivery: Delivery) -> str:
    """Strike out the shopper's names and values, and whatever else looks like an address."""
    values = {*_words(delivery.fields), *_words(delivery.profile["identities"])}
    values |= {str(one) for one in (delivery.shopper, delivery.remote_id)}
    for value in sorted(values, key=len, reverse=True):
        if len(value) > _SHORT:
            reason = re.sub(re.escape(value), _OUT, reason, flags=re.IGNORECASE)
    reason = _NUMBER.sub(_OUT, _ADDRESS.sub(_OUT, reason))
    reason = _SPACE.sub(" ", reason).strip()
    return reason if len(reason) <= _MOST else f"{reason[:_MOST]}{_OUT}"


def _words(page: Mapping[str, Any]) -> Iterator[str]:
    for value in page.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (str(one) for one in value)
