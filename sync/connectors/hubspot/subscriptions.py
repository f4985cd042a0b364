"""Who is subscribed to what HubSpot mails, and who has left it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from sync.connectors.hubspot.account import Account, reason, rows
from sync.delivery import Delivery, Later, Result
from sync.http import Answer
from sync.marketing import Word, permissions, word

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The mailings of an account; `subscription` is the type that follows a purpose, 0 for none."""

    account: Account
    subscription: int
    purpose: str

    def left(self, batch: Sequence[Delivery]) -> list[Delivery]:
        """Give who is to be unsubscribed from something."""
        return [one for one in batch if self._word(one) in ("leave", "withdraw")]

    async def end(
        self, batch: Sequence[Delivery], emails: Mapping[str, Collection[str]]
    ) -> dict[str, Result]:
        """Unsubscribe who left, at all their addresses; give who could not be, to be told again."""
        words = {one.shopper: self._word(one) for one in batch}
        leaving = _whose(emails, [who for who, said in words.items() if said == "leave"])
        ended = [who for who, said in words.items() if said == "withdraw" and self.subscription]
        withdrawn = _whose(emails, ended)
        failed = dict[str, Result]()
        for chunk in batched(leaving, _PAGE):
            path, body = f"{self.account.statuses}/unsubscribe-all", {"inputs": list(chunk)}
            answer = await self.account.client.post(path, body, channel="EMAIL")
            failed |= _unreached(answer, chunk, leaving)
        for chunk in batched(withdrawn, _PAGE):
            inputs = [self._status(one, "UNSUBSCRIBED") for one in chunk]
            failed |= _unreached(await self._write(inputs), chunk, withdrawn)
        return failed

    async def begin(self, batch: Sequence[Delivery]) -> dict[str, Result]:
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
            whose = {email: one.shopper for email, one in wanted.items()}
            failed = _unreached(await self._write(inputs), new, whose)
        return failed

    async def _write(self, inputs: Sequence[Mapping[str, Any]]) -> Answer:
        path = f"{self.account.statuses}/write"
        return await self.account.client.post(path, {"inputs": list(inputs)})

    async def _decided(self, emails: Sequence[str]) -> set[str]:
        """Give who has a status for the subscription, or left everything."""
        if not emails:
            return set()
        path, body, client = self.account.statuses, {"inputs": list(emails)}, self.account.client
        single = rows(await client.post(f"{path}/read", body, channel="EMAIL"))
        wide = rows(await client.post(f"{path}/unsubscribe-all/read", body, channel="EMAIL"))
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

    def _word(self, one: Delivery) -> Word | None:
        return word(one.profile, self.purpose)

    def _status(self, email: str, state: str) -> dict[str, Any]:
        return {
            "subscriberIdString": email,
            "subscriptionId": self.subscription,
            "channel": "EMAIL",
            "statusState": state,
        }


def _whose(emails: Mapping[str, Collection[str]], shoppers: Iterable[str]) -> dict[str, str]:
    return {email: shopper for shopper in shoppers for email in emails[shopper]}


def _unreached(
    answer: Answer, emails: Iterable[str], whose: Mapping[str, str]
) -> dict[str, Result]:
    """Give whose subscription was not written; a wish is tried until it is."""
    if not answer.is_taken:
        return {whose[email]: Later(reason(answer.body)) for email in emails}
    if not answer.body.get("numErrors"):
        return {}
    reached = {str(one["subscriberIdString"]).lower() for one in answer.body["results"]}
    errors = answer.body.get("errors", ())
    told = reason(errors[0]) if errors else "HubSpot did not take the subscription."
    return {whose[email]: Later(told) for email in emails if email not in reached}
