"""Shopify: metafields of the shop's customers, compared and set, and what they may be sent.

A customer is Shopify's: nobody becomes one by answering a question, and nobody is deleted from here.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from preferences.settings import Settings
from sync.capabilities import FieldShape, Lookup, Page, Remote, named
from sync.connectors.shopify.admin import Admin, Mutation, Points, reason
from sync.connectors.shopify.metafields import KEY, NAMESPACE, Metafields, value_of, written
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.http import Client, address, needed, open_session
from sync.marketing import permissions

_MOST_SET = 25  # metafields that one mutation takes
_MOST_READ = 250
_NO_CUSTOMER = timedelta(days=1)
_NAMED = {"customer", "email", "phone"}
_PAGE = 50
_LONG_AGO = "2000-01-01T00:00:00+00:00"
_STALE = {"STALE_OBJECT", "INVALID_COMPARE_DIGEST", "INTERNAL_ERROR"}
_CUSTOMER = """
fragment found on Customer {
  id updatedAt
  defaultEmailAddress { emailAddress marketingState }
  defaultPhoneNumber { phoneNumber marketingState }
  metafields(first: $most, keys: $keys) { nodes { key value type compareDigest } }
}"""


@dataclass(frozen=True, slots=True)
class Shopify:
    """The customers of a shop."""

    admin: Admin
    metafields: Metafields
    purpose: str
    batch_size: int = 10
    in_flight: int = 2

    async def turn(self, *, urgent: bool) -> None:
        """Wait for the points of a push."""
        await self.admin.turn(urgent=urgent)

    # Telling

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Find the customers, tell what they may be sent, then set and delete metafields."""
        found = await self._find(batch)
        there = [one for one in batch if one.shopper in found]
        unreached = await self._consent(there, found)
        results = await self._write(there, found)
        return [
            unreached.get(one.shopper) or results.get(one.shopper) or _nobody(one) for one in batch
        ]

    async def _find(self, batch: Sequence[Delivery]) -> dict[str, dict[str, Any]]:
        names = {one.shopper: _identifiers(one) for one in batch}
        found = dict[str, dict[str, Any]]()
        for place in range(max(map(len, names.values()), default=0)):
            asked = {
                shopper: known[place]
                for shopper, known in names.items()
                if shopper not in found and place < len(known)
            }
            found |= await self._customers(asked, [name for one in batch for name in one.fields])
        return found

    async def _customers(
        self, asked: Mapping[str, Mapping[str, Any]], fields: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Ask for customers with some of their metafields; another shopper's is nobody's here."""
        if not asked:
            return {}
        places = {shopper: number for number, shopper in enumerate(asked)}
        head = "".join(f", $i{n}: CustomerIdentifierInput!" for n in places.values())
        lines = " ".join(
            f"c{n}: customerByIdentifier(identifier: $i{n}) {{ ...found }}" for n in places.values()
        )
        text = f"query($most: Int, $keys: [String!]{head}) {{ {lines} }}{_CUSTOMER}"
        named = {f"i{n}": asked[shopper] for shopper, n in places.items()}
        data = await self.admin.ask(text, named | _wanted(fields))
        found = {shopper: data.get(f"c{n}") for shopper, n in places.items()}
        return {
            shopper: customer
            for shopper, customer in found.items()
            if customer and _whose(customer) in ("", shopper)
        }

    async def _consent(
        self, batch: Sequence[Delivery], found: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Result]:
        """Unsubscribe who left; subscribe who never decided. Who left in Shopify stays away."""
        asked, whose = list[Mutation](), list[str]()
        for one in batch:
            customer = found[one.shopper]
            for channel, permission in permissions(one.profile, self.purpose).items():
                state = _becomes(permission.word, _state(customer, channel))
                if not state:
                    continue
                told: dict[str, Any] = {"marketingState": state}
                if state == "SUBSCRIBED":
                    told["marketingOptInLevel"] = "SINGLE_OPT_IN"
                    told["consentUpdatedAt"] = permission.at
                name = "Email" if channel == "email" else "Sms"
                value = {"customerId": customer["id"], f"{channel}MarketingConsent": told}
                kind = f"Customer{name}MarketingConsentUpdateInput!"
                asked.append((f"customer{name}MarketingConsentUpdate(input: ", kind, value))
                whose.append(one.shopper)
        errors = await self.admin.mutate(asked)
        return {
            shopper: Later(reason(wrong, ()))
            for shopper, wrong in zip(whose, errors, strict=True)
            if wrong
        }

    async def _write(
        self, batch: Sequence[Delivery], found: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Result]:
        types = await self.metafields.types() if batch else {}
        asked, whose = list[Mutation](), list[tuple[str, list[str]]]()
        for one in batch:
            customer = found[one.shopper]
            filled, emptied = _parted(one, customer, types)
            for part in batched(filled, _MOST_SET):
                asked.append(("metafieldsSet(metafields: ", "[MetafieldsSetInput!]!", part))
                whose.append((one.shopper, [told["key"] for told in part]))
            if emptied:
                kind = "[MetafieldIdentifierInput!]!"
                asked.append(("metafieldsDelete(metafields: ", kind, emptied))
                whose.append((one.shopper, [told["key"] for told in emptied]))
        results: dict[str, Result] = {one.shopper: Taken(found[one.shopper]["id"]) for one in batch}
        for (shopper, names), wrong in zip(whose, await self.admin.mutate(asked), strict=True):
            if wrong:
                stale = {str(error.get("code")) for error in wrong} & _STALE
                why = reason(wrong, names)
                results[shopper] = Later(why) if stale else Refused(why)
        return results

    # Definitions, reading back, what changed there

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give the definitions of the customers' metafields in our namespace."""
        return await self.metafields.describe()

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Create definitions."""
        await self.metafields.create(fields)

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read customers by their own id, else by ours."""
        by_id = {one.shopper: {"id": one.remote_id} for one in asked if one.remote_id}
        by_key = {one.shopper: _by_key(one.shopper) for one in asked if not one.remote_id}
        found = await self._customers(by_id | by_key, fields)
        return {shopper: _remote(one, fields) for shopper, one in found.items()}

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Read customers by the time of their last change, from the moment of the cursor on."""
        since, _, after = (cursor or f"{_LONG_AGO} ").partition(" ")
        text = (
            "query($most: Int, $keys: [String!], $first: Int, $after: String, $query: String)"
            " { customers(first: $first,"
            " after: $after, query: $query, sortKey: UPDATED_AT) { nodes { ...found }"
            f" pageInfo {{ hasNextPage endCursor }} }} }}{_CUSTOMER}"
        )
        condition = f"updated_at:>='{since}'"
        values = {"first": _PAGE, "after": after or None, "query": condition}
        page = (await self.admin.ask(text, values | _wanted(fields)))["customers"]
        records = [_remote(one, fields) for one in page["nodes"]]
        if page["pageInfo"]["hasNextPage"]:
            return Page(records, f"{since} {page['pageInfo']['endCursor']}", more=True)
        last = max((one["updatedAt"] for one in page["nodes"]), default=since)
        return Page(records, f"{last} ")


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[Shopify]:
    """Open the connection pool.

    :raises SettingsError: the token is missing, or the address cannot be used.
    """
    token = needed(settings, "shopify_admin_token")
    needed(settings, "shopify_admin_url")
    base = address(settings, "shopify_admin_url")
    async with open_session() as session:
        client = Client(
            "Shopify",
            "ASKFIRST_SHOPIFY_ADMIN_TOKEN",
            session,
            base,
            headers={"X-Shopify-Access-Token": token},
        )
        admin = Admin(client, settings.shopify_api_version, Points())
        yield Shopify(admin, Metafields(admin), settings.marketing_purpose)


def _identifiers(one: Delivery) -> list[dict[str, Any]]:
    """Give what a customer may be found by, the surest first."""
    known = one.profile["identities"]
    found: list[dict[str, Any]] = [{"id": one.remote_id}] if one.remote_id else []
    number = known.get("customer", "")
    if number.isdecimal() and not one.remote_id:
        found.append({"id": f"gid://shopify/Customer/{number}"})
    found.append(_by_key(one.shopper))
    found += [{"emailAddress": known["email"]}] if known.get("email") else []
    found += [{"phoneNumber": known["phone"]}] if known.get("phone") else []
    return found


def _by_key(shopper: str) -> dict[str, Any]:
    return {"customId": {"namespace": NAMESPACE, "key": KEY, "value": shopper}}


def _wanted(fields: Sequence[str]) -> dict[str, Any]:
    keys = [f"{NAMESPACE}.{name}" for name in dict.fromkeys((KEY, *fields))]
    return {"most": min(len(keys), _MOST_READ), "keys": keys[:_MOST_READ]}


def _parted(
    one: Delivery, customer: Mapping[str, Any], types: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give those to set, each with the digest of what is to be replaced, and those to delete."""
    held = {node["key"]: node["compareDigest"] for node in customer["metafields"]["nodes"]}
    filled, emptied = list[dict[str, Any]](), list[dict[str, Any]]()
    fields = one.fields if _is_over(one) else {KEY: one.shopper, **one.fields}
    for name, value in fields.items():
        place = {"ownerId": customer["id"], "namespace": NAMESPACE, "key": name}
        if value is None or value == "":
            emptied += [place] if name in held else []
            continue
        kind, text = written(value, types.get(name, ""))
        filled.append({**place, "type": kind, "value": text, "compareDigest": held.get(name)})
    return filled, emptied


def _becomes(word: str, state: str) -> str:
    """Give the state that a word asks for, if it is another: nobody comes back who has left."""
    if word == "subscribe":
        return "SUBSCRIBED" if state == "NOT_SUBSCRIBED" else ""
    return "UNSUBSCRIBED" if state not in ("", "UNSUBSCRIBED") else ""


def _whose(customer: Mapping[str, Any]) -> str:
    """Give the shopper whose customer it is already; nobody is given another's."""
    nodes = customer["metafields"]["nodes"]
    return next((str(node["value"]) for node in nodes if node["key"] == KEY), "")


def _nobody(one: Delivery) -> Result:
    """Say what becomes of somebody who is no customer: there is nothing to empty, or time to wait.

    Who is nobody by name cannot be found later either: signing in links them to somebody, who is
    told of anew.
    """
    nothing = not any(value is not None for value in one.fields.values())
    if _is_over(one) or nothing or not {*one.profile["identities"]} & _NAMED:
        return Taken()
    return Later("Shopify has no customer for this shopper yet.", _NO_CUSTOMER)


def _is_over(one: Delivery) -> bool:
    return one.erased or one.profile["linked_to"] is not None


def _state(customer: Mapping[str, Any], channel: str) -> str:
    name = "defaultEmailAddress" if channel == "email" else "defaultPhoneNumber"
    return str((customer[name] or {}).get("marketingState", ""))


def _remote(one: Mapping[str, Any], fields: Sequence[str]) -> Remote:
    held = {node["key"]: value_of(node) for node in one["metafields"]["nodes"]}
    email, phone = one["defaultEmailAddress"] or {}, one["defaultPhoneNumber"] or {}
    left = [name for name in ("email", "sms") if _state(one, name) == "UNSUBSCRIBED"]
    number = str(one["id"]).rpartition("/")[2]
    return Remote(
        shopper=_whose(one),
        identities=named(
            customer=number, email=email.get("emailAddress"), phone=phone.get("phoneNumber")
        ),
        opted_out=tuple(left),
        fields={name: held.get(name) for name in fields},
        remote_id=one["id"],
        at=datetime.fromisoformat(one["updatedAt"]),
    )
