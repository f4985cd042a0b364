"""Klaviyo, for the contract. Its properties take anything; what it refuses is a phone that is none."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from preferences.settings import Settings
from tests.sync.contract.worlds.world import VendorWorld
from tests.sync.fakes.klaviyo import Klaviyo


class KlaviyoWorld(VendorWorld):
    vendor: Klaviyo

    def held(self, shopper: str) -> Mapping[str, Any] | None:
        found = self.vendor.held(shopper)
        return found and found.attributes | found.properties

    def count(self) -> int:
        return len(self.vendor.profiles)

    def leaves(self, shopper: str) -> bool:
        return bool(self.vendor.by_email(f"{shopper}@example.com").suppressed)

    def throttle(self) -> None:
        body = {"errors": [{"code": "throttled", "title": "Throttled", "detail": "1 second"}]}
        self.vendor.ills.append({"data": body, "status": 429, "headers": {"Retry-After": "1"}})


@asynccontextmanager
async def open_world() -> AsyncIterator[KlaviyoWorld]:
    vendor = Klaviyo()
    async with vendor.listening():
        settings = Settings(
            _env_file=None,
            klaviyo_key=SecretStr(vendor.secret),
            klaviyo_url=vendor.url,
            webhook_allow=("127.0.0.0/8",),
        )
        options = ("+4930123456", "+4930123457")
        yield KlaviyoWorld(vendor, settings, "words", "phone_number", options)
