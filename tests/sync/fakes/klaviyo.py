"""A Klaviyo that remembers: profiles, jobs that take their time, consent with both of its traps.

Written from Klaviyo's public guides; `klaviyo-api` and its specification look at it from outside.
"""

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.sync.fakes.vendor import Vendor, Window

_STANDARD = {"email", "phone_number", "external_id", "first_name", "last_name", "locale"}
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_JSON_API = "application/vnd.api+json"
_IMPORTS = "/api/profile-bulk-import-jobs"
_SLOWER = {  # calls in a second and in a minute, as the SDK names them for each
    _IMPORTS: (10, 150),
    f"{_IMPORTS}/{{id}}": (10, 150),
    f"{_IMPORTS}/{{id}}/import-errors": (10, 150),
    "/api/data-privacy-deletion-jobs": (3, 60),
}


@dataclass
class Profile:
    id: str
    attributes: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    consent: dict[str, str] = field(default_factory=dict)
    suppressed: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Job:
    id: str
    profiles: list[dict[str, Any]]
    ready: float
    failed: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False


@dataclass
class Klaviyo(Vendor):
    """`job_time` is how many seconds an import takes."""

    job_time: float = 0
    burst: int = 75
    steady: int = 750
    slower: dict[str, tuple[int, int]] = field(default_factory=lambda: dict(_SLOWER))
    profiles: dict[str, Profile] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _by: dict[tuple[str, str], str] = field(default_factory=dict)
    _windows: dict[str, list[Window]] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/profile-import", self.import_one),
            web.get("/api/profiles", self.get_profiles),
            web.post("/api/profile-bulk-import-jobs", self.import_many),
            web.get("/api/profile-bulk-import-jobs/{id}", self.get_job),
            web.get("/api/profile-bulk-import-jobs/{id}/import-errors", self.get_errors),
            web.post("/api/profile-subscription-bulk-create-jobs", self.subscribe),
            web.post("/api/profile-subscription-bulk-delete-jobs", self.unsubscribe),
            web.post("/api/profile-suppression-bulk-create-jobs", self.suppress),
            web.post("/api/data-privacy-deletion-jobs", self.delete),
        ]

    def authorised(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") != f"Klaviyo-API-Key {self.secret}":
            return _error(401, "authentication_failed", "Incorrect authentication credentials.")
        if "revision" not in request.headers:
            return _error(400, "invalid", "The revision header is required.")
        return None

    def limited(self, request: web.Request) -> list[Window]:
        resource = request.match_info.route.resource
        call = resource.canonical if resource else ""
        burst, steady = self.slower.get(call, (self.burst, self.steady))
        return self._windows.setdefault(call, [Window(burst, 1), Window(steady, 60)])

    def throttled(self, window: Window) -> web.StreamResponse:
        seconds = round(window.reset(self.clock())) + 1
        detail = f"Request was throttled. Expected available in {seconds} second."
        answer = _error(429, "throttled", detail)
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def decorate(self, response: web.StreamResponse) -> None:
        if response.status != 429:
            response.headers["RateLimit-Limit"] = f"{self.burst}, {self.steady};w=60"
            response.headers["RateLimit-Remaining"] = str(self.burst)
            response.headers["RateLimit-Reset"] = "1"

    # What a test asks of it

    def held(self, shopper: str) -> Profile | None:
        number = self._by.get(("external_id", shopper))
        return None if number is None else self.profiles[number]

    def create(self, **attributes: Any) -> Profile:
        return self._upsert({"attributes": attributes})

    def by_email(self, email: str) -> Profile:
        return self.profiles[self._by["email", email.lower()]]

    # Profiles

    async def import_one(self, request: web.Request) -> web.Response:
        data = (await request.json())["data"]
        assert data["type"] == "profile"
        if (fault := self._fault(data)) is not None:
            code, detail, pointer = fault
            status = 409 if code == "duplicate_profile" else 400
            return _error(status, code, detail, f"/data/attributes/{pointer}")
        is_new = self._find(data["attributes"]) is None
        profile = self._upsert(data)
        return _answer({"data": _shown(profile)}, status=201 if is_new else 200)

    async def get_profiles(self, request: web.Request) -> web.Response:
        found = [
            one for one in self.profiles.values() if _matches(request.query.get("filter", ""), one)
        ]
        if request.query.get("sort") == "updated":
            found.sort(key=lambda one: (one.updated, one.id))
        size = int(request.query.get("page[size]", 20))
        begin = int(request.query.get("page[cursor]", 0))
        page = found[begin : begin + size]
        following = None
        if begin + size < len(found):
            query = dict(request.query) | {"page[cursor]": str(begin + size)}
            following = str(request.url.with_query(query))
        with_consent = request.query.get("additional-fields[profile]") == "subscriptions"
        links = {"self": str(request.url), "next": following}
        body = {"data": [_shown(one, consent=with_consent) for one in page], "links": links}
        return _answer(body)

    # Import jobs

    async def import_many(self, request: web.Request) -> web.Response:
        text = await request.text()
        data = json.loads(text)["data"]
        assert data["type"] == "profile-bulk-import-job"
        profiles = data["attributes"]["profiles"]["data"]
        if len(profiles) > 10_000 or len(text.encode()) > 5_000_000:
            return _error(400, "invalid", "The payload is too large.")
        job = Job(f"job-{next(self._ids)}", profiles, self.clock() + self.job_time)
        self.jobs[job.id] = job
        return _answer({"data": self._job(job)}, status=202)

    async def get_job(self, request: web.Request) -> web.Response:
        job = self.jobs.get(request.match_info["id"])
        if job is None:
            return _error(404, "not_found", "There is no such job.")
        return _answer({"data": self._job(job)})

    def _job(self, job: Job) -> dict[str, Any]:
        if not job.done and self.clock() >= job.ready:
            job.done = True
            for number, one in enumerate(job.profiles):
                if (fault := self._fault(one)) is None:
                    self._upsert(one)
                else:
                    job.failed.append(_import_error(number, one, *fault))
        return {
            "type": "profile-bulk-import-job",
            "id": job.id,
            "attributes": {
                "status": "complete" if job.done else "processing",
                "created_at": _now(),
                "total_count": len(job.profiles),
                "completed_count": len(job.profiles) if job.done else 0,
                "failed_count": len(job.failed),
            },
            "links": {"self": f"{self.url}/api/profile-bulk-import-jobs/{job.id}"},
        }

    async def get_errors(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["id"]]
        size = int(request.query.get("page[size]", 20))
        begin = int(request.query.get("page[cursor]", 0))
        following = None
        if begin + size < len(job.failed):
            query = dict(request.query) | {"page[cursor]": str(begin + size)}
            following = str(request.url.with_query(query))
        links = {"self": str(request.url), "next": following}
        return _answer({"data": job.failed[begin : begin + size], "links": links})

    # Consent

    async def subscribe(self, request: web.Request) -> web.Response:
        """Trap: it lifts UNSUBSCRIBE, SPAM_COMPLAINT and USER_SUPPRESSED."""
        data = (await request.json())["data"]
        assert data["type"] == "profile-subscription-bulk-create-job"
        if not data["attributes"].get("historical_import"):
            for one in data["attributes"]["profiles"]["data"]:
                for told in one["attributes"]["subscriptions"].values():
                    assert "consented_at" not in told["marketing"]
        for one in data["attributes"]["profiles"]["data"]:
            profile = self._named(one["attributes"])
            for channel, told in one["attributes"]["subscriptions"].items():
                profile.consent[channel] = told["marketing"]["consent"]
            profile.suppressed.clear()
        return web.Response(status=202)

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Trap: with a list, who is not on it is unsubscribed from everything."""
        data = (await request.json())["data"]
        assert data["type"] == "profile-subscription-bulk-delete-job"
        profiles = data["attributes"]["profiles"]["data"]
        if len(profiles) > 100:
            return _error(400, "invalid", "The maximum is 100 profiles.")
        named = data.get("relationships", {}).get("list", {}).get("data", {}).get("id")
        for one in profiles:
            profile = self._named(one["attributes"])
            if named in profile.lists:
                profile.lists.discard(named)
                continue
            for channel in one["attributes"]["subscriptions"]:
                profile.consent[channel] = "UNSUBSCRIBED"
                if channel == "email":
                    profile.suppressed.add("UNSUBSCRIBE")
        return web.Response(status=202)

    async def suppress(self, request: web.Request) -> web.Response:
        data = (await request.json())["data"]
        assert data["type"] == "profile-suppression-bulk-create-job"
        profiles = data["attributes"]["profiles"]["data"]
        if len(profiles) > 100:
            return _error(400, "invalid", "The maximum is 100 profiles.")
        for one in profiles:
            self._named(one["attributes"]).suppressed.add("USER_SUPPRESSED")
        job = {
            "type": "profile-suppression-bulk-create-job",
            "id": f"job-{next(self._ids)}",
            "attributes": {
                "status": "complete",
                "created_at": _now(),
                "total_count": len(profiles),
                "completed_count": len(profiles),
            },
            "links": {"self": f"{self.url}/api/profile-suppression-bulk-create-jobs/1"},
        }
        return _answer({"data": job}, status=202)

    async def delete(self, request: web.Request) -> web.Response:
        data = (await request.json())["data"]["attributes"]["profile"]["data"]
        profile = self.profiles.get(data.get("id", ""))
        if profile is None:
            return _error(400, "invalid", "There is no such profile.")
        for name in ("external_id", "email", "phone_number"):
            self._by.pop((name, str(profile.attributes.get(name, "")).lower()), None)
            self._by.pop((name, str(profile.attributes.get(name, ""))), None)
        del self.profiles[profile.id]
        self.deleted.append(profile.id)
        return web.Response(status=202)

    # Who is who

    def _find(self, attributes: Mapping[str, Any]) -> Profile | None:
        for name in ("external_id", "email", "phone_number"):
            value = str(attributes.get(name) or "")
            number = self._by.get((name, value.lower() if name == "email" else value))
            if number is not None:
                return self.profiles[number]
        return None

    def _named(self, attributes: Mapping[str, Any]) -> Profile:
        known = {name: attributes[name] for name in attributes if name in _STANDARD}
        return self._find(known) or self._upsert({"attributes": known})

    def _fault(self, one: Mapping[str, Any]) -> tuple[str, str, str] | None:
        attributes = one["attributes"]
        phone, email = attributes.get("phone_number"), attributes.get("email")
        if phone and not _PHONE.fullmatch(phone):
            return "invalid", f"Invalid phone number format ({phone})", "phone_number"
        if email and "@" not in email:
            return "invalid", f"{email} is not a valid email", "email"
        if len(json.dumps(one)) > 100_000:
            return "invalid", "The profile is larger than 100KB", "properties"
        mine = self._find(attributes)
        for name in ("email", "phone_number"):
            value = str(attributes.get(name) or "").lower()
            owner = self._by.get((name, value))
            if value and mine and owner not in (None, mine.id):
                detail = f"A profile already exists with one of these identifiers: {value}"
                return "duplicate_profile", detail, name
        return None

    def _upsert(self, one: Mapping[str, Any]) -> Profile:
        attributes = one["attributes"]
        profile = self._find(attributes)
        if profile is None:
            profile = Profile(f"01K{next(self._ids):023d}")
            self.profiles[profile.id] = profile
        for name, value in attributes.items():
            if name == "properties":
                for key, told in value.items():
                    profile.properties.pop(key, None)
                    if told is not None:
                        profile.properties[key] = told
            elif value is None:
                old = str(profile.attributes.pop(name, ""))
                self._by.pop((name, old.lower() if name == "email" else old), None)
            else:
                profile.attributes[name] = value
                if name in ("external_id", "email", "phone_number"):
                    self._by[name, value.lower() if name == "email" else value] = profile.id
        profile.updated = datetime.now(UTC)
        return profile


def _shown(profile: Profile, *, consent: bool = False) -> dict[str, Any]:
    attributes = {name: profile.attributes.get(name) for name in sorted(_STANDARD)}
    attributes |= {"properties": dict(profile.properties), "updated": profile.updated.isoformat()}
    if consent:
        attributes["subscriptions"] = {
            "email": {"marketing": _email_consent(profile)},
            "sms": {"marketing": _sms_consent(profile)},
        }
    return {
        "type": "profile",
        "id": profile.id,
        "attributes": attributes,
        "links": {"self": f"https://a.klaviyo.com/api/profiles/{profile.id}"},
    }


def _email_consent(profile: Profile) -> dict[str, Any]:
    at = profile.updated.isoformat()
    state = profile.consent.get("email", "NEVER_SUBSCRIBED")
    return {
        "can_receive_email_marketing": state == "SUBSCRIBED" and not profile.suppressed,
        "consent": state,
        "suppression": [{"reason": one, "timestamp": at} for one in sorted(profile.suppressed)],
        "list_suppressions": [],
    }


def _sms_consent(profile: Profile) -> dict[str, Any]:
    state = profile.consent.get("sms", "NEVER_SUBSCRIBED")
    return {"can_receive_sms_marketing": state == "SUBSCRIBED", "consent": state}


def _matches(condition: str, profile: Profile) -> bool:
    if not condition:
        return True
    if match := re.fullmatch(r"any\((\w+),(\[.*\])\)", condition):
        wanted = {str(one).lower() for one in json.loads(match[2])}
        return str(profile.attributes.get(match[1], "")).lower() in wanted
    if match := re.fullmatch(r"greater-than\(updated,(.+)\)", condition):
        return profile.updated > datetime.fromisoformat(match[1])
    raise AssertionError(condition)


def _import_error(
    number: int, one: Mapping[str, Any], code: str, detail: str, name: str
) -> dict[str, Any]:
    pointer = f"/data/attributes/profiles/data/{number}/attributes/{name}"
    return {
        "type": "import-error",
        "id": f"error-{number}",
        "attributes": {
            "code": code,
            "title": "Invalid input.",
            "detail": detail,
            "source": {"pointer": pointer},
            "original_payload": dict(one["attributes"]),
        },
    }


def _answer(body: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.json_response(body, status=status, content_type=_JSON_API)


def _error(status: int, code: str, detail: str, pointer: str = "/data/") -> web.Response:
    error = {
        "id": "1a2b",
        "code": code,
        "title": "Invalid input.",
        "detail": detail,
        "source": {"pointer": pointer},
    }
    return _answer({"errors": [error]}, status)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def told(vendor: Vendor, part: str) -> Iterable[Any]:
    """Give the bodies that were posted to a path."""
    return [one.body for one in vendor.asked(part) if one.method == "POST"]
