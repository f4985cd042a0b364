"""Any system that takes webhooks: posts signed batches as standardwebhooks.com describes them."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from standardwebhooks import Webhook as Signer
from yarl import URL

from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.delivery import Delivery, Result
from sync.errors import DestinationRefusedError, DestinationUnavailableError

_PATIENCE = ClientTimeout(total=15)  # seconds; what the standard advises
_LONGEST_WAIT = timedelta(days=1)  # a Retry-After beyond it is taken for a mistake
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_REFUSES_CONTENT = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts `{"type": "preferences.changed", "timestamp", "data": [profile, …]}`.

    Each profile carries its `version`; the receiver keeps it unless it holds a higher one.
    """

    url: URL
    signer: Signer
    session: ClientSession
    batch_size: int = 20

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Post a batch; one that is refused is posted again in halves, to find what is wrong."""
        status, wait = await self._post(batch)
        if HTTPStatus(200) <= status < HTTPStatus(300):
            return [Result() for _ in batch]
        if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            message = f"The webhook answered {status}; it is tried again later."
            raise DestinationUnavailableError(message, wait=wait)
        if status not in _REFUSES_CONTENT:
            raise _refusal(status)
        if len(batch) == 1:
            return [Result(refused=f"The webhook answered {status}: mend the receiver.")]
        half = len(batch) // 2
        return [*await self.push(batch[:half]), *await self.push(batch[half:])]

    async def _post(self, batch: Sequence[Delivery]) -> tuple[int, timedelta]:
        now = datetime.now(UTC)
        body = json.dumps(_message(batch, now), ensure_ascii=False, separators=(",", ":"))
        name = _name(batch)
        headers = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self.signer.sign(name, now, body),
        }
        post = self.session.post(
            self.url, data=body.encode(), headers=headers, allow_redirects=False
        )
        try:
            async with post as response:
                return response.status, _retry_after(response, now)
        except (ClientError, TimeoutError, OSError) as error:
            message = f"The webhook cannot be reached ({type(error).__name__}); is it running?"
            raise DestinationUnavailableError(message) from None


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[Webhook]:
    """Open the connection pool.

    :raises SettingsError: the address or the secret cannot be used.
    """
    url, signer = _url(settings.webhook_url), _signer(settings.webhook_secret.get_secret_value())
    async with ClientSession(timeout=_PATIENCE, cookie_jar=DummyCookieJar()) as session:
        yield Webhook(url, signer, session)


def _url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        message = "ASKFIRST_WEBHOOK_URL must be a whole address, as in https://crm.example/hook."
        raise SettingsError(message)
    return url


def _signer(secret: str) -> Signer:
    try:
        return Signer(secret)
    except Exception:  # noqa: BLE001 - the library has several, none of them documented
        message = "ASKFIRST_WEBHOOK_SECRET must be whsec_ followed by base64; the receiver made it."
        raise SettingsError(message) from None


def _message(batch: Sequence[Delivery], now: datetime) -> dict[str, Any]:
    return {
        "type": "preferences.changed",
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "data": [{"version": one.version, **one.profile} for one in batch],
    }


def _name(batch: Sequence[Delivery]) -> str:
    """Name a batch by what is in it: the receiver knows it again when an answer was lost."""
    parts = "\n".join(sorted(f"{one.shopper} {one.version} {one.digest}" for one in batch))
    return f"msg_{sha256(parts.encode()).hexdigest()[:32]}"


def _refusal(status: int) -> DestinationRefusedError:
    if status == HTTPStatus.GONE:
        message = (
            "The webhook answered 410, so nothing more is sent to it; "
            "set ASKFIRST_WEBHOOK_URL to another address and start sync again."
        )
        return DestinationRefusedError(message, gone=True)
    message = (
        f"The webhook answered {status}; check ASKFIRST_WEBHOOK_URL and "
        "ASKFIRST_WEBHOOK_SECRET, and start sync again."
    )
    return DestinationRefusedError(message)


def _retry_after(response: ClientResponse, now: datetime) -> timedelta:
    """Read seconds or a date; what cannot be read asks for no wait."""
    text = response.headers.get("Retry-After", "").strip()
    try:
        wait = (
            timedelta(seconds=int(text)) if text.isdecimal() else parsedate_to_datetime(text) - now
        )
    except (ValueError, OverflowError, TypeError):
        return timedelta()
    return min(max(wait, timedelta()), _LONGEST_WAIT)
