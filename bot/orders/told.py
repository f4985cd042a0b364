"""Tells what a body of a shop platform is about by its shape alone: a file has no headers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from bot.channels.shapes import read_object, thing
from bot.messages import Inbound
from bot.orders import woocommerce
from bot.orders.shopify_shapes import Order

_SHOP = frozenset({"myshopify_domain", "shop_domain"})
_PERSON = frozenset({"email", "first_name", "email_address", "sms_marketing_consent"})
_BASKET = frozenset({"token", "cart_token", "abandoned_checkout_url"})
_PLACED = frozenset({"order_number", "financial_status"})
"""What tells an order from the checkout or the cart that it was, which have tokens too."""
_ORDER = _PLACED | {"line_items", "order_id", "order", "draft_order", "order_edit"}


def shopify(raw: bytes) -> list[Inbound]:
    """Tell it of Shopify's.

    :raises BadInputError: it is no JSON object.
    """
    return list(_told(read_object(raw), _shopify_kind))


def woo(raw: bytes) -> list[Inbound]:
    """Tell it of WooCommerce's, whose ping is a form.

    :raises BadInputError: it is neither that nor a JSON object.
    """
    if woocommerce.is_ping(raw):
        return [Inbound("ignored_field")]
    return list(_told(read_object(raw), _woo_kind))


def _told(body: dict[str, Any], kind_of: Callable[[dict[str, Any]], str]) -> Iterator[Inbound]:
    inner = thing(body.get("customer")) if body.keys() == {"customer"} else body
    of_shop = not _SHOP.isdisjoint(body)
    if of_shop and not thing(body.get("customer")):  # it left, or wants everything deleted
        yield Inbound("ops_alert")
    elif of_shop or _is_person(inner):
        yield Inbound("customer_update")
    elif not _ORDER.isdisjoint(body) or body.keys() == {"id"}:  # WooCommerce's order.deleted
        yield Inbound("order", kind=_kind(body, kind_of))
    else:
        yield Inbound("ignored_field")


def _is_person(inner: Mapping[str, Any]) -> bool:
    return _ORDER.isdisjoint(inner) and not _PERSON.isdisjoint(inner)


def _kind(body: dict[str, Any], kind_of: Callable[[dict[str, Any]], str]) -> str:
    """Give `purchase`, `ignored` for an order that is none, `none` for what is not an order whole."""
    try:
        return kind_of(body)
    except ValidationError:
        return "none"  # kept aside


def _shopify_kind(body: dict[str, Any]) -> str:
    is_basket = not _BASKET.isdisjoint(body) and _PLACED.isdisjoint(body)
    if is_basket or "order_id" in body:  # a refund, a delivery, a draft
        return "none"
    order = Order.model_validate(body)
    return "purchase" if not order.test and order.as_purchase().status == "placed" else "ignored"


def _woo_kind(body: dict[str, Any]) -> str:
    order = woocommerce.Order.model_validate(body)
    return "purchase" if order.is_placed else "ignored"
