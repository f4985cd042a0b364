"""Speaks to a Tryton server: JSON-RPC in a session of ours, errors by what to do next."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from sync.errors import (
    BatchRefusedError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from sync.http import Answer, Client, without_names

CREDENTIALS = "ASKFIRST_TRYTON_USER and ASKFIRST_TRYTON_PASSWORD"
"""The settings of who we are there."""

ACTIVE = ["active", "=", True]
"""The clause of a domain that leaves out what was put away."""

_CONTEXT = {"active_test": False}  # a domain that does not name `active` hides the rest otherwise
_SESSION_IS_OVER = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_RUNNING_INTO_EACH_OTHER = "ConcurrencyException"
_ABOUT_WHAT_WAS_SENT = ("UserError", "UserWarning")


class _SessionOverError(Exception):
    """The server does not know our session any more."""


@dataclass
class Tryton:
    """One database, as one user. The session begins with the first call and is renewed when it ends."""

    client: Client
    database: str
    user: str
    password: str = field(repr=False)
    _user_id: int = 0
    _session: str = field(default="", repr=False)

    async def model(self, name: str, method: str, *params: Any) -> Any:
        """Call a method of a model, among all records, those that are not active included.

        :raises BatchRefusedError: it refuses what was sent.
        :raises DestinationUnavailableError: not now.
        :raises DestinationRefusedError: it does not let us in, or has no such model.
        """
        if not self._session:
            await self._log_in()
        try:
            return await self._call(f"model.{name}.{method}", *params)
        except _SessionOverError:
            await self._log_in()
        try:
            return await self._call(f"model.{name}.{method}", *params)
        except _SessionOverError:
            message = f"Tryton ends every session of ours at once; check {CREDENTIALS}."
            raise DestinationRefusedError(message) from None

    async def found(self, name: str, domain: Sequence[Any], fields: Sequence[str]) -> list[Any]:
        """Read every record that a domain describes."""
        rows: list[Any] = await self.model(
            name, "search_read", domain, 0, None, [["id", "ASC"]], list(fields)
        )
        return rows

    async def who_we_are(self) -> int:
        """Give the number of our user."""
        if not self._user_id:
            await self._log_in()
        return self._user_id

    async def _log_in(self) -> None:
        login = [self.user, {"password": self.password}, "en"]
        session = await self._call("common.db.login", *login, known=False)
        self._user_id, token = session[0], session[1]
        whole = f"{self.user}:{self._user_id}:{token}".encode()
        self._session = b64encode(whole).decode()

    async def _call(self, method: str, *params: Any, known: bool = True) -> Any:
        client = replace(self.client, judge=_judge) if known else self.client
        answer = await client.call(
            "POST",
            f"{self.database}/rpc/",
            body={"id": 1, "method": method, "params": [*params, _CONTEXT] if known else params},
            headers={"Authorization": f"Session {self._session}"} if known else {},
            granted=True,
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            message = "Tryton has no such database; check ASKFIRST_TRYTON_DATABASE."
            raise DestinationRefusedError(message)
        if not answer.is_taken or not isinstance(answer.body, dict):
            message = f"Tryton answered {answer.status}; check ASKFIRST_TRYTON_URL."
            raise DestinationRefusedError(message)
        if error := answer.body.get("error"):
            raise _trouble(error)
        return answer.body["result"]


def moment(value: Mapping[str, Any]) -> datetime:
    """Read a point in time as Tryton's JSON has it, which is in UTC."""
    date = (value["year"], value["month"], value["day"])
    time = (value["hour"], value["minute"], value["second"], value["microsecond"])
    return datetime(*date, *time, tzinfo=UTC)


def as_moment(value: datetime) -> dict[str, Any]:
    """Write a point in time as Tryton's JSON has it."""
    at = value.astimezone(UTC)
    date = {"year": at.year, "month": at.month, "day": at.day}
    time = {"hour": at.hour, "minute": at.minute, "second": at.second}
    return {"__class__": "datetime", **date, **time, "microsecond": at.microsecond}


def _judge(answer: Answer) -> None:
    if answer.status in _SESSION_IS_OVER:
        raise _SessionOverError


def _trouble(error: Sequence[Any]) -> Exception:
    kind = str(error[0])
    if kind == _RUNNING_INTO_EACH_OTHER:
        return DestinationUnavailableError("Somebody changes the same in Tryton at this moment.")
    if kind in _ABOUT_WHAT_WAS_SENT:
        return BatchRefusedError(f"Tryton: {without_names(str(error[1][0]))}")
    if "lock" in kind:
        return DestinationUnavailableError("Tryton's database is busy with something else.")
    return BatchRefusedError(f"Tryton: {without_names(kind)}; its log says more.")
