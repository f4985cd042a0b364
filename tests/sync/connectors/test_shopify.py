"""Shopify's own ways, against a Shopify that remembers and reads GraphQL."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from preferences.settings import Settings
from sync.capabilities import FieldShape, Lookup, Remote
from sync.connectors.shopify import Shopify, open_connector
from sync.connectors.shopify.admin import Points
from sync.delivery import Later, Refused, Taken
from sync.errors import DestinationRefusedError, DestinationUnavailableError, QuotaExhaustedError
from tests.preferences.test_profile import LEFT_ALONE
from tests.sync.contacts import FOR_A_WHILE, contact
from tests.sync.fakes import shopify


@pytest.fixture
async def world() -> AsyncIterator[shopify.Shopify]:
    world = shopify.Shopify()
    world.define("shopper_id", "id")
    world.define("motivation", "single_line_text_field", "gift", "self")
    async with world.listening():
        yield world


@pytest.fixture
def settings(world: shopify.Shopify) -> Settings:
    return Settings(
        _env_file=None,
        shopify_admin_url=world.url,
        shopify_admin_token=SecretStr(world.secret),
        marketing_purpose="send_news",
        webhook_allow=("127.0.0.0/8",),
    )


@pytest.fixture
async def crm(settings: Settings) -> AsyncIterator[Shopify]:
    async with open_connector(settings) as connector:
        yield connector


async def test_a_customer_is_found_by_number_by_our_id_by_address_and_by_phone(
    world: shopify.Shopify, crm: Shopify
) -> None:
    known = [
        world.create("else@example.com"),
        world.create(shopper_id="s-2"),
        world.create("s-3@example.com"),
        world.create(phone="+4930123456"),
    ]
    number = known[0].id.rpartition("/")[2]
    identities = [
        {"customer": number},
        {},
        {"email": "s-3@example.com"},
        {"email": "nobody@example.com", "phone": "+4930123456"},
    ]

    results = await crm.push(
        [
            contact(f"s-{place}", identities=named, motivation="gift")
            for place, named in enumerate(identities, start=1)
        ]
    )

    assert results == [Taken(one.id) for one in known]
    for place, one in enumerate(known, start=1):
        assert one.metafields["askfirst", "shopper_id"] == ("id", f"s-{place}")


async def test_nobody_becomes_a_customer_by_an_answer(world: shopify.Shopify, crm: Shopify) -> None:
    nameless = contact("s-3", identities={}, motivation="gift")
    batch = [contact(motivation="gift"), contact("s-2", motivation=None), nameless]

    results = await crm.push(batch)

    assert isinstance(results[0], Later)
    assert results[0].wait.days == 1
    assert results[1:] == [Taken(), Taken()]
    assert world.customers == {}


async def test_the_customer_of_another_shopper_is_left_alone(
    world: shopify.Shopify, crm: Shopify
) -> None:
    other = world.create("s-1@example.com", shopper_id="s-other")

    (result,) = await crm.push([contact(motivation="gift")])

    assert isinstance(result, Later)
    assert ("askfirst", "motivation") not in other.metafields


async def test_what_was_written_meanwhile_is_not_written_over(
    world: shopify.Shopify, crm: Shopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = world.create("s-1@example.com", motivation="self")
    set_them = world.metafieldsSet

    def overtaken(info: Any, metafields: list[dict[str, Any]]) -> Any:
        customer.metafields["askfirst", "motivation"] = ("single_line_text_field", "newer")
        return set_them(info, metafields)

    monkeypatch.setattr(world, "metafieldsSet", overtaken)
    (result,) = await crm.push([contact(motivation="gift")])

    assert isinstance(result, Later)
    assert "STALE_OBJECT" in result.reason
    assert customer.metafields["askfirst", "motivation"][1] == "newer"


async def test_more_metafields_than_one_mutation_takes_are_parted(
    world: shopify.Shopify, crm: Shopify
) -> None:
    customer = world.create("s-1@example.com")

    (result,) = await crm.push([contact(**{f"ask_{n}": "x" for n in range(60)})])

    assert result == Taken(customer.id)
    assert len(customer.metafields) == 61


async def test_values_are_written_in_the_type_that_the_shop_has_defined(
    world: shopify.Shopify, crm: Shopify
) -> None:
    world.define("several", "list.single_line_text_field")
    customer = world.create("s-1@example.com")

    await crm.push([contact(several="a,b", yes=True, count=3, many=["x"], words="Zoë\n🎁")])

    held = {key: value for (_, key), value in customer.metafields.items()}
    assert held["several"] == ("list.single_line_text_field", '["a", "b"]')
    assert held["yes"] == ("boolean", "true")
    assert held["count"] == ("number_integer", "3")
    assert held["many"] == ("list.single_line_text_field", '["x"]')
    assert held["words"] == ("multi_line_text_field", "Zoë\n🎁")


async def test_one_field_that_is_refused_is_named(world: shopify.Shopify, crm: Shopify) -> None:
    world.create("s-1@example.com")

    (result,) = await crm.push([contact(words="x", motivation="fun")])

    assert result == Refused("Shopify refused it: INVALID_VALUE (motivation).")


async def test_a_stop_unsubscribes_from_mail_and_sms_and_a_pause_does_not(
    world: shopify.Shopify, crm: Shopify
) -> None:
    customer = world.create("s-1@example.com", "+4930123456")
    customer.email_state = customer.sms_state = "SUBSCRIBED"

    await crm.push([contact(wishes=(FOR_A_WHILE,))])
    paused = customer.email_state
    await crm.push([contact(wishes=(LEFT_ALONE,))])

    assert paused == "SUBSCRIBED"
    assert customer.email_state == customer.sms_state == "UNSUBSCRIBED"


async def test_a_permission_subscribes_with_its_moment(
    world: shopify.Shopify, crm: Shopify
) -> None:
    customer = world.create("s-1@example.com")

    await crm.push([contact(news="given")])

    assert customer.email_state == "SUBSCRIBED"
    assert customer.sms_state == "NOT_SUBSCRIBED"
    assert customer.proof["consentUpdatedAt"].startswith("2026-11-22")


async def test_who_left_in_shopify_is_never_subscribed_from_here(
    world: shopify.Shopify, crm: Shopify
) -> None:
    customer = world.create("s-1@example.com")
    customer.email_state = "UNSUBSCRIBED"

    await crm.push([contact(news="given")])

    assert customer.email_state == "UNSUBSCRIBED"


async def test_who_is_erased_loses_every_metafield_and_stays_a_customer(
    world: shopify.Shopify, crm: Shopify
) -> None:
    customer = world.create("s-1@example.com")
    customer.email_state = "SUBSCRIBED"
    await crm.push([contact(motivation="gift")])

    gone = contact(erased=True, identities={}, remote_id=customer.id, motivation=None)
    assert await crm.push([gone]) == [Taken(customer.id)]

    assert ("askfirst", "motivation") not in customer.metafields
    assert customer.email_state == "UNSUBSCRIBED"


async def test_points_that_are_used_up_pause_as_long_as_they_take_to_come_back(
    world: shopify.Shopify, crm: Shopify
) -> None:
    world.create("s-1@example.com")
    world.maximum, world.restore = 4, 2

    with pytest.raises(QuotaExhaustedError) as caught:
        await crm.push([contact(motivation="gift")])

    assert 1 <= caught.value.wait.total_seconds() <= 5
    assert world.refused == 1


async def test_a_turn_waits_for_points_and_a_wish_for_fewer(crm: Shopify) -> None:
    poor = replace(crm, admin=replace(crm.admin, points=Points(left=100, restored=10)))

    await poor.turn(urgent=True)
    with pytest.raises(QuotaExhaustedError):
        await poor.turn(urgent=False)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"errors": [{"extensions": {"code": "ACCESS_DENIED"}}]}, DestinationRefusedError),
        ({"errors": "Not Found"}, DestinationRefusedError),
        ({"errors": [{"extensions": {"code": "INTERNAL"}}]}, DestinationUnavailableError),
    ],
)
async def test_errors_under_200_are_told_apart(
    world: shopify.Shopify, crm: Shopify, body: dict[str, object], error: type[Exception]
) -> None:
    world.ills.append({"data": body})

    with pytest.raises(error):
        await crm.push([contact(motivation="gift")])


async def test_definitions_are_made_where_they_are_missing(
    world: shopify.Shopify, crm: Shopify
) -> None:
    world.definitions.clear()
    shapes = [
        FieldShape("shopper_id", "text", unique=True),
        FieldShape("motivation", "choice", "What moves them", options=("gift", "self")),
        FieldShape("no_email", "boolean", "Wants no email"),
    ]

    await crm.create(shapes)
    await crm.create(shapes)
    there = await crm.describe()

    assert there["shopper_id"].unique
    assert there["motivation"] == shapes[1]
    assert there["no_email"] == shapes[2]


async def test_customers_are_read_back_by_our_id_too(world: shopify.Shopify, crm: Shopify) -> None:
    world.create("s-1@example.com")
    await crm.push([contact(motivation="gift", yes=True)])

    found = await crm.read([Lookup("s-1"), Lookup("s-2")], ["motivation", "yes", "nothing"])

    assert {shopper: one.fields for shopper, one in found.items()} == {
        "s-1": {"motivation": "gift", "yes": True, "nothing": None}
    }


async def test_what_changed_there_comes_page_by_page_with_who_has_left(
    world: shopify.Shopify, crm: Shopify
) -> None:
    for number in range(120):
        world.create(f"{number}@example.com", motivation="gift")
    world.by_email("7@example.com").email_state = "UNSUBSCRIBED"

    seen, cursor, more = list[Remote](), "", True
    while more:
        page = await crm.changes(cursor, ["motivation"])
        seen += page.records
        cursor, more = page.cursor, page.more
    later = await crm.changes(cursor, [])

    assert len({one.remote_id for one in seen}) == 120
    assert [one.identities["email"] for one in seen if one.opted_out] == ["7@example.com"]
    assert len(later.records) <= 1
