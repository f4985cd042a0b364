"""Speaks to a shop's Admin API in GraphQL, as far as its points reach."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any

from sync.errors import DestinationRefusedError, DestinationUnavailableError, QuotaExhaustedError
from sync.http import Client

_PUSH_COSTS = 400  # points, at most, of a batch: a query and three mutations for each of ten
_LONGEST = 10.0  # seconds that points are waited for before the work is given back

type Mutation = tuple[str, str, Any]
"""The begin of a call, the type of its one variable, and what that holds."""


@dataclass(slots=True)
class Points:
    """What Shopify lets us spend, as its last answer said."""

    left: float = 1000
    restored: float = 50  # a second
    at: float = field(default_factory=monotonic)

    def heard(self, cost: Mapping[str, Any]) -> None:
        """Believe an answer."""
        status = cost.get("throttleStatus") or {}
        self.left = float(status.get("currentlyAvailable", self.left))
        self.restored = float(status.get("restoreRate", self.restored)) or 1.0
        self.at = monotonic()

    def wait(self, cost: float) -> float:
        """Give the seconds until so many points are there."""
        now = self.left + (monotonic() - self.at) * self.restored
        return max(0.0, (cost - now) / self.restored)


@dataclass(frozen=True, slots=True)
class Admin:
    """A shop's API, by its custom app's token."""

    client: Client
    version: str
    points: Points

    async def turn(self, *, urgent: bool) -> None:
        """Wait for the points of a push; a wish needs no more than what is there."""
        wait = self.points.wait(_PUSH_COSTS / 4 if urgent else _PUSH_COSTS)
        if wait > _LONGEST:
            message = "Shopify's points are used up for the moment."
            raise QuotaExhaustedError(message, wait=timedelta(seconds=wait))
        await asyncio.sleep(wait)

    async def mutate(self, asked: Sequence[Mutation]) -> list[list[dict[str, Any]]]:
        """Do several mutations in one request, each for itself; give the errors of each."""
        if not asked:
            return []
        head = ", ".join(f"$v{n}: {kind}" for n, (_, kind, _) in enumerate(asked))
        lines = []
        for n, (call, _, _) in enumerate(asked):
            index = " elementIndex" if call.startswith("metafieldsSet") else ""
            lines.append(f"m{n}: {call}$v{n}) {{ userErrors {{ field code message{index} }} }}")
        values = {f"v{n}": value for n, (_, _, value) in enumerate(asked)}
        data = await self.ask(f"mutation({head}) {{ {' '.join(lines)} }}", values)
        unknown = [{"code": "INTERNAL_ERROR"}]
        return [
            data[f"m{n}"]["userErrors"] if data.get(f"m{n}") else unknown for n in range(len(asked))
        ]

    async def ask(self, text: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Ask in GraphQL; what went wrong with a part of it is left out of the answer."""
        path = f"/admin/api/{self.version}/graphql.json"
        answer = await self.client.post(path, {"query": text, "variables": values})
        body = answer.body if isinstance(answer.body, dict) else {}
        cost = (body.get("extensions") or {}).get("cost") or {}
        self.points.heard(cost)
        if not answer.is_taken or isinstance(body.get("errors"), str):
            message = f"Shopify answered {answer.status}; check ASKFIRST_SHOPIFY_ADMIN_URL."
            raise DestinationRefusedError(message)
        errors = body.get("errors") or ()
        codes = {str((error.get("extensions") or {}).get("code", "")) for error in errors}
        if "THROTTLED" in codes:
            wait = max(1.0, self.points.wait(float(cost.get("requestedQueryCost") or _PUSH_COSTS)))
            message = "Shopify answered THROTTLED."
            raise QuotaExhaustedError(message, wait=timedelta(seconds=wait))
        if "ACCESS_DENIED" in codes:
            message = (
                "Shopify forbids it (ACCESS_DENIED); give the app of ASKFIRST_SHOPIFY_ADMIN_TOKEN "
                "the scopes that docs/connectors.md names."
            )
            raise DestinationRefusedError(message)
        if body.get("data") is None:
            message = f"Shopify did not do it ({', '.join(sorted(codes - {''})) or 'no code'})."
            raise DestinationUnavailableError(message)
        data: dict[str, Any] = body["data"]
        return data


def reason(errors: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Give Shopify's codes and the metafields they are about; its sentences quote the values."""
    told = set[str]()
    for error in errors:
        place, code = error.get("elementIndex"), str(error.get("code") or "ERROR")
        name = names[place] if place is not None and place < len(names) else ""
        told.add(f"{code} ({name})" if name else code)
    return f"Shopify refused it: {', '.join(sorted(told))}."
