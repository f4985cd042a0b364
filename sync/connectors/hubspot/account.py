"""Speaks to a HubSpot account: where what is in a version of its API, its limits, why it refuses."""

import json
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from sync.errors import BatchRefusedError, QuotaExhaustedError
from sync.http import Answer, Client, without_names
from sync.limits import Limiter, Rate

WINDOW = 10
"""Seconds of the rolling limit."""

CALLS = 100
"""In a window, of the smallest account, until HubSpot has told those of this one."""

SPARED = 0.02
"""Of the window's calls, for those that are a fifth of a second late."""

SEARCHES = Rate(5, 1, burst=2)
"""What an account may search, whatever else it is allowed."""

_TO_MIDNIGHT = timedelta(hours=1)  # a daily quota: look again by then, it may have been raised


@dataclass(frozen=True, slots=True)
class Account:
    """An account, by its private app's token; searches have a limit besides the account's own."""

    client: Client
    searches: Limiter
    version: str

    @property
    def contacts(self) -> str:
        """Where contacts are."""
        if self.version == "v3":
            return "/crm/v3/objects/contacts"
        return f"/crm/objects/{self.version}/contacts"

    @property
    def properties(self) -> str:
        """Where the properties of contacts are."""
        if self.version == "v3":
            return "/crm/v3/properties/contacts"
        return f"/crm/properties/{self.version}/contacts"

    @property
    def statuses(self) -> str:
        """Where subscriptions are."""
        version = "v4" if self.version == "v3" else self.version
        return f"/communication-preferences/{version}/statuses/batch"


def rows(answer: Answer) -> list[dict[str, Any]]:
    """Give what was asked for.

    :raises BatchRefusedError: HubSpot does not give it.
    """
    if not answer.is_taken:
        raise BatchRefusedError(reason(answer.body))
    rows: list[dict[str, Any]] = answer.body["results"]
    return rows


def judge(answer: Answer) -> None:
    """A rolling limit is over within its interval; a daily one is not."""
    if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
        return
    policy = answer.body.get("policyName", "") if isinstance(answer.body, dict) else ""
    rolling = timedelta(milliseconds=_told(answer, "Interval-Milliseconds") or WINDOW * 1000)
    wait = _TO_MIDNIGHT if policy == "DAILY" else max(answer.wait, rolling)
    message = f"HubSpot answered 429 ({policy or 'no policy named'})."
    raise QuotaExhaustedError(message, wait=wait)


def allowed(answer: Answer) -> int | None:
    """Give the calls of the window that we keep; those of another would be another limit."""
    interval = _told(answer, "Interval-Milliseconds")
    return _told(answer, "Max") if interval == WINDOW * 1000 else None


def left_today(answer: Answer) -> int | None:
    """Give the requests that are left today."""
    return _told(answer, "Daily-Remaining")


def _told(answer: Answer, what: str) -> int | None:
    figure = answer.headers.get(f"X-HubSpot-RateLimit-{what}", "")
    return int(figure) if figure.isdecimal() else None


def reason(error: Any) -> str:
    """Give HubSpot's own words for what is wrong, without the value that it is wrong about."""
    if not isinstance(error, dict):
        return "HubSpot refused it and did not say why."
    category = str(error.get("category", "ERROR"))
    message = str(error.get("message", ""))
    _, brace, details = message.partition("Property values were not valid: ")
    if brace:
        try:
            wrong = [f"{one['error']} ({one['name']})" for one in json.loads(details)]
        except (ValueError, KeyError, TypeError):
            wrong = []
        return f"{category}: {', '.join(wrong)}" if wrong else f"{category}: a property is wrong."
    return f"{category}: {without_names(message)}"
