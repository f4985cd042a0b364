"""HubSpot: contacts by a unique property of our own, and who has left its mailings.

A contact that HubSpot knows by its address already is taken over, never doubled.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from preferences.settings import Settings
from sync.capabilities import FieldShape, FieldType, Lookup, Page, Remote
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError, QuotaExhaustedError
from sync.http import Answer, Client, address, needed, open_session, without_names
from sync.limits import Rate, open_limiter
from sync.marketing import permissions

KEY = "shopper_id"
"""The unique property: HubSpot upserts by `email` only whole contacts."""

_GROUP = "askfirst"
_OPTED_OUT = "hs_email_optout"
_CHANGED_AT = "lastmodifieddate"
_PAGE = 100
_DEEPEST = 10_000  # a search gives no more than that
_MOST_GROUPS = 5  # of conditions in one search
_LAG = 30_000  # milliseconds that a search may not know of a change yet: they are looked at again
_WINDOW = 10  # seconds of the rolling limit
_CALLS = 100  # in a window, of the smallest account, until HubSpot has told those of this one
_SPARED = 0.02  # of the window's calls, for those that are a fifth of a second late
_TO_MIDNIGHT = timedelta(hours=1)  # a daily quota: look again by then, it may have been raised
_TAKEN_OVER_LATER = timedelta(minutes=5)
_TYPES: Mapping[FieldType, tuple[str, str]] = {
    "text": ("string", "textarea"),
    "number": ("number", "number"),
    "boolean": ("bool", "booleancheckbox"),
    "date": ("date", "date"),
    "time": ("datetime", "date"),
    "choice": ("enumeration", "select"),
    "choices": ("enumeration", "checkbox"),
}


@dataclass(frozen=True, slots=True)
class HubSpot:
    """An account, by its private app's token."""

    client: Client
    version: str
    subscription: int
    purpose: str
    batch_size: int = 100
    in_flight: int = 12

    async def turn(self, *, urgent: bool) -> None:
        """Wait for the next request that the account's limit allows."""
        await self.client.limiter.turn(urgent=urgent)

    # Telling

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Unsubscribe first, whatever becomes of the fields; then upsert; then subscribe."""
        unreached = await self._unsubscribe(batch)
        results = await self._upsert(batch)
        welcome = [
            one for one in batch if isinstance(results[one.shopper], Taken) and not one.erased
        ]
        unreached |= await self._subscribe(welcome)
        return [unreached.get(one.shopper, results[one.shopper]) for one in batch]

    async def _upsert(
        self, batch: Sequence[Delivery], *, granted: bool = True
    ) -> dict[str, Result]:
        body = {"inputs": [_upserting(one) for one in batch]}
        answer = await self.client.post(f"{self._contacts}/batch/upsert", body, granted=granted)
        if answer.status == HTTPStatus.CONFLICT:  # one that is there already spoils the batch
            results = await self._take_over(batch)
            rest = [one for one in batch if one.shopper not in results]
            if len(rest) == len(batch):
                raise BatchRefusedError(_reason(answer.body))
            return results | (await self._upsert(rest, granted=False) if rest else {})
        results = _results(answer)
        known = [one for one in batch if _is_conflict(results.get(one.shopper))]
        results |= await self._take_over(known)
        lost = Later("HubSpot did not say what became of it.")
        return {one.shopper: results.get(one.shopper, lost) for one in batch}

    async def _take_over(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Write into the contacts that have the same address, unless they are another shopper's."""
        emails = {one.shopper: str(one.fields.get("email") or "").lower() for one in batch}
        found = await self._read("email", filter(None, emails.values()), [KEY, "email"])
        theirs = {(one["properties"]["email"] or "").lower(): one for one in found}
        mine, results = [], dict[str, Result]()
        for one in batch:
            contact = theirs.get(emails[one.shopper])
            if contact is None:
                continue
            if contact["properties"][KEY] not in (None, "", one.shopper):
                reason = "CONFLICT: the address is another shopper's contact."
                results[one.shopper] = Later(reason, _TAKEN_OVER_LATER)
                continue
            told = _upserting(one)
            properties = {**told["properties"], KEY: one.shopper}
            mine.append(
                {"objectWriteTraceId": one.shopper, "id": contact["id"]}
                | {"properties": properties}
            )
        if mine:
            answer = await self.client.post(f"{self._contacts}/batch/update", {"inputs": mine})
            results |= _results(answer)
        return results

    # Subscriptions

    async def _unsubscribe(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        words = {one.shopper: self._word(one) for one in batch}
        asked = [one for one in batch if words[one.shopper] in ("leave", "withdraw")]
        emails = await self._emails(asked)
        leaving = {
            email: shopper
            for shopper, found in emails.items()
            for email in found
            if words[shopper] == "leave"
        }
        withdrawn = {
            email: shopper
            for shopper, found in emails.items()
            for email in found
            if words[shopper] == "withdraw" and self.subscription
        }
        failed = dict[str, Result]()
        for chunk in _chunks(list(leaving)):
            path, body = f"{self._statuses}/unsubscribe-all", {"inputs": chunk}
            answer = await self.client.post(path, body, channel="EMAIL")
            failed |= _unreached(answer, chunk, leaving)
        for chunk in _chunks(list(withdrawn)):
            inputs = [self._status(one, "UNSUBSCRIBED") for one in chunk]
            answer = await self.client.post(f"{self._statuses}/write", {"inputs": inputs})
            failed |= _unreached(answer, chunk, withdrawn)
        return failed

    async def _subscribe(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Subscribe who has no status yet. Who left in HubSpot comes back there, not from here."""
        wanted = {
            str(one.profile["identities"]["email"]).lower(): one
            for one in batch
            if self.subscription
            and "email" in one.profile["identities"]
            and self._word(one) == "subscribe"
        }
        emails = list(wanted)
        new = set(emails) - await self._decided(emails)
        inputs = []
        for email in sorted(new):
            permission = permissions(wanted[email].profile, self.purpose)["email"]
            proof = f"Consent {permission.event} of {permission.at} to notice version "
            inputs.append(
                {
                    **self._status(email, "SUBSCRIBED"),
                    "legalBasis": "CONSENT_WITH_NOTICE",
                    "legalBasisExplanation": f"{proof}{permission.notice_version}",
                }
            )
        failed = dict[str, Result]()
        if inputs:
            answer = await self.client.post(f"{self._statuses}/write", {"inputs": inputs})
            failed = _unreached(answer, new, {email: one.shopper for email, one in wanted.items()})
        return failed

    async def _decided(self, emails: Sequence[str]) -> set[str]:
        """Give who has a status for the subscription, or left everything."""
        if not emails:
            return set()
        path, body = self._statuses, {"inputs": list(emails)}
        single = _rows(await self.client.post(f"{path}/read", body, channel="EMAIL"))
        wide = _rows(await self.client.post(f"{path}/unsubscribe-all/read", body, channel="EMAIL"))
        decided = {
            one["subscriberIdString"].lower()
            for one in single
            for status in one["statuses"]
            if status["subscriptionId"] == self.subscription and status["status"] != "NOT_SPECIFIED"
        }
        return decided | {
            one["subscriberIdString"].lower()
            for one in wide
            if any(status["status"] == "UNSUBSCRIBED" for status in one["wideStatuses"])
        }

    async def _emails(self, batch: Sequence[Delivery]) -> dict[str, set[str]]:
        """Give the addresses of shoppers: as we know them, and as the contact has them."""
        try:
            held = await self.read([Lookup(one.shopper) for one in batch], ["email"])
        except BatchRefusedError:  # our property is not there yet; a farewell does not wait for it
            held = {}
        found = dict[str, set[str]]()
        for one in batch:
            here = one.profile["identities"].get("email")
            there = held[one.shopper].fields["email"] if one.shopper in held else None
            found[one.shopper] = {str(email).lower() for email in (here, there) if email}
        return found

    def _word(self, one: Delivery) -> str:
        decided = permissions(one.profile, self.purpose)
        return decided["email"].word if "email" in decided else ""

    def _status(self, email: str, state: str) -> dict[str, Any]:
        return {
            "subscriberIdString": email,
            "subscriptionId": self.subscription,
            "channel": "EMAIL",
            "statusState": state,
        }

    # Fields, reading back, deleting, what changed there

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give the contact's properties."""
        rows = _rows(await self.client.get(self._properties))
        return {one["name"]: _shape(one) for one in rows}

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Create properties in a group of our own, which is made where it is missing."""
        group = {"name": _GROUP, "label": "Askfirst"}
        answer = await self.client.post(f"{self._properties}/groups", group)
        if answer.status != HTTPStatus.CONFLICT:
            _check_created(answer, _GROUP)
        there = {one["name"]: one for one in _rows(await self.client.get(self._properties))}
        for one in fields:
            if one.name not in there:
                answer = await self.client.post(self._properties, _property(one))
            else:
                body = {"options": _options(one, there[one.name].get("options", ()))}
                path = f"{self._properties}/{one.name}"
                answer = await self.client.call("PATCH", path, body=body)
            _check_created(answer, one.name)

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read contacts by our id."""
        names = [KEY, *(name for name in fields if name != KEY)]
        rows = await self._read(KEY, [one.shopper for one in asked], names)
        return {row["properties"][KEY]: _remote(row, fields) for row in rows}

    async def _read(
        self, by: str, values: Iterable[str], names: Sequence[str]
    ) -> list[dict[str, Any]]:
        inputs = [{"id": value} for value in sorted(set(values))]
        if not inputs:
            return []
        body = {"inputs": inputs, "idProperty": by, "properties": list(names)}
        return _rows(await self.client.post(f"{self._contacts}/batch/read", body))

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Delete contacts for good, after they have left every mailing."""
        unreached = await self._unsubscribe(batch)
        held = await self.read([Lookup(one.shopper) for one in batch], [])
        results: list[Result] = []
        for one in batch:
            if one.shopper not in held:
                results.append(unreached.get(one.shopper, Taken()))
                continue
            number = held[one.shopper].remote_id
            answer = await self.client.post(f"{self._contacts}/gdpr-delete", {"objectId": number})
            gone = answer.is_taken or answer.status == HTTPStatus.NOT_FOUND
            results.append(Taken() if gone else Refused(_reason(answer.body)))
        return results

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Search by the time of the last change; the cursor is that moment and how far we are in it.

        What we write changes a contact too: only those are asked for that have something to tell.
        """
        since, _, after = (cursor or "0:0").partition(":")
        wanted = [KEY, "email", "phone", _OPTED_OUT, _CHANGED_AT]
        changed = {"propertyName": _CHANGED_AT, "operator": "GTE", "value": since}
        body = {
            "filterGroups": [{"filters": [changed, *one]} for one in _having_news(fields)],
            "sorts": [{"propertyName": _CHANGED_AT, "direction": "ASCENDING"}],
            "properties": [*wanted, *(name for name in fields if name not in wanted)],
            "limit": _PAGE,
            "after": after,
        }
        answer = await self.client.post(f"{self._contacts}/search", body)
        rows = _rows(answer)
        following = answer.body.get("paging", {}).get("next", {}).get("after")
        records = [_remote(row, fields) for row in rows]
        if following and int(following) < _DEEPEST:
            return Page(records, f"{since}:{following}", more=True)
        last = max((_milliseconds(row) for row in rows), default=int(since))
        if following:  # as deep as a search goes: on from the last one
            return Page(records, f"{last}:0", more=last > int(since))
        return Page(records, f"{max(int(since), last - _LAG)}:0")

    @property
    def _contacts(self) -> str:
        if self.version == "v3":
            return "/crm/v3/objects/contacts"
        return f"/crm/objects/{self.version}/contacts"

    @property
    def _properties(self) -> str:
        if self.version == "v3":
            return "/crm/v3/properties/contacts"
        return f"/crm/properties/{self.version}/contacts"

    @property
    def _statuses(self) -> str:
        version = "v4" if self.version == "v3" else self.version
        return f"/communication-preferences/{version}/statuses/batch"


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[HubSpot]:
    """Open the connection pool.

    :raises SettingsError: the token is missing, or the address cannot be used.
    """
    token = needed(settings, "hubspot_token")
    base = address(settings, "hubspot_url")
    calls, per_day = settings.hubspot_requests_per_10_seconds, settings.hubspot_requests_per_day
    rate = Rate(calls or _CALLS, _WINDOW, per_day=per_day, listens=not calls, spared=_SPARED)
    async with (
        open_session() as session,
        open_limiter(settings.redis_url, "hubspot", rate) as limiter,
    ):
        client = Client(
            "HubSpot",
            "ASKFIRST_HUBSPOT_TOKEN",
            session,
            base,
            headers={"Authorization": f"Bearer {token}"},
            limiter=limiter,
            judge=_judge,
            allowed=_allowed,
            left_today=_left_today,
        )
        yield HubSpot(
            client,
            settings.hubspot_api_version,
            settings.hubspot_subscription,
            settings.marketing_purpose,
        )


def _judge(answer: Answer) -> None:
    """A rolling limit is over within its interval; a daily one is not."""
    if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
        return
    policy = answer.body.get("policyName", "") if isinstance(answer.body, dict) else ""
    rolling = timedelta(milliseconds=_told(answer, "Interval-Milliseconds") or _WINDOW * 1000)
    wait = _TO_MIDNIGHT if policy == "DAILY" else max(answer.wait, rolling)
    message = f"HubSpot answered 429 ({policy or 'no policy named'})."
    raise QuotaExhaustedError(message, wait=wait)


def _allowed(answer: Answer) -> int | None:
    """Give the calls of the window that we keep; those of another would be another limit."""
    interval = _told(answer, "Interval-Milliseconds")
    return _told(answer, "Max") if interval == _WINDOW * 1000 else None


def _left_today(answer: Answer) -> int | None:
    return _told(answer, "Daily-Remaining")


def _told(answer: Answer, what: str) -> int | None:
    figure = answer.headers.get(f"X-HubSpot-RateLimit-{what}", "")
    return int(figure) if figure.isdecimal() else None


def _upserting(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.shopper,
        "idProperty": KEY,
        "objectWriteTraceId": one.shopper,
        "properties": {name: _text(value) for name, value in one.fields.items()},
    }


def _text(value: Any) -> str:
    """Write a value as HubSpot keeps all of them: empty is nothing, several are parted by `;`."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return ";".join(map(_text, value))
    return str(value)


def _results(answer: Answer) -> dict[str, Result]:
    """Read what became of each, by the trace that every contact was sent with."""
    if not answer.is_taken:
        _check_key(answer)
        raise BatchRefusedError(_reason(answer.body))
    results = dict[str, Result]()
    for one in answer.body.get("results", ()):
        shopper = one.get("objectWriteTraceId") or one["properties"].get(KEY)
        results[shopper] = Taken(one["id"])
    for error in answer.body.get("errors", ()):
        for shopper in error.get("context", {}).get("objectWriteTraceId", ()):
            results[shopper] = Refused(_reason(error))
    return results


def _check_key(answer: Answer) -> None:
    """See that nobody is refused for a property that the account does not have at all."""
    told = str(answer.body.get("message", "")) if isinstance(answer.body, dict) else ""
    if "non-unique" in told or (KEY in told and "exist" in told):
        message = (
            f"HubSpot has no property {KEY} of contacts with unique values; "
            "run `python -m sync preflight hubspot --create`."
        )
        raise DestinationRefusedError(message)


def _is_conflict(result: Result | None) -> bool:
    return isinstance(result, Refused) and result.reason.startswith("CONFLICT")


def _reason(error: Any) -> str:
    """Give HubSpot's own words for what is wrong, without the value that it is wrong about."""
    if not isinstance(error, dict):
        return "HubSpot refused it and did not say why."
    category = str(error.get("category", "ERROR"))
    message = str(error.get("message", ""))
    _, brace, details = message.partition("Property values were not valid: ")
    if brace:
        try:
            wrong = [f"{one['error']} ({one['name']})" for one in json.loads(details)]
        except (ValueError, KeyError, TypeError):
            wrong = []
        return f"{category}: {', '.join(wrong)}" if wrong else f"{category}: a property is wrong."
    return f"{category}: {without_names(message)}"


def _unreached(
    answer: Answer, emails: Iterable[str], whose: Mapping[str, str]
) -> dict[str, Result]:
    """Give whose subscription was not written; a wish is tried until it is."""
    reason = "HubSpot did not take the subscription."
    if not answer.is_taken:
        reason = _reason(answer.body)
        return {whose[email]: Later(reason) for email in emails}
    if not answer.body.get("numErrors"):
        return {}
    reached = {str(one["subscriberIdString"]).lower() for one in answer.body["results"]}
    errors = answer.body.get("errors", ())
    reason = _reason(errors[0]) if errors else reason
    return {whose[email]: Later(reason) for email in emails if email not in reached}


def _rows(answer: Answer) -> list[dict[str, Any]]:
    if not answer.is_taken:
        raise BatchRefusedError(_reason(answer.body))
    rows: list[dict[str, Any]] = answer.body["results"]
    return rows


def _remote(row: Mapping[str, Any], fields: Sequence[str]) -> Remote:
    held = row["properties"]
    named = {kind: held[kind] for kind in ("email", "phone") if held.get(kind)}
    return Remote(
        shopper=held.get(KEY) or "",
        identities=named,
        opted_out=("email",) if held.get(_OPTED_OUT) == "true" else (),
        fields={name: held.get(name) or None for name in fields},
        remote_id=row["id"],
        at=datetime.fromtimestamp(_milliseconds(row) / 1000, UTC),
    )


def _having_news(fields: Sequence[str]) -> list[list[dict[str, str]]]:
    """Give what makes a contact worth reading: it opted out, or holds a field that we pull."""
    opted_out = {"propertyName": _OPTED_OUT, "operator": "EQ", "value": "true"}
    filled = [{"propertyName": name, "operator": "HAS_PROPERTY"} for name in fields]
    return [[one] for one in (opted_out, *filled)] if len(filled) < _MOST_GROUPS else [[]]


def _milliseconds(row: Mapping[str, Any]) -> int:
    moment = datetime.fromisoformat(row["properties"].get(_CHANGED_AT) or row["updatedAt"])
    return round(moment.timestamp() * 1000)


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
            f"HubSpot did not create {name} ({_reason(answer.body)}); "
            "give the app the scope crm.schemas.contacts.write."
        )
        raise DestinationRefusedError(message)


def _chunks(emails: Sequence[str]) -> list[list[str]]:
    return [list(emails[start : start + _PAGE]) for start in range(0, len(emails), _PAGE)]
