"""Klaviyo: profiles by our id as `external_id`, one at once or many by a job, and their consent."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from preferences.settings import Settings
from sync.capabilities import Lookup, Page, Remote
from sync.connectors.klaviyo.answers import PAGE, following, reason, remote, rows
from sync.connectors.klaviyo.consent import Consents
from sync.connectors.klaviyo.profiles import Profiles
from sync.delivery import Delivery, Later, Refused, Result, Taken
from sync.http import Client, address, needed, open_session
from sync.jobs import Jobs
from sync.limits import Rate, open_limiter

_FEW = 10  # so many are told one by one: an answer at once, where a job takes its time
_DELETED_AT_ONCE = 10  # of sixty a minute; a push has no time for more
_NEXT_DELETED = timedelta(seconds=10)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_OVERLAP = timedelta(seconds=1)  # of two looks at what changed, whose moments are whole seconds


@dataclass(frozen=True, slots=True)
class Klaviyo:
    """An account, by its private key; `deletions` have a limit of their own."""

    profiles: Profiles
    consents: Consents
    jobs: Jobs
    deletions: Client
    batch_size: int = 1000
    in_flight: int = 4

    async def turn(self, *, urgent: bool) -> None:
        """Wait for the next import that the account's limit allows."""
        await self.profiles.jobs.limiter.turn(urgent=urgent)

    # Telling

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Unsubscribe first, whatever becomes of the fields; then import; then subscribe."""
        unreached = await self.consents.end(batch)
        results = await self.jobs.earlier(batch)
        new = [one for one in batch if one.shopper not in results]
        if len(new) <= _FEW:
            results |= {one.shopper: await self.profiles.write(one) for one in new}
        else:
            results |= await self.jobs.started(await self.profiles.begin_job(new), new)
        welcome = [one for one in batch if isinstance(results[one.shopper], Taken)]
        unreached |= await self.consents.begin(welcome)
        return [unreached.get(one.shopper, results[one.shopper]) for one in batch]

    # Reading back, deleting, what changed there

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Read profiles by our id."""
        return await self.profiles.read([one.shopper for one in asked], fields)

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Have Klaviyo delete profiles for good, after they were unsubscribed."""
        unreached = await self.consents.end(batch)
        held = await self.profiles.read([one.shopper for one in batch])
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
        return Taken() if answer.is_taken else Refused(reason(answer))

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Read what was updated after the cursor: a moment, and the page of what comes after it."""
        since, _, page = cursor.partition(" ")
        moment = datetime.fromisoformat(since) if since else _LONG_AGO
        query = {
            "filter": f"greater-than(updated,{(moment - _OVERLAP).isoformat()})",
            "sort": "updated",
            "page[size]": str(PAGE),
            "additional-fields[profile]": "subscriptions",
        } | ({"page[cursor]": page} if page else {})
        answer = await self.profiles.client.call("GET", "/api/profiles", query=query)
        records = [remote(row, fields) for row in rows(answer)]
        if after := following(answer):
            return Page(records, f"{moment.isoformat()} {after}", more=True)
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
        profiles = Profiles(
            client, replace(client, limiter=imports), replace(client, limiter=looks)
        )
        yield Klaviyo(
            profiles,
            Consents(client, profiles, settings.marketing_purpose),
            Jobs(profiles.look),
            replace(client, limiter=deletions),
        )
