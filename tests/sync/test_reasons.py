import pytest

from sync.delivery import Delivery
from sync.reasons import redacted

PROFILE = {"identities": {"email": "ana@shop.example", "phone": "+49 30 123456"}, "erased": False}


def delivery() -> Delivery:
    fields = {"why": "for my sister", "many": ["gift", "price"], "no": None, "short": "no"}
    return Delivery("shopper-1", 1, PROFILE, "", fields, "their-7")


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("ANA@shop.example is taken", "… is taken"),
        ("other@crm.example is taken", "… is taken"),
        ('"for my sister" was no option of why', '"…" was no option of why'),
        ("gift is unknown; price too", "… is unknown; … too"),
        ("call +49 30 123456 or 0049-30-99887766", "call … or …"),
        ("record their-7 of shopper-1 is locked", "record … of … is locked"),
        ("no such field\n  whatever", "no such field whatever"),
        ("Property X does not exist (400)", "Property X does not exist (400)"),
        ("a" * 400, "a" * 300 + "…"),
    ],
)
def test_nothing_of_a_person_is_left_in_a_reason(reason: str, kept: str) -> None:
    assert redacted(reason, delivery()) == kept
