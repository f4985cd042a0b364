"""What every route of the chat reads from a request: body, session, address, and how often it may come."""

import json
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any, cast

from aiohttp import web

from bot.limits import Rate
from bot.parts import LIMITER, SETTINGS, TOKENS
from bot.problems import problem
from bot.tokens import TokenError
from preferences.errors import BadInputError

_LARGEST_BODY = 8192
_LONGEST_FORM = 2048


def conversation_of(request: web.Request) -> str:
    """Give the conversation that the request's session is for.

    :raises TokenError: there is no session, or it is over.
    """
    scheme, _, session = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer":
        message = "Send the chat session as Authorization: Bearer."
        raise TokenError(message)
    return request.app[TOKENS].conversation(session)


async def body_of(request: web.Request) -> dict[str, Any]:
    """Give the body, a JSON object; none at all is an empty one.

    :raises BadInputError: it is too long, or no object.
    """
    raw = await request.content.read(_LARGEST_BODY + 1)
    while len(raw) <= _LARGEST_BODY and (more := await request.content.read(_LARGEST_BODY)):
        raw += more
    if len(raw) > _LARGEST_BODY:
        message = "This message is longer than the chat takes; please say it in fewer words."
        raise BadInputError(message, field="text")
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        message = "The body must be a JSON object."
        raise BadInputError(message)
    return cast("dict[str, Any]", body)


async def form_of(request: web.Request) -> dict[str, str]:
    """Give the fields of a form as a page of ours sends it; of anything else none.

    :raises BadInputError: it is longer than any form of ours.
    """
    if (request.content_length or 0) > _LONGEST_FORM:
        message = "This form is longer than any of this page."
        raise BadInputError(message)
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        fields = await request.post()
    except (LookupError, ValueError):  # of no known charset, or no text in it
        return {}
    return {name: told for name, told in fields.items() if isinstance(told, str)}


async def refused(request: web.Request, rates: Mapping[str, Rate]) -> web.Response | None:
    """Count the request under every name; give the refusal where one of them is used up."""
    for name, rate in rates.items():
        if wait := await request.app[LIMITER].wait(name, rate):
            seconds = str(int(wait) + 1)
            message = f"That was a little fast; please wait {seconds} seconds."
            return problem(429, "too-fast", message, headers={"Retry-After": seconds})
    return None


def address_of(request: web.Request) -> str:
    """Give the network address that a limit counts: a whole /64 for IPv6."""
    remote = request.remote or "unknown"
    if remote in request.app[SETTINGS].trusted_proxies:
        remote = request.headers.get("X-Forwarded-For", remote).rpartition(",")[2].strip()
    try:
        address = ip_address(remote)
    except ValueError:
        return "unknown"
    return address.exploded[:19] if isinstance(address, IPv6Address) else str(address)
