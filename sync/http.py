"""The one HTTP client of the CRMs' connectors: in its turn, in good time, errors by what to do next."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from yarl import URL

from preferences.addresses import Allowed, ForbiddenAddressError, check_url
from preferences.errors import SettingsError
from preferences.settings import PREFIX, Settings
from sync.errors import DestinationRefusedError, DestinationUnavailableError, QuotaExhaustedError
from sync.limits import Limiter
from sync.urgency import is_urgent

_PATIENCE = timedelta(seconds=20)  # for one exchange; a push is given up a little later
_LONGEST_WAIT = timedelta(days=1)
_PAUSE = timedelta(seconds=10)  # after a 429 that does not say how long
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.LOCKED}
_PERSONAL = re.compile(r"\S+@\S+|\+?\d[\d ().-]{6,}\d")
_LONGEST_REASON = 300  # characters


class Unpaced:
    """A limiter for a vendor that has no limit that a clock could keep."""

    async def turn(self, *, cost: int = 1, urgent: bool = False) -> None:
        """Do not wait."""

    async def hold(self, wait: timedelta) -> None:
        """Hold nobody up: the engine pauses by itself."""

    async def allowed(self, calls: int) -> None:
        """Keep no pace."""

    async def left_today(self, calls: int) -> None:
        """Keep no count."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: JSON where it is some, else text."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def is_taken(self) -> bool:
        """Whether it is a success, at least in part."""
        return HTTPStatus(200) <= self.status < HTTPStatus(300)

    @property
    def wait(self) -> timedelta:
        """How long the vendor asks not to be tried again, as far as Retry-After says so."""
        return _retry_after(self.headers.get("Retry-After", ""))


def _nothing_special(answer: Answer) -> None:
    """Leave the answer to the rules that hold for all vendors."""


def _not_told(answer: Answer) -> int | None:
    """Know nothing of a limit."""


@dataclass(frozen=True, slots=True)
class Client:
    """One vendor. `secret` names the settings of its credentials, for the sentence of a 401.

    `judge` raises where the vendor's statuses mean something else than everybody's; `allowed` reads how
    many calls the vendor takes in the limiter's window, `left_today` how many it still takes today.
    """

    name: str
    secret: str
    session: ClientSession
    base: URL
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    limiter: Limiter = field(default_factory=Unpaced)
    judge: Callable[[Answer], None] = _nothing_special
    allowed: Callable[[Answer], int | None] = _not_told
    left_today: Callable[[Answer], int | None] = _not_told
    patience: timedelta = _PATIENCE

    async def post(self, path: str, body: Any, *, granted: bool = False, **query: str) -> Answer:
        """Send JSON; `granted` says that its turn was waited for already."""
        return await self.call("POST", path, body=body, query=query, granted=granted)

    async def get(self, path: str, **query: str) -> Answer:
        """Ask for something."""
        return await self.call("GET", path, query=query)

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        granted: bool = False,
    ) -> Answer:
        """Ask once; bytes are sent as they are, anything else as JSON.

        Other refusals than those below are given back: they are about what was sent.

        :raises DestinationUnavailableError: nobody answered, or not now.
        :raises QuotaExhaustedError: nothing else is taken before its wait is over.
        :raises DestinationRefusedError: the credentials are not accepted, or not enough.
        """
        if not granted:
            await self.limiter.turn(urgent=is_urgent())
        raw = isinstance(body, bytes) or body is None
        data = body if raw else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        sent = {} if raw else {"Content-Type": "application/json"}
        try:
            async with self.session.request(
                method,
                self.base.joinpath(path.lstrip("/"), encoded=True),
                data=data,
                params=query or {},
                headers=sent | dict(self.headers) | dict(headers or {}),
                allow_redirects=False,
                timeout=ClientTimeout(total=self.patience.total_seconds()),
            ) as response:
                text = await response.text(errors="replace")
                answer = Answer(response.status, _parsed(text), response.headers.copy())
        except (ClientError, TimeoutError, OSError) as error:
            message = f"{self.name} cannot be reached ({type(error).__name__})."
            raise DestinationUnavailableError(message) from None
        if calls := self.allowed(answer):
            await self.limiter.allowed(calls)
        if (left := self.left_today(answer)) is not None:
            await self.limiter.left_today(left)
        try:
            self.judge(answer)
            self._sort_out(answer)
        except QuotaExhaustedError as error:
            await self.limiter.hold(error.wait)
            raise
        return answer

    def _sort_out(self, answer: Answer) -> None:
        status = answer.status
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            message = f"{self.name} answered 429: its limit is reached."
            raise QuotaExhaustedError(message, wait=answer.wait or _PAUSE)
        if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            message = f"{self.name} answered {status}; it is tried again later."
            raise DestinationUnavailableError(message, wait=answer.wait)
        if status == HTTPStatus.UNAUTHORIZED:
            message = f"{self.name} does not accept our credentials (401); check {self.secret}."
            raise DestinationRefusedError(message)
        if status == HTTPStatus.FORBIDDEN:
            message = (
                f"{self.name} forbids it (403); give the key of {self.secret} "
                "the scopes that docs/connectors.md names."
            )
            raise DestinationRefusedError(message)
        if answer.is_taken and str(answer.body)[:1] == "<":
            message = f"{self.name} answered with a page instead of data; it is tried again later."
            raise DestinationUnavailableError(message)
        if HTTPStatus(300) <= status < HTTPStatus(400):
            message = f"{self.name} sends us elsewhere ({status}); mend the address of its setting."
            raise DestinationRefusedError(message)


@asynccontextmanager
async def open_session() -> AsyncIterator[ClientSession]:
    """Open a pool of connections to the shop's own CRMs; it knows no cookies and no proxy."""
    headers = {"User-Agent": "Askfirst", "Accept": "application/json"}
    async with ClientSession(cookie_jar=DummyCookieJar(), headers=headers) as session:
        yield session


def address(settings: Settings, name: str) -> URL:
    """Give the address that a setting holds.

    :raises SettingsError: it is none, or http to somewhere that ASKFIRST_WEBHOOK_ALLOW does not name.
    """
    try:
        return check_url(getattr(settings, name), Allowed.of(settings.webhook_allow))
    except ForbiddenAddressError as error:
        message = f"{PREFIX}{name.upper()}: {error}"
        raise SettingsError(message) from None


def needed(settings: Settings, name: str) -> str:
    """Give what a setting of a connector holds, secret or not.

    :raises SettingsError: it is empty.
    """
    value = getattr(settings, name)
    text = value if isinstance(value, str) else str(value.get_secret_value())
    if not text:
        message = f"{PREFIX}{name.upper()} must be set; docs/connectors.md says where to find it."
        raise SettingsError(message)
    return text


def without_names(reason: str) -> str:
    """Strike out what looks like an address or a number, and end it where it grows long."""
    struck = _PERSONAL.sub("…", " ".join(reason.split()))
    return struck if len(struck) <= _LONGEST_REASON else f"{struck[:_LONGEST_REASON]}…"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _retry_after(text: str) -> timedelta:
    """Read seconds or a date; what cannot be read asks for no wait."""
    text = text.strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            wait = timedelta(seconds=float(text))
        else:
            wait = parsedate_to_datetime(text) - datetime.now(UTC)
    except (ValueError, OverflowError, TypeError):
        return timedelta()
    return min(max(wait, timedelta()), _LONGEST_WAIT)
