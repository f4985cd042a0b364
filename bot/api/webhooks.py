"""Managing outgoing webhooks: who is told of changes, with which secret, and what came of it."""

import asyncio
import socket
from datetime import timedelta

from aiohttp import ThreadedResolver

from bot.api.operations import Call, operation
from bot.api.refusals import NOT_FOUND
from bot.api.webhook_models import (
    AddedWebhook,
    DeliveriesPage,
    DeliveriesQuery,
    DeliveryView,
    NewSecret,
    NewWebhook,
    Pause,
    Replay,
    ReplayView,
    Rotation,
    TestQuery,
    WebhookPath,
    WebhooksPage,
    WebhookView,
)
from bot.parts import SETTINGS
from preferences.addresses import Allowed, ForbiddenAddressError, check_addresses, check_url
from preferences.errors import BadInputError
from preferences.store.webhook_log import (
    Range,
    add_test,
    read_deliveries,
    read_delivery,
    replay,
)
from preferences.store.webhooks import (
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    read_endpoint,
    read_endpoints,
    remove_endpoint,
    rotate_secret,
)

_RESOLVE_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_REPLAYED = 1000  # changes in one transaction


@operation("POST", "/v1/webhooks", {"admin"}, status=201)
async def add_webhook(call: Call, body: NewWebhook) -> AddedWebhook:
    """Add a webhook.

    It is told of what happens from now on; what was before is had by a replay. Its secret stands
    in this answer alone.
    """
    url = await _judged(body.url, Allowed.of(call.request.app[SETTINGS].webhook_allow))
    endpoint, secret = await add_endpoint(call.store, url, body.types, call.now)
    return AddedWebhook(webhook=WebhookView.of(endpoint), secret=secret)


@operation("GET", "/v1/webhooks", {"admin"})
async def list_webhooks(call: Call) -> WebhooksPage:
    """List every webhook."""
    endpoints = await read_endpoints(call.store)
    return WebhooksPage(webhooks=[WebhookView.of(one) for one in endpoints])


@operation("GET", "/v1/webhooks/{id}", {"admin"}, problems=[NOT_FOUND])
async def read_webhook(call: Call, path: WebhookPath) -> WebhookView:
    """Read one webhook."""
    return WebhookView.of(await read_endpoint(call.store, path.id))


@operation("DELETE", "/v1/webhooks/{id}", {"admin"}, status=204, problems=[NOT_FOUND])
async def remove_webhook(call: Call, path: WebhookPath) -> None:
    """Remove a webhook, with the log of its deliveries."""
    await remove_endpoint(call.store, path.id)


@operation("POST", "/v1/webhooks/{id}/rotate-secret", {"admin"}, problems=[NOT_FOUND])
async def rotate_webhook_secret(call: Call, path: WebhookPath, body: Rotation) -> NewSecret:
    """Change the secret of a webhook.

    Deliveries carry both signatures until the old one is over. An even older one is over at once.
    """
    overlap = timedelta(hours=body.overlap_hours)
    secret = await rotate_secret(call.store, path.id, overlap, call.now)
    return NewSecret(secret=secret, old_secret_until=call.now + overlap)


@operation("POST", "/v1/webhooks/{id}/test", {"admin"}, problems=[NOT_FOUND])
async def send_test(call: Call, path: WebhookPath, query: TestQuery) -> DeliveryView:
    """Send an event of type `askfirst.test` now, and tell what came back.

    It is sent once, by the same process and the same way as all others, to a disabled webhook too.
    Where the state is still `waiting`, nothing has sent it: look whether sync is running.
    """
    test = await add_test(call.store, path.id, call.now)
    loop = asyncio.get_running_loop()
    until = loop.time() + query.wait
    while (found := await read_delivery(call.store, test)).state == "waiting":
        if loop.time() > until:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return DeliveryView.of(found)


@operation("POST", "/v1/webhooks/{id}/enable", {"admin"}, problems=[NOT_FOUND])
async def enable_webhook(call: Call, path: WebhookPath) -> WebhookView:
    """Enable a webhook again.

    It goes on where it stopped: what waited is due at once, what happened since follows.
    """
    return WebhookView.of(await enable_endpoint(call.store, path.id, call.now))


@operation("POST", "/v1/webhooks/{id}/disable", {"admin"}, problems=[NOT_FOUND])
async def disable_webhook(call: Call, path: WebhookPath, body: Pause) -> WebhookView:
    """Send nothing more to a webhook until it is enabled; nothing is lost meanwhile."""
    return WebhookView.of(await disable_endpoint(call.store, path.id, body.reason, call.now))


@operation("GET", "/v1/webhooks/{id}/deliveries", {"admin"}, problems=[NOT_FOUND])
async def list_deliveries(call: Call, path: WebhookPath, query: DeliveriesQuery) -> DeliveriesPage:
    """List what was sent to a webhook and what waits, the newest first.

    It is kept for ASKFIRST_KEEP_DELIVERIES_DAYS, 30 unless the shop says otherwise.
    """
    found = await read_deliveries(call.store, path.id, query.state, query.before, query.limit + 1)
    page = found[: query.limit]
    return DeliveriesPage(
        deliveries=[DeliveryView.of(one) for one in page],
        next=page[-1].id if len(found) > len(page) else None,
    )


@operation("POST", "/v1/webhooks/{id}/replay", {"admin"}, status=202, problems=[NOT_FOUND])
async def replay_deliveries(call: Call, path: WebhookPath, body: Replay) -> ReplayView:
    """Send changes of a range once more.

    They keep their `webhook-id`, so who took one already knows it again. What is under way is left
    out, and what was erased is not there any more.
    """
    wanted = Range(body.first, body.last, body.state)
    done = await replay(call.store, path.id, wanted, _REPLAYED, call.now)
    return ReplayView(queued=done.count, rest_from=done.rest_from)


async def _judged(text: str, allowed: Allowed) -> str:
    """Give an address that may be posted to at this moment; it is judged again at each delivery.

    :raises BadInputError: nothing may be posted there, or it leads nowhere.
    """
    try:
        url = check_url(text, allowed)
        host = url.raw_host or ""
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await ThreadedResolver().resolve(host, url.port or 0, socket.AF_UNSPEC)
        check_addresses(host, [one["host"] for one in found], allowed)
    except ForbiddenAddressError as error:
        raise BadInputError(str(error), field="url") from None
    except (OSError, TimeoutError, UnicodeError):
        message = "The host of the address cannot be found; check its name."
        raise BadInputError(message, field="url") from None
    return str(url)


OPERATIONS = (
    add_webhook,
    list_webhooks,
    read_webhook,
    remove_webhook,
    rotate_webhook_secret,
    send_test,
    enable_webhook,
    disable_webhook,
    list_deliveries,
    replay_deliveries,
)
