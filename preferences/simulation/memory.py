"""What a store would hold of one simulated shopper, in memory: read as a state, written by records."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from preferences.conversation import (
    Answered,
    Ask,
    Asked,
    Candidate,
    Closed,
    Consent,
    ConsentAct,
    Decision,
    Disclosed,
    Outcome,
    Put,
    Record,
    State,
    Suppress,
    Suppression,
    Turn,
)

_MEMORY = timedelta(days=400)
_EVER = timedelta(days=36_500)


@dataclass
class Memory:
    """One shopper's rows; `log` is every ask as it ended, `decisions` every decision."""

    shopper: str
    conversations: int = 0
    turns: int = 0
    disclosed: bool = False
    seen_at: datetime | None = None
    ask: Ask | None = None
    consents: dict[str, Consent] = field(default_factory=dict)
    wishes: list[tuple[Suppression, datetime]] = field(default_factory=list)
    log: list[tuple[int, Asked]] = field(default_factory=list)
    waiting: list[tuple[Candidate, datetime]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    answers: list[tuple[Ask, str]] = field(default_factory=list)

    def meet(self) -> None:
        """Begin another conversation; what an earlier one left open stays open there."""
        self.ask = None
        self.conversations += 1
        self.disclosed = False

    def offer(self, candidate: Candidate, until: datetime) -> None:
        """Keep a question that an event made worth weighing."""
        self.waiting.append((candidate, until))

    def state(self, now: datetime) -> State:
        """Give the state at a moment."""
        here = self.conversations
        return State(
            conversation=f"{self.shopper}.{here}",
            shopper=self.shopper,
            channel="web",
            locale="en",
            now=now,
            turn=self.turns,
            disclosed=self.disclosed,
            handed_off=False,
            unclear=0,
            ask=self.ask,
            consents=self.consents,
            suppressions=tuple(wish for wish, until in self.wishes if until > now),
            asked=tuple(
                replace(asked, here=place == here)
                for place, asked in reversed(self.log)
                if now - asked.at < _MEMORY
            ),
            candidates=tuple(candidate for candidate, until in self.waiting if until > now),
            head=self.shopper,
            spoken=self.turns,
            returning=here > 1,
            verified=True,
            seen_at=self.seen_at,
        )

    def keep(self, turn: Turn, now: datetime) -> None:
        """Write what came of a turn in which the shopper was present."""
        self.turns += 1
        self.seen_at = now
        for record in turn.records:
            self._write(record, now)

    def close(self, outcome: Outcome) -> None:
        """End the open ask, and settle the candidate that it came of."""
        if self.ask is not None:
            place, asked = self.log[-1]
            self.log[-1] = (place, replace(asked, outcome=outcome))
            settled = self.ask.candidate
            self.waiting = [one for one in self.waiting if one[0].id != settled]
            self.ask = None

    def _write(self, record: Record, now: datetime) -> None:
        match record:
            case Put(ask):
                self._put(ask)
            case Closed(outcome):
                self.close(outcome)
            case Answered(ask, value):
                self.answers.append((ask, value))
            case ConsentAct(purpose, state):
                self.consents[purpose] = Consent("", state)
            case Suppress(wish, days):
                self.wishes.append((wish, now + (timedelta(days=days) if days else _EVER)))
            case Decision():
                self.decisions.append(record)
            case Disclosed():
                self.disclosed = True
            case _:
                pass  # nothing that a simulated shopper does comes back to it

    def _put(self, ask: Ask) -> None:
        self.ask = ask
        if ask.begun is None:
            asked = Asked(ask.kind, ask.question, ask.purpose, ask.asked_at, None, here=True)
            self.log.append((self.conversations, asked))
