"""Klaviyo: profiles by our id as `external_id`, one at once or many by a job, and their consent.

Two traps are kept out of: subscribing lifts suppressions, so who has left is never subscribed from
here; unsubscribing with a list unsubscribes who is not on it from everything, so no list is named.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import batched
from typing import Any

from yarl import URL

from preferences.settings import Settings
from sync.capabilities import Lookup, Page, Remote, named
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.errors import BatchRefusedError
from sync.http import Answer, Client, address, needed, open_session
from sync.jobs import EVERYBODY, Jobs
from sync.limits import Rate, open_limiter
from sync.marketing import CHANNELS, Word, permissions

_ATTRIBUTES = frozenset(
    {"email", "phone_number", "first_name", "last_name", "locale", "title", "organization"}
)
_FEW = 10  # so many are told one by one: an answer at once, where a job takes its time
_PAGE = 100
_DELETED_AT_ONCE = 10  # of sixty a minute; a push has no time for more
_NEXT_DELETED = timedelta(seconds=10)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_OVERLAP = timedelta(seconds=1)  # of two looks at what changed, whose moments are whole seconds
_NAMES = {"email": "email", "sms": "phone_number"}
_IDENTITIES = {"email": "email", "sms": "phone"}


@dataclass(frozen=True, slots=True)
class Klaviyo:
    """An account, by its private key; `imports` and `deletions` have limits of their own."""

    client: Client
    imports: Client
    deletions: Client
    jobs: Jobs
    purpose: str
    batch_size: int = 1000
    in_flight: int = 4

    async def turn(self, *, urgent: bool) -> None:
        """Wait for the next import that the account's limit allows."""
        await self.imports.limiter.turn(urgent=urgent)

    # Telling

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Unsubscribe first, whatever becomes of the fields; then import; then subscribe."""
        unreached = await self._unsubscribe(batch)
        results = await self.jobs.earlier(batch)
        new = [one for one in batch if one.shopper not in results]
        results |= await (self._import_each(new) if len(new) <= _FEW else self._import_all(new))
        welcome = [one for one in batch if isinstance(results[one.shopper], Taken)]
        unreached |= await self._subscribe(welcome)
        return [unreached.get(one.shopper, results[one.shopper]) for one in batch]

    async def _import_each(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        results = dict[str, Result]()
        for one in batch:
            answer = await self.client.post("/api/profile-import", {"data": _profile(one)})
            if answer.is_taken:
                results[one.shopper] = Taken(answer.body["data"]["id"])
            else:
                results[one.shopper] = Refused(_reason(_errors(answer)))
        return results

    async def _import_all(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        data = {
            "type": "profile-bulk-import-job",
            "attributes": {"profiles": {"data": [_profile(one) for one in batch]}},
        }
        path = "/api/profile-bulk-import-jobs"
        answer = await self.imports.post(path, {"data": data}, granted=True)
        if not answer.is_taken:
            raise BatchRefusedError(_reason(_errors(answer)))
        return await self.jobs.started(answer.body["data"]["id"], batch)

    # Consent

    async def _unsubscribe(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        words = {one.shopper: _words(one, self.purpose) for one in batch}
        asked = [one for one in batch if {*words[one.shopper].values()} & {"leave", "withdraw"}]
        if not asked:
            return {}
        try:
            held = {one.shopper: one for one in await self._find("external_id", _ids(asked))}
        except BatchRefusedError:  # a farewell does not wait for what Klaviyo knows besides
            held = {}
        failed = dict[str, Result]()
        for channel in CHANNELS:
            names = {
                name: one.shopper
                for one in asked
                if words[one.shopper].get(channel) in ("leave", "withdraw")
                for name in _named(one, held.get(one.shopper), channel)
            }
            gone = {
                name: shopper
                for name, shopper in names.items()
                if channel == "email" and words[shopper].get(channel) == "leave"
            }
            failed |= await self._end(channel, names) | await self._suppress(gone)
        return failed

    async def _end(self, channel: str, names: Mapping[str, str]) -> dict[str, Result]:
        ended = {channel: {"marketing": {"consent": "UNSUBSCRIBED"}}}
        return await self._tell_all("profile-subscription-bulk-delete-job", channel, names, ended)

    async def _suppress(self, names: Mapping[str, str]) -> dict[str, Result]:
        return await self._tell_all("profile-suppression-bulk-create-job", "email", names, {})

    async def _tell_all(
        self, kind: str, channel: str, names: Mapping[str, str], subscriptions: Mapping[str, Any]
    ) -> dict[str, Result]:
        """Post a job about some names, a hundred at a time; a wish is told until it is taken."""
        failed = dict[str, Result]()
        for chunk in batched(names, _PAGE):
            told = {"subscriptions": subscriptions} if subscriptions else {}
            data = [
                {"type": "profile", "attributes": {_NAMES[channel]: name, **told}} for name in chunk
            ]
            body = {"data": {"type": kind, "attributes": {"profiles": {"data": data}}}}
            answer = await self.client.post(f"/api/{kind}s", body)
            if not answer.is_taken:
                reason = _reason(_errors(answer))
                failed |= {names[name]: Later(reason) for name in chunk}
        return failed

    async def _subscribe(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Subscribe who never decided. Who has left comes back by Klaviyo's own forms, not from here."""
        failed = dict[str, Result]()
        for channel in CHANNELS:
            wanted = {
                one.profile["identities"][_IDENTITIES[channel]]: one
                for one in batch
                if _words(one, self.purpose).get(channel) == "subscribe"
                and _IDENTITIES[channel] in one.profile["identities"]
            }
            decided = {
                str(one.identities.get(_IDENTITIES[channel]))
                for one in await self._find(_NAMES[channel], wanted, undecided=channel)
            }
            for name, one in wanted.items():
                if name not in decided:
                    failed |= await self._begin(channel, name, one)
        return failed

    async def _begin(self, channel: str, name: str, one: Delivery) -> dict[str, Result]:
        permission = permissions(one.profile, self.purpose)[channel]
        consent = {channel: {"marketing": {"consent": "SUBSCRIBED"}}}
        profile = {
            "type": "profile",
            "attributes": {_NAMES[channel]: name, "subscriptions": consent},
        }
        kind = "profile-subscription-bulk-create-job"
        source = f"Askfirst, consent {permission.event}"
        attributes = {"custom_source": source, "profiles": {"data": [profile]}}
        body = {"data": {"type": kind, "attributes": attributes}}
        answer = await self.client.post(f"/api/{kind}s", body)
        return {} if answer.is_taken else {one.shopper: Later(_reason(_errors(answer)))}

    # Reading back, deleting, what changed there

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read profiles by our id."""
        found = await self._find("external_id", [one.shopper for one in asked], fields)
        return {one.shopper: one for one in found}

    async def _find(
        self, by: str, values: Iterable[str], fields: Sequence[str] = (), undecided: str = ""
    ) -> list[Remote]:
        """Find profiles; with `undecided` only those that have decided about that channel."""
        found = list[Remote]()
        for chunk in batched(sorted(set(values)), _PAGE):
            query = {
                "filter": f"any({by},{json.dumps(chunk)})",
                "page[size]": str(_PAGE),
                "additional-fields[profile]": "subscriptions",
            }
            async for row in _pages(self.client, "/api/profiles", query):
                if not undecided or _has_decided(row, undecided):
                    found.append(_remote(row, fields))
        return found

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Have Klaviyo delete profiles for good, after they were unsubscribed."""
        unreached = await self._unsubscribe(batch)
        held = await self.read([Lookup(one.shopper) for one in batch], [])
        there = [one.shopper for one in batch if one.shopper in held.keys() - unreached.keys()]
        results = {
            shopper: await self._delete(held[shopper].remote_id)
            for shopper in there[:_DELETED_AT_ONCE]
        }
        later = Later("Klaviyo deletes sixty profiles a minute.", _NEXT_DELETED)
        results |= dict.fromkeys(there[_DELETED_AT_ONCE:], later) | unreached
        return [results.get(one.shopper, Taken()) for one in batch]

    async def _delete(self, number: str) -> Result:
        profile = {"type": "profile", "id": number, "attributes": {}}
        attributes = {"profile": {"data": profile}}
        data = {"type": "data-privacy-deletion-job", "attributes": attributes}
        answer = await self.deletions.post("/api/data-privacy-deletion-jobs", {"data": data})
        return Taken() if answer.is_taken else Refused(_reason(_errors(answer)))

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Read what was updated after the cursor: a moment, and the page of what comes after it."""
        since, _, page = cursor.partition(" ")
        moment = datetime.fromisoformat(since) if since else _LONG_AGO
        query = {
            "filter": f"greater-than(updated,{(moment - _OVERLAP).isoformat()})",
            "sort": "updated",
            "page[size]": str(_PAGE),
            "additional-fields[profile]": "subscriptions",
        } | ({"page[cursor]": page} if page else {})
        answer = await self.client.call("GET", "/api/profiles", query=query)
        if not answer.is_taken:
            raise BatchRefusedError(_reason(_errors(answer)))
        records = [_remote(row, fields) for row in answer.body["data"]]
        if following := _cursor(answer):
            return Page(records, f"{moment.isoformat()} {following}", more=True)
        last = max((one.at for one in records if one.at), default=moment)
        return Page(records, max(last, moment).isoformat())


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[Klaviyo]:
    """Open the connection pool.

    :raises SettingsError: the key is missing, or the address cannot be used.
    """
    key = needed(settings, "klaviyo_key")
    base = address(settings, "klaviyo_url")
    slow = Rate(150, 60, burst=8)
    async with (
        open_session() as session,
        open_limiter(settings.redis_url, "klaviyo", Rate(750, 60, burst=50)) as limiter,
        open_limiter(settings.redis_url, "klaviyo-jobs", slow) as imports,
        open_limiter(settings.redis_url, "klaviyo-looks", slow) as looks,
        open_limiter(settings.redis_url, "klaviyo-deletions", Rate(60, 60, burst=2)) as deletions,
    ):
        client = Client(
            "Klaviyo",
            "ASKFIRST_KLAVIYO_KEY",
            session,
            base,
            headers={
                "Authorization": f"Klaviyo-API-Key {key}",
                "revision": settings.klaviyo_revision,
                "Accept": "application/vnd.api+json",
                "Content-Type": "application/vnd.api+json",
            },
            limiter=limiter,
        )
        yield Klaviyo(
            client,
            replace(client, limiter=imports),
            replace(client, limiter=deletions),
            Jobs(partial(_look, replace(client, limiter=looks))),
            settings.marketing_purpose,
        )


async def _look(client: Client, job: str) -> dict[str, str | None] | None:
    """Look at an import, and once it is over at its error report, or tell all of it again."""
    answer = await client.get(f"/api/profile-bulk-import-jobs/{job}")
    if not answer.is_taken or (status := _status(answer)) == "cancelled":
        return {EVERYBODY: None}
    if status != "complete":
        return None
    path = f"/api/profile-bulk-import-jobs/{job}/import-errors"
    wrong = dict[str, str | None]()
    try:
        async for one in _pages(client, path, {"page[size]": str(_PAGE)}):
            attributes = one["attributes"]
            payload = attributes.get("original_payload") or {}
            payload = payload.get("attributes", payload)
            wrong[str(payload.get("external_id"))] = _reason([attributes])
    except BatchRefusedError:
        return {EVERYBODY: None}
    return wrong


async def _pages(
    client: Client, path: str, query: Mapping[str, str]
) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        more = {"page[cursor]": cursor} if cursor else {}
        answer = await client.call("GET", path, query={**query, **more})
        if not answer.is_taken:
            raise BatchRefusedError(_reason(_errors(answer)))
        for one in answer.body["data"]:
            yield one
        if not (cursor := _cursor(answer)):
            return


def _profile(one: Delivery) -> dict[str, Any]:
    """Write a profile: None empties, what is not there stays as it is."""
    attributes = {name: value for name, value in one.fields.items() if name in _ATTRIBUTES}
    properties = {name: value for name, value in one.fields.items() if name not in _ATTRIBUTES}
    return {
        "type": "profile",
        "attributes": {"external_id": one.shopper, **attributes, "properties": properties},
    }


def _ids(batch: Iterable[Delivery]) -> list[str]:
    return [one.shopper for one in batch]


def _words(one: Delivery, purpose: str) -> dict[str, Word]:
    return {name: found.word for name, found in permissions(one.profile, purpose).items()}


def _named(one: Delivery, held: Remote | None, channel: str) -> set[str]:
    """Give the addresses on a channel: as we know it, and as Klaviyo has it."""
    kind = _IDENTITIES[channel]
    found = (one.profile["identities"].get(kind), held.identities.get(kind) if held else None)
    return {name for name in found if name}


def _status(answer: Answer) -> str:
    return str(answer.body["data"]["attributes"]["status"])


def _errors(answer: Answer) -> list[dict[str, Any]]:
    body = answer.body if isinstance(answer.body, dict) else {}
    return list(body.get("errors") or [{"code": f"http_{answer.status}"}])


def _reason(errors: Iterable[Mapping[str, Any]]) -> str:
    """Give Klaviyo's codes and the places they are about; its sentences quote the values."""
    told = []
    for error in errors:
        pointer = str((error.get("source") or {}).get("pointer", ""))
        place = pointer.rstrip("/").rpartition("/")[2]
        told.append(f"{error.get('code', 'error')} ({place})" if place else str(error.get("code")))
    return f"Klaviyo refused it: {', '.join(sorted(set(told)))}."


