"""Who Klaviyo may write to: unsubscribed, suppressed, subscribed, channel by channel.

Two traps are kept out of: subscribing lifts suppressions, so who has left is never subscribed from
here; unsubscribing with a list unsubscribes who is not on it from everything, so no list is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from sync.capabilities import Remote
from sync.connectors.klaviyo.answers import IDENTITIES, NAMES, PAGE, reason
from sync.connectors.klaviyo.profiles import Profiles
from sync.delivery import Delivery, Later, Result
from sync.errors import BatchRefusedError
from sync.http import Client
from sync.marketing import CHANNELS, Word, permissions


@dataclass(frozen=True, slots=True)
class Consents:
    """What is decided about an account's advertising; `purpose` is the permission for it, if any."""

    client: Client
    profiles: Profiles
    purpose: str

    async def end(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Unsubscribe who left; give who could not be, to be told again."""
        words = {one.shopper: self._words(one) for one in batch}
        asked = [one for one in batch if {*words[one.shopper].values()} & {"leave", "withdraw"}]
        if not asked:
            return {}
        held = await self._held(asked)
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
            failed |= await self._unsubscribe(channel, names) | await self._suppress(gone)
        return failed

    async def begin(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Subscribe who never decided. Who has left comes back by Klaviyo's own forms, not from here."""
        failed = dict[str, Result]()
        for channel in CHANNELS:
            wanted = {
                one.profile["identities"][IDENTITIES[channel]]: one
                for one in batch
                if self._words(one).get(channel) == "subscribe"
                and IDENTITIES[channel] in one.profile["identities"]
            }
            decided = await self.profiles.decided(channel, wanted)
            for name, one in wanted.items():
                if name not in decided:
                    failed |= await self._subscribe(channel, name, one)
        return failed

    async def _held(self, asked: Sequence[Delivery]) -> Mapping[str, Remote]:
        try:
            return await self.profiles.read([one.shopper for one in asked])
        except BatchRefusedError:  # a farewell does not wait for what Klaviyo knows besides
            return {}

    async def _unsubscribe(self, channel: str, names: Mapping[str, str]) -> dict[str, Result]:
        ended = {channel: {"marketing": {"consent": "UNSUBSCRIBED"}}}
        return await self._tell_all("profile-subscription-bulk-delete-job", channel, names, ended)

    async def _suppress(self, names: Mapping[str, str]) -> dict[str, Result]:
        return await self._tell_all("profile-suppression-bulk-create-job", "email", names, {})

    async def _tell_all(
        self, kind: str, channel: str, names: Mapping[str, str], subscriptions: Mapping[str, Any]
    ) -> dict[str, Result]:
        """Post a job about some names, a hundred at a time; a wish is told until it is taken."""
        failed = dict[str, Result]()
        for chunk in batched(names, PAGE):
            told = {"subscriptions": subscriptions} if subscriptions else {}
            data = [
                {"type": "profile", "attributes": {NAMES[channel]: name, **told}} for name in chunk
            ]
            body = {"data": {"type": kind, "attributes": {"profiles": {"data": data}}}}
            answer = await self.client.post(f"/api/{kind}s", body)
            if not answer.is_taken:
                failed |= {names[name]: Later(reason(answer)) for name in chunk}
        return failed

    async def _subscribe(self, channel: str, name: str, one: Delivery) -> dict[str, Result]:
        permission = permissions(one.profile, self.purpose)[channel]
        consent = {channel: {"marketing": {"consent": "SUBSCRIBED"}}}
        profile = {
            "type": "profile",
            "attributes": {NAMES[channel]: name, "subscriptions": consent},
        }
        kind = "profile-subscription-bulk-create-job"
        source = f"Askfirst, consent {permission.event}"
        attributes = {"custom_source": source, "profiles": {"data": [profile]}}
        body = {"data": {"type": kind, "attributes": attributes}}
        answer = await self.client.post(f"/api/{kind}s", body)
        return {} if answer.is_taken else {one.shopper: Later(reason(answer))}

    def _words(self, one: Delivery) -> dict[str, Word]:
        return {name: found.word for name, found in permissions(one.profile, self.purpose).items()}


def _named(one: Delivery, held: Remote | None, channel: str) -> set[str]:
    """Give the addresses on a channel: as we know it, and as Klaviyo has it."""
    kind = IDENTITIES[channel]
    found = (one.profile["identities"].get(kind), held.identities.get(kind) if held else None)
    return {name for name in found if name}
