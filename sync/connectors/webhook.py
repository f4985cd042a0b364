"""Any system that takes webhooks: posts signed batches as standardwebhooks.com describes them."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from standardwebhooks import Webhook as Signer
from yarl import URL

from preferences.addresses import Allowed, ForbiddenAddressError, check_url
from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.delivery import Delivery, Result, Taken
from sync.errors import (
    BatchRefusedError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from sync.guard import open_guarded
from sync.posting import Answer, Poster, UnansweredError

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
    poster: Poster
    batch_size: int = 20

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Post a batch."""
        answer = await self._post(batch)
        status = answer.status
        if HTTPStatus(200) <= status < HTTPStatus(300):
            return [Taken() for _ in batch]
        if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            message = f"The webhook answered {status}; it is tried again later."
            raise DestinationUnavailableError(message, wait=answer.wait)
        if status not in _REFUSES_CONTENT:
            raise _refusal(status)
        message = f"The webhook answered {status}: mend the receiver."
        raise BatchRefusedError(message)

    async def _post(self, batch: Sequence[Delivery]) -> Answer:
        now = datetime.now(UTC)
        body = json.dumps(_message(batch, now), ensure_ascii=False, separators=(",", ":"))
        try:
            return await self.poster.post(self.url, [self.signer], _name(batch), body, now)
        except UnansweredError as error:
            raise DestinationUnavailableError(str(error)) from None
        except ForbiddenAddressError as error:
            message = f"ASKFIRST_WEBHOOK_URL: {error}"
            raise DestinationRefusedError(message) from None


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[Webhook]:
    """Open the connection pool.

    :raises SettingsError: the address or the secret cannot be used.
    """
    allowed = Allowed.of(settings.webhook_allow)
    url = _url(settings.webhook_url, allowed)
    signer = _signer(settings.webhook_secret.get_secret_value())
    async with open_guarded(allowed) as session:
        yield Webhook(url, signer, Poster(session))


def _url(text: str, allowed: Allowed) -> URL:
    try:
        return check_url(text, allowed)
    except ForbiddenAddressError as error:
        message = f"ASKFIRST_WEBHOOK_URL: {error}"
        raise SettingsError(message) from None


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