def _cursor(answer: Answer) -> str:
    following = (answer.body.get("links") or {}).get("next")
    return URL(following).query.get("page[cursor]", "") if following else ""


def _marketing(row: Mapping[str, Any], channel: str) -> dict[str, Any]:
    subscriptions = row["attributes"].get("subscriptions") or {}
    return dict((subscriptions.get(channel) or {}).get("marketing") or {})


def _has_left(row: Mapping[str, Any], channel: str) -> bool:
    told = _marketing(row, channel)
    return told.get("consent") == "UNSUBSCRIBED" or bool(told.get("suppression"))


def _has_decided(row: Mapping[str, Any], channel: str) -> bool:
    never = _marketing(row, channel).get("consent", "NEVER_SUBSCRIBED") == "NEVER_SUBSCRIBED"
    return not never or _has_left(row, channel)


def _remote(row: Mapping[str, Any], fields: Sequence[str]) -> Remote:
    attributes = row["attributes"]
    properties = attributes.get("properties") or {}
    held = dict.fromkeys(_ATTRIBUTES, attributes)
    return Remote(
        shopper=attributes.get("external_id") or "",
        identities=named(**{_IDENTITIES[one]: attributes.get(_NAMES[one]) for one in CHANNELS}),
        opted_out=tuple(one for one in CHANNELS if _has_left(row, one)),
        fields={name: held.get(name, properties).get(name) for name in fields},
        remote_id=row["id"],
        at=datetime.fromisoformat(attributes["updated"]) if attributes.get("updated") else None,
    )
