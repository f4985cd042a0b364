"""HubSpot: contacts by a unique property of our own, and who has left its mailings.

A contact that HubSpot knows by its address already is taken over, never doubled.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from preferences.settings import Settings
from sync.capabilities import FieldShape, Lookup, Page, Remote
from sync.connectors.hubspot import properties
from sync.connectors.hubspot.account import (
    CALLS,
    SEARCHES,
    SPARED,
    WINDOW,
    Account,
    allowed,
    judge,
    left_today,
    reason,
    rows,
)
from sync.connectors.hubspot.subscriptions import Subscriptions
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError
from sync.http import Answer, Client, address, needed, open_session
from sync.limits import Rate, open_limiter

KEY = "shopper_id"
"""The unique property: HubSpot upserts by `email` only whole contacts."""

_OPTED_OUT = "hs_email_optout"
_CHANGED_AT = "lastmodifieddate"
_PAGE = 200
_DEEPEST = 10_000  # a search gives no more than that
_MOST_GROUPS = 5  # of conditions in one search
_LAG = 30_000  # milliseconds that a search may not know of a change yet: they are looked at again
_TAKEN_OVER_LATER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class HubSpot:
    """The contacts of an account."""

    account: Account
    subscriptions: Subscriptions
    batch_size: int = 100
    in_flight: int = 12

    async def turn(self, *, urgent: bool) -> None:
        """Wait for the next request that the account's limit allows."""
        await self.account.client.limiter.turn(urgent=urgent)

    # Telling

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Unsubscribe first, whatever becomes of the fields; then upsert; then subscribe."""
        unreached = await self._unsubscribe(batch)
        results = await self._upsert(batch)
        welcome = [
            one for one in batch if isinstance(results[one.shopper], Taken) and not one.erased
        ]
        unreached |= await self.subscriptions.begin(welcome)
        return [unreached.get(one.shopper, results[one.shopper]) for one in batch]

    async def _upsert(
        self, batch: Sequence[Delivery], *, granted: bool = True
    ) -> dict[str, Result]:
        body = {"inputs": [_upserting(one) for one in batch]}
        answer = await self._post("batch/upsert", body, granted=granted)
        if answer.status == HTTPStatus.CONFLICT:  # one that is there already spoils the batch
            results = await self._take_over(batch)
            rest = [one for one in batch if one.shopper not in results]
            if len(rest) == len(batch):
                raise BatchRefusedError(reason(answer.body))
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
                why = "CONFLICT: the address is another shopper's contact."
                results[one.shopper] = Later(why, _TAKEN_OVER_LATER)
                continue
            held = {**_upserting(one)["properties"], KEY: one.shopper}
            trace = {"objectWriteTraceId": one.shopper}
            mine.append({**trace, "id": contact["id"], "properties": held})
        if mine:
            answer = await self._post("batch/update", {"inputs": mine})
            results |= _results(answer)
        return results

    async def _unsubscribe(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        left = self.subscriptions.left(batch)
        return await self.subscriptions.end(left, await self._emails(left))

    async def _emails(self, batch: Sequence[Delivery]) -> dict[str, set[str]]:
        """Give the addresses of shoppers: as we know them, and as the contact has them."""
        try:
            held = await self.read([Lookup(one.shopper) for one in batch], ["email"])
        except (
            DestinationRefusedError
        ):  # our property is not there; a farewell does not wait for it
            held = {}
        found = dict[str, set[str]]()
        for one in batch:
            here = one.profile["identities"].get("email")
            there = held[one.shopper].fields["email"] if one.shopper in held else None
            found[one.shopper] = {str(email).lower() for email in (here, there) if email}
        return found

    # Fields, reading back, deleting, what changed there

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give the contact's properties."""
        return await properties.describe(self.account)

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Create properties."""
        await properties.create(self.account, fields)

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read contacts by our id."""
        names = [KEY, *(name for name in fields if name != KEY)]
        found = await self._read(KEY, [one.shopper for one in asked], names)
        return {row["properties"][KEY]: _remote(row, fields) for row in found}

    async def _read(
        self, by: str, values: Iterable[str], names: Sequence[str]
    ) -> list[dict[str, Any]]:
        inputs = [{"id": value} for value in sorted(set(values))]
        if not inputs:
            return []
        body = {"inputs": inputs, "idProperty": by, "properties": list(names)}
        answer = await self._post("batch/read", body)
        if by == KEY:
            _check_key(answer)
        return rows(answer)

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Delete contacts for good, after they have left every mailing."""
        unreached = await self._unsubscribe(batch)
        held = await self.read([Lookup(one.shopper) for one in batch], [])
        there = held.keys() - unreached.keys()  # nobody goes before their farewell has arrived
        results = {shopper: await self._delete(held[shopper].remote_id) for shopper in there}
        return [(unreached | results).get(one.shopper, Taken()) for one in batch]

    async def _delete(self, number: str) -> Result:
        answer = await self._post("gdpr-delete", {"objectId": number})
        gone = answer.is_taken or answer.status == HTTPStatus.NOT_FOUND
        return Taken() if gone else Refused(reason(answer.body))

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
        await self.account.searches.turn()
        answer = await self._post("search", body)
        found = rows(answer)
        following = answer.body.get("paging", {}).get("next", {}).get("after")
        records = [_remote(row, fields) for row in found]
        if following and int(following) < _DEEPEST:
            return Page(records, f"{since}:{following}", more=True)
        last = max((_milliseconds(row) for row in found), default=int(since))
        if following:  # as deep as a search goes: on from the last one
            return Page(records, f"{last}:0", more=last > int(since))
        return Page(records, f"{max(int(since), last - _LAG)}:0")

    async def _post(self, path: str, body: Any, *, granted: bool = False) -> Answer:
        whole = f"{self.account.contacts}/{path}"
        return await self.account.client.post(whole, body, granted=granted)


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[HubSpot]:
    """Open the connection pool.

    :raises SettingsError: the token is missing, or the address cannot be used.
    """
    token = needed(settings, "hubspot_token")
    base = address(settings, "hubspot_url")
    calls, per_day = settings.hubspot_requests_per_10_seconds, settings.hubspot_requests_per_day
    rate = Rate(calls or CALLS, WINDOW, per_day=per_day, listens=not calls, spared=SPARED)
    async with (
        open_session() as session,
        open_limiter(settings.redis_url, "hubspot", rate) as limiter,
        open_limiter(settings.redis_url, "hubspot-searches", SEARCHES) as searches,
    ):
        client = Client(
            "HubSpot",
            "ASKFIRST_HUBSPOT_TOKEN",
            session,
            base,
            headers={"Authorization": f"Bearer {token}"},
            limiter=limiter,
            judge=judge,
            allowed=allowed,
            left_today=left_today,
        )
        account = Account(client, searches, settings.hubspot_api_version)
        yield HubSpot(
            account,
            Subscriptions(account, settings.hubspot_subscription, settings.marketing_purpose),
        )


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
        raise BatchRefusedError(reason(answer.body))
    results = dict[str, Result]()
    for one in answer.body.get("results", ()):
        shopper = one.get("objectWriteTraceId") or one["properties"].get(KEY)
        results[shopper] = Taken(one["id"])
    for error in answer.body.get("errors", ()):
        for shopper in error.get("context", {}).get("objectWriteTraceId", ()):
            results[shopper] = Refused(reason(error))
    return results


def _check_key(answer: Answer) -> None:
    """See that nobody is refused for a property that the account does not have at all."""
    told = str(answer.body.get("message", "")) if isinstance(answer.body, dict) else ""
    about_us = KEY in told and ("exist" in told or "unique" in told)
    if not answer.is_taken and ("non-unique" in told or about_us):
        message = (
            f"HubSpot has no property {KEY} of contacts with unique values; "
            "run `python -m sync preflight hubspot --create`."
        )
        raise DestinationRefusedError(message)


def _is_conflict(result: Result | None) -> bool:
    return isinstance(result, Refused) and result.reason.startswith("CONFLICT")


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
