"""The gateway as the demo shop's back end sees it: an address that takes signed webhooks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.demo.webhooks import Webhook
from preferences.settings import Settings

_PATIENCE = ClientTimeout(total=5)  # seconds, as long as Shopify waits
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - told apart, not bound


class GatewayUnavailableError(Exception):
    """The gateway could not be reached, or failed; the same webhook may be sent again."""


class WebhookRefusedError(Exception):
    """The gateway read the webhook and will not have it; its text says why."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Delivers webhooks, one at a time."""

    session: ClientSession
    base_url: str
    secret: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def deliver(self, webhook: Webhook) -> None:
        """Send it once.

        :raises GatewayUnavailableError: try again later.
        :raises WebhookRefusedError: trying again is of no use.
        """
        headers = webhook.headers(self.secret, self.now())
        url = self.base_url + webhook.path
        try:
            async with self.session.post(
                url, data=webhook.raw, headers=headers, timeout=_PATIENCE
            ) as response:
                text = await response.text(errors="replace")
                status = response.status
        except (ClientError, TimeoutError) as error:
            message = f"No gateway answers at {self.base_url}: is it running?"
            raise GatewayUnavailableError(message) from error
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            message = f"The gateway answered {status}; try again in a moment."
            raise GatewayUnavailableError(message)
        if status >= HTTPStatus.BAD_REQUEST:
            message = f"The gateway refused the webhook with {status}: {text[:300]}"
            raise WebhookRefusedError(message)


def base_url(settings: Settings) -> str:
    """Give the gateway's own address, as seen from this machine."""
    return f"http://{_EVERY_ADDRESS.get(settings.host, settings.host)}:{settings.port}"
