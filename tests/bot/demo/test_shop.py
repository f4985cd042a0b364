"""The demo shop's pages and its back end."""

import re

import jwt
import pytest

from bot.demo.gateway import base_url
from bot.markup import join, tag
from preferences.settings import Settings
from tests.bot.demo.conftest import IDENTITY_SECRET
from tests.bot.demo.fake_gateway import all_fed


async def buy(client, sku="DRS-LIN-01", shopper="daniel"):
    return await client.post(
        "/demo/buy", data={"sku": sku}, cookies={"demo_shopper": shopper}, allow_redirects=False
    )


def bought(gateway):
    return [one for one in gateway.of("orders/create") if one.body["order_number"] < 5000]


async def test_buying_sends_a_signed_order_and_shows_the_thanks(client, gateway):
    response = await buy(client)
    page = await (await client.get(response.headers["Location"])).text()

    assert response.status == 303
    assert response.headers["Location"] == "/demo/orders/1042"
    assert "Your order 1042 is on its way." in page
    (order,) = bought(gateway)
    assert order.path == "/v1/orders/shopify"
    assert order.body["customer"]["id"] == 9001
    assert order.body["name"] == "#1042"
    assert order.body["test"] is False
    line = order.body["line_items"][0]
    assert (line["product_id"], line["sku"], line["quantity"], line["price"]) == (
        7001, "DRS-LIN-01", 1, "89.00",
    )  # fmt: skip


async def test_an_order_carries_every_header_of_shopify(client, gateway):
    await buy(client)
    (order,) = bought(gateway)

    for name in ("Hmac-SHA256", "Topic", "Shop-Domain", "Webhook-Id", "Event-Id", "Triggered-At"):
        assert order.headers[f"X-Shopify-{name}"]
    assert order.headers["X-Shopify-API-Version"] == "2026-10"
    assert order.headers["X-Shopify-Topic"] == "orders/create"


async def test_every_order_is_another(client, gateway):
    await buy(client)
    await buy(client, sku="KIT-PAN-01")
    first, second = bought(gateway)

    assert first.body["id"] != second.body["id"]
    assert first.webhook_id != second.webhook_id
    assert [one.body["order_number"] for one in (first, second)] == [1042, 1043]


async def test_a_refusal_is_told_on_the_page_as_text(client, gateway):
    gateway.refuse["orders/create"] = "<b>line_items</b> is missing"
    response = await buy(client)
    page = await response.text()

    assert response.status == 502
    assert "The assistant was not told of order 1042" in page
    assert "&lt;b&gt;line_items&lt;/b&gt; is missing" in page


async def test_a_gateway_that_fails_is_told_with_what_to_do(client, gateway):
    await all_fed(gateway)
    gateway.answers = [503]
    response = await buy(client)

    assert response.status == 502
    assert "The gateway answered 503; try again in a moment." in await response.text()


async def test_what_is_not_on_the_shelf_is_not_found(client):
    assert (await buy(client, sku="NOTHING")).status == 404
    assert (await client.post("/demo/buy", data={})).status == 404
    assert (await client.get("/demo/orders/1")).status == 404
    assert (await client.get("/demo/static/../routes.py")).status == 404


async def test_the_widget_stands_on_the_page_as_one_script_tag(client):
    page = await (await client.get("/?shopper=lucia")).text()
    (widget,) = re.findall(r"<script[^>]*askfirst[^>]*></script>", page)

    assert 'src="/widget/askfirst.js" async' in widget
    assert 'data-locale="es"' in widget


async def test_the_identity_on_the_page_is_short_lived_and_the_shoppers_own(client):
    page = await (await client.get("/?shopper=jonas")).text()
    (token,) = re.findall(r'data-identity="([^"]+)"', page)
    claims = jwt.decode(token, IDENTITY_SECRET, algorithms=["HS256"], audience="askfirst")

    assert claims["sub"] == "9003"
    assert 0 < claims["exp"] - claims["iat"] <= 15 * 60
    assert claims["jti"]


async def test_a_fresh_identity_is_for_whoever_is_signed_in(client):
    await client.get("/?shopper=amira")
    token = await (await client.get("/demo/identity")).text()

    assert jwt.decode(token, IDENTITY_SECRET, ["HS256"], audience="askfirst")["sub"] == "9002"


async def test_the_chosen_shopper_is_remembered_and_an_unknown_one_is_the_first(client):
    await client.get("/?shopper=noa")
    remembered = await (await client.get("/")).text()
    unknown = await (await client.get("/?shopper=%3Cscript%3E")).text()

    assert "Signed in as Noa Lind" in remembered
    assert "Nothing yet" in remembered
    assert "Signed in as Daniel Hart" in unknown


async def test_the_history_of_the_shopper_is_shown(client):
    page = await (await client.get("/?shopper=daniel")).text()

    assert "What Daniel bought before" in page
    assert page.count("Oxford shirt") >= 4


@pytest.mark.parametrize("path", ["/", "/demo/orders/7"])
async def test_pages_have_a_strict_policy_and_need_no_exception_from_it(client, path):
    response = await client.get(path)
    page = await response.text()
    policy = response.headers["Content-Security-Policy"]

    assert "script-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert " style=" not in page
    assert not re.search(r"<script(?![^>]*src=)", page)
    assert not re.search(r"\son\w+=", page)


async def test_the_shops_name_is_text(client):
    assert "Ümit &amp; Daughters" in await (await client.get("/")).text()


def test_markup_escapes_whatever_it_did_not_make():
    assert tag("p", "<b>", tag("i", "&"), title='"x"') == (
        '<p title="&quot;x&quot;">&lt;b&gt;<i>&amp;</i></p>'
    )
    assert join("<", tag("input", hidden=True, name=False)) == "&lt;<input hidden>"


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("shop", "shop")],  # noqa: S104 - told apart, not bound
)
def test_the_gateway_is_found_wherever_it_listens(host, address):
    assert base_url(Settings(host=host, port=81)) == f"http://{address}:81"
