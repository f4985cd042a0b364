"""A Salesforce that remembers: tokens, records by external id, bulk jobs, consent, the day's calls.

Written from Salesforce's public guides; `simple-salesforce` looks at it from outside.
"""

import base64
import csv
import io
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.sync.fakes.vendor import Vendor, Window

CLIENT = "3MVG9-consumer-key"
_TEXT = {"type": "string", "length": 255}
_KEY = {"type": "string", "length": 255, "unique": True, "externalId": True}
_SELECT = re.compile(
    r"SELECT (.+?) FROM (\w+)(?: WHERE (.+?))?(?: ORDER BY (.+?))?(?: LIMIT (\d+))?"
)
_IN = re.compile(r"(\w+) IN \((.*)\)")
_SINCE = re.compile(r"(\w+) > (\S+) OR \((\w+) = (\S+) AND Id > '(\w*)'\)")
_EQUALS = re.compile(r"(\w+) = '((?:[^'\\]|\\.)*)'")


def _standard() -> dict[str, dict[str, dict[str, Any]]]:
    return {
        "Contact": {
            "LastName": _TEXT | {"required": True},
            "FirstName": dict(_TEXT),
            "Email": {"type": "email", "length": 80},
            "Phone": {"type": "phone", "length": 40},
            "HasOptedOutOfEmail": {"type": "boolean"},
            "Individual": {"type": "reference", "to": "Individual"},
            "IndividualId": dict(_TEXT),
        },
        "Individual": {"LastName": _TEXT | {"required": True}},
        "DataUsePurpose": {"Name": dict(_TEXT)},
        "ContactPointTypeConsent": {
            "Name": _TEXT | {"required": True},
            "Party": {"type": "reference", "to": "Individual"},
            "PartyId": dict(_TEXT),
            "DataUsePurposeId": dict(_TEXT),
            "ContactPointType": {"type": "picklist", "options": ["Email", "Phone"]},
            "PrivacyConsentStatus": {
                "type": "picklist",
                "options": ["NotSeen", "Seen", "OptIn", "OptOut"],
            },
            "CaptureDate": {"type": "datetime"},
            "CaptureSource": dict(_TEXT),
            "CaptureContactPointType": {"type": "picklist", "options": ["Web", "Phone", "Email"]},
        },
    }


