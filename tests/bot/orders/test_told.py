"""What a shop platform's body is about, told by its shape."""

import json
from typing import Any

import pytest

from bot.inspecting import PARSERS

_LINES = [{"title": "Linen dress", "quantity": 1}]
_AT = "2026-01-01T00:00:00Z"
_ORDER: dict[str, Any] = {"id": 1, "order_number": 7, "created_at": _AT, "line_items": _LINES}
_WOO: dict[str, Any] = {"id": 1, "date_created_gmt": _AT, "line_items": []}


@pytest.mark.parametrize(
    ("platform", "body", "action", "kind"),
    [
        ("shopify", _ORDER, "order", "purchase"),
        ("shopify", _ORDER | {"test": True}, "order", "ignored"),
        ("shopify", _ORDER | {"cancelled_at": _AT}, "order", "ignored"),
        ("shopify", {"order_number": 7, "email": "kim@shop.example"}, "order", "none"),
        ("shopify", {"id": 2, "order_id": 1, "refund_line_items": []}, "order", "none"),
        ("shopify", _ORDER | {"order_id": 1, "status": "success"}, "order", "none"),
        ("shopify", {"token": "c", "created_at": _AT, "line_items": _LINES}, "order", "none"),
        ("shopify", {"order_edit": {"order_id": 1}}, "order", "none"),
        ("shopify", {"draft_order": {"id": 1, "line_items": _LINES}}, "order", "none"),
        ("shopify", {"customer": {"id": 1, "email": "k@x.example"}}, "customer_update", None),
        ("shopify", {"id": 1, "sms_marketing_consent": None}, "customer_update", None),
        ("shopify", {"shop_domain": "s", "customer": {"id": 1}}, "customer_update", None),
        ("shopify", {"shop_domain": "s"}, "ops_alert", None),
        ("shopify", {"id": 1, "email": "e", "myshopify_domain": "s"}, "ops_alert", None),
        ("shopify", {"id": 1, "title": "Linen dress", "variants": []}, "ignored_field", None),
        ("shopify", {}, "ignored_field", None),
        ("woocommerce", _WOO | {"status": "completed"}, "order", "purchase"),
        ("woocommerce", _WOO | {"status": "pending"}, "order", "ignored"),
        ("woocommerce", _WOO | {"status": "refunded"}, "order", "ignored"),
        ("woocommerce", {"id": 1}, "order", "none"),
        ("woocommerce", {"id": 1, "email": "e", "first_name": ""}, "customer_update", None),
        ("woocommerce", {"id": 1, "code": "SUMMER"}, "ignored_field", None),
    ],
)
def test_a_body_tells_by_its_shape_what_it_is_about(
    platform: str, body: dict[str, Any], action: str, kind: str | None
) -> None:
    (found,) = PARSERS[platform](json.dumps(body).encode())

    assert (found.action, found.kind, found.reply) == (action, kind, False)
