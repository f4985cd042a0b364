"""HubSpot, for the contract."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from preferences.settings import Settings
from tests.sync.contract.worlds.world import VendorWorld
from tests.sync.fakes.hubspot import HubSpot


class HubSpotWorld(VendorWorld):
    vendor: HubSpot

    def held(self, shopper: str) -> Mapping[str, Any] | None:
        return self.vendor.held(shopper)

    def count(self) -> int:
        return len(self.vendor.contacts)

    def leaves(self, shopper: str) -> bool:
        return f"{shopper}@example.com" in self.vendor.opted_out

    def throttle(self) -> None:
        body = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
        self.vendor.ills.append({"data": body, "status": 429})


@asynccontextmanager
async def open_world() -> AsyncIterator[HubSpotWorld]:
    vendor = HubSpot()
    vendor.define("shopper_id", hasUniqueValue=True)
    vendor.define("words")
    vendor.define("motivation", "gift", "self")
    async with vendor.listening():
        settings = Settings(
            _env_file=None,
            hubspot_token=SecretStr(vendor.secret),
            hubspot_url=vendor.url,
            hubspot_requests_per_10_seconds=100_000,
            webhook_allow=("127.0.0.0/8",),
        )
        yield HubSpotWorld(vendor, settings, "words", "motivation")
