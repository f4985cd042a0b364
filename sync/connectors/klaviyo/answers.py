"""Reads what Klaviyo answers: pages, why it refuses, and a profile with what was decided in it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from yarl import URL

from sync.capabilities import Remote, named
from sync.errors import BatchRefusedError
from sync.http import Answer, Client
from sync.marketing import CHANNELS

ATTRIBUTES = frozenset(
    {"email", "phone_number", "first_name", "last_name", "locale", "title", "organization"}
)
"""The fields of a profile that are no properties of ours."""

NAMES = {"email": "email", "sms": "phone_number"}
"""What a profile calls the name on a channel."""

IDENTITIES = {"email": "email", "sms": "phone"}
"""What we call it."""

PAGE = 100
"""Profiles in a page, and in a request that names some."""


async def pages(
    client: Client, path: str, query: Mapping[str, str]
) -> AsyncIterator[dict[str, Any]]:
    """Give what is on a page and on those after it.

    :raises BatchRefusedError: Klaviyo does not give it.
    """
    after = ""
    while True:
        more = {"page[cursor]": after} if after else {}
        answer = await client.call("GET", path, query={**query, **more})
        for one in rows(answer):
            yield one
        if not (after := following(answer)):
            return


def rows(answer: Answer) -> list[dict[str, Any]]:
    """Give what is on a page.

    :raises BatchRefusedError: Klaviyo does not give it.
    """
    if not answer.is_taken:
        raise BatchRefusedError(reason(answer))
    found: list[dict[str, Any]] = answer.body["data"]
    return found


def following(answer: Answer) -> str:
    """Give the cursor of the page after this one; empty after the last."""
    link = (answer.body.get("links") or {}).get("next")
    return URL(link).query.get("page[cursor]", "") if link else ""


def reason(answer: Answer) -> str:
    """Give why a request was refused."""
    body = answer.body if isinstance(answer.body, dict) else {}
    return said(body.get("errors") or [{"code": f"http_{answer.status}"}])


def said(errors: Iterable[Mapping[str, Any]]) -> str:
    """Give Klaviyo's codes and the places they are about; its sentences quote the values."""
    told = []
    for error in errors:
        pointer = str((error.get("source") or {}).get("pointer", ""))
        place = pointer.rstrip("/").rpartition("/")[2]
        told.append(f"{error.get('code', 'error')} ({place})" if place else str(error.get("code")))
    return f"Klaviyo refused it: {', '.join(sorted(set(told)))}."


def has_decided(row: Mapping[str, Any], channel: str) -> bool:
    """Tell whether the person of a profile ever decided about a channel."""
    never = _marketing(row, channel).get("consent", "NEVER_SUBSCRIBED") == "NEVER_SUBSCRIBED"
    return not never or _has_left(row, channel)


def remote(row: Mapping[str, Any], fields: Sequence[str]) -> Remote:
    """Give a profile as every CRM's record is given."""
    attributes = row["attributes"]
    properties = attributes.get("properties") or {}
    held = dict.fromkeys(ATTRIBUTES, attributes)
    return Remote(
        shopper=attributes.get("external_id") or "",
        identities=named(**{IDENTITIES[one]: attributes.get(NAMES[one]) for one in CHANNELS}),
        opted_out=tuple(one for one in CHANNELS if _has_left(row, one)),
        fields={name: held.get(name, properties).get(name) for name in fields},
        remote_id=row["id"],
        at=datetime.fromisoformat(attributes["updated"]) if attributes.get("updated") else None,
    )


def _marketing(row: Mapping[str, Any], channel: str) -> dict[str, Any]:
    subscriptions = row["attributes"].get("subscriptions") or {}
    return dict((subscriptions.get(channel) or {}).get("marketing") or {})


def _has_left(row: Mapping[str, Any], channel: str) -> bool:
    told = _marketing(row, channel)
    return told.get("consent") == "UNSUBSCRIBED" or bool(told.get("suppression"))
