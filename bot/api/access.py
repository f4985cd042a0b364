"""Who may do what, and how often: the key of a request, its scopes, and what is left of its rate."""

from collections.abc import Collection
from dataclasses import dataclass, field
from math import ceil

from aiohttp import web

from bot.api.refusals import KEY, SCOPE, TOO_MANY, RefusedError
from bot.limits import Rate
from bot.parts import CLOCK, LIMITER, SETTINGS, STORE
from preferences.store.keys import ApiKey, check_key

_MINUTE = 60


@dataclass(slots=True)
class Access:
    """What is known of whoever calls; `headers` go with every answer to them, problems too."""

    headers: dict[str, str] = field(default_factory=dict)

    async def check(self, request: web.Request, scopes: Collection[str]) -> ApiKey:
        """Give the key of a request that may do this now, and count it.

        :raises RefusedError: there is no valid key, it lacks a scope, or it is used too often.
        """
        key = await _key(request)
        await self._count(request, key)
        require(key, *scopes)
        return key

    async def _count(self, request: web.Request, key: ApiKey) -> None:
        per_minute = request.app[SETTINGS].api_requests_per_minute
        if not per_minute:
            return
        taken = await request.app[LIMITER].take(f"key:{key.id}", Rate(per_minute, per_minute))
        self.headers["RateLimit-Policy"] = f'"key";q={per_minute};w={_MINUTE}'
        self.headers["RateLimit"] = f'"key";r={taken.left};t={ceil(taken.full_in)}'
        if taken.wait > 0:
            self.headers["Retry-After"] = str(ceil(taken.wait))
            message = f"This key may be used {per_minute} times a minute; wait a little."
            raise RefusedError(TOO_MANY, message)


def require(key: ApiKey, *scopes: str) -> None:
    """See that a key has every scope.

    :raises RefusedError: it lacks one.
    """
    if lacking := {*scopes} - key.scopes:
        message = f"This key may not do that; it lacks the scope {', '.join(sorted(lacking))}."
        raise RefusedError(SCOPE, message)


async def _key(request: web.Request) -> ApiKey:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    known = await check_key(request.app[STORE], key, request.app[CLOCK]())
    if scheme.lower() != "bearer" or known is None:
        message = "Send a valid API key as Authorization: Bearer."
        raise RefusedError(KEY, message)
    return known
