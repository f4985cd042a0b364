"""Tryton's mailing lists: who leaves them all, and who is put on the one of a purpose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.connectors.tryton.party import Party
from sync.connectors.tryton.server import ACTIVE, Tryton
from sync.delivery import Delivery
from sync.errors import DestinationRefusedError
from sync.marketing import word

ADDRESS = "marketing.email"
"""The model of an address that is on a list."""


@dataclass(frozen=True, slots=True)
class MailingList:
    """The list `name` that follows a purpose; without a name nobody is put on or off any."""

    server: Tryton
    name: str
    purpose: str

    async def leave(self, batch: Sequence[Delivery], there: Mapping[str, Party]) -> None:
        """Whoever leaves, leaves every list; a permission that ended is that of our own list."""
        if not self.name:
            return
        leaving, withdrawn = set[str](), set[str]()
        for one in batch:
            emails = {one.profile["identities"].get("email", "").lower()}
            if held := there.get(one.shopper):
                emails.add(held.mechanism("email").lower())
            match word(one.profile, self.purpose):
                case "leave":
                    leaving |= emails - {""}
                case "withdraw":
                    withdrawn |= emails - {""}
        asked = list[Any](["OR"])
        if leaving:
            asked.append([["email", "in", sorted(leaving)]])
        if withdrawn:
            here = ["list_", "=", await self._number()]
            asked.append([["email", "in", sorted(withdrawn)], here])
        if len(asked) > 1:
            found = await self.server.found(ADDRESS, [asked, ACTIVE], ["email"])
            if numbers := [row["id"] for row in found]:
                await self.server.model(ADDRESS, "write", numbers, {"active": False})

    async def join(self, batch: Sequence[Delivery]) -> None:
        """Subscribe who was never on the list. Who left it comes back by its own form, not from here."""
        wanted = {
            str(one.profile["identities"]["email"]).lower()
            for one in batch
            if self.name
            and "email" in one.profile["identities"]
            and word(one.profile, self.purpose) == "subscribe"
        }
        if not wanted:
            return
        number = await self._number()
        domain = [["email", "in", sorted(wanted)], ["list_", "=", number]]
        known = {row["email"] for row in await self.server.found(ADDRESS, domain, ["email"])}
        if new := sorted(wanted - known):
            values = [{"email": email, "list_": number} for email in new]
            await self.server.model(ADDRESS, "create", values)

    async def _number(self) -> int:
        domain = [["name", "=", self.name], ACTIVE]
        found = await self.server.found("marketing.email.list", domain, ["name"])
        if not found:
            message = (
                f"Tryton has no mailing list {self.name!r}; "
                "create it there or empty ASKFIRST_TRYTON_LIST."
            )
            raise DestinationRefusedError(message)
        return int(found[0]["id"])
