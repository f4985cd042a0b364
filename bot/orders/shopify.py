"""Shopify's webhooks: signed orders, what happens to them, and products, read as our own purchases."""

from aiohttp import web

from bot.orders import shopify_privacy
from bot.orders.intake import (
    Platform,
    acknowledged,
    is_signed,
    keep,
    keep_happenings,
    read,
    unsigned,
)
from bot.orders.shopify_shapes import Fulfillment, Order, Refund, Report
from bot.parts import STORE
from preferences.purchases import Product
from preferences.store.purchases import keep_product

PLATFORM = Platform("shopify", "X-Shopify-Hmac-SHA256", "X-Shopify-Topic", "X-Shopify-Webhook-Id")
_AUDIENCE = "audience:"


def setup(app: web.Application) -> None:
    """Add the webhooks' routes."""
    app.router.add_post("/v1/orders/shopify", orders)
    app.router.add_post("/v1/products/shopify", products)
    app.router.add_post("/v1/privacy/shopify", privacy)
    shopify_privacy.setup(app)


async def orders(request: web.Request) -> web.Response:
    """Take an order, a refund or a fulfillment; a request for privacy too, if it is sent here.

    Tests and orders of nobody are acknowledged and not kept, as is every topic that tells nothing.
    """
    raw = await request.read()
    if not is_signed(request, raw, PLATFORM):
        return unsigned(PLATFORM)
    noun, _, verb = PLATFORM.topic_of(request).partition("/")
    match noun, verb:
        case ("customers" | "shop", "data_request" | "redact"):
            return await shopify_privacy.take(request, raw, PLATFORM)
        case ("refunds", _):
            return await read(request, raw, PLATFORM, Refund, lambda it: _refund(request, it))
        case ("fulfillments", _):
            return await read(request, raw, PLATFORM, Fulfillment, lambda it: _sent(request, it))
        case ("orders" | "", _) if verb not in ("edited", "delete"):
            return await read(request, raw, PLATFORM, Order, lambda it: _order(request, it))
        case _:  # a checkout or a cart looks like an order, and is none
            return acknowledged()


async def products(request: web.Request) -> web.Response:
    """Take a product of the feed: its type is the category, a tag `audience:women` the audience."""
    raw = await request.read()
    if not is_signed(request, raw, PLATFORM):
        return unsigned(PLATFORM)
    return await read(request, raw, PLATFORM, Report, lambda it: _product(request, it))


async def privacy(request: web.Request) -> web.Response:
    """Take a request for privacy: what a shopper, or a shop that leaves, wants by law."""
    raw = await request.read()
    if not is_signed(request, raw, PLATFORM):
        return unsigned(PLATFORM)
    return await shopify_privacy.take(request, raw, PLATFORM)


async def _order(request: web.Request, order: Order) -> web.Response:
    if order.test:
        return acknowledged()
    return await keep(request, order.as_purchase())


async def _refund(request: web.Request, refund: Refund) -> web.Response:
    return await keep_happenings(request, PLATFORM.source, refund.order_id, refund.notes)


async def _sent(request: web.Request, fulfillment: Fulfillment) -> web.Response:
    notes = fulfillment.notes
    if not notes:
        return acknowledged()
    return await keep_happenings(request, PLATFORM.source, fulfillment.order_id, notes)


async def _product(request: web.Request, product: Report) -> web.Response:
    tags = [tag.strip().lower() for tag in product.tags.split(",")]
    audience = next((tag.removeprefix(_AUDIENCE) for tag in tags if tag.startswith(_AUDIENCE)), "")
    for variant in product.variants:
        await keep_product(
            request.app[STORE],
            Product(
                variant.sku,
                product.title,
                product.product_type.lower(),
                audience.strip(),
                product.updated_at,
            ),
        )
    return web.Response(status=200, text="kept\n")
