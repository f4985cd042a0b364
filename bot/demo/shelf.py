"""What the demo shop sells and who shops there, read from the files beside this one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from yaml import safe_load

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Product:
    """One thing on sale; `kind` is the category and `audience` whom it is made for."""

    id: int
    sku: str
    title: str
    kind: str
    audience: str
    price: str
    picture: str


@dataclass(frozen=True, slots=True)
class PastOrder:
    """Something bought before the demo began."""

    id: int
    days_ago: int
    products: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class Shopper:
    """An invented customer; `key` is their name in addresses of the shop."""

    id: int
    key: str
    name: str
    about: str
    locale: str
    orders: tuple[PastOrder, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Products by SKU and shoppers by key, in the order of the files."""

    products: Mapping[str, Product]
    shoppers: Mapping[str, Shopper]

    @classmethod
    def read(cls, folder: Path = _HERE) -> Self:
        """Take stock.

        :raises KeyError: an order names a SKU that is not on the shelf.
        """
        products = {row["sku"]: Product(**row) for row in _rows(folder / "products.yml")}
        rows = _rows(folder / "shoppers.yml")
        shoppers = {row["key"]: _shopper(row, products) for row in rows}
        return cls(products, shoppers)

    @property
    def first_shopper(self) -> Shopper:
        """Who shops where nobody was chosen."""
        return next(iter(self.shoppers.values()))


def _rows(file: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = safe_load(file.read_text(encoding="utf-8"))
    return rows


def _shopper(row: dict[str, Any], products: Mapping[str, Product]) -> Shopper:
    orders = tuple(
        PastOrder(order["id"], order["days_ago"], tuple(products[sku] for sku in order["skus"]))
        for order in row["orders"]
    )
    return Shopper(**{**row, "orders": orders})
