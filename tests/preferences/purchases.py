"""Orders for tests: strategies that draw any, and plain ones built by hand."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from preferences.habit import Article, Basket

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
cents = st.integers(1, 50_000).map(lambda price: price / 100)
articles = st.builds(
    Article,
    category=st.sampled_from(["", "shirts", "dresses", "toys", "tea"]),
    audience=st.sampled_from(["", "men", "women", "children", "pets"]),
    size=st.sampled_from(["", "S", "M", "L"]),
    price=st.none() | cents,
    quantity=st.integers(1, 6),
)
baskets = st.builds(
    Basket,
    articles=st.lists(articles, min_size=1, max_size=4).map(tuple),
    recipient=st.sampled_from(["", "home", "work", "friend"]),
    marked=st.booleans(),
)

SHIRT = Article("shirts", "men", "L", 59.0)
DRESS = Article("dresses", "women", "38", 89.0)


def an_order(*lines: Article, recipient: str = "home", marked: bool = False) -> Basket:
    return Basket(lines or (SHIRT,), recipient, marked)


def other(line: Article, **changes: object) -> Article:
    return replace(line, **changes)
