"""The one documented form of an order, from wherever it comes: till, app, mail, phone, a file."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from preferences.errors import BadInputError
from preferences.names import normal
from preferences.purchases import OVER, Line, Purchase

MOST_LINES = 500
MOST_PIECES = 1_000_000
_LATE = timedelta(minutes=5)  # clocks differ

Short = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Hint = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Money = Annotated[
    Decimal,
    BeforeValidator(lambda value: Decimal(value) if type(value) is int else value),
    Field(ge=0, lt=10**12, max_digits=16, decimal_places=4, strict=False),
]


class _Told(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


class OrderLine(_Told):
    """One article of an order."""

    sku: Short
    """The shop's number of the article, the same as in the feed of products."""
    title: Short
    quantity: int = Field(ge=0, le=MOST_PIECES)
    """How many pieces were ordered, refunded ones among them."""
    refunded: int = Field(0, ge=0, le=MOST_PIECES)
    """How many of them were given back or refunded by now."""
    price: Money | None = None
    """What one piece cost, as text: `"19.90"`."""
    currency: str = Field("", pattern=r"^([A-Z]{3})?$")
    """Its currency by ISO 4217: `EUR`."""
    category: Hint = ""
    """What kind of article it is, where the feed of products does not tell."""
    audience: Hint = ""
    """For whom it is made, where the feed does not tell: `women`, `men`, `children`."""
    size: Hint = ""


class OrderEvent(_Told):
    """An order as it stands: sent whenever it changes, always whole; the newest `updated_at` holds."""

    source: str = Field(max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")
    """Where it was placed, in a word of the shop: `web`, `pos`, `mobile`, `social`, `phone`."""
    id: Short
    """The number of the order, unique within its source."""
    customer: str = Field("", max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")
    """The shop's number of the customer. Without any name nothing is kept."""
    email: str = Field("", max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")
    """Used where there is no number."""
    phone: str = Field("", max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")
    """Used where there is neither; with its country code."""
    placed_at: AwareDatetime = Field(strict=False)
    updated_at: AwareDatetime | None = Field(None, strict=False)
    """When it became what is told here; by default `placed_at`. An edit that lacks it is lost."""
    status: Literal["placed", "delivered", "cancelled", "refunded"] = "placed"
    """`refunded` means as a whole; part of it by `refunded` of its lines."""
    lines: list[OrderLine] = Field([], max_length=MOST_LINES)
    gift_wrap: bool = False
    gift_message: bool = False
    """Whether there is one. Its words are not wanted here."""
    ships_elsewhere: bool | None = None
    """Whether it goes to another address than the invoice."""
    address: str = Field("", max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")
    """Where it goes, or the shop's own hash of it: only a keyed hash is kept, only ever compared."""
    test: bool = False
    """A test of the shop's: answered, never kept."""

    @model_validator(mode="after")
    def _has_lines(self) -> Self:
        if not self.lines and self.status not in OVER:
            message = "An order that stands has lines; send it whole."
            raise ValueError(message)
        return self


def purchase_of(event: OrderEvent, now: datetime) -> Purchase:
    """Give the purchase that an event tells of.

    :raises BadInputError: a name is none, or a time is in the future; `field` says which.
    """
    _check(event, now)
    return Purchase(
        event.source,
        event.id,
        event.customer,
        event.placed_at,
        tuple(_line(line) for line in event.lines),
        email=event.email,
        phone=event.phone,
        updated_at=event.updated_at,
        status=event.status,
        gift_wrap=event.gift_wrap,
        gift_message=event.gift_message,
        ships_elsewhere=event.ships_elsewhere,
        address=event.address,
    )


def _check(event: OrderEvent, now: datetime) -> None:
    for kind, value in (("email", event.email), ("phone", event.phone)):
        if value:
            try:
                normal(kind, value)
            except BadInputError as error:
                raise BadInputError(str(error), field=kind) from None
    for name, at in (("placed_at", event.placed_at), ("updated_at", event.updated_at)):
        if at is not None and at > now + _LATE:
            message = "This is in the future; tell when it was so."
            raise BadInputError(message, field=name)


def _line(line: OrderLine) -> Line:
    return Line(
        line.sku,
        line.title,
        max(0, line.quantity - line.refunded),
        line.price,
        line.currency,
        line.category.strip().lower(),
        line.audience.strip().lower(),
        line.size.strip(),
    )
