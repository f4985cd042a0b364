"""Salesforce: contacts by an external id of our own, many of them by a bulk job, and their consent.

A contact that has the shopper's address already is taken over, so that nobody is there twice.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import batched, chain
from typing import Any

from preferences.settings import Settings
from sync.abreast import each
from sync.capabilities import FieldShape, FieldType, Lookup, Page, Remote, named
from sync.connectors.salesforce import bulk
from sync.connectors.salesforce.consent import Consents
from sync.connectors.salesforce.org import (
    AT_ONCE,
    KEY,
    NAMELESS,
    Org,
    distinct,
    judge,
    left_today,
    quoted,
    reason,
    result_of,
)
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError
from sync.http import Client, address, needed, open_session
from sync.jobs import Jobs
from sync.limits import Rate, open_limiter
from sync.marketing import word
from sync.oauth import SignedIn

_FEW = 2000  # Salesforce advises bulk jobs for more
_ABREAST = 5  # requests of one push at the same time: row locks grow with them
_PAGE = 500
_LONG_AGO = "2000-01-01T00:00:00.000+0000"
_TYPES: Mapping[str, FieldType] = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "time",
    "double": "number",
    "int": "number",
    "multipicklist": "choices",
    "picklist": "choice",
}


@dataclass(frozen=True, slots=True)
class Salesforce:
    """The contacts of an org."""

    org: Org
    jobs: Jobs
    consents: Consents
    purpose: str
    batch_size: int = 5000
    in_flight: int = 2

    async def turn(self, *, urgent: bool) -> None:
        """Wait for the next call that the day's budget allows."""
        await self.org.door.client.limiter.turn(urgent=urgent)

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Take over contacts that are there, upsert, and see that a farewell arrives in any case."""
        results = await self.jobs.earlier(batch)
        new = [one for one in batch if one.shopper not in results]
        try:
            results |= await self._take_over([one for one in new if not one.remote_id])
            new = [one for one in new if one.shopper not in results]
            results |= await (self._tell(new) if len(new) <= _FEW else self._job(new))
        except BatchRefusedError:
            await self._leave(batch, {})
            raise
        results |= await self._leave(batch, results)
        results |= await self.consents.keep(
            [one for one in batch if isinstance(results[one.shopper], Taken)]
        )
        return [results[one.shopper] for one in batch]

    async def _tell(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Upsert; a contact that is new and has no name gets one that says so."""
        results = await self._upsert(batch, [self._record(one) for one in batch])
        nameless = [one for one in batch if _is_nameless(results[one.shopper])]
        if nameless:
            named = [{**self._record(one), "LastName": NAMELESS} for one in nameless]
            results |= await self._upsert(nameless, named)
        return results

    async def _upsert(
        self, batch: Sequence[Delivery], records: Sequence[Mapping[str, Any]]
    ) -> dict[str, Result]:
        async def part(chunk: tuple[int, Sequence[Mapping[str, Any]]]) -> list[Result]:
            return await self.org.upsert("Contact", KEY, chunk[1], granted=chunk[0] == 0)

        told = await each(enumerate(batched(records, AT_ONCE)), part, _ABREAST)
        results = chain.from_iterable(told)
        return {one.shopper: told for one, told in zip(batch, results, strict=True)}

    def _record(self, one: Delivery) -> dict[str, Any]:
        left = {"HasOptedOutOfEmail": True} if self._is_leaving(one) else {}
        return {KEY: one.shopper, **one.fields, **left}

    def _is_leaving(self, one: Delivery) -> bool:
        return word(one.profile, self.purpose) in ("leave", "withdraw")

    async def _take_over(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Write our id into the oldest contact with the same address that has none of ours."""
        emails = {str(one.fields["email"]).lower(): one for one in batch if one.fields.get("email")}
        emails |= {
            str(one.fields["Email"]).lower(): one for one in batch if one.fields.get("Email")
        }
        mine = dict[str, tuple[Delivery, str]]()
        for chunk in batched(emails, AT_ONCE):
            where = f"Email IN ({quoted(chunk)})"
            rows = await self.org.select(["Id", "Email", KEY], "Contact", where, "CreatedDate")
            known = {str(row["Email"]).lower() for row in rows if row[KEY]}
            for row in rows:
                email = str(row["Email"]).lower()
                if email not in known and email not in mine:
                    mine[email] = (emails[email], row["Id"])
        failed = dict[str, Result]()
        for part in batched(mine, AT_ONCE):
            told = [
                {"attributes": {"type": "Contact"}, "id": mine[one][1], KEY: mine[one][0].shopper}
                for one in part
            ]
            body = {"allOrNone": False, "records": told}
            answer = await self.org.call("PATCH", "composite/sobjects", body=body)
            if not answer.is_taken:  # to be found out who is meant: they would be there twice
                raise BatchRefusedError(reason(answer.body))
            results = [result_of(one) for one in answer.body]
            for email, result in zip(part, results, strict=True):
                if not isinstance(result, Taken):
                    failed[mine[email][0].shopper] = result
        return failed

    async def _job(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Upsert by a bulk job; who is there already keeps the name that they have."""
        known = {one.shopper for one in batch if one.remote_id}
        for chunk in batched((one.shopper for one in batch if not one.remote_id), AT_ONCE):
            rows = await self.org.select([KEY], "Contact", f"{KEY} IN ({quoted(chunk)})")
            known |= {row[KEY] for row in rows}
        records = [
            ({} if one.shopper in known else {"LastName": NAMELESS}) | self._record(one)
            for one in batch
        ]
        return await self.jobs.started(await bulk.begin(self.org, records), batch)

    async def _leave(
        self, batch: Sequence[Delivery], results: Mapping[str, Result]
    ) -> dict[str, Result]:
        """Tell the farewell alone where the rest was refused or has to wait."""
        leaving = [
            one
            for one in batch
            if self._is_leaving(one) and not isinstance(results.get(one.shopper), Taken)
        ]
        failed = dict[str, Result]()
        for part in batched(leaving, AT_ONCE):
            alone = [{KEY: one.shopper, "HasOptedOutOfEmail": True} for one in part]
            told = await self.org.upsert("Contact", KEY, alone)
            for one, result in zip(part, told, strict=True):
                if not isinstance(result, Taken) and not _is_nameless(result):  # nobody is there
                    failed[one.shopper] = Later("The farewell did not arrive.")
        return failed

    # What is there

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give the contact's fields."""
        answer = await self.org.call("GET", "sobjects/Contact/describe")
        if not answer.is_taken:
            raise BatchRefusedError(reason(answer.body))
        return {one["name"]: _shape(one) for one in answer.body["fields"]}

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Refuse: a field that an API makes is seen by nobody until a person gives it to profiles.

        :raises DestinationRefusedError: always; it names the fields.
        """
        names = ", ".join(one.name for one in fields)
        message = f"Create these fields of Contact in Salesforce's Setup, and show them: {names}."
        raise DestinationRefusedError(message)

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read contacts by our id."""
        names = distinct("Id", KEY, "Email", "Phone", "HasOptedOutOfEmail", *fields)
        found = dict[str, Remote]()
        for chunk in batched((one.shopper for one in asked), AT_ONCE):
            rows = await self.org.select(names, "Contact", f"{KEY} IN ({quoted(chunk)})")
            found |= {row[KEY]: _remote(row, fields) for row in rows}
        return found

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Read contacts in the order of their last change; the cursor is the last one's moment and id."""
        since, _, last = (cursor or f"{_LONG_AGO} ").partition(" ")
        stamp = "SystemModstamp"
        names = distinct("Id", KEY, "Email", "Phone", "HasOptedOutOfEmail", stamp, *fields)
        where = f"{stamp} > {since} OR ({stamp} = {since} AND Id > '{last}')"
        rows = await self.org.select(names, "Contact", where, stamp, "Id", limit=_PAGE)
        if rows:
            cursor = f"{rows[-1][stamp]} {rows[-1]['Id']}"
        return Page([_remote(row, fields) for row in rows], cursor, more=len(rows) == _PAGE)


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[Salesforce]:
    """Open the connection pool; the first token is asked for with the first push.

    :raises SettingsError: the app's key or secret is missing, or the address cannot be used.
    """
    key = needed(settings, "salesforce_client_id")
    secret = needed(settings, "salesforce_client_secret")
    needed(settings, "salesforce_url")
    base = address(settings, "salesforce_url")
    rate = Rate(100, 1, burst=25, per_day=settings.salesforce_calls_per_day)
    async with (
        open_session() as session,
        open_limiter(settings.redis_url, "salesforce", rate) as limiter,
    ):
        client = Client(
            "Salesforce",
            "ASKFIRST_SALESFORCE_CLIENT_ID and ASKFIRST_SALESFORCE_CLIENT_SECRET",
            session,
            base,
            limiter=limiter,
            judge=judge,
            left_today=left_today,
        )
        door = SignedIn(client, "/services/oauth2/token", key, secret)
        org = Org(door, settings.salesforce_api_version)
        purpose = settings.marketing_purpose
        yield Salesforce(
            org,
            Jobs(partial(bulk.look, org)),
            Consents(org, purpose, settings.salesforce_purpose),
            purpose,
        )


def _is_nameless(result: Result) -> bool:
    return isinstance(result, Refused) and result.reason == "REQUIRED_FIELD_MISSING (LastName)"


def _remote(row: Mapping[str, Any], fields: Sequence[str]) -> Remote:
    return Remote(
        shopper=row[KEY] or "",
        identities=named(email=row.get("Email"), phone=row.get("Phone")),
        opted_out=("email",) if row.get("HasOptedOutOfEmail") else (),
        fields={name: None if row.get(name) == "" else row.get(name) for name in fields},
        remote_id=row["Id"],
        at=datetime.fromisoformat(row["SystemModstamp"]) if "SystemModstamp" in row else None,
    )


def _shape(one: Mapping[str, Any]) -> FieldShape:
    kind = _TYPES.get(one["type"], "text")
    options = tuple(option["value"] for option in one["picklistValues"] if option["active"])
    shown = options if one.get("restrictedPicklist") else ()
    return FieldShape(one["name"], kind, one["label"], shown, bool(one.get("unique")))
