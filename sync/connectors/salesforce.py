"""Salesforce: contacts by an external id of our own, many of them by a bulk job, and their consent.

A contact that has the shopper's address already is taken over, so that nobody is there twice.
"""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import batched, chain
from typing import Any

from preferences.settings import Settings
from sync.abreast import each
from sync.capabilities import FieldShape, FieldType, Lookup, Page, Remote, named
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError, QuotaExhaustedError
from sync.http import Answer, Client, address, needed, open_session
from sync.jobs import EVERYBODY, Jobs
from sync.limits import Rate, open_limiter
from sync.marketing import word
from sync.oauth import ExpiredError, SignedIn

KEY = "Shopper_Id__c"
"""The external id, on Contact and on Individual."""

CONSENT_KEY = "Shopper_Consent__c"
"""The external id of ContactPointTypeConsent."""

_AT_ONCE = 200  # records in a request
_FEW = 2000  # Salesforce advises bulk jobs for more
_ABREAST = 5  # requests of one push at the same time: row locks grow with them
_NAMELESS = "Shopper"  # Salesforce makes no contact without a last name
_QUOTA = timedelta(minutes=15)  # the day's calls come back little by little
_PAGE = 500
_PASSING = {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG"}
_LONG_AGO = "2000-01-01T00:00:00.000+0000"
_COLUMN = re.compile(r"[Nn]o such column '(\w+)'")
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_NULL = "#N/A"  # in a bulk job an empty cell leaves a field as it is
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
class Org:
    """One org: what is asked of it, in SOQL and by record."""

    door: SignedIn
    version: str

    async def call(self, method: str, path: str, **more: Any) -> Answer:
        """Ask, by the path after the version."""
        return await self.door.call(method, f"/services/data/{self.version}/{path}", **more)

    async def select(
        self, names: Sequence[str], of: str, where: str, *order: str, limit: int = 0
    ) -> list[dict[str, Any]]:
        """Ask in SOQL."""
        words = ["SELECT", ", ".join(names), "FROM", of, "WHERE", where]
        words += ["ORDER BY", ", ".join(f"{name} ASC" for name in order)] if order else []
        words += ["LIMIT", str(limit)] if limit else []
        answer = await self.call("GET", "query", query={"q": " ".join(words)})
        if not answer.is_taken:
            raise BatchRefusedError(_reason(answer.body))
        rows: list[dict[str, Any]] = answer.body["records"]
        return rows

    async def upsert(
        self, of: str, key: str, records: Sequence[Mapping[str, Any]], *, granted: bool = False
    ) -> list[Result]:
        """Upsert at most 200 records, each for itself."""
        told = [{"attributes": {"type": of}, **one} for one in records]
        body = {"allOrNone": False, "records": told}
        path = f"composite/sobjects/{of}/{key}"
        answer = await self.call("PATCH", path, body=body, granted=granted)
        if answer.status == HTTPStatus.NOT_FOUND:
            message = f"Salesforce has no external id {key} on {of}; make it in Setup."
            raise DestinationRefusedError(message)
        if not answer.is_taken:
            raise BatchRefusedError(_reason(answer.body))
        return [_result(one) for one in answer.body]


@dataclass(frozen=True, slots=True)
class Salesforce:
    """The contacts of an org. `use` names the DataUsePurpose of the shop's advertising, or nothing."""

    org: Org
    jobs: Jobs
    purpose: str
    use: str
    batch_size: int = 5000
    in_flight: int = 2

    async def turn(self, *, urgent: bool) -> None:
        """Wait for the next call that the day's budget allows."""
        await self.org.door.client.limiter.turn(urgent=urgent)

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Take over contacts that are there, upsert, and see that a farewell arrives in any case."""
        results = await self.jobs.earlier(batch)
        new = [one for one in batch if one.shopper not in results]
        taken_over = await self._take_over([one for one in new if not one.remote_id])
        new = [one for one in new if one.shopper not in taken_over]
        try:
            told = await (self._tell(new) if len(new) <= _FEW else self._job(new))
        except BatchRefusedError:
            await self._leave(batch, {})
            raise
        results |= taken_over | told
        results |= await self._leave(batch, results)
        results |= await self._consent(batch, results)
        return [results[one.shopper] for one in batch]

    async def _tell(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Upsert; a contact that is new and has no name gets one that says so."""
        results = await self._upsert(batch, [self._record(one) for one in batch])
        nameless = [one for one in batch if _is_nameless(results[one.shopper])]
        if nameless:
            named = [{**self._record(one), "LastName": _NAMELESS} for one in nameless]
            results |= await self._upsert(nameless, named)
        return results

    async def _upsert(
        self, batch: Sequence[Delivery], records: Sequence[Mapping[str, Any]]
    ) -> dict[str, Result]:
        async def part(chunk: tuple[int, Sequence[Mapping[str, Any]]]) -> list[Result]:
            return await self.org.upsert("Contact", KEY, chunk[1], granted=chunk[0] == 0)

        told = await each(enumerate(batched(records, _AT_ONCE)), part, _ABREAST)
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
        for chunk in batched(emails, _AT_ONCE):
            where = f"Email IN ({_quoted(chunk)})"
            rows = await self.org.select(["Id", "Email", KEY], "Contact", where, "CreatedDate")
            known = {str(row["Email"]).lower() for row in rows if row[KEY]}
            for row in rows:
                email = str(row["Email"]).lower()
                if email not in known and email not in mine:
                    mine[email] = (emails[email], row["Id"])
        failed = dict[str, Result]()
        for part in batched(mine, _AT_ONCE):
            told = [
                {"attributes": {"type": "Contact"}, "id": mine[one][1], KEY: mine[one][0].shopper}
                for one in part
            ]
            body = {"allOrNone": False, "records": told}
            answer = await self.org.call("PATCH", "composite/sobjects", body=body)
            results = [_result(one) for one in answer.body] if answer.is_taken else []
            for email, result in zip(part, results, strict=False):
                if not isinstance(result, Taken):
                    failed[mine[email][0].shopper] = result
        return failed

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
        for part in batched(leaving, _AT_ONCE):
            alone = [{KEY: one.shopper, "HasOptedOutOfEmail": True} for one in part]
            told = await self.org.upsert("Contact", KEY, alone)
            for one, result in zip(part, told, strict=True):
                if not isinstance(result, Taken) and not _is_nameless(result):  # nobody is there
                    failed[one.shopper] = Later("The farewell did not arrive.")
        return failed

    # Consent objects

    async def _consent(
        self, batch: Sequence[Delivery], results: Mapping[str, Result]
    ) -> dict[str, Result]:
        """Keep what was decided about advertising as ContactPointTypeConsent of an Individual."""
        decided = [
            one
            for one in batch
            if self.use
            and self.purpose in one.profile["consents"]
            and isinstance(results[one.shopper], Taken)
        ]
        if not decided:
            return {}
        uses = await self.org.select(["Id"], "DataUsePurpose", f"Name = {_text(self.use)}")
        if not uses:
            message = (
                f"Salesforce has no DataUsePurpose {self.use!r}; make it, or mend the setting."
            )
            raise DestinationRefusedError(message)
        failed = dict[str, Result]()
        for part in batched(decided, _AT_ONCE):
            people = [{KEY: one.shopper, "LastName": _NAMELESS} for one in part]
            known = await self.org.upsert("Individual", KEY, people)
            whose = [{KEY: one.shopper, "Individual": {KEY: one.shopper}} for one in part]
            linked = await self.org.upsert("Contact", KEY, whose)
            consents = [_consent_record(one, self.purpose, uses[0]["Id"]) for one in part]
            kept = await self.org.upsert("ContactPointTypeConsent", CONSENT_KEY, consents)
            for told in (known, linked, kept):
                for one, result in zip(part, told, strict=True):
                    if not isinstance(result, Taken):
                        failed.setdefault(one.shopper, result)
        return failed

    # Bulk API 2.0

    async def _job(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        order = {"object": "Contact", "externalIdFieldName": KEY, "operation": "upsert"}
        body = {**order, "contentType": "CSV", "lineEnding": "LF"}
        made = await self.org.call("POST", "jobs/ingest", body=body, granted=True)
        if not made.is_taken:
            raise BatchRefusedError(_reason(made.body))
        path = f"jobs/ingest/{made.body['id']}"
        records = [{"LastName": _NAMELESS, **self._record(one)} for one in batch]
        known = await self._known(batch)
        for one, record in zip(batch, records, strict=True):
            if one.shopper in known and "LastName" not in one.fields:
                del record["LastName"]
        text = _csv(records)
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        sent = await self.org.call("PUT", f"{path}/batches", body=text, headers=headers)
        closed = await self.org.call("PATCH", path, body={"state": "UploadComplete"})
        if not (sent.is_taken and closed.is_taken):
            raise BatchRefusedError(_reason((sent if not sent.is_taken else closed).body))
        return await self.jobs.started(made.body["id"], batch)

    async def _known(self, batch: Sequence[Delivery]) -> set[str]:
        """Give who is there already: their names are left as they are."""
        new = [one.shopper for one in batch if not one.remote_id]
        found = {one.shopper for one in batch if one.remote_id}
        for chunk in batched(new, _AT_ONCE):
            rows = await self.org.select([KEY], "Contact", f"{KEY} IN ({_quoted(chunk)})")
            found |= {row[KEY] for row in rows}
        return found

    # What is there

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give the contact's fields."""
        answer = await self.org.call("GET", "sobjects/Contact/describe")
        if not answer.is_taken:
            raise BatchRefusedError(_reason(answer.body))
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
        names = _distinct("Id", KEY, "Email", "Phone", "HasOptedOutOfEmail", *fields)
        found = dict[str, Remote]()
        for chunk in batched((one.shopper for one in asked), _AT_ONCE):
            rows = await self.org.select(names, "Contact", f"{KEY} IN ({_quoted(chunk)})")
            found |= {row[KEY]: _remote(row, fields) for row in rows}
        return found

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Read contacts in the order of their last change; the cursor is the last one's moment and id."""
        since, _, last = (cursor or f"{_LONG_AGO} ").partition(" ")
        stamp = "SystemModstamp"
        names = _distinct("Id", KEY, "Email", "Phone", "HasOptedOutOfEmail", stamp, *fields)
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
            judge=_judge,
            left_today=_left_today,
        )
        door = SignedIn(client, "/services/oauth2/token", key, secret)
        org = Org(door, settings.salesforce_api_version)
        use = settings.salesforce_purpose
        yield Salesforce(org, Jobs(partial(_look, org)), settings.marketing_purpose, use)


async def _look(org: Org, job: str) -> dict[str, str | None] | None:
    """Look at a bulk job, and once it is over at what failed and what it did not come to."""
    answer = await org.call("GET", f"jobs/ingest/{job}")
    if not answer.is_taken:
        return {EVERYBODY: None}
    state = answer.body["state"]
    if state in ("Failed", "Aborted"):
        return {EVERYBODY: None}
    if state != "JobComplete":
        return None
    failed = await org.call("GET", f"jobs/ingest/{job}/failedResults")
    unprocessed = await org.call("GET", f"jobs/ingest/{job}/unprocessedrecords")
    wrong: dict[str, str | None] = {row[KEY]: None for row in _rows(unprocessed)}
    for row in _rows(failed):
        code, _, rest = row["sf__Error"].partition(":")
        names = rest.rpartition(":")[2].removesuffix("--").strip()
        wrong[row[KEY]] = None if code in _PASSING else _told(code, names)
    return wrong


def _judge(answer: Answer) -> None:
    """Salesforce says 401 for a token that is over, and 403 for a day's calls that are used up."""
    codes = {error.get("errorCode") for error in _errors(answer.body)}
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise ExpiredError
    if answer.status == HTTPStatus.FORBIDDEN and "REQUEST_LIMIT_EXCEEDED" in codes:
        message = "Salesforce's calls for 24 hours are used up."
        raise QuotaExhaustedError(message, wait=_QUOTA)


def _left_today(answer: Answer) -> int | None:
    match = _USAGE.search(answer.headers.get("Sforce-Limit-Info", ""))
    return max(0, int(match[2]) - int(match[1])) if match else None


def _errors(body: Any) -> list[dict[str, Any]]:
    return [one for one in body if isinstance(one, dict)] if isinstance(body, list) else []


def _reason(body: Any) -> str:
    told = set[str]()
    for error in _errors(body):
        column = _COLUMN.search(str(error.get("message", "")))
        told.add(_told(str(error.get("errorCode", "ERROR")), column[1] if column else ""))
    return f"Salesforce refused it: {', '.join(sorted(told)) or 'it did not say why'}."


def _told(code: str, names: str) -> str:
    return f"{code} ({names})" if names else code


def _result(one: Mapping[str, Any]) -> Result:
    """Read what became of a record; its messages quote values, its codes and fields do not."""
    if one["success"]:
        return Taken(str(one.get("id", "")))
    codes = {error["statusCode"] for error in one["errors"]}
    told = ", ".join(
        _told(error["statusCode"], " ".join(error.get("fields") or ())) for error in one["errors"]
    )
    return Later(told) if codes & _PASSING else Refused(told)


def _is_nameless(result: Result) -> bool:
    return isinstance(result, Refused) and result.reason == "REQUIRED_FIELD_MISSING (LastName)"


def _consent_record(one: Delivery, purpose: str, use: str) -> dict[str, Any]:
    consent = one.profile["consents"][purpose]
    return {
        CONSENT_KEY: f"{one.shopper}:{purpose}:email",
        "Name": purpose,
        "Party": {"attributes": {"type": "Individual"}, KEY: one.shopper},
        "DataUsePurposeId": use,
        "ContactPointType": "Email",
        "PrivacyConsentStatus": "OptIn" if consent["state"] == "given" else "OptOut",
        "CaptureDate": consent["at"],
        "CaptureSource": f"Askfirst {consent['event']}",
        "CaptureContactPointType": "Web",
    }


def _csv(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Write records as a bulk job wants them: empty cells leave a field alone, `#N/A` empties it."""
    names = _distinct(*(name for one in records for name in one))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for one in records:
        writer.writerow([_cell(one[name]) if name in one else "" for name in names])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return _NULL
        case bool():
            return "true" if value else "false"
    return str(value)


def _rows(answer: Answer) -> list[dict[str, str]]:
    text = answer.body if answer.is_taken and isinstance(answer.body, str) else ""
    return list(csv.DictReader(io.StringIO(text, newline="")))


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


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(map(_text, values))


def _distinct(*names: str) -> list[str]:
    return list(dict.fromkeys(names))
