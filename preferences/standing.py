"""Tells which permissions stand: the ledger's chains of one person, read as one story."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge

from preferences.evidence import Answer, ConsentEvent


@dataclass(frozen=True, slots=True)
class Standing:
    """How permissions stand at one moment.

    `last` is the last word on each purpose, `permitting` the events that nothing took back since,
    and `forbidden_at` when a purpose was forbidden last.
    """

    last: Mapping[str, ConsentEvent]
    permitting: frozenset[str]
    forbidden_at: Mapping[str, datetime]

    def covers(self, answer: Answer) -> bool:
        """Tell whether an answer may be used.

        What the shop brought along came without an event of its own: it takes a permission in
        force for its purpose, and none that was taken back after it was so.
        """
        if answer.consent is not None or answer.is_declared:
            return answer.consent in self.permitting
        last, forbidden_at = self.last.get(answer.purpose), self.forbidden_at.get(answer.purpose)
        in_force = last is not None and last.id in self.permitting
        return in_force and (forbidden_at is None or forbidden_at < answer.answered_at)


def standing(events: Iterable[ConsentEvent], now: datetime) -> Standing:
    """Read the events of a person.

    A permission stands until a later event of its purpose takes it back, or its time is over; one
    that is given again before that renews those before it. To be asked is no word on anything.
    """
    last: dict[str, ConsentEvent] = {}
    permitting: dict[str, set[str]] = {}
    forbidden_at: dict[str, datetime] = {}
    for at, event in _in_order(events):
        if _is_late(last.get(event.purpose), event):
            continue
        ended = _ended(last.get(event.purpose), event, at)
        if ended is not None:
            forbidden_at[event.purpose] = ended
            permitting.pop(event.purpose, None)
        if event.permits:
            permitting.setdefault(event.purpose, set()).add(event.id)
        last[event.purpose] = event
    in_force = [permitting.get(name, set()) for name in last if not _is_over(last[name], now)]
    return Standing(
        {name: _as_it_is(event, now) for name, event in last.items()},
        frozenset().union(*in_force),
        forbidden_at,
    )


def _is_late(before: ConsentEvent | None, event: ConsentEvent) -> bool:
    """Tell whether an end that was noted in one chain came after a newer word in another.

    Nobody says `expired`: it is written when somebody looks, and ends only what its own chain gave.
    """
    return event.state == "expired" and before is not None and before.shopper != event.shopper


def _ended(before: ConsentEvent | None, event: ConsentEvent, at: datetime) -> datetime | None:
    """Tell when what was permitted before an event ended, if it did."""
    if not event.permits:
        return at
    return before.valid_until if before and _is_over(before, at) else None


def _as_it_is(event: ConsentEvent, now: datetime) -> ConsentEvent:
    """Give a permission whose time is over as expired, whether or not the ledger says so yet."""
    return replace(event, state="expired") if event.permits and _is_over(event, now) else event


def _is_over(event: ConsentEvent, now: datetime) -> bool:
    return event.valid_until is not None and event.valid_until <= now


def _in_order(events: Iterable[ConsentEvent]) -> Iterator[tuple[datetime, ConsentEvent]]:
    """Merge the chains by time, each in its own order; of two at one moment what forbids is last.

    Within a chain the time of a purpose never goes back, whatever the clock did.
    """
    chains: dict[tuple[str, str], list[tuple[datetime, ConsentEvent]]] = {}
    for event in sorted(events, key=lambda event: event.seq):
        if event.state != "requested":
            chain = chains.setdefault((event.shopper, event.purpose), [])
            at = max(chain[-1][0], event.occurred_at) if chain else event.occurred_at
            chain.append((at, event))
    return merge(*chains.values(), key=lambda told: (told[0], not told[1].permits))
