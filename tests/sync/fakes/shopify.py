"""A Shopify that remembers: customers, metafields with their digests, consent, the cost of a query.

The schema is what Shopify's public pages say of these operations; graphql-core reads, checks and runs
every request against it, so that a field or an argument that is not there is refused.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from graphql import OperationDefinitionNode, OperationType, build_schema, graphql_sync, parse

from tests.sync.fakes.vendor import Vendor, Window

SCHEMA = build_schema("""
scalar DateTime
enum MetafieldOwnerType { CUSTOMER PRODUCT }
enum CustomerSortKeys { UPDATED_AT ID }
enum CustomerEmailMarketingState { NOT_SUBSCRIBED SUBSCRIBED UNSUBSCRIBED PENDING INVALID REDACTED }
enum CustomerSmsMarketingState { NOT_SUBSCRIBED SUBSCRIBED UNSUBSCRIBED PENDING REDACTED }
enum CustomerMarketingOptInLevel { SINGLE_OPT_IN CONFIRMED_OPT_IN UNKNOWN }
type Metafield { namespace: String! key: String! value: String! type: String! compareDigest: String! }
type MetafieldConnection { nodes: [Metafield!]! }
type CustomerEmailAddress { emailAddress: String! marketingState: CustomerEmailMarketingState! }
type CustomerPhoneNumber { phoneNumber: String! marketingState: CustomerSmsMarketingState! }
type Customer {
  id: ID!
  updatedAt: DateTime!
  defaultEmailAddress: CustomerEmailAddress
  defaultPhoneNumber: CustomerPhoneNumber
  metafields(first: Int, namespace: String, keys: [String!]): MetafieldConnection!
}
type PageInfo { hasNextPage: Boolean! endCursor: String }
type CustomerConnection { nodes: [Customer!]! pageInfo: PageInfo! }
type MetafieldDefinitionType { name: String! }
type MetafieldDefinitionValidation { name: String! value: String }
type MetafieldDefinition {
  name: String! namespace: String! key: String!
  type: MetafieldDefinitionType!
  validations: [MetafieldDefinitionValidation!]!
}
type MetafieldDefinitionConnection { nodes: [MetafieldDefinition!]! }
input UniqueMetafieldValueInput { namespace: String key: String! value: String! }
input CustomerIdentifierInput {
  id: ID emailAddress: String phoneNumber: String customId: UniqueMetafieldValueInput
}
input MetafieldsSetInput {
  ownerId: ID! namespace: String key: String! value: String! type: String compareDigest: String
}
input MetafieldIdentifierInput { ownerId: ID! namespace: String! key: String! }
input CustomerEmailMarketingConsentInput {
  marketingState: CustomerEmailMarketingState!
  marketingOptInLevel: CustomerMarketingOptInLevel
  consentUpdatedAt: DateTime
}
input CustomerEmailMarketingConsentUpdateInput {
  customerId: ID! emailMarketingConsent: CustomerEmailMarketingConsentInput!
}
input CustomerSmsMarketingConsentInput {
  marketingState: CustomerSmsMarketingState!
  marketingOptInLevel: CustomerMarketingOptInLevel
  consentUpdatedAt: DateTime
}
input CustomerSmsMarketingConsentUpdateInput {
  customerId: ID! smsMarketingConsent: CustomerSmsMarketingConsentInput!
}
input MetafieldDefinitionValidationInput { name: String! value: String! }
input MetafieldDefinitionInput {
  name: String! namespace: String key: String! ownerType: MetafieldOwnerType! type: String!
  validations: [MetafieldDefinitionValidationInput!]
}
type MetafieldsSetUserError { elementIndex: Int field: [String!] code: String message: String! }
type UserError { field: [String!] code: String message: String! }
type MetafieldIdentifier { ownerId: ID! namespace: String! key: String! }
type MetafieldsSetPayload { metafields: [Metafield!] userErrors: [MetafieldsSetUserError!]! }
type MetafieldsDeletePayload { deletedMetafields: [MetafieldIdentifier] userErrors: [UserError!]! }
type ConsentPayload { customer: Customer userErrors: [UserError!]! }
type DefinitionPayload { createdDefinition: MetafieldDefinition userErrors: [UserError!]! }
type Query {
  customerByIdentifier(identifier: CustomerIdentifierInput!): Customer
  customers(first: Int, after: String, query: String, sortKey: CustomerSortKeys): CustomerConnection!
  metafieldDefinitions(first: Int!, ownerType: MetafieldOwnerType!, namespace: String):
    MetafieldDefinitionConnection!
}
type Mutation {
  metafieldsSet(metafields: [MetafieldsSetInput!]!): MetafieldsSetPayload
  metafieldsDelete(metafields: [MetafieldIdentifierInput!]!): MetafieldsDeletePayload
  customerEmailMarketingConsentUpdate(input: CustomerEmailMarketingConsentUpdateInput!):
    ConsentPayload
  customerSmsMarketingConsentUpdate(input: CustomerSmsMarketingConsentUpdateInput!): ConsentPayload
  metafieldDefinitionCreate(definition: MetafieldDefinitionInput!): DefinitionPayload
}
""")


@dataclass
class Customer:
    id: str
    email: str = ""
    phone: str = ""
    email_state: str = "NOT_SUBSCRIBED"
    sms_state: str = "NOT_SUBSCRIBED"
    proof: dict[str, str] = field(default_factory=dict)
    metafields: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Shopify(Vendor):
    """`restore` are points a second, as Shopify's plans have them."""

    maximum: float = 2000
    restore: float = 100
    customers: dict[str, Customer] = field(default_factory=dict)
    definitions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    writes: int = 0
    _ids: Any = field(default_factory=lambda: itertools.count(1001))
    _spent: float = 0
    _at: float = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/admin/api/{version}/graphql.json", self.answer)]

    def authorised(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("X-Shopify-Access-Token") == self.secret:
            return None
        told = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return web.json_response({"errors": told}, status=401)

    def throttled(self, window: Window) -> web.StreamResponse:
        del window
        return web.json_response(self._throttled(10))

    # What a test asks of it

    def create(self, email: str = "", phone: str = "", **metafields: str) -> Customer:
        customer = Customer(f"gid://shopify/Customer/{next(self._ids)}", email, phone)
        for key, value in metafields.items():
            customer.metafields["askfirst", key] = ("multi_line_text_field", value)
        self.customers[customer.id] = customer
        return customer

    def define(self, key: str, kind: str = "multi_line_text_field", *options: str) -> None:
        validations = [{"name": "choices", "value": json.dumps(options)}] if options else []
        self.definitions["askfirst", key] = {
            "name": key,
            "namespace": "askfirst",
            "key": key,
            "type": {"name": kind},
            "validations": validations,
        }

    def by_email(self, email: str) -> Customer:
        (found,) = (one for one in self.customers.values() if one.email == email)
        return found

    # One door

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        cost = _cost(body["query"])
        left = self._left()
        if cost > left:
            self.refused += 1
            return web.json_response(self._throttled(cost))
        self._spent += cost
        result = graphql_sync(
            SCHEMA, body["query"], root_value=self, variable_values=body.get("variables")
        )
        told: dict[str, Any] = {"data": result.data, "extensions": {"cost": self._shown(cost)}}
        if result.errors:
            told["errors"] = [error.formatted for error in result.errors]
        return web.json_response(told)

    def _left(self) -> float:
        now = self.clock()
        self._spent = max(0.0, self._spent - (now - self._at) * self.restore)
        self._at = now
        return self.maximum - self._spent

    def _shown(self, cost: float) -> dict[str, Any]:
        status = {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": self._left(),
            "restoreRate": self.restore,
        }
        return {"requestedQueryCost": cost, "actualQueryCost": cost, "throttleStatus": status}

    def _throttled(self, cost: float) -> dict[str, Any]:
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
        shown = self._shown(cost) | {"actualQueryCost": None}
        return {"errors": [error], "extensions": {"cost": shown}}

    # Resolvers, by Shopify's names

    def customerByIdentifier(self, info: Any, identifier: Mapping[str, Any]) -> Any:  # noqa: N802
        del info
        ((kind, value),) = identifier.items()
        for one in self.customers.values():
            own = one.metafields.get(("askfirst", "shopper_id"), ("", ""))[1]
            known = {
                "id": one.id,
                "emailAddress": one.email,
                "phoneNumber": one.phone,
                "customId": own,
            }
            wanted = value["value"] if kind == "customId" else value
            if wanted and known[kind].lower() == wanted.lower():
                return self._customer(one)
        return None

    def customers_page(self, first: int, after: str | None, query: str) -> dict[str, Any]:
        since = datetime.fromisoformat(query.removeprefix("updated_at:>='").removesuffix("'"))
        found = [one for one in self.customers.values() if one.updated >= since]
        found.sort(key=lambda one: (one.updated, one.id))
        begin = int(after or 0)
        page = found[begin : begin + first]
        following = {"hasNextPage": begin + first < len(found), "endCursor": str(begin + first)}
        return {"nodes": [self._customer(one) for one in page], "pageInfo": following}

    def metafieldDefinitions(self, info: Any, **asked: Any) -> dict[str, Any]:  # noqa: N802
        del info
        assert (asked["ownerType"], asked["first"]) == ("CUSTOMER", 250)
        of = asked["namespace"]
        found = [one for place, one in self.definitions.items() if place[0] == of]
        return {"nodes": found}

    def metafieldDefinitionCreate(self, info: Any, definition: dict[str, Any]) -> Any:  # noqa: N802
        del info
        place = definition["namespace"], definition["key"]
        if place in self.definitions:
            return {"userErrors": [{"field": ["key"], "code": "TAKEN", "message": "is taken"}]}
        self.definitions[place] = {
            **definition,
            "type": {"name": definition["type"]},
            "validations": definition.get("validations") or [],
        }
        return {"createdDefinition": self.definitions[place], "userErrors": []}

    def metafieldsSet(self, info: Any, metafields: list[dict[str, Any]]) -> Any:  # noqa: N802
        """All or nothing, 25 at most."""
        del info
        if len(metafields) > 25:
            return _refused("LESS_THAN_OR_EQUAL_TO", ["metafields"], "25 at most", 0)
        for number, one in enumerate(metafields):
            fault = self._fault(one)
            if fault is not None:
                return _refused(fault, ["metafields", str(number), "value"], one["value"], number)
        for one in metafields:
            customer = self.customers[one["ownerId"]]
            customer.metafields[one["namespace"], one["key"]] = (self._kind(one), one["value"])
            customer.updated = datetime.now(UTC)
        self.writes += 1
        return {"metafields": [], "userErrors": []}

    def _kind(self, one: Mapping[str, Any]) -> str:
        defined = self.definitions.get((one["namespace"], one["key"]))
        return str(defined["type"]["name"]) if defined else str(one.get("type", ""))

    def _fault(self, one: Mapping[str, Any]) -> str | None:
        customer = self.customers.get(one["ownerId"])
        kind, place = self._kind(one), (one["namespace"], one["key"])
        if not kind or one.get("type", kind) != kind:
            return "INVALID_TYPE"
        if customer is None or one["value"] == "":
            return "INVALID" if customer is None else "BLANK"
        held = customer.metafields.get(place)
        if one.get("compareDigest", held and _digest(held)) != (held and _digest(held)):
            return "STALE_OBJECT"
        checks = self.definitions.get(place, {}).get("validations", ())
        choices = [json.loads(check["value"]) for check in checks if check["name"] == "choices"]
        fits = all(one["value"] in told for told in choices)
        if kind == "boolean":
            fits = one["value"] in ("true", "false")
        return None if fits else "INVALID_VALUE"

    def metafieldsDelete(self, info: Any, metafields: list[dict[str, Any]]) -> Any:  # noqa: N802
        del info
        for one in metafields:
            customer = self.customers[one["ownerId"]]
            customer.metafields.pop((one["namespace"], one["key"]), None)
            customer.updated = datetime.now(UTC)
        self.writes += 1
        return {"deletedMetafields": metafields, "userErrors": []}

    def customerEmailMarketingConsentUpdate(self, info: Any, input: Any) -> Any:  # noqa: A002, N802
        del info
        customer, told = self.customers[input["customerId"]], input["emailMarketingConsent"]
        if not customer.email:
            return _refused("INVALID", ["input"], "The customer must have an email", None)
        assert told["marketingState"] in ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING")
        customer.email_state, customer.proof = told["marketingState"], dict(told)
        return {"customer": self._customer(customer), "userErrors": []}

    def customerSmsMarketingConsentUpdate(self, info: Any, input: Any) -> Any:  # noqa: A002, N802
        del info
        customer, told = self.customers[input["customerId"]], input["smsMarketingConsent"]
        if not customer.phone:
            return _refused("INVALID", ["input"], "The customer must have a phone", None)
        customer.sms_state = told["marketingState"]
        return {"customer": self._customer(customer), "userErrors": []}

    def _customer(self, one: Customer) -> dict[str, Any]:
        def metafields(info: Any, **asked: Any) -> dict[str, Any]:
            del info
            keys = asked.get("keys")
            found = [
                {
                    "namespace": of,
                    "key": key,
                    "type": kind,
                    "value": value,
                    "compareDigest": _digest((kind, value)),
                }
                for (of, key), (kind, value) in one.metafields.items()
                if asked.get("namespace") in (None, of) and (keys is None or f"{of}.{key}" in keys)
            ]
            return {"nodes": found[: asked["first"]]}

        email = {"emailAddress": one.email, "marketingState": one.email_state}
        phone = {"phoneNumber": one.phone, "marketingState": one.sms_state}
        return {
            "id": one.id,
            "updatedAt": one.updated.isoformat(),
            "defaultEmailAddress": email if one.email else None,
            "defaultPhoneNumber": phone if one.phone else None,
            "metafields": metafields,
        }


def _resolve_customers(root: Shopify, info: Any, **asked: Any) -> dict[str, Any]:
    del info
    assert asked["sortKey"] == "UPDATED_AT"
    return root.customers_page(asked["first"], asked.get("after"), asked["query"])


_QUERY = SCHEMA.query_type
assert _QUERY is not None
_QUERY.fields["customers"].resolve = _resolve_customers


def _cost(text: str) -> int:
    """Ten for a mutation, and about what Shopify reckons for a customer with its metafields."""
    asked = [one for one in parse(text).definitions if isinstance(one, OperationDefinitionNode)]
    return sum(
        (10 if one.operation == OperationType.MUTATION else 3) * len(one.selection_set.selections)
        for one in asked
    )


def _digest(held: tuple[str, str]) -> str:
    return hashlib.sha256(f"{held[0]} {held[1]}".encode()).hexdigest()


def _refused(code: str, place: list[str], message: str, number: int | None) -> dict[str, Any]:
    error = {"field": place, "code": code, "message": message}
    return {"userErrors": [error if number is None else error | {"elementIndex": number}]}
