"""A HubSpot that remembers: contacts, properties, subscriptions, the rolling limit and its daily one.

Written from HubSpot's public guides; `hubspot-api-client` looks at it from outside.
"""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.sync.fakes.vendor import Vendor, Window

STANDARD = {
    "email": {"type": "string", "fieldType": "text", "hasUniqueValue": True},
    "phone": {"type": "string", "fieldType": "phonenumber"},
    "firstname": {"type": "string", "fieldType": "text"},
    "hs_email_optout": {"type": "bool", "fieldType": "booleancheckbox"},
    "lastmodifieddate": {"type": "datetime", "fieldType": "date"},
    "hs_object_id": {"type": "number", "fieldType": "number", "hasUniqueValue": True},
}
_LONGEST = 65_536


@dataclass
class HubSpot(Vendor):
    """`multi_status` tells whether one bad contact spoils its batch (400) or not (207)."""

    windows: list[Window] = field(default_factory=lambda: [Window(190, 10)])
    searches: Window = field(default_factory=lambda: Window(5, 1))
    multi_status: bool = True
    daily: int = 625_000
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    properties: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {name: dict(one) for name, one in STANDARD.items()}
    )
    groups: set[str] = field(default_factory=lambda: {"contactinformation"})
    statuses: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    writes: int = 0
    _ids: Any = field(default_factory=lambda: itertools.count(101))
    _by: dict[tuple[str, str], str] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        found = []
        for objects, properties, preferences in (
            ("/crm/v3/objects/contacts", "/crm/v3/properties/contacts", "v4"),
            *(
                (f"/crm/objects/{day}/contacts", f"/crm/properties/{day}/contacts", day)
                for day in ("2026-03", "2026-09")
            ),
        ):
            statuses = f"/communication-preferences/{preferences}/statuses/batch"
            found += [
                web.post(f"{objects}/batch/upsert", self.upsert),
                web.post(f"{objects}/batch/read", self.read),
                web.post(f"{objects}/batch/update", self.update),
                web.post(f"{objects}/search", self.search),
                web.post(f"{objects}/gdpr-delete", self.gdpr_delete),
                web.get(properties, self.list_properties),
                web.post(properties, self.create_property),
                web.patch(f"{properties}/{{name}}", self.change_property),
                web.post(f"{properties}/groups", self.create_group),
                web.post(f"{statuses}/write", self.write_statuses),
                web.post(f"{statuses}/read", self.read_statuses),
                web.post(f"{statuses}/unsubscribe-all", self.unsubscribe_all),
                web.post(f"{statuses}/unsubscribe-all/read", self.read_opted_out),
            ]
        return found

    def authorised(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.secret}":
            return None
        return _error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def limited(self, request: web.Request) -> list[Window]:
        return [*self.windows, *([self.searches] if request.path.endswith("/search") else [])]

    def throttled(self, window: Window) -> web.StreamResponse:
        del window
        return web.json_response(
            {
                "status": "error",
                "message": "You have reached your ten_secondly_rolling limit.",
                "errorType": "RATE_LIMIT",
                "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24",
                "policyName": "TEN_SECONDLY_ROLLING",
            },
            status=429,
        )

    def decorate(self, response: web.StreamResponse) -> None:
        window = self.windows[0]
        response.headers["X-HubSpot-RateLimit-Max"] = str(window.most)
        response.headers["X-HubSpot-RateLimit-Remaining"] = str(max(0, window.left))
        response.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = str(
            int(window.seconds * 1000)
        )
        response.headers["X-HubSpot-RateLimit-Daily"] = str(self.daily)
        response.headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(self.daily - len(self.seen))

    # What a test asks of it

    def create(self, **properties: str) -> str:
        """Have a contact that somebody else made."""
        number = str(next(self._ids))
        self._put(number, properties)
        return number

    def held(self, shopper: str) -> dict[str, str] | None:
        number = self._by.get(("shopper_id", shopper))
        return None if number is None else self.contacts[number]

    def define(self, name: str, *options: str, **more: Any) -> None:
        shape = {"type": "enumeration", "fieldType": "select"} if options else {}
        self.properties[name] = {
            "type": "string",
            "fieldType": "text",
            **shape,
            "options": [{"label": one, "value": one} for one in options],
            **more,
        }

    def leave(self, email: str) -> None:
        """Have somebody leave all mailings, there or from here."""
        self.opted_out.add(email.lower())
        if (number := self._find("email", email)) is not None:
            self._put(number, {"hs_email_optout": "true"})

    # Contacts

    async def upsert(self, request: web.Request) -> web.Response:
        inputs = (await request.json())["inputs"]
        if len(inputs) > 100:
            return _error(400, "VALIDATION_ERROR", "The maximum batch size is 100.")
        keys = [(one.get("idProperty"), one["id"]) for one in inputs]
        if len(set(keys)) < len(keys):
            return _error(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input: [masked]")
        for name, _ in keys:
            if not self.properties.get(str(name), {}).get("hasUniqueValue"):
                message = f"Unable to perform update/upsert by non-unique {name} property"
                return _error(400, "VALIDATION_ERROR", message)
        wrong = [fault for one in inputs if (fault := self._fault(one))]
        if wrong and not self.multi_status:
            status = 409 if wrong[0]["category"] == "CONFLICT" else 400
            return _error(status, wrong[0]["category"], wrong[0]["message"])
        spoiled = [one["id"] for one in wrong]
        results = [self._upsert_one(one) for one in inputs if one["id"] not in spoiled]
        return _batch(results, wrong)

    def _upsert_one(self, one: Mapping[str, Any]) -> dict[str, Any]:
        key = (one["idProperty"], one["id"])
        number = self._by.get(key)
        is_new = number is None
        number = number or str(next(self._ids))
        self._put(number, {one["idProperty"]: one["id"], **one["properties"]})
        self.writes += 1
        return {
            **_contact(number, self.contacts[number]),
            "new": is_new,
            "objectWriteTraceId": one.get("objectWriteTraceId"),
        }

    def _fault(self, one: Mapping[str, Any], number: str | None = None) -> dict[str, Any] | None:
        number = number or self._by.get((one.get("idProperty", ""), one["id"]))
        for name, value in one["properties"].items():
            if (wrong := self._wrong(name, value)) is not None:
                code, told = wrong
                message = "Property values were not valid: " + json.dumps(
                    [{"isValid": False, "message": told, "error": code, "name": name}]
                )
                return _item_error("VALIDATION_ERROR", message, one, code, name)
            owner = self._by.get((name, value.lower() if name == "email" else value))
            if value and owner not in (None, number):
                message = f"Contact already exists. Existing ID: {owner}"
                return _item_error("CONFLICT", message, one, "CONFLICT", name)
        return None

    def _wrong(self, name: str, value: Any) -> tuple[str, str] | None:
        if name not in self.properties:
            return "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'
        if not isinstance(value, str):
            return "INVALID_TYPE", f"{value!r} is not a string"
        return self._misshapen(name, value)

    def _misshapen(self, name: str, value: str) -> tuple[str, str] | None:
        shape = self.properties[name]
        if len(value) > _LONGEST:
            return "INVALID_STRING_LENGTH", f"{name} is longer than {_LONGEST} characters"
        options = {option["value"] for option in shape.get("options", ())}
        if value and shape["type"] == "enumeration" and not {*value.split(";")} <= options:
            return "INVALID_OPTION", f"{value} was not one of the allowed options: {options}"
        if value and shape["type"] == "datetime" and not _is_moment(value):
            return "INVALID_DATE", f"{value} is not a valid date"
        if name == "email" and value and "@" not in value:
            return "INVALID_EMAIL", f"Email address {value} is invalid"
        return None

    def _put(self, number: str, properties: Mapping[str, str]) -> None:
        contact = self.contacts.setdefault(number, {})
        for name, value in properties.items():
            unique = self.properties.get(name, {}).get("hasUniqueValue")
            kept = value.lower() if name == "email" else value
            if unique:
                self._by.pop((name, contact.get(name, "")), None)
            if value:
                contact[name] = kept
            else:
                contact.pop(name, None)
            if unique and value:
                self._by[name, kept] = number
        contact["lastmodifieddate"] = _now()

    async def read(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = body.get("idProperty", "hs_object_id")
        if not self.properties.get(name, {}).get("hasUniqueValue"):
            return _error(400, "VALIDATION_ERROR", f"{name} is no unique property")
        numbers = [self._find(name, one["id"]) for one in body["inputs"]]
        results = [
            _contact(number, self._pick(number, body["properties"])) for number in numbers if number
        ]
        missing = [
            {
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "message": "Could not get some CONTACT objects, they may be deleted or not exist.",
                "context": {"ids": [one["id"]]},
            }
            for one, number in zip(body["inputs"], numbers, strict=True)
            if not number
        ]
        return _batch(results, missing)

    async def update(self, request: web.Request) -> web.Response:
        results, wrong = [], []
        for one in (await request.json())["inputs"]:
            number = self._find(one.get("idProperty", "hs_object_id"), one["id"])
            if number is None:
                wrong.append(_item_error("OBJECT_NOT_FOUND", "CONTACT not found", one, "", ""))
            elif (fault := self._fault(one, number)) is not None:
                wrong.append(fault)
            else:
                self._put(number, one["properties"])
                self.writes += 1
                traced = {"objectWriteTraceId": one.get("objectWriteTraceId")}
                results.append(_contact(number, self.contacts[number]) | traced)
        return _batch(results, wrong)

    async def search(self, request: web.Request) -> web.Response:
        body = await request.json()
        groups = [group["filters"] for group in body["filterGroups"]]
        if len(groups) > 5:
            return _error(400, "VALIDATION_ERROR", "filterGroups has more than 5 groups.")
        assert body["sorts"] == [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
        after, limit = int(body.get("after", 0)), body.get("limit", 100)
        if limit > 200 or after + limit > 10_000:
            return _error(
                400, "VALIDATION_ERROR", "The maximum limit is 200, the maximum offset 10000."
            )
        found = sorted(
            (_milliseconds(one["lastmodifieddate"]), number)
            for number, one in self.contacts.items()
            if any(all(_is_met(asked, one) for asked in filters) for filters in groups)
        )
        page = [n for _, n in found[after : after + limit]]
        more = {"paging": {"next": {"after": str(after + limit)}}}
        return web.json_response(
            {
                "total": len(found),
                "results": [_contact(n, self._pick(n, body["properties"])) for n in page],
            }
            | (more if after + limit < len(found) else {})
        )

    async def gdpr_delete(self, request: web.Request) -> web.Response:
        body = await request.json()
        number = self._find(body.get("idProperty", "hs_object_id"), body["objectId"])
        if number is None:
            return _error(404, "OBJECT_NOT_FOUND", "No contact found")
        self._put(number, dict.fromkeys(self.contacts[number], ""))
        del self.contacts[number]
        self.deleted.append(number)
        return web.Response(status=204)

    def _find(self, name: str, value: str) -> str | None:
        if name == "hs_object_id":
            return value if value in self.contacts else None
        return self._by.get((name, value.lower() if name == "email" else value))

    def _pick(self, number: str, names: Iterable[str]) -> dict[str, str | None]:
        return {name: self.contacts[number].get(name) for name in names}

    # Properties

    async def list_properties(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(
            {"results": [_property(name, one) for name, one in self.properties.items()]}
        )

    async def create_property(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["name"] in self.properties:
            return _error(409, "OBJECT_ALREADY_EXISTS", f"{body['name']} already exists")
        if body["groupName"] not in self.groups:
            return _error(400, "VALIDATION_ERROR", f"{body['groupName']} does not exist")
        self.properties[body["name"]] = body
        return web.json_response(_property(body["name"], body), status=201)

    async def change_property(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.properties:
            return _error(404, "OBJECT_NOT_FOUND", "no such property")
        self.properties[name] |= await request.json()
        return web.json_response(_property(name, self.properties[name]))

    async def create_group(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["name"] in self.groups:
            return _error(409, "OBJECT_ALREADY_EXISTS", "the group already exists")
        self.groups.add(body["name"])
        return web.json_response({**body, "archived": False}, status=201)

    # Subscriptions: what v3 would have refused, v4 does

    async def write_statuses(self, request: web.Request) -> web.Response:
        results, wrong = [], []
        for one in (await request.json())["inputs"]:
            if "@" not in one["subscriberIdString"]:
                wrong.append(_item_error("VALIDATION_ERROR", "no such subscriber", one, "", ""))
                continue
            email = one["subscriberIdString"].lower()
            status = {"status": one["statusState"], **one, "source": "API", "timestamp": _now()}
            self.statuses[email, one["subscriptionId"]] = status
            if one["statusState"] == "SUBSCRIBED":
                self.opted_out.discard(email)
            results.append(status)
        return _batch(results, wrong)

    async def read_statuses(self, request: web.Request) -> web.Response:
        results = [
            {
                "subscriberIdString": email,
                "statuses": [one for (of, _), one in self.statuses.items() if of == email.lower()],
            }
            for email in (await request.json())["inputs"]
        ]
        return _batch(results, [])

    async def unsubscribe_all(self, request: web.Request) -> web.Response:
        assert request.query["channel"] == "EMAIL"
        inputs = (await request.json())["inputs"]
        for email in inputs:
            self.leave(email)
        return _batch([{"subscriberIdString": one, "statuses": []} for one in inputs], [])

    async def read_opted_out(self, request: web.Request) -> web.Response:
        assert request.query["channel"] == "EMAIL"
        results = [
            {
                "subscriberIdString": email,
                "wideStatuses": [
                    {
                        "channel": "EMAIL",
                        "status": "UNSUBSCRIBED",
                        "subscriberIdString": email,
                        "timestamp": _now(),
                        "wideStatusType": "PORTAL_WIDE",
                    }
                ]
                if email.lower() in self.opted_out
                else [],
            }
            for email in (await request.json())["inputs"]
        ]
        return _batch(results, [])


def _contact(number: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    now = _now()
    return {
        "id": number,
        "properties": dict(properties),
        "createdAt": now,
        "updatedAt": now,
        "archived": False,
    }


def _property(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    plain = {"label": name, "groupName": "contactinformation", "options": [], "description": ""}
    return plain | dict(one) | {"name": name, "hasUniqueValue": bool(one.get("hasUniqueValue"))}


def _batch(results: list[Any], errors: list[Any], status: int = 200) -> web.Response:
    body = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": _now(),
        "completedAt": _now(),
    }
    if not errors:
        return web.json_response(body, status=status)
    shown = [{name: one[name] for name in one if name != "id"} for one in errors]
    return web.json_response(body | {"numErrors": len(errors), "errors": shown}, status=207)


def _item_error(
    category: str, message: str, one: Mapping[str, Any], code: str, name: str
) -> dict[str, Any]:
    return {
        "id": one.get("id"),
        "status": "error",
        "category": category,
        "message": message,
        "context": {"objectWriteTraceId": [str(one.get("objectWriteTraceId"))]},
        "links": {},
        "errors": [{"message": message, "code": code, "context": {"propertyName": [name]}}],
    }


def _error(status: int, category: str, message: str) -> web.Response:
    return web.json_response(
        {
            "status": "error",
            "message": message,
            "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
            "category": category,
        },
        status=status,
    )


def _is_met(asked: Mapping[str, str], contact: Mapping[str, str]) -> bool:
    held = contact.get(asked["propertyName"], "")
    match asked["operator"]:
        case "GTE":
            return _milliseconds(held) >= int(asked["value"])
        case "EQ":
            return held == asked["value"]
        case "HAS_PROPERTY":
            return held != ""
    raise NotImplementedError(asked["operator"])


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return text.isdecimal()
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
