"""The metafields of a shop's customers in our namespace: their definitions, and how values are written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.capabilities import FieldShape, FieldType
from sync.connectors.shopify.admin import Admin, reason
from sync.errors import DestinationRefusedError

NAMESPACE = "askfirst"
KEY = "shopper_id"
"""The metafield, of the type `id`, by which a customer is found again."""

_TYPES: Mapping[FieldType, str] = {
    "text": "multi_line_text_field",
    "number": "number_decimal",
    "boolean": "boolean",
    "date": "date",
    "time": "date_time",
    "choice": "single_line_text_field",
    "choices": "list.single_line_text_field",
}


@dataclass(frozen=True, slots=True)
class Metafields:
    """Their definitions; `known` keeps the types that were read once."""

    admin: Admin
    known: dict[str, str] = field(default_factory=dict)

    async def types(self) -> Mapping[str, str]:
        """Give the types by name, asked for once."""
        if not self.known:
            defined = {name: _type(one) for name, one in (await self._all()).items()}
            self.known.update({KEY: "id"} | defined)
        return self.known

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give the definitions of the customers' metafields in our namespace."""
        return {name: _shape(one) for name, one in (await self._all()).items()}

    async def _all(self) -> dict[str, dict[str, Any]]:
        text = (
            "query($space: String) { metafieldDefinitions(first: 250, ownerType: CUSTOMER,"
            " namespace: $space) { nodes { key name type { name } validations { name value } } } }"
        )
        data = await self.admin.ask(text, {"space": NAMESPACE})
        return {one["key"]: one for one in data["metafieldDefinitions"]["nodes"]}

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Create definitions; the options of one that is there are changed in Shopify's settings."""
        there = await self._all()
        for one in fields:
            if one.name in there:
                continue
            checks = [{"name": "choices", "value": json.dumps(one.options)}] if one.options else []
            definition = {
                "name": one.label or one.name,
                "namespace": NAMESPACE,
                "key": one.name,
                "ownerType": "CUSTOMER",
                "type": "id" if one.unique else _TYPES[one.type],
                "validations": checks,
            }
            call = "metafieldDefinitionCreate(definition: "
            (wrong,) = await self.admin.mutate([(call, "MetafieldDefinitionInput!", definition)])
            if wrong:
                message = f"Shopify did not create {one.name}: {reason(wrong, ())}"
                raise DestinationRefusedError(message)
        self.known.clear()


def written(value: Any, defined: str) -> tuple[str, str]:
    """Give the type of a metafield and its value, which is text whatever the type."""
    match value:
        case bool():
            return defined or "boolean", "true" if value else "false"
        case int():
            return defined or "number_integer", str(value)
        case list():
            return defined or "list.single_line_text_field", json.dumps(value, ensure_ascii=False)
    kind = defined or _TYPES["text"]
    if kind.startswith("list."):
        return kind, json.dumps(str(value).split(","), ensure_ascii=False)
    return kind, str(value)


def value_of(node: Mapping[str, Any]) -> Any:
    """Read a metafield."""
    kind, value = str(node["type"]), node["value"]
    return json.loads(value) if kind.startswith("list.") or kind == "boolean" else value


def _type(definition: Mapping[str, Any]) -> str:
    return str(definition["type"]["name"])


def _shape(one: Mapping[str, Any]) -> FieldShape:
    kinds: dict[str, FieldType] = {theirs: ours for ours, theirs in _TYPES.items()}
    kind = kinds.get(_type(one), "text")
    if _type(one).startswith("number_"):
        kind = "number"
    checks = {check["name"]: check["value"] for check in one["validations"]}
    options = tuple(json.loads(checks["choices"])) if checks.get("choices") else ()
    return FieldShape(one["key"], kind, one["name"], options, unique=_type(one) == "id")
