"""Salesforce, for the contract."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from preferences.settings import Settings
from sync.capabilities import FieldShape
from tests.sync.contract.worlds.world import VendorWorld
from tests.sync.fakes.salesforce import CLIENT, Salesforce

_TYPES = {"boolean": "boolean", "time": "datetime"}


class SalesforceWorld(VendorWorld):
    vendor: Salesforce

    def held(self, shopper: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.vendor.held(shopper)
        return found

    def count(self) -> int:
        return len(self.vendor.records.get("Contact", {}))

    def leaves(self, shopper: str) -> bool:
        return bool((self.held(shopper) or {}).get("HasOptedOutOfEmail"))

    def make_by_hand(self, fields: Sequence[FieldShape]) -> None:
        for one in fields:
            self.vendor.define(one.name, type=_TYPES.get(one.type, "string"))

    def throttle(self) -> None:
        self.vendor.ills.append(0)  # the token
        body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "Limit exceeded."}]
        self.vendor.ills.append({"data": body, "status": 403})

    def lose_the_answer(self) -> None:
        self.vendor.ills.append(0)
        super().lose_the_answer()

    def forget_us(self) -> None:
        self.vendor.tokens.clear()
        super().forget_us()


@asynccontextmanager
async def open_world() -> AsyncIterator[SalesforceWorld]:
    vendor = Salesforce()
    vendor.define_key("Shopper_Id__c")
    vendor.define("Words__c", length=32_768)
    vendor.define("Motivation__c", "gift", "self")
    async with vendor.listening():
        settings = Settings(
            _env_file=None,
            salesforce_url=vendor.url,
            salesforce_client_id=CLIENT,
            salesforce_client_secret=SecretStr(vendor.secret),
            webhook_allow=("127.0.0.0/8",),
        )
        yield SalesforceWorld(vendor, settings, "Words__c", "Motivation__c")
