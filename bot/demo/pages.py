"""The demo shop's pages."""

from dataclasses import dataclass

from bot.demo.shelf import PastOrder, Product, Shelf, Shopper
from bot.markup import Markup, tag

_DAYS_A_MONTH = 30
_INVITATION = (
    "Buy something as one of these shoppers: where it does not go with what they bought before, "
    "the assistant asks on the order page."
)
_AUDIENCES = {
    "women": "For women",
    "men": "For men",
    "children": "For children",
    "pets": "For pets",
    "home": "For the home",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at a page, and the identity the shop vouches for to the assistant."""

    shop_name: str
    shopper: Shopper
    identity: str


def front(visit: Visit, shelf: Shelf) -> str:
    """Show whom to shop as, what they bought before, and what there is to buy."""
    return _page(
        visit,
        "Things for everyday",
        tag(
            "div",
            tag("h1", "Things for everyday"),
            tag("p", _INVITATION, class_="lead quiet"),
            class_="top",
        ),
        _shoppers(visit.shopper, shelf),
        _history(visit.shopper),
        _products(shelf),
    )


def order(visit: Visit, number: int, product: Product) -> str:
    """Thank for the order; this page opens the assistant, once for each order."""
    return _page(
        visit,
        f"Order {number}",
        tag(
            "section",
            _picture(product),
            tag(
                "div",
                tag("h1", "Thank you"),
                tag("p", f"Your order {number} is on its way.", class_="lead"),
                tag("p", f"{product.title}, {_price(product)}", class_="quiet"),
                _way_back(),
            ),
            class_="order",
        ),
        head=tag("script", src="/demo/static/order.js", defer=True, data_order=number),
    )


def problem(visit: Visit, title: str, text: str) -> str:
    """Say what went wrong, in the shop's own frame."""
    return _page(
        visit, title, tag("section", tag("h1", title), tag("p", text), _way_back(), role="alert")
    )


def _page(visit: Visit, title: str, *content: Markup, head: str = "") -> str:
    widget = tag(
        "script",
        src="/widget/askfirst.js",
        async_=True,
        data_identity=visit.identity,
        data_identity_url="/demo/identity",
        data_locale=visit.shopper.locale,
    )
    top = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · {visit.shop_name}"),
        tag("link", rel="icon", href="/demo/static/logo.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/demo/static/shop.css"),
        widget,
        head,
    )
    body = tag("body", _header(visit), tag("main", *content), _footer())
    return "<!doctype html>\n" + tag("html", top, body, lang="en")


def _header(visit: Visit) -> Markup:
    name = tag(
        "a",
        tag("img", src="/demo/static/logo.svg", alt="", width=32, height=32),
        visit.shop_name,
        href="/",
        class_="brand",
    )
    return tag("header", name, tag("span", f"Signed in as {visit.shopper.name}", class_="quiet"))


def _footer() -> Markup:
    words = "A demo shop: the goods and the people are invented, and nothing is sold."
    link = tag("a", "Playground of the chat", href="/demo/playground")
    return tag("footer", tag("p", f"{words} ", link, class_="quiet"))


def _shoppers(chosen: Shopper, shelf: Shelf) -> Markup:
    return tag(
        "nav",
        tag("h2", "Shop as", id="shop-as"),
        tag("ul", *(_shopper(one, chosen=one is chosen) for one in shelf.shoppers.values())),
        class_="shoppers",
        aria_labelledby="shop-as",
    )


def _shopper(shopper: Shopper, *, chosen: bool) -> Markup:
    link = tag(
        "a",
        tag("strong", shopper.name),
        tag("span", shopper.about),
        href=f"/?shopper={shopper.key}",
        aria_current="true" if chosen else False,
    )
    return tag("li", link)


def _history(shopper: Shopper) -> Markup:
    newest_first = sorted(shopper.orders, key=lambda one: one.days_ago)
    listed = tag("ol", *(_past_order(one) for one in newest_first))
    nothing = tag("p", "Nothing yet. The first order may be the one you place now.", class_="quiet")
    return tag(
        "section",
        tag("h2", f"What {shopper.name.partition(' ')[0]} bought before"),
        listed if newest_first else nothing,
        class_="history",
    )


def _past_order(past: PastOrder) -> Markup:
    pictures = tag("span", *(_picture(product) for product in past.products), class_="thumbs")
    titles = ", ".join(product.title for product in past.products)
    return tag(
        "li", pictures, tag("span", tag("b", titles), tag("small", _ago(past)), class_="what")
    )


def _ago(past: PastOrder) -> str:
    months = round(past.days_ago / _DAYS_A_MONTH)
    return "about a month ago" if months <= 1 else f"{months} months ago"


def _products(shelf: Shelf) -> Markup:
    return tag(
        "section",
        tag("h2", "The shelf"),
        tag("ul", *(_product(product) for product in shelf.products.values()), class_="shelf"),
    )


def _product(product: Product) -> Markup:
    buy = tag(
        "form",
        tag("input", type="hidden", name="sku", value=product.sku),
        tag("button", "Buy", type="submit", aria_label=f"Buy {product.title}"),
        method="post",
        action="/demo/buy",
    )
    about = tag("p", f"{_AUDIENCES[product.audience]} · {product.kind}", class_="quiet")
    price = tag("div", tag("span", _price(product), class_="price"), buy, class_="buy")
    return tag("li", _picture(product), tag("h3", product.title), about, price, class_="product")


def _picture(product: Product) -> Markup:
    image = tag("img", src=f"/demo/static/{product.picture}.svg", alt="", width=200, height=200)
    return tag("span", image, class_=f"tile {product.audience}")


def _price(product: Product) -> str:
    return f"€{product.price}"


def _way_back() -> Markup:
    return tag("p", tag("a", "Back to the shop", href="/", class_="button"))
