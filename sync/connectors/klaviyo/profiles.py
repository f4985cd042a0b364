"""Klaviyo's profiles: found by our id or by a name, and written, one at once or many by a job."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from sync.capabilities import Remote
from sync.connectors.klaviyo.answers import (
    ATTRIBUTES,
    NAMES,
    PAGE,
    has_decided,
    pages,
    reason,
    remote,
    said,
)
from sync.delivery import Delivery, Refused, Result, Taken
from sync.errors import BatchRefusedError
from sync.http import Answer, Client
from sync.jobs import EVERYBODY

_JOBS = "/api/profile-bulk-import-jobs"


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of an account; `jobs` and `looks` at them have limits of their own."""

    client: Client
    jobs: Client
    looks: Client

    async def read(self, shoppers: Iterable[str], fields: Sequence[str] = ()) -> dict[str, Remote]:
        """Read by our id."""
        found = [remote(row, fields) async for row in self._found("external_id", shoppers)]
        return {one.shopper: one for one in found}

    async def decided(self, channel: str, names: Iterable[str]) -> set[str]:
        """Give those of some names who have decided about a channel."""
        by = NAMES[channel]
        found = self._found(by, names)
        return {str(row["attributes"][by]) async for row in found if has_decided(row, channel)}

    async def _found(self, by: str, values: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        for chunk in batched(sorted(set(values)), PAGE):
            query = {
                "filter": f"any({by},{json.dumps(chunk)})",
                "page[size]": str(PAGE),
                "additional-fields[profile]": "subscriptions",
            }
            async for row in pages(self.client, "/api/profiles", query):
                yield row

    async def write(self, one: Delivery) -> Result:
        """Write one, at once."""
        answer = await self.client.post("/api/profile-import", {"data": _profile(one)})
        return Taken(answer.body["data"]["id"]) if answer.is_taken else Refused(reason(answer))

    async def begin_job(self, batch: Sequence[Delivery]) -> str:
        """Have many written by a job, and give its name.

        :raises BatchRefusedError: Klaviyo does not take it.
        """
        data = {
            "type": "profile-bulk-import-job",
            "attributes": {"profiles": {"data": [_profile(one) for one in batch]}},
        }
        answer = await self.jobs.post(_JOBS, {"data": data}, granted=True)
        if not answer.is_taken:
            raise BatchRefusedError(reason(answer))
        return str(answer.body["data"]["id"])

    async def look(self, job: str) -> dict[str, str | None] | None:
        """Look at a job, and once it is over at its error report, or tell all of it again."""
        answer = await self.looks.get(f"{_JOBS}/{job}")
        if not answer.is_taken or (status := _status(answer)) == "cancelled":
            return {EVERYBODY: None}
        if status != "complete":
            return None
        path = f"{_JOBS}/{job}/import-errors"
        wrong = dict[str, str | None]()
        try:
            async for one in pages(self.looks, path, {"page[size]": str(PAGE)}):
                attributes = one["attributes"]
                payload = attributes.get("original_payload") or {}
                payload = payload.get("attributes", payload)
                wrong[str(payload.get("external_id"))] = said([attributes])
        except BatchRefusedError:
            return {EVERYBODY: None}
        return wrong


def _profile(one: Delivery) -> Mapping[str, Any]:
    """Write a profile: None empties, what is not there stays as it is."""
    attributes = {name: value for name, value in one.fields.items() if name in ATTRIBUTES}
    properties = {name: value for name, value in one.fields.items() if name not in ATTRIBUTES}
    return {
        "type": "profile",
        "attributes": {"external_id": one.shopper, **attributes, "properties": properties},
    }


def _status(answer: Answer) -> str:
    return str(answer.body["data"]["attributes"]["status"])
