"""The properties of HubSpot's contacts: which there are, and those that are made in a group of ours."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from sync.capabilities import FieldShape, FieldType
from sync.connectors.hubspot.account import Account, reason, rows
from sync.errors import DestinationRefusedError
from sync.http import Answer

_GROUP = "askfirst"
_TYPES: Mapping[FieldType, tuple[str, str]] = {
    "text": ("string", "textarea"),
    "number": ("number", "number"),
    "boolean": ("bool", "booleancheckbox"),
    "date": ("date", "date"),
    "time": ("datetime", "date"),
    "choice": ("enumeration", "select"),
    "choices": ("enumeration", "checkbox"),
}


async def describe(account: Account) -> Mapping[str, FieldShape]:
    """Give the contact's properties."""
    found = rows(await account.client.get(account.properties))
    return {one["name"]: _shape(one) for one in found}


async def create(account: Account, fields: Sequence[FieldShape]) -> None:
    """Create properties in a group of our own, which is made where it is missing."""
    group = {"name": _GROUP, "label": "Askfirst"}
    answer = await account.client.post(f"{account.properties}/groups", group)
    if answer.status != HTTPStatus.CONFLICT:
        _check_created(answer, _GROUP)
    there = {one["name"]: one for one in rows(await account.client.get(account.properties))}
    for one in fields:
        if one.name not in there:
            answer = await account.client.post(account.properties, _property(one))
        else:
            body = {"options": _options(one, there[one.name].get("options", ()))}
            path = f"{account.properties}/{one.name}"
            answer = await account.client.call("PATCH", path, body=body)
        _check_created(answer, one.name)


def _shape(one: Mapping[str, Any]) -> FieldShape:
    types = {(kind, shown): name for name, (kind, shown) in _TYPES.items()}
    kinds: dict[str, FieldType] = {kind: name for name, (kind, _) in _TYPES.items()}
    kind = types.get((one["type"], one["fieldType"])) or kinds.get(one["type"], "text")
    if one["type"] == "enumeration" and one["fieldType"] != "checkbox":
        kind = "choice"
    options = tuple(str(option["value"]) for option in one.get("options") or ())
    shown = options if kind in ("choice", "choices") else ()
    return FieldShape(one["name"], kind, one["label"], shown, bool(one.get("hasUniqueValue")))


def _property(one: FieldShape) -> dict[str, Any]:
    kind, shown = _TYPES[one.type]
    return {
        "name": one.name,
        "label": one.label or one.name,
        "groupName": _GROUP,
        "type": kind,
        "fieldType": "text" if one.unique else shown,
        "hasUniqueValue": one.unique,
        "options": _options(one, ()),
    }


def _options(one: FieldShape, there: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the options there are and those that are missing; HubSpot wants them whole."""
    values = ("true", "false") if one.type == "boolean" else one.options
    kept = [dict(option) for option in there]
    missing = [value for value in values if value not in {option["value"] for option in kept}]
    fresh = [
        {"label": value, "value": value, "displayOrder": len(kept) + place}
        for place, value in enumerate(missing)
    ]
    return [*kept, *fresh]


def _check_created(answer: Answer, name: str) -> None:
    if not answer.is_taken:
        message = (
            f"HubSpot did not create {name} ({reason(answer.body)}); "
            "give the app the scope crm.schemas.contacts.write."
        )
        raise DestinationRefusedError(message)
