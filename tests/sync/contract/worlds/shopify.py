"""Shopify, for the contract: its customers are there before they say anything."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from preferences.settings import Settings
from sync.delivery import Delivery
from tests.sync.contacts import contact
from tests.sync.contract.worlds.world import VendorWorld
from tests.sync.fakes.shopify import Shopify


class ShopifyWorld(VendorWorld):
    vendor: Shopify

    def telling(self, shopper: str, **more: Any) -> Delivery:
        email = f"{shopper}@example.com"
        if all(one.email != email for one in self.vendor.customers.values()):
            self.vendor.create(email)
        return contact(shopper, **more)

    def held(self, shopper: str) -> Mapping[str, Any] | None:
        found = self.vendor.by_email(f"{shopper}@example.com").metafields
        return {key: value for (_, key), (_, value) in found.items()}

    def count(self) -> int:
        return len(self.vendor.customers)

    def leaves(self, shopper: str) -> bool:
        return self.vendor.by_email(f"{shopper}@example.com").email_state == "UNSUBSCRIBED"

    def throttle(self) -> None:
        self.vendor.ills.append({"data": self.vendor._throttled(10)})

    def lose_the_answer(self) -> None:
        self.vendor.ills.extend([0, 0])  # who it is, and the definitions
        super().lose_the_answer()


@asynccontextmanager
async def open_world() -> AsyncIterator[ShopifyWorld]:
    vendor = Shopify(maximum=1_000_000)
    vendor.define("shopper_id", "id")
    vendor.define("motivation", "single_line_text_field", "gift", "self")
    async with vendor.listening():
        settings = Settings(
            _env_file=None,
            shopify_admin_url=vendor.url,
            shopify_admin_token=SecretStr(vendor.secret),
            webhook_allow=("127.0.0.0/8",),
        )
        yield ShopifyWorld(vendor, settings, "words", "motivation")
