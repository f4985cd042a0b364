"""WooCommerce's webhooks: signed orders, read as our own purchases."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Annotated, Any

from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field

from bot.orders.intake import (
    Flat,
    Number,
    Platform,
    acknowledged,
    is_signed,
    keep,
    keep_happenings,
    read,
    short,
    unsigned,
)
from bot.parts import CLOCK
from preferences.orders import MOST_LINES, MOST_PIECES
from preferences.purchases import Line, Note, Purchase, Status

PLATFORM = Platform(
    "woocommerce", "X-WC-Webhook-Signature", "X-WC-Webhook-Topic", "X-WC-Webhook-Delivery-ID"
)
_PING = re.compile(rb"webhook_id=\d{1,20}")
_PLACE = ("address_1", "address_2", "postcode", "city", "state", "country")
_SIZE = re.compile(r"^(pa_)?size$", re.IGNORECASE)
_STATUS: dict[str, Status] = {
    "cancelled": "cancelled",
    "failed": "cancelled",
    "trash": "cancelled",
    "refunded": "refunded",
    "delivered": "delivered",
}
_NOT_YET = {"pending", "checkout-draft", "auto-draft"}

# WooCommerce's `…_gmt` times lack a zone.
Gmt = Annotated[datetime, AfterValidator(lambda at: at if at.tzinfo else at.replace(tzinfo=UTC))]


class _Meta(BaseModel):
    key: object = None
    value: object = None


class _Line(BaseModel):
    id: Number = ""
    name: Flat = ""
    sku: Flat = ""
    product_id: int = 0
    variation_id: int = 0
    quantity: int = Field(ge=0, le=MOST_PIECES)
    price: Decimal | None = Field(None, ge=0, lt=10**12)
    meta_data: list[_Meta] = Field([], max_length=1000)

    def as_line(self, currency: str) -> Line:
        """Give the line in our own words; a product need not have a SKU or a name."""
        number = f"product:{self.variation_id or self.product_id}"
        size = next((str(one.value) for one in self.meta_data if _SIZE.match(str(one.key))), "")
        return Line(
            short(self.sku) or number,
            short(unescape(self.name)) or number,
            self.quantity,
            self.price,
            currency,
            size=short(unescape(size)),
            ref=self.id,
        )


class _Refund(BaseModel):
    total: Decimal


class Order(BaseModel):
    """A body of order.created and order.updated: the order, whole."""

    id: Number
    status: str
    currency: Flat = ""
    date_created_gmt: Gmt
    date_modified_gmt: Gmt | None = None
    customer_id: int = 0
    total: Decimal = Decimal(0)
    billing: dict[str, Any] = {}
    shipping: dict[str, Any] = {}
    line_items: list[_Line] = Field(max_length=MOST_LINES)
    refunds: list[_Refund] = Field([], max_length=MOST_LINES)

    def as_purchase(self) -> Purchase:
        """Give the order in our own words."""
        here, there = _address(self.billing), _address(self.shipping)
        return Purchase(
            PLATFORM.source,
            self.id,
            str(self.customer_id) if self.customer_id else "",
            self.date_created_gmt,
            tuple(line.as_line(self.currency) for line in self.line_items if line.quantity),
            email=str(self.billing.get("email") or ""),
            phone=str(self.billing.get("phone") or ""),
            updated_at=self.date_modified_gmt,
            status=self._status,
            ships_elsewhere=here != there if here and there else None,
            address=there or here,
        )

    @property
    def is_placed(self) -> bool:
        """Whether it stands; what is not paid for yet comes again when it is."""
        return self.status not in _NOT_YET and self._status in ("placed", "delivered")

    @property
    def _status(self) -> Status:
        given_back = -sum(refund.total for refund in self.refunds)
        if self.total > 0 and given_back >= self.total:
            return "refunded"
        return _STATUS.get(self.status, "placed")


class Deleted(BaseModel):
    """A body of order.deleted: the number, and nothing else."""

    id: Number


def setup(app: web.Application) -> None:
    """Add the webhook's route."""
    app.router.add_post("/v1/orders/woocommerce", orders)


async def orders(request: web.Request) -> web.Response:
    """Take an order. The ping that is sent on saving a webhook is answered, and nothing is kept."""
    raw = await request.read()
    if is_ping(raw):
        return acknowledged()
    if not is_signed(request, raw, PLATFORM):
        return unsigned(PLATFORM)
    match PLATFORM.topic_of(request):
        case "order.deleted":
            return await read(request, raw, PLATFORM, Deleted, lambda it: _deleted(request, it))
        case "order.created" | "order.updated" | "order.restored" | "":
            return await read(request, raw, PLATFORM, Order, lambda it: _order(request, it))
        case _:
            return acknowledged()


def is_ping(raw: bytes) -> bool:
    """Tell whether a body is the ping that is sent, unsigned, when a webhook is saved."""
    return bool(_PING.fullmatch(raw))


async def _order(request: web.Request, order: Order) -> web.Response:
    """Keep an order that was placed: what is not paid for yet comes again when it is."""
    if order.status in _NOT_YET:
        return acknowledged()
    return await keep(request, order.as_purchase())


async def _deleted(request: web.Request, order: Deleted) -> web.Response:
    note = Note("cancelled", request.app[CLOCK](), "cancelled")
    return await keep_happenings(request, PLATFORM.source, order.id, [note])


def _address(parts: dict[str, Any]) -> str:
    return "|".join(str(parts.get(name) or "") for name in _PLACE).strip("|")
