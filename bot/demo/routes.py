"""The demo shop: a shop's pages and back end in miniature, which know Askfirst only by its API."""

from asyncio import CancelledError, create_task
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import jwt
from aiohttp import ClientSession, web

from bot.demo import pages
from bot.demo.feed import feed
from bot.demo.gateway import Gateway, GatewayUnavailableError, WebhookRefusedError, base_url
from bot.demo.playground import playground
from bot.demo.shelf import Product, Shelf, Shopper
from bot.demo.webhooks import order_created
from preferences.settings import Settings

_STATIC = Path(__file__).parent / "static"
_COOKIE = "demo_shopper"
_FIRST_ORDER = 1042
_IDENTITY_LIFE = timedelta(minutes=14)  # the gateway takes 15 at most
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def setup(app: web.Application, settings: Settings) -> None:
    """Put the demo shop on the gateway's own address, and feed the gateway its past."""
    shop = Shop(settings, Shelf.read())
    app.cleanup_ctx.append(shop.open)
    app.router.add_get("/", shop.front)
    app.router.add_post("/demo/buy", shop.buy)
    app.router.add_get("/demo/orders/{number:[0-9]+}", shop.order)
    app.router.add_get("/demo/identity", shop.identity)
    app.router.add_get("/demo/playground", shop.playground)
    app.router.add_static("/demo/static/", _STATIC)


@dataclass(slots=True)
class Shop:
    """Remembers the orders of this run; everything else is on the shelf."""

    settings: Settings
    shelf: Shelf
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    gateway: Gateway | None = None
    sold: dict[int, Product] = field(default_factory=dict)

    async def open(self, _app: web.Application) -> AsyncIterator[None]:
        """Hold the connection to the gateway, and tell it the past in the background."""
        async with ClientSession() as session:
            secret = self.settings.shopify_secret.get_secret_value()
            self.gateway = Gateway(session, base_url(self.settings), secret, self.now)
            feeding = create_task(feed(self.gateway, self.shelf))
            yield
            feeding.cancel()
            with suppress(CancelledError):
                await feeding

    async def front(self, request: web.Request) -> web.Response:
        """Show the shelf; `?shopper=` chooses who shops."""
        shopper = self._shopper(request)
        response = _html(pages.front(self._visit(shopper), self.shelf))
        response.set_cookie(_COOKIE, shopper.key, httponly=True, samesite="Lax")
        return response

    async def buy(self, request: web.Request) -> web.Response:
        """Take the order, tell the gateway as Shopify would, then show the thanks."""
        shopper = self._shopper(request)
        product = self.shelf.products.get(str((await request.post()).get("sku")))
        if product is None:
            return self._not_found(shopper, "That product is not on the shelf.")
        number = _FIRST_ORDER + len(self.sold)
        self.sold[number] = product
        try:
            await self._tell(number, shopper, product)
        except (GatewayUnavailableError, WebhookRefusedError) as error:
            title = f"The assistant was not told of order {number}"
            page = pages.problem(self._visit(shopper), title, str(error))
            return _html(page, HTTPStatus.BAD_GATEWAY)
        thanks = f"/demo/orders/{number}"
        raise web.HTTPSeeOther(thanks)

    async def order(self, request: web.Request) -> web.Response:
        """Show the page after buying."""
        shopper = self._shopper(request)
        number = int(request.match_info["number"])
        product = self.sold.get(number)
        if product is None:
            return self._not_found(shopper, f"There is no order {number} since the last start.")
        return _html(pages.order(self._visit(shopper), number, product))

    async def identity(self, request: web.Request) -> web.Response:
        """Give a fresh identity to a page that has been open for long."""
        token = self._identity(self._shopper(request))
        return web.Response(text=token, headers=_HEADERS)

    async def playground(self, _request: web.Request) -> web.Response:
        """Show the widget's themes, places and calls."""
        return _html(playground(self.settings.shop_name, self.shelf))

    async def _tell(self, number: int, shopper: Shopper, product: Product) -> None:
        assert self.gateway is not None, "the shop is open while it serves"  # noqa: S101
        at = self.now()
        order_id = int(at.timestamp() * 1000)  # also unlike any of the runs before
        await self.gateway.deliver(order_created(number, order_id, shopper, [product], at))

    def _shopper(self, request: web.Request) -> Shopper:
        key = request.query.get("shopper") or request.cookies.get(_COOKIE, "")
        return self.shelf.shoppers.get(key, self.shelf.first_shopper)

    def _visit(self, shopper: Shopper) -> pages.Visit:
        return pages.Visit(self.settings.shop_name, shopper, self._identity(shopper))

    def _identity(self, shopper: Shopper) -> str:
        now = self.now()
        claims = {
            "sub": str(shopper.id),
            "aud": "askfirst",
            "iat": now,
            "exp": now + _IDENTITY_LIFE,
            "jti": str(uuid4()),
        }
        secret = self.settings.identity_secret.get_secret_value()
        return jwt.encode(claims, secret, algorithm="HS256")

    def _not_found(self, shopper: Shopper, text: str) -> web.Response:
        page = pages.problem(self._visit(shopper), "Not found", text)
        return _html(page, HTTPStatus.NOT_FOUND)


def _html(page: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html", headers=_HEADERS)
