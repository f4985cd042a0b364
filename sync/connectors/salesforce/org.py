"""Speaks to a Salesforce org: in SOQL and by record; what its codes and its quota mean."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from sync.delivery import Later, Refused, Result, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError, QuotaExhaustedError
from sync.http import Answer
from sync.oauth import ExpiredError, SignedIn

KEY = "Shopper_Id__c"
"""The external id, on Contact and on Individual."""

AT_ONCE = 200
"""Records in a request."""

NAMELESS = "Shopper"
"""Salesforce makes no person without a last name."""

PASSING = {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG"}
"""Codes of what may go well a little later."""

_QUOTA = timedelta(minutes=15)  # the day's calls come back little by little
_COLUMN = re.compile(r"[Nn]o such column '(\w+)'")
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Org:
    """One org: what is asked of it, in SOQL and by record."""

    door: SignedIn
    version: str

    async def call(self, method: str, path: str, **more: Any) -> Answer:
        """Ask, by the path after the version."""
        return await self.door.call(method, f"/services/data/{self.version}/{path}", **more)

    async def select(
        self, names: Sequence[str], of: str, where: str, *order: str, limit: int = 0
    ) -> list[dict[str, Any]]:
        """Ask in SOQL."""
        words = ["SELECT", ", ".join(names), "FROM", of, "WHERE", where]
        words += ["ORDER BY", ", ".join(f"{name} ASC" for name in order)] if order else []
        words += ["LIMIT", str(limit)] if limit else []
        answer = await self.call("GET", "query", query={"q": " ".join(words)})
        if not answer.is_taken:
            raise BatchRefusedError(reason(answer.body))
        rows: list[dict[str, Any]] = answer.body["records"]
        return rows

    async def upsert(
        self, of: str, key: str, records: Sequence[Mapping[str, Any]], *, granted: bool = False
    ) -> list[Result]:
        """Upsert at most 200 records, each for itself."""
        told = [{"attributes": {"type": of}, **one} for one in records]
        body = {"allOrNone": False, "records": told}
        path = f"composite/sobjects/{of}/{key}"
        answer = await self.call("PATCH", path, body=body, granted=granted)
        if answer.status == HTTPStatus.NOT_FOUND:
            message = f"Salesforce has no external id {key} on {of}; make it in Setup."
            raise DestinationRefusedError(message)
        if not answer.is_taken:
            raise BatchRefusedError(reason(answer.body))
        return [result_of(one) for one in answer.body]


def judge(answer: Answer) -> None:
    """Salesforce says 401 for a token that is over, and 403 for a day's calls that are used up."""
    codes = {error.get("errorCode") for error in _errors(answer.body)}
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise ExpiredError
    if answer.status == HTTPStatus.FORBIDDEN and "REQUEST_LIMIT_EXCEEDED" in codes:
        message = "Salesforce's calls for 24 hours are used up."
        raise QuotaExhaustedError(message, wait=_QUOTA)


def left_today(answer: Answer) -> int | None:
    """Give the calls that are left of 24 hours."""
    match = _USAGE.search(answer.headers.get("Sforce-Limit-Info", ""))
    return max(0, int(match[2]) - int(match[1])) if match else None


def _errors(body: Any) -> list[dict[str, Any]]:
    return [one for one in body if isinstance(one, dict)] if isinstance(body, list) else []


def reason(body: Any) -> str:
    """Give Salesforce's codes for what is wrong, and the column that it does not know."""
    told = set[str]()
    for error in _errors(body):
        column = _COLUMN.search(str(error.get("message", "")))
        told.add(told_of(str(error.get("errorCode", "ERROR")), column[1] if column else ""))
    return f"Salesforce refused it: {', '.join(sorted(told)) or 'it did not say why'}."


def told_of(code: str, names: str) -> str:
    """Say a code, and the fields that it is about."""
    return f"{code} ({names})" if names else code


def result_of(one: Mapping[str, Any]) -> Result:
    """Read what became of a record; its messages quote values, its codes and fields do not."""
    if one["success"]:
        return Taken(str(one.get("id", "")))
    codes = {error["statusCode"] for error in one["errors"]}
    told = ", ".join(
        told_of(error["statusCode"], " ".join(error.get("fields") or ())) for error in one["errors"]
    )
    return Later(told) if codes & PASSING else Refused(told)


def text_of(value: str) -> str:
    """Write a text in SOQL."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quoted(values: Iterable[str]) -> str:
    """Write texts for a list in SOQL."""
    return ", ".join(map(text_of, values))


def distinct(*names: str) -> list[str]:
    """Give each name once."""
    return list(dict.fromkeys(names))
