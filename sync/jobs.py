"""Imports that a CRM runs by itself: who is in which, and nothing newer about them before it is over."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sync.delivery import Delivery, Later, Refused, Result, Taken

type Look = Callable[[str], Awaitable[Mapping[str, str | None] | None]]
"""Gives None while a job runs, then why it did not import whom: None for the CRM's own trouble."""

EVERYBODY = ""
"""Stands for all who are in a job that came to nothing."""

_LOOKS = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds between looks at a job, within the time of a push
_RUNS = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs that a push could not wait for, by shopper, with the content that they write.

    They are known to this process alone. After it ends, what they were about is told once more.
    """

    look: Look
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    known: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def earlier(self, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Hear of the jobs of earlier pushes; what has changed since is left to be told anew."""
        known = {one.shopper: self.known[one.shopper] for one in batch if one.shopper in self.known}
        results = dict[str, Result]()
        for job in {job for job, _ in known.values()}:
            members = [one for one in batch if known.get(one.shopper, ("",))[0] == job]
            heard = await self._outcome(job, members, ())
            results |= {
                one.shopper: heard[one.shopper]
                for one in members
                if isinstance(heard[one.shopper], Later) or known[one.shopper][1] == one.digest
            }
        return results

    async def started(self, job: str, batch: Sequence[Delivery]) -> dict[str, Result]:
        """Wait a while for a job that was just given."""
        self.known.update({one.shopper: (job, one.digest) for one in batch})
        return await self._outcome(job, batch, _LOOKS)

    async def _outcome(
        self, job: str, batch: Sequence[Delivery], looks: Sequence[float]
    ) -> dict[str, Result]:
        for seconds in (*looks, None):
            wrong = await self.look(job)
            if wrong is not None:
                for one in batch:
                    del self.known[one.shopper]
                return {one.shopper: _result(one, wrong) for one in batch}
            if seconds is not None:
                await self.sleep(seconds)
        return {one.shopper: Later("The CRM's import still runs.", _RUNS) for one in batch}


def _result(one: Delivery, wrong: Mapping[str, str | None]) -> Result:
    if not {one.shopper, EVERYBODY} & wrong.keys():
        return Taken()
    reason = wrong.get(one.shopper)
    return Later("The CRM's import did not come to it.") if reason is None else Refused(reason)
