from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from preferences.errors import BadInputError
from preferences.orders import OrderEvent, purchase_of
from preferences.purchases import Note
from tests.preferences.scenes import NOW


def told(**more: Any) -> OrderEvent:
    line = {"sku": "hat", "title": "Hat", "quantity": 2, "price": "19.90", "currency": "EUR"}
    page = {"source": "pos", "id": "1", "customer": "7", "placed_at": "2026-01-01T10:00:00+01:00"}
    return OrderEvent.model_validate({**page, "lines": [line], **more})


def test_an_event_is_a_purchase_in_our_own_words() -> None:
    purchase = purchase_of(told(gift_wrap=True), NOW)

    (line,) = purchase.lines
    assert (purchase.source, purchase.external_id, purchase.name) == ("pos", "1", ("customer", "7"))
    assert purchase.told_at == datetime(2026, 1, 1, 9, tzinfo=UTC)
    assert (line.price, line.quantity, purchase.gift_wrap) == (Decimal("19.90"), 2, True)


def test_what_was_given_back_is_taken_off() -> None:
    line = {"sku": "hat", "title": "Hat", "quantity": 3}

    purchase = purchase_of(told(lines=[line | {"refunded": 1}, line | {"refunded": 5}]), NOW)

    assert [line.quantity for line in purchase.lines] == [2, 0]


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"customer": " 7 ", "email": "a@b.example"}, ("customer", "7")),
        (
            {"customer": " ", "email": "A@B.example", "phone": "+4930123456"},
            ("email", "a@b.example"),
        ),
        ({"customer": "", "phone": "0049 30 123456"}, ("phone", "+4930123456")),
        ({"customer": ""}, None),
    ],
)
def test_one_name_says_whose_it_is(names: dict[str, str], name: tuple[str, str] | None) -> None:
    assert purchase_of(told(**names), NOW).name == name


@pytest.mark.parametrize("status", ["delivered", "cancelled", "refunded"])
def test_a_status_is_a_note_of_its_own(status: str) -> None:
    purchase = purchase_of(told(status=status, updated_at="2026-02-01T00:00:00Z"), NOW)

    assert purchase.all_notes == (Note(status, datetime(2026, 2, 1, tzinfo=UTC), status),)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"phone": "030 123456"}, "phone"),
        ({"placed_at": (NOW + timedelta(minutes=6)).isoformat()}, "placed_at"),
        ({"updated_at": (NOW + timedelta(minutes=6)).isoformat()}, "updated_at"),
    ],
)
def test_what_cannot_be_so_is_told_by_field(wrong: dict[str, str], field: str) -> None:
    with pytest.raises(BadInputError) as raised:
        purchase_of(told(**wrong), NOW)

    assert raised.value.field == field


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": []},
        {"source": "Till 1"},
        {"placed_at": "2026-01-01T00:00:00"},
        {"gift_message": "for my mother"},
        {"lines": [{"sku": "hat", "title": "Hat", "quantity": -1}]},
        {"lines": [{"sku": "hat", "title": "H\x00t", "quantity": 1}]},
        {"lines": [{"sku": "hat", "title": "Hat", "quantity": 1, "price": "NaN"}]},
        {"lines": [{"sku": "hat", "title": "Hat", "quantity": 1, "currency": "euro"}]},
        {"words": "for my mother"},
    ],
)
def test_what_is_no_order_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        told(**wrong)


def test_a_cancelled_order_needs_no_lines_and_a_price_may_be_a_whole_number() -> None:
    assert purchase_of(told(lines=[], status="cancelled"), NOW).lines == ()
    line = {"sku": "hat", "title": "Hat", "quantity": 1, "price": 20}
    assert purchase_of(told(lines=[line]), NOW).lines[0].price == 20
