import pytest
from hypothesis import given
from hypothesis import strategies as st

from preferences.errors import BadInputError
from preferences.names import normal


@pytest.mark.parametrize(
    ("kind", "written", "one"),
    [
        ("email", " Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
        ("email", "ada @example.com", "ada@example.com"),
        ("email", "Dpdcnf87nu@PrivateRelay.AppleID.com", "dpdcnf87nu@privaterelay.appleid.com"),
        ("email", "ana_at_shop_x1y2@icloud.com", "ana_at_shop_x1y2@icloud.com"),
        ("email", "7f3k2.shop@mozmail.com", "7f3k2.shop@mozmail.com"),
        ("phone", "+49 (30) 123-456", "+4930123456"),
        ("phone", "0049 30 123456", "+4930123456"),
        ("phone", "+1 202 555 0123", "+12025550123"),
        ("phone", "+52 1 55 1234 5678", "+525512345678"),
        ("phone", "+52 55 1234 5678", "+525512345678"),
        ("whatsapp", " US.13491208655302741918 ", "US.13491208655302741918"),
        ("customer", "Ab-1", "Ab-1"),
        ("customer", "e\u0301", "\u00e9"),
    ],
)
def test_a_name_has_one_spelling(kind: str, written: str, one: str) -> None:
    assert normal(kind, written) == one
    assert normal(kind, one) == one


@pytest.mark.parametrize(
    ("kind", "written", "remedy"),
    [
        ("email", "nobody", "has an @"),
        ("email", "@example.com", "has an @"),
        ("email", "ada@", "has an @"),
        ("phone", "030 123456", "country code"),
        ("phone", "+4", "country code"),
        ("phone", "call me", "country code"),
        ("phone", "+999999999999999999999", "country code"),
        ("customer", "  ", "not be empty"),
    ],
)
def test_what_is_no_name_is_refused_with_the_remedy(kind: str, written: str, remedy: str) -> None:
    with pytest.raises(BadInputError, match=remedy) as refused:
        normal(kind, written)
    assert refused.value.field == "value"


@given(kind=st.sampled_from(["email", "phone", "customer"]), written=st.text(max_size=40))
def test_any_text_is_a_name_with_one_spelling_or_is_refused(kind: str, written: str) -> None:
    try:
        one = normal(kind, written)
    except BadInputError:
        return
    assert one
    assert normal(kind, one) == one