@dataclass
class Job:
    id: str
    object: str
    key: str
    rows: list[dict[str, str]] = field(default_factory=list)
    ready: float = 0
    state: str = "Open"
    done: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Salesforce(Vendor):
    """`locked` are keys of records that are locked just now; `most` is the day's allocation."""

    job_time: float = 0
    most: int = 100_000
    used: int = 0
    schema: dict[str, dict[str, dict[str, Any]]] = field(default_factory=_standard)
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    jobs: dict[str, Job] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    writes: int = 0
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _by: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        data = "/services/data/{version}"
        many = f"{data}/composite/sobjects"
        ingest = f"{data}/jobs/ingest"
        return [
            web.post("/services/oauth2/token", self.token),
            web.patch(f"{many}/{{object}}/{{key}}", self.upsert_many),
            web.patch(many, self.update_many),
            web.get(f"{data}/sobjects/{{object}}/describe", self.describe),
            web.get(f"{data}/query", self.query),
            web.get(f"{data}/query/", self.query),
            web.post(ingest, self.create_job),
            web.put(f"{ingest}/{{job}}/batches", self.upload),
            web.patch(f"{ingest}/{{job}}", self.change_job),
            web.get(f"{ingest}/{{job}}", self.get_job),
            web.get(f"{ingest}/{{job}}/{{kind}}", self.results),
        ]

    def authorised(self, request: web.Request) -> web.StreamResponse | None:
        if request.path == "/services/oauth2/token":
            return None
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        self.used += 1
        if self.used > self.most:
            return _error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        return None

    def throttled(self, window: Window) -> web.StreamResponse:
        del window
        return _error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.")

    def decorate(self, response: web.StreamResponse) -> None:
        response.headers["Sforce-Limit-Info"] = f"api-usage={self.used}/{self.most}"

    # What a test asks of it

    def define(self, name: str, *options: str, of: str = "Contact", **more: Any) -> None:
        shape = {"type": "picklist", "options": list(options)} if options else dict(_TEXT)
        self.schema[of][name] = shape | more

    def define_key(self, name: str, of: str = "Contact") -> None:
        self.schema[of][name] = dict(_KEY)

    def create(self, of: str = "Contact", **fields: Any) -> str:
        return self._put(of, None, fields)

    def held(self, shopper: str, of: str = "Contact", key: str = "Shopper_Id__c") -> Any:
        number = self._by.get((of, key, shopper))
        return None if number is None else self.records[of][number]

    # Tokens

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        given = request.headers.get("Authorization", "")
        expected = base64.b64encode(f"{CLIENT}:{self.secret}".encode()).decode()
        if form["grant_type"] != "client_credentials" or given != f"Basic {expected}":
            body = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return web.json_response(body, status=400)
        token = f"00D-token-{next(self._ids)}"
        self.tokens.add(token)
        body = {
            "access_token": token,
            "instance_url": self.url,
            "token_type": "Bearer",
            "id": f"{self.url}/id/00D/005",
            "issued_at": "1795371275000",
        }
        return web.json_response(body)

    # Records

    async def upsert_many(self, request: web.Request) -> web.Response:
        body, info = await request.json(), request.match_info
        of, key = info["object"], info["key"]
        if len(body["records"]) > 200:
            return _error(400, "EXCEEDED_MAX_SIZE_REQUEST", "record limit reached (200)")
        if not self.schema.get(of, {}).get(key, {}).get("externalId"):
            return _error(404, "NOT_FOUND", "Provided external ID field does not exist")
        fields = [_without_attributes(one, of) for one in body["records"]]
        if (unknown := self._unknown(of, fields)) is not None:
            return _error(400, "INVALID_FIELD", f"No such column '{unknown}' on sobject {of}")
        return web.json_response([self._upsert(of, key, one) for one in fields])

    async def update_many(self, request: web.Request) -> web.Response:
        results = []
        for one in (await request.json())["records"]:
            of = one["attributes"]["type"]
            fields = {name: value for name, value in one.items() if name != "attributes"}
            number = fields.pop("id", None) or fields.pop("Id")
            if (fault := self._fault(of, number, fields)) is not None:
                results.append(fault)
            else:
                self._put(of, number, fields)
                results.append({"id": number, "success": True, "errors": []})
        return web.json_response(results)

    def _upsert(self, of: str, key: str, fields: dict[str, Any]) -> dict[str, Any]:
        number = self._by.get((of, key, str(fields[key])))
        if (fault := self._fault(of, number, fields)) is not None:
            return fault
        made = self._put(of, number, fields)
        self.writes += 1
        return {"id": made, "success": True, "created": number is None, "errors": []}

    def _unknown(self, of: str, records: list[dict[str, Any]]) -> str | None:
        names = {name for one in records for name in one}
        return next(iter(sorted(names - self.schema[of].keys())), None)

    def _fault(self, of: str, number: str | None, fields: Mapping[str, Any]) -> Any:
        if {str(one) for one in fields.values()} & self.locked:
            return _failure("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", [])
        held = self.records.get(of, {}).get(number or "", {})
        needed = [name for name, shape in self.schema[of].items() if shape.get("required")]
        missing = [name for name in needed if not (held | dict(fields)).get(name)]
        if missing:
            told = f"Required fields are missing: [{', '.join(missing)}]"
            return _failure("REQUIRED_FIELD_MISSING", told, missing)
        for name, value in fields.items():
            if value is not None and (code := self._wrong(of, name, value)) is not None:
                return _failure(code, f"bad value for {name}: {value}", [name])
        return None

    def _wrong(self, of: str, name: str, value: Any) -> str | None:
        shape = self.schema[of][name]
        match shape["type"]:
            case "picklist" if value not in shape["options"]:
                return "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
            case "email" if "@" not in value:
                return "INVALID_EMAIL_ADDRESS"
            case "boolean" if not isinstance(value, bool):
                return "JSON_PARSER_ERROR"
            case "reference":
                ((key, told),) = ((k, v) for k, v in value.items() if k != "attributes")
                return None if (shape["to"], key, told) in self._by else "INVALID_FIELD"
        return "STRING_TOO_LONG" if len(str(value)) > shape.get("length", 10**6) else None

    def _put(self, of: str, number: str | None, fields: Mapping[str, Any]) -> str:
        number = number or f"{of[:3]}{next(self._ids):015d}"
        record = self.records.setdefault(of, {}).setdefault(number, {"Id": number})
        for name, value in fields.items():
            shape = self.schema[of].get(name, {})
            if shape.get("type") == "reference":
                ((key, told),) = ((k, v) for k, v in value.items() if k != "attributes")
                record[f"{name}Id"] = self._by[shape["to"], key, told]
                continue
            if shape.get("externalId"):
                self._by.pop((of, name, str(record.get(name))), None)
                if value:
                    self._by[of, name, str(value)] = number
            record[name] = value
        now = datetime.now(UTC)
        record["SystemModstamp"] = now.isoformat(timespec="milliseconds").replace("+00:00", "+0000")
        return number

    async def describe(self, request: web.Request) -> web.Response:
        of = request.match_info["object"]
        fields = [
            {
                "name": name,
                "label": name.removesuffix("__c").replace("_", " "),
                "type": shape["type"],
                "length": shape.get("length", 0),
                "unique": bool(shape.get("unique")),
                "externalId": bool(shape.get("externalId")),
                "restrictedPicklist": "options" in shape,
                "picklistValues": [
                    {"value": one, "label": one, "active": True} for one in shape.get("options", ())
                ],
            }
            for name, shape in self.schema[of].items()
            if shape["type"] != "reference"
        ]
        return web.json_response({"name": of, "fields": fields})

    # Queries: the few forms that are asked

    async def query(self, request: web.Request) -> web.Response:
        match = _SELECT.fullmatch(request.query["q"])
        if match is None:
            return _error(400, "MALFORMED_QUERY", "unexpected token")
        names, of, condition, order, limit = match.groups()
        found = [one for one in self.records.get(of, {}).values() if _holds(one, condition)]
        for name in reversed((order or "Id").replace(" ASC", "").split(", ")):
            found.sort(key=lambda one, name=name: str(one.get(name, "")))
        rows = [
            {"attributes": {"type": of}} | {name: one.get(name) for name in names.split(", ")}
            for one in found[: int(limit or 2000)]
        ]
        return web.json_response({"totalSize": len(rows), "done": True, "records": rows})

    # Bulk API 2.0

    async def create_job(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["operation"] == "upsert"
        job = Job(f"750{next(self._ids):015d}", body["object"], body["externalIdFieldName"])
        self.jobs[job.id] = job
        return web.json_response(self._shown(job))

    async def upload(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["job"]]
        assert request.headers["Content-Type"].startswith("text/csv")
        text = (await request.read()).decode()
        job.rows = list(csv.DictReader(io.StringIO(text, newline="")))
        return web.Response(status=201)

    async def change_job(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["job"]]
        assert (await request.json())["state"] == "UploadComplete"
        job.state, job.ready = "UploadComplete", self.clock() + self.job_time
        return web.json_response(self._shown(job))

    async def get_job(self, request: web.Request) -> web.Response:
        job = self.jobs.get(request.match_info["job"])
        if job is None:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        if job.state == "UploadComplete" and self.clock() >= job.ready:
            self._run(job)
        return web.json_response(self._shown(job))

    def _run(self, job: Job) -> None:
        job.state = "JobComplete"
        for row in job.rows:
            fields = {
                name: self._read(job.object, name, value) for name, value in row.items() if value
            }
            result = self._upsert(job.object, job.key, fields)
            if result["success"]:
                created = str(result["created"]).lower()
                job.done.append({"sf__Id": result["id"], "sf__Created": created} | row)
            else:
                (error,) = result["errors"]
                names = ",".join(error["fields"])
                told = f"{error['statusCode']}:{error['message']}:{names} --"
                job.failed.append({"sf__Id": "", "sf__Error": told} | row)

    def _read(self, of: str, name: str, value: str) -> Any:
        if value == "#N/A":
            return None
        is_boolean = self.schema[of][name]["type"] == "boolean"
        return value.lower() == "true" if is_boolean else value

    async def results(self, request: web.Request) -> web.Response:
        job, kind = self.jobs[request.match_info["job"]], request.match_info["kind"]
        rows = {"successfulResults": job.done, "failedResults": job.failed}.get(kind, [])
        text = io.StringIO()
        if rows:
            writer = csv.DictWriter(text, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return web.Response(text=text.getvalue(), content_type="text/csv")

    def _shown(self, job: Job) -> dict[str, Any]:
        return {
            "id": job.id,
            "operation": "upsert",
            "object": job.object,
            "state": job.state,
            "externalIdFieldName": job.key,
            "contentType": "CSV",
            "contentUrl": f"services/data/v65.0/jobs/ingest/{job.id}/batches",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
            "numberRecordsProcessed": len(job.done) + len(job.failed),
            "numberRecordsFailed": len(job.failed),
        }


def _holds(record: Mapping[str, Any], condition: str | None) -> bool:
    if condition is None:
        return True
    if match := _IN.fullmatch(condition):
        wanted = [one.lower() for one in re.findall(r"'((?:[^'\\]|\\.)*)'", match[2])]
        wanted = [one.replace("\\'", "'").replace("\\\\", "\\") for one in wanted]
        return str(record.get(match[1]) or "").lower() in wanted
    if match := _SINCE.fullmatch(condition):
        name, since, _, same, last = match.groups()
        held = str(record[name])
        held, since, same = (one.replace("+0000", "Z") for one in (held, since, same))
        return held > since or (held == same and record["Id"] > last)
    if match := _EQUALS.fullmatch(condition):
        return bool(record.get(match[1]) == match[2])
    raise AssertionError(condition)


def _without_attributes(one: Mapping[str, Any], of: str) -> dict[str, Any]:
    assert one["attributes"]["type"] == of
    assert "id" not in {name.lower() for name in one}
    return {name: value for name, value in one.items() if name != "attributes"}


def _failure(code: str, message: str, fields: list[str]) -> dict[str, Any]:
    return {
        "success": False,
        "errors": [{"statusCode": code, "message": message, "fields": fields}],
    }


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response([{"message": message, "errorCode": code}], status=status)
