"""Tells the gateway at start-up what the demo shop sells and what was bought there before."""

import logging
from asyncio import sleep
from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.demo.gateway import Gateway, GatewayUnavailableError, WebhookRefusedError
from bot.demo.shelf import Shelf
from bot.demo.webhooks import Webhook, order_created, product_updated

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 0.2  # seconds
_LONGEST_PAUSE = 2.0
_HOUR_OF_ORDERS = 10


def past(shelf: Shelf, now: datetime) -> Iterator[Webhook]:
    """Products first, so that the orders that name them are understood; then oldest orders first."""
    for product in shelf.products.values():
        yield product_updated(product)
    orders = [(order, shopper) for shopper in shelf.shoppers.values() for order in shopper.orders]
    for order, shopper in sorted(orders, key=lambda pair: -pair[0].days_ago):
        day = now - timedelta(days=order.days_ago)
        at = day.replace(hour=_HOUR_OF_ORDERS, minute=0, second=0, microsecond=0)
        yield order_created(order.id, order.id, shopper, order.products, at)


async def feed(gateway: Gateway, shelf: Shelf) -> None:
    """Deliver everything once, however long the gateway takes to listen."""
    delivered = refused = 0
    for webhook in past(shelf, gateway.now()):
        try:
            await _deliver(gateway, webhook)
            delivered += 1
        except WebhookRefusedError as error:
            refused += 1
            logger.warning("Demo shop: %s (%s)", error, webhook.key)
    logger.info("Demo shop: %d webhooks delivered, %d refused", delivered, refused)


async def _deliver(gateway: Gateway, webhook: Webhook) -> None:
    pause = _FIRST_PAUSE
    while True:
        try:
            return await gateway.deliver(webhook)
        except GatewayUnavailableError as error:
            logger.debug("Demo shop: %s", error)
        await sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
