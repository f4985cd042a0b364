"""BottleCRM: contacts by a custom field of our own, one by one, because it knows no batch and no upsert.

It drops a custom field that it does not have and says that all went well; what it would drop is
refused here instead.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from time import monotonic
from typing import Any

from preferences.settings import Settings
from sync.abreast import each
from sync.capabilities import FieldShape, FieldType, Lookup, Page, Remote, named
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.errors import DestinationRefusedError
from sync.http import Answer, Client, address, needed, open_session, without_names

KEY = "shopper_id"
"""The custom field that contacts are found by."""

_AT_ONCE = 4  # more brought no more: a worker of BottleCRM does one thing at a time
_PAGE = 100
_KNOWN_FOR = 300.0  # seconds that the list of custom fields is believed
_NO_NAME = "Shopper"  # it wants a first and a last name
_OWN = frozenset(
    {
        *("first_name", "last_name", "email", "phone", "organization", "title", "department"),
        *("do_not_call", "address_line", "city", "state", "postcode", "country", "description"),
    }
)
_BOOLEAN = "do_not_call"
_TYPES: Mapping[FieldType, str] = {
    "text": "textarea",
    "number": "number",
    "boolean": "checkbox",
    "date": "date",
    "time": "text",
    "choice": "dropdown",
    "choices": "text",
}
_SHAPES: Mapping[str, FieldType] = {
    "text": "text",
    "textarea": "text",
    "number": "number",
    "checkbox": "boolean",
    "date": "date",
    "dropdown": "choice",
}


@dataclass
class BottleCrm:
    """An organisation, by a personal access token."""

    client: Client
    batch_size: int = 40
    _keys: frozenset[str] = frozenset()
    _read_at: float = field(default=float("-inf"), repr=False)

    # Telling

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Tell each; one that is refused leaves the others alone."""
        keys = await self._defined(name for one in batch for name in one.fields)
        return await each(batch, lambda one: self._tell(one, keys), _AT_ONCE)

    async def _tell(self, one: Delivery, keys: frozenset[str]) -> Result:
        held = [one.remote_id] if one.remote_id else await self._numbers(one.shopper)
        if _wants_no_calls(one):
            # By itself and first: it holds whatever becomes of the fields.
            answers = [await self._patch(number, {_BOOLEAN: True}) for number in held]
            if one.remote_id and any(_is_missing(answer) for answer in answers):
                return await self._tell(replace(one, remote_id=""), keys)
        if unknown := sorted(one.fields.keys() - _OWN - keys):
            reason = f"BottleCRM has no custom field {unknown[0]} and would drop it without a word;"
            return Refused(f"{reason} python -m sync preflight creates it.")
        if not held:
            return await self._create(one)
        body = _body(one)
        answers = [await self._patch(number, body) for number in held]
        if one.remote_id and _is_missing(answers[0]):
            return await self._tell(replace(one, remote_id=""), keys)
        refusals = [_reason(answer) for answer in answers if not answer.is_taken]
        return Refused(refusals[0]) if refusals else Taken(held[0])

    async def _create(self, one: Delivery) -> Result:
        if not any(value not in (None, False) for value in one.fields.values()):
            return Taken()  # nothing to say of somebody whom it does not know
        body = _body(one)
        named = {"first_name": _NO_NAME, "last_name": one.shopper} | body
        answer = await self.client.post("/api/contacts/", named, granted=True)
        if answer.is_taken:
            return Taken(str(answer.body["id"]))
        if "already exists" in str(_errors(answer).get("email", "")):
            return await self._take_over(one, body)
        return Refused(_reason(answer))

    async def _take_over(self, one: Delivery, body: Mapping[str, Any]) -> Result:
        """Write our id into the contact that has the address, unless it is another shopper's."""
        email = str(one.fields["email"])
        rows = await self._rows(email=email, limit=str(_PAGE))
        theirs = [row for row in rows if (row["email"] or "").lower() == email.lower()]
        if not theirs or theirs[0]["custom_fields"].get(KEY) not in (None, one.shopper):
            return Later("The address is another shopper's contact in BottleCRM.")
        number = str(theirs[0]["id"])
        answer = await self._patch(number, body)
        return Taken(number) if answer.is_taken else Refused(_reason(answer))

    async def _patch(self, number: str, body: Mapping[str, Any]) -> Answer:
        return await self.client.call(
            "PATCH", f"/api/contacts/{number}/", body=dict(body), granted=True
        )

    async def _numbers(self, shopper: str) -> list[str]:
        return [str(row["id"]) for row in await self._rows(**{f"cf_{KEY}": shopper})]

    async def _rows(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.client.call("GET", "/api/contacts/", query=query, granted=True)
        _check(answer)
        rows: list[dict[str, Any]] = answer.body["results"]
        return rows

    # The custom fields

    async def _defined(self, names: Iterable[str]) -> frozenset[str]:
        """Give the custom fields there are, asked again where one is missing or after a while.

        Without the key every contact would be created anew each time.
        """
        missing = {KEY, *names} - _OWN - self._keys
        if missing or monotonic() - self._read_at > _KNOWN_FOR:
            rows = await self._definitions()
            self._keys = frozenset(row["key"] for row in rows if row["is_active"])
            self._read_at = monotonic()
        if KEY not in self._keys:
            message = (
                f"BottleCRM has no custom field {KEY} for contacts; "
                "python -m sync preflight creates it."
            )
            raise DestinationRefusedError(message)
        return self._keys

    async def _definitions(self) -> list[dict[str, Any]]:
        answer = await self.client.get(
            "/api/custom-fields/", target_model="Contact", include_counts="false"
        )
        _check(answer)
        rows: list[dict[str, Any]] = answer.body["definitions"]
        return rows

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give the contact's own fields and the custom ones."""
        shapes = {name: FieldShape(name, "text") for name in _OWN - {_BOOLEAN}}
        shapes[_BOOLEAN] = FieldShape(_BOOLEAN, "boolean")
        custom = [_shape(row) for row in await self._definitions() if row["is_active"]]
        return shapes | {one.name: one for one in custom}

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Create custom fields, bring back those that were switched off, and add options."""
        there = {row["key"]: row for row in await self._definitions()}
        for one in fields:
            if one.name in _OWN:
                continue
            if (row := there.get(one.name)) is not None:
                path, body = f"/api/custom-fields/{row['id']}/", _completed(one, row)
                answer = await self.client.call("PUT", path, body=body)
            else:
                answer = await self.client.post("/api/custom-fields/", _definition(one))
            if not answer.is_taken:
                message = f"BottleCRM did not create {one.name} ({_reason(answer)})."
                raise DestinationRefusedError(message)
        self._read_at = float("-inf")

    # Reading back, deleting, what changed there

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read contacts by our id."""
        await self._defined(())
        rows = await each(asked, lambda one: self._rows(**{f"cf_{KEY}": one.shopper}), _AT_ONCE)
        found = zip(asked, rows, strict=True)
        return {one.shopper: _remote(held[0], fields) for one, held in found if held}

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Delete contacts."""
        await self._defined(())
        return await each(batch, self._erase, _AT_ONCE)

    async def _erase(self, one: Delivery) -> Result:
        numbers = {*await self._numbers(one.shopper), one.remote_id} - {""}
        for number in numbers:
            path = f"/api/contacts/{number}/"
            answer = await self.client.call("DELETE", path, granted=True)
            if not answer.is_taken and not _is_missing(answer):
                return Refused(_reason(answer))
        return Taken()

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Go through all contacts for those that changed: BottleCRM has no other way to ask.

        The cursor is the time of the newest change of the last walk, how far this one is, and the
        newest that it met.
        """
        since, offset, newest = (cursor or "|0|").split("|")
        rows = await self._rows(limit=str(_PAGE), offset=offset)
        records = [_remote(row, fields) for row in rows if row["updated_at"] > since]
        newest = max([newest, since, *(row["updated_at"] for row in rows)])
        if len(rows) == _PAGE:
            return Page(records, f"{since}|{int(offset) + _PAGE}|{newest}", more=True)
        return Page(records, f"{newest}|0|")


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[BottleCrm]:
    """Open the connection pool.

    :raises SettingsError: the token is missing, or the address cannot be used.
    """
    token = needed(settings, "bottlecrm_token")
    needed(settings, "bottlecrm_url")
    base = address(settings, "bottlecrm_url")
    async with open_session() as session:
        client = Client(
            "BottleCRM",
            "ASKFIRST_BOTTLECRM_TOKEN",
            session,
            base,
            headers={"Authorization": f"Bearer {token}"},
        )
        yield BottleCrm(client)


def _wants_no_calls(one: Delivery) -> bool:
    """Tell whether somebody is not to be called: the only farewell that BottleCRM itself knows."""
    lasting = [entry for entry in one.profile["suppressions"] if entry["until"] is None]
    return any(
        entry["scope"] == "all" or (entry["scope"], entry["target"]) == ("channel", "phone")
        for entry in lasting
    )


def _body(one: Delivery) -> dict[str, Any]:
    own = {name: value for name, value in one.fields.items() if name in _OWN}
    if _BOOLEAN in own:
        own[_BOOLEAN] = bool(own[_BOOLEAN]) or _wants_no_calls(one)
    for name, instead in (("first_name", _NO_NAME), ("last_name", one.shopper)):
        if name in own:
            own[name] = own[name] or instead
    custom = {name: value for name, value in one.fields.items() if name not in _OWN}
    return own | {"custom_fields": custom | {KEY: one.shopper}}


def _is_missing(answer: Answer) -> bool:
    return answer.status == HTTPStatus.NOT_FOUND


def _check(answer: Answer) -> None:
    if not answer.is_taken or not isinstance(answer.body, dict):
        message = f"BottleCRM answered {answer.status}; check ASKFIRST_BOTTLECRM_URL."
        raise DestinationRefusedError(message)


def _errors(answer: Answer) -> Mapping[str, Any]:
    errors = answer.body.get("errors") if isinstance(answer.body, dict) else None
    return errors if isinstance(errors, dict) else {}


def _reason(answer: Answer) -> str:
    """Name the fields that were refused; what BottleCRM says of them may quote the shopper."""
    errors = dict(_errors(answer))
    custom = errors.pop("custom_fields", {})
    said = errors | (custom if isinstance(custom, dict) else {})
    words = [f"{name}: {_first(what)}" for name, what in sorted(said.items())]
    return without_names(f"BottleCRM answered {answer.status}: {'; '.join(words)}")


def _first(what: Any) -> str:
    return str(what[0]) if isinstance(what, list) and what else str(what)


def _remote(row: Mapping[str, Any], fields: Sequence[str]) -> Remote:
    values = {
        name: row.get(name) if name in _OWN else row["custom_fields"].get(name) for name in fields
    }
    return Remote(
        shopper=str(row["custom_fields"].get(KEY) or ""),
        identities=named(email=row.get("email"), phone=row.get("phone")),
        opted_out=("phone",) if row[_BOOLEAN] else (),
        fields={name: None if value == "" else value for name, value in values.items()},
        remote_id=str(row["id"]),
        at=datetime.fromisoformat(row["updated_at"]),
    )


def _shape(row: Mapping[str, Any]) -> FieldShape:
    kind = _SHAPES.get(row["field_type"], "text")
    options = tuple(one["value"] for one in row["options"] or ())
    return FieldShape(row["key"], kind, row["label"], options, row["key"] == KEY)


def _definition(one: FieldShape) -> dict[str, Any]:
    body = {
        "target_model": "Contact",
        "key": one.name,
        "label": one.label or one.name,
        "field_type": "text" if one.unique else _TYPES[one.type],
        "is_filterable": one.unique,
    }
    return body | ({"options": _options(one.options)} if one.type == "choice" else {})


def _completed(one: FieldShape, row: Mapping[str, Any]) -> dict[str, Any]:
    kept = list(row["options"] or ())
    missing = [value for value in one.options if value not in {each["value"] for each in kept}]
    body: dict[str, Any] = {"is_active": True}
    if row["field_type"] == "dropdown" and missing:
        body["options"] = kept + _options(missing)
    return body


def _options(values: Iterable[str]) -> list[dict[str, str]]:
    return [{"value": value, "label": value} for value in values]
