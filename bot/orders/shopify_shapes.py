"""What Shopify's webhooks hold, as far as it is read: nothing else of a body is looked at."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from bot.orders.intake import Flat, Number, short
from preferences.orders import MOST_LINES, MOST_PIECES
from preferences.purchases import Line, Note, Purchase, Status

_SOURCE = "shopify"
_PLACE = ("address1", "address2", "zip", "city", "province_code", "country_code")
_NO = {"", "false", "no", "0"}
_WORDS = ("message", "note", "text", "card")

Optional = Annotated[
    list[Any], BeforeValidator(lambda value: value if isinstance(value, list) else [])
]


class _RefundLine(BaseModel):
    line_item_id: Number
    quantity: int = Field(ge=0, le=MOST_PIECES)


class _Refunded(BaseModel):
    id: Number
    created_at: AwareDatetime
    refund_line_items: list[_RefundLine] = Field([], max_length=MOST_LINES)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What it takes off which line, by a name of its own: it counts once wherever it is told."""
        pieces = Counter[str]()
        for line in self.refund_line_items:
            pieces[line.line_item_id] += line.quantity
        return tuple(
            Note("refund", self.created_at, f"refund/{self.id}/{ref}", ref, count)
            for ref, count in pieces.items()
        )


class Refund(_Refunded):
    """A body of refunds/create."""

    order_id: Number


class Fulfillment(BaseModel):
    """A body of fulfillments/create or fulfillments/update, or one that stands in an order."""

    order_id: Number = ""
    updated_at: AwareDatetime
    shipment_status: Flat = ""

    @property
    def notes(self) -> tuple[Note, ...]:
        """That it was delivered, if the carrier says so."""
        if self.shipment_status != "delivered":
            return ()
        return (Note("delivered", self.updated_at, "delivered"),)


class _Line(BaseModel):
    id: Number = ""
    sku: Flat = ""
    product_id: Number | None = None
    title: str = Field(min_length=1)
    quantity: int = Field(ge=0, le=MOST_PIECES)
    current_quantity: int | None = Field(None, ge=0, le=MOST_PIECES)
    price: Decimal | None = Field(None, ge=0, lt=10**12)
    properties: Optional = []

    @property
    def number(self) -> str:
        """The article's own number, or one of the product: a shop need not give a SKU."""
        return short(self.sku) or (
            f"product:{self.product_id}" if self.product_id else short(f"title:{self.title}")
        )


class _Customer(BaseModel):
    id: Number


class Order(BaseModel):
    """A body of orders/create, orders/updated, orders/cancelled and the like: the order, whole."""

    id: Number
    created_at: AwareDatetime
    updated_at: AwareDatetime | None = None
    customer: _Customer | None = None
    email: Flat = ""
    phone: Flat = ""
    currency: Flat = ""
    financial_status: Flat = ""
    line_items: list[_Line] = Field(max_length=MOST_LINES)
    refunds: list[_Refunded] = Field([], max_length=MOST_LINES)
    fulfillments: list[Fulfillment] = Field([], max_length=MOST_LINES)
    note_attributes: Optional = []
    shipping_address: dict[str, Any] | None = None
    billing_address: dict[str, Any] | None = None
    test: bool = False
    cancelled_at: AwareDatetime | None = None

    def as_purchase(self) -> Purchase:
        """Give the order in our own words."""
        marks = set(self._marks())
        here, there = _address(self.billing_address), _address(self.shipping_address)
        return Purchase(
            _SOURCE,
            self.id,
            self.customer.id if self.customer else "",
            self.created_at,
            tuple(self._lines()),
            email=self.email,
            phone=self.phone,
            updated_at=self.updated_at or self.cancelled_at,
            status=self._status,
            gift_wrap="wrap" in marks,
            gift_message="message" in marks,
            ships_elsewhere=here != there if here and there else None,
            address=there,
            notes=self._notes,
        )

    @property
    def _status(self) -> Status:
        if self.cancelled_at or self.financial_status == "voided":
            return "cancelled"
        return "refunded" if self.financial_status == "refunded" else "placed"

    @property
    def _notes(self) -> tuple[Note, ...]:
        refunds = [note for refund in self.refunds for note in refund.notes]
        sent = [note for fulfillment in self.fulfillments for note in fulfillment.notes]
        return (*refunds, *sent)

    def _lines(self) -> Iterator[Line]:
        """Give the lines before refunds: the refunds are told as notes, each once."""
        refunded = Counter[str]()
        for note in (note for refund in self.refunds for note in refund.notes):
            refunded[note.ref] += note.quantity
        for line in self.line_items:
            left = line.current_quantity
            pieces = line.quantity if left is None else left + refunded[line.id]
            if pieces:
                yield Line(
                    line.number,
                    short(line.title),
                    pieces,
                    line.price,
                    self.currency,
                    ref=line.id,
                )

    def _marks(self) -> Iterator[str]:
        """Tell by their names alone which additions mark a gift: no word of a message is read."""
        named = [
            *self.note_attributes,
            *(one for line in self.line_items for one in line.properties),
        ]
        for one in named:
            mark = one if isinstance(one, dict) else {}
            name, value = (str(mark.get(key) or "").casefold() for key in ("name", "value"))
            if "gift" in name and value not in _NO:
                yield "message" if any(word in name for word in _WORDS) else "wrap"


class _Variant(BaseModel):
    sku: str = Field(min_length=1, max_length=255)


class Report(BaseModel):
    """A body of products/create and products/update."""

    title: str = Field(min_length=1, max_length=255)
    product_type: str = ""
    tags: str = ""
    updated_at: AwareDatetime
    variants: list[_Variant] = Field(max_length=500)


def _address(parts: dict[str, Any] | None) -> str:
    return "|".join(str((parts or {}).get(name) or "") for name in _PLACE).strip("|")
