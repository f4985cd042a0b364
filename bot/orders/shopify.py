"""Shopify's webhooks: signed orders and products of the shop, each kept once."""

import base64
import hmac
import json
import logging
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError

from bot.channels.web import CHANNEL
from bot.parts import BUS, CLOCK, POLICY, QUEUE, SETTINGS, STORE
from bot.problems import problem
from preferences.purchases import Line, Product, Purchase
from preferences.store.conversations import reachable, receive
from preferences.store.purchases import keep_aside, keep_product, keep_purchase

logger = logging.getLogger(__name__)

_SOURCE = "shopify"
_AUDIENCE = "audience:"
# A shopper who was here this recently is told in the chat; everybody else when they come back.
_STILL_HERE = timedelta(minutes=30)

Number = Annotated[
    str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)
]


class _Line(BaseModel):
    sku: str = Field(min_length=1, max_length=255)
    title: str = Field(min_length=1, max_length=255)
    quantity: int = Field(ge=1, le=10_000)


class _Customer(BaseModel):
    id: Number


class _Order(BaseModel):
    id: Number
    created_at: AwareDatetime
    customer: _Customer | None = None
    line_items: list[_Line] = Field(max_length=500)
    test: bool = False
    cancelled_at: AwareDatetime | None = None


class _Variant(BaseModel):
    sku: str = Field(min_length=1, max_length=255)


class _Product(BaseModel):
    title: str = Field(min_length=1, max_length=255)
    product_type: str = ""
    tags: str = ""
    updated_at: AwareDatetime
    variants: list[_Variant] = Field(max_length=500)


def setup(app: web.Application) -> None:
    """Add the webhooks' routes."""
    app.router.add_post("/v1/orders/shopify", orders)
    app.router.add_post("/v1/products/shopify", products)


async def orders(request: web.Request) -> web.Response:
    """Take an order. Tests, cancelled orders and guests are acknowledged and not kept."""
    order = await _signed(request, _Order)
    if isinstance(order, web.Response):
        return order
    if order.test or order.cancelled_at or order.customer is None or not order.line_items:
        return web.Response(status=200, text="acknowledged, nothing to keep\n")
    app, now = request.app, request.app[CLOCK]()
    lines = tuple(Line(line.sku, line.title, line.quantity) for line in order.line_items)
    purchase = Purchase(_SOURCE, order.id, order.customer.id, order.created_at, lines)
    kept = await keep_purchase(app[STORE], purchase, app[POLICY].misfit, now)
    if kept.candidate:
        await _tell(app, kept.shopper, purchase)
    return web.Response(status=200, text="kept\n")


async def products(request: web.Request) -> web.Response:
    """Take a product of the feed: its type is the category, a tag `audience:women` the audience."""
    product = await _signed(request, _Product)
    if isinstance(product, web.Response):
        return product
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


async def _tell(app: web.Application, shopper: str, purchase: Purchase) -> None:
    """Let the assistant weigh the occasion, in the conversation that is still warm."""
    now = app[CLOCK]()
    conversation = await reachable(app[STORE], shopper, CHANNEL, now, _STILL_HERE)
    if conversation is None:
        return
    await receive(
        app[STORE],
        conversation,
        message_id=f"purchase:{purchase.source}:{purchase.external_id}",
        kind="event",
        text="purchased",
        body={},
        now=now,
    )
    await app[BUS].tell(conversation, "thinking")
    await app[QUEUE].put(shopper)


async def _signed[Report: BaseModel](
    request: web.Request, shape: type[Report]
) -> Report | web.Response:
    """Check the signature over the raw bytes before reading them; keep aside what is no report."""
    raw = await request.read()
    if not _is_signed(request, raw):
        message = "The signature is missing or wrong; check ASKFIRST_SHOPIFY_SECRET on both sides."
        return problem(401, "signature", message)
    try:
        return shape.model_validate(json.loads(raw))
    except (ValueError, RecursionError) as error:
        field, what = _fault(error)
    await keep_aside(
        request.app[STORE],
        source=_SOURCE,
        topic=request.headers.get("X-Shopify-Topic", request.path),
        delivery=request.headers.get("X-Shopify-Webhook-Id") or sha256(raw).hexdigest(),
        body=raw.decode("utf-8", "replace").replace("\x00", "\ufffd"),
        problem=f"{field}: {what}",
        now=request.app[CLOCK](),
    )
    logger.warning("A signed webhook could not be read (%s: %s); it is kept aside.", field, what)
    detail = f"{field}: {what}. The delivery is kept aside and can be replayed once this is mended."
    return problem(422, "order", detail, field=field)


def _fault(error: Exception) -> tuple[str, str]:
    """Name the field and what is wrong with it, without what it holds."""
    if isinstance(error, ValidationError):
        first: Any = error.errors(include_input=False)[0]
        return ".".join(str(part) for part in first["loc"]) or "body", str(first["msg"])
    return "body", "is not JSON"


def _is_signed(request: web.Request, raw: bytes) -> bool:
    secret = request.app[SETTINGS].shopify_secret.get_secret_value()
    expected = base64.b64encode(hmac.new(secret.encode(), raw, sha256).digest())
    given = request.headers.getall("X-Shopify-Hmac-SHA256", [])
    return len(given) == 1 and hmac.compare_digest(given[0].encode(), expected)
