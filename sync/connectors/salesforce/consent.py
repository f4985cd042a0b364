"""What was decided about advertising, as ContactPointTypeConsent of an Individual."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from sync.connectors.salesforce.org import AT_ONCE, KEY, NAMELESS, Org, text_of
from sync.delivery import Delivery, Result, Taken
from sync.errors import DestinationRefusedError

CONSENT_KEY = "Shopper_Consent__c"
"""The external id of ContactPointTypeConsent."""


@dataclass(frozen=True, slots=True)
class Consents:
    """The consent objects of an org. `use` names the DataUsePurpose of a purpose, or nothing."""

    org: Org
    purpose: str
    use: str

    async def keep(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Keep what these contacts decided; give those of whom it was not taken."""
        decided = [one for one in batch if self.use and self.purpose in one.profile["consents"]]
        if not decided:
            return {}
        uses = await self.org.select(["Id"], "DataUsePurpose", f"Name = {text_of(self.use)}")
        if not uses:
            message = (
                f"Salesforce has no DataUsePurpose {self.use!r}; make it, or mend the setting."
            )
            raise DestinationRefusedError(message)
        failed = dict[str, Result]()
        for part in batched(decided, AT_ONCE):
            people = [{KEY: one.shopper, "LastName": NAMELESS} for one in part]
            known = await self.org.upsert("Individual", KEY, people)
            whose = [{KEY: one.shopper, "Individual": {KEY: one.shopper}} for one in part]
            linked = await self.org.upsert("Contact", KEY, whose)
            consents = [_record(one, self.purpose, uses[0]["Id"]) for one in part]
            kept = await self.org.upsert("ContactPointTypeConsent", CONSENT_KEY, consents)
            for told in (known, linked, kept):
                for one, result in zip(part, told, strict=True):
                    if not isinstance(result, Taken):
                        failed.setdefault(one.shopper, result)
        return failed


def _record(one: Delivery, purpose: str, use: str) -> dict[str, Any]:
    consent = one.profile["consents"][purpose]
    return {
        CONSENT_KEY: f"{one.shopper}:{purpose}:email",
        "Name": purpose,
        "Party": {"attributes": {"type": "Individual"}, KEY: one.shopper},
        "DataUsePurposeId": use,
        "ContactPointType": "Email",
        "PrivacyConsentStatus": "OptIn" if consent["state"] == "given" else "OptOut",
        "CaptureDate": consent["at"],
        "CaptureSource": f"Askfirst {consent['event']}",
        "CaptureContactPointType": "Web",
    }
