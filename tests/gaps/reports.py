"""Every report of a platform that we know, again and again: each time without another of its keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlencode

from tests.bot.channels import platform
from tests.bot.channels.bodies import MESSENGER, WHATSAPP, gaps, raw
from tests.bot.channels.test_public_bodies import told
from tests.bot.channels.test_twilio import FORM, PUBLIC, signature
from tests.bot.channels.test_twilio import SETTINGS as TWILIO
from tests.bot.orders.conftest import HEADERS, shopify_order, signed, woo_order
from tests.bot.orders.test_public_orders import bodies
from tests.bot.orders.test_shopify import LATER, REFUND

type Whole = tuple[str, str, Mapping[str, Any]]
"""A platform, what its report is about, and the body with nothing missing."""

SETTINGS: dict[str, Any] = {
    **platform.SETTINGS,
    **TWILIO,
    "channels": f"{platform.SETTINGS['channels']},twilio",
    "shopify_secret": "the secret of Shopify",
    "woocommerce_secret": "the secret of WooCommerce",
}
"""A gateway that takes reports of every platform."""
_WHATSAPP_BY_TWILIO = {"From": f"whatsapp:{FORM['From']}", "ExternalUserId": "ES.1"}
_FORMS: tuple[dict[str, str], ...] = (
    {"Body": "Hola"},
    {"Body": "Hola", **_WHATSAPP_BY_TWILIO, "ReferralSourceId": "7"},
    {"ButtonPayload": "p", "ButtonText": "Yes"},
    {"ListId": "p", "ListTitle": "Yes"},
    {"NumMedia": "1", "MediaContentType0": "image/png", "Body": "this", "MessageType": "image"},
    {"Latitude": "1", "Longitude": "2"},
    {"MessageStatus": "failed", "ErrorCode": "21610"},
)
_CUSTOMER = {"id": 7, "email": "a@b.example", "phone": "+34600111222"}
_PRODUCT = {
    "title": "Hat",
    "product_type": "hat",
    "tags": "new, audience:women",
    "updated_at": LATER,
    "variants": [{"sku": "hat"}],
}
_FULFILLMENT = {"order_id": 1, "updated_at": LATER, "shipment_status": "delivered"}
_ORDERS: tuple[Whole, ...] = (  # those that delete come last
    ("shopify", "orders/create", shopify_order(customer=_CUSTOMER, refunds=[REFUND])),
    ("shopify", "refunds/create", REFUND),
    ("shopify", "fulfillments/update", _FULFILLMENT),
    ("shopify", "products/update", _PRODUCT),
    ("shopify", "customers/data_request", {"customer": _CUSTOMER, "orders_requested": [1]}),
    ("woocommerce", "order.created", woo_order(refunds=[{"id": 1, "total": "-1.80"}])),
    ("woocommerce", "order.deleted", {"id": 1}),
    ("shopify", "customers/redact", {"customer": _CUSTOMER, "orders_to_redact": [1]}),
    ("shopify", "shop/redact", {"shop_id": 1, "shop_domain": "demo.example"}),
)
_IDS = frozenset({"id", "order_id", "MessageSid"})
_PLACES = {"products/update": "products", "shop/redact": "privacy"}


@dataclass(frozen=True, slots=True)
class Report:
    """One with a gap: the place of the key that is missing."""

    source: str
    topic: str
    body: Mapping[str, Any]
    gap: str

    @property
    def path(self) -> str:
        """Where it is sent to."""
        kind = _PLACES.get(self.topic, "orders") if self.source in HEADERS else "channels"
        return f"/v1/{kind}/{self.source}"

    @property
    def raw(self) -> bytes:
        """The bytes that are sent."""
        return urlencode(self.body).encode() if self.source == "twilio" else raw(self.body)

    @property
    def taken(self) -> tuple[int, ...]:
        """The statuses that acknowledge it: an order that cannot be read is kept aside (202)."""
        return (200, 202) if self.source in HEADERS else (200,)

    def headers(self, sent: bytes) -> dict[str, str]:
        """Sign the bytes as the platform does."""
        if self.source == "twilio":
            told = signature(sent, f"{PUBLIC}{self.path}")
            form = "application/x-www-form-urlencoded"
            return {"X-Twilio-Signature": told, "Content-Type": form}
        if self.source not in HEADERS:
            return platform.signed(sent)
        name, about, _ = HEADERS[self.source]
        return {name: signed(SETTINGS[f"{self.source}_secret"], sent), about: self.topic}


def reports() -> list[Report]:
    """Give all of them, each with ids that no other one has: none is passed over as known."""
    numbers = count(1)
    return [
        Report(source, topic, _own(source, less, next(numbers)), ".".join(map(str, place)))
        for source, topic, body in _whole()
        for place, less in gaps(body)
    ]


def _whole() -> Iterator[Whole]:
    """Give the bodies of public projects, where their folder is beside us, and our own."""
    yield from ((one.channel, one.file, one.body) for one in told())
    yield from (("whatsapp", name, body) for name, (body, _) in WHATSAPP.items())
    for name, (body, _) in MESSENGER.items():
        yield "messenger", name, body
        entry = {**body["entry"][0], "id": SETTINGS["instagram_account"]}
        yield "instagram", name, {"object": "instagram", "entry": [entry]}
    yield from (("twilio", "form", {"MessageSid": "SM", **FORM, **form}) for form in _FORMS)
    yield from ((source, topic, body) for source, topic, body, _ in bodies())
    yield from _ORDERS


def _own(source: str, body: Any, number: int) -> Any:
    if source in HEADERS or source == "twilio":
        kind = str if source == "twilio" else int
        return {name: kind(number) if name in _IDS else told for name, told in body.items()}
    return _renamed(body, number)


def _renamed(value: Any, number: int, key: str = "") -> Any:
    """Give the messages of a body names of their own: none is known already."""
    if isinstance(value, dict):
        return {name: _renamed(inner, number, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(one, number, key) for one in value]
    named = key == "mid" or (key == "id" and str(value).startswith("wamid"))
    return f"{value}.{number}" if named and value else value
