"""What a shop reports of its products and orders, in words of our own whatever the platform."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Product:
    """An article of the shop's feed; `audience` is empty where the feed does not tell."""

    sku: str
    title: str
    category: str
    audience: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One article of an order."""

    sku: str
    title: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order of a known customer; `source` is the platform, `external_id` its own number."""

    source: str
    external_id: str
    customer: str
    placed_at: datetime
    lines: tuple[Line, ...]
