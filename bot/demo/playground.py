"""The playground: the widget's themes, corners, languages and calls, tried live on one page."""

from bot.demo.shelf import Shelf
from bot.markup import Markup, tag
from preferences.texts import LOCALES

_COLOURS = {"accent": "#1d5b4c", "surface": "#ffffff", "text": "#1b2220", "bubble": "#f0f3f1"}
_CALLS = ("open", "close", "toggle", "show", "hide", "logout", "destroy")


def playground(shop_name: str, shelf: Shelf) -> str:
    """Show every control with the call it makes, and every event as it comes."""
    top = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"Playground · {shop_name}"),
        tag("link", rel="icon", href="/demo/static/logo.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/demo/static/shop.css"),
        tag("link", rel="stylesheet", href="/demo/static/playground.css"),
        tag("script", src="/widget/askfirst.js", async_=True),
        tag("script", src="/demo/static/playground.js", defer=True),
    )
    main = tag(
        "main",
        tag("h1", "Playground"),
        tag(
            "p",
            "Every control makes a call; it and what comes of it is written below.",
            class_="quiet",
        ),
        tag("div", _look(), _place(), _who(shelf), _calls(), class_="controls"),
        tag("section", tag("h2", "A question in the page"), tag("askfirst-poll")),
        tag(
            "section",
            tag("h2", "Calls and events", id="log-name"),
            tag("ol", role="log", aria_labelledby="log-name", id="log", tabindex=0),
        ),
    )
    return "<!doctype html>\n" + tag("html", top, tag("body", main), lang="en")


def _look() -> Markup:
    colours = (
        tag("label", f"{name} ", tag("input", type="color", name=name, value=value))
        for name, value in _COLOURS.items()
    )
    return _group(
        "Theme",
        *colours,
        _select("scheme", {"": "as the system", "light": "light", "dark": "dark"}),
        _select("radius", {"18px": "round", "6px": "a little", "0px": "square"}),
        _select("font-size", {"16px": "100 %", "24px": "150 %", "32px": "200 %"}),
    )


def _place() -> Markup:
    return _group(
        "Place and language",
        _select("position", {"end": "end", "start": "start"}),
        _select("direction", {"ltr": "left to right", "rtl": "right to left"}),
        _select("locale", {name: name for name in LOCALES}),
    )


def _who(shelf: Shelf) -> Markup:
    people = {one.key: one.name for one in shelf.shoppers.values()}
    return _group(
        "Who is here",
        _select("shopper", people),
        _button("identify"),
        _button("track order", "track-order"),
        _button("track product_view", "track-view"),
    )


def _calls() -> Markup:
    return _group("Calls", *(_button(name) for name in _CALLS), class_="calls")


def _group(name: str, *controls: Markup, class_: str = "") -> Markup:
    return tag("fieldset", tag("legend", name), *controls, class_=class_ or False)


def _button(label: str, call: str = "") -> Markup:
    return tag("button", label, type="button", data_call=call or label)


def _select(name: str, options: dict[str, str]) -> Markup:
    choices = (tag("option", label, value=value) for value, label in options.items())
    return tag("label", f"{name} ", tag("select", *choices, name=name))
