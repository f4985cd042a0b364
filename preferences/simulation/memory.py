"""What a store would hold of one simulated shopper, in memory: read as a state, written by records."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from preferences.catalogue import Question
from preferences.conversation import (
    Annoyance,
    Answered,
    Ask,
    Asked,
    Candidate,
    Closed,
    Consent,
    ConsentAct,
    Decision,
    Disclosed,
    Held,
    Invited,
    Outcome,
    Put,
    Record,
    State,
    Suggested,
    Suppress,
    Suppression,
    Turn,
)

_MEMORY = timedelta(days=400)
_EVER = timedelta(days=36_500)


@dataclass
class Memory:
    """One shopper's rows; `log` is every ask as it ended, `places` where each was put."""

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
    held: list[Held] = field(default_factory=list)
    silences: list[tuple[datetime, datetime]] = field(default_factory=list)
    channel: str = "web"
    places: list[str] = field(default_factory=list)
    suggestion: Ask | None = None
    invited_at: datetime | None = None

    def meet(self, channel: str = "web") -> None:
        """Begin another conversation; what an earlier one left open stays open there."""
        self.ask = None
        self.conversations += 1
        self.disclosed = False
        self.channel = channel

    def be_silent(self, wish: Suppression, now: datetime, days: int | None) -> None:
        """Keep what is not wanted, or not right now; of what is about everything, from when to when."""
        until = now + timedelta(days=days) if days else now + _EVER
        self.wishes.append((wish, until))
        if wish.scope == "all":
            self.silences.append((now, until))

    def ask_elsewhere(
        self, question: Question, channel: str, outcome: Outcome | None, now: datetime
    ) -> None:
        """Keep what a mail poll or an agent asked, and how it ended."""
        asked = Asked("question", question.id, question.purpose, now, outcome, here=False)
        place = -len(self.log) - 1  # a conversation that is none of ours
        self.log.append((place, asked))
        self.places.append(channel)
        if outcome == "answered":
            self.held.append(Held(question.id, now))

    def offer(self, candidate: Candidate, until: datetime) -> None:
        """Keep a question that an event made worth weighing."""
        self.waiting.append((candidate, until))

    def state(self, now: datetime) -> State:
        """Give the state at a moment."""
        here = self.conversations
        return State(
            conversation=f"{self.shopper}.{here}",
            shopper=self.shopper,
            channel=self.channel,
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
            held=tuple(self.held),
        )

    def keep(self, turn: Turn, now: datetime) -> None:
        """Write what came of a turn in which the shopper was present."""
        self.turns += 1
        self.seen_at = now
        self.suggestion = None
        for record in turn.records:
            self._write(record, now)

    def close(self, outcome: Outcome, annoyed: Annoyance = "") -> None:
        """End the open ask, and settle the candidate that it came of."""
        if self.ask is not None:
            place, asked = self.log[-1]
            self.log[-1] = (place, replace(asked, outcome=outcome, annoyed=annoyed))
            settled = self.ask.candidate
            self.waiting = [one for one in self.waiting if one[0].id != settled]
            self.ask = None

    def _write(self, record: Record, now: datetime) -> None:
        match record:
            case Put(ask):
                self._put(ask)
            case Closed(outcome, annoyed):
                self.close(outcome, annoyed)
            case Answered(ask, value):
                self.answers.append((ask, value))
                about = ask.about
                place = (about.purchase, about.sku) if about else ("", "")
                self.held.append(Held(ask.question, now, *place))
            case Suggested(ask) if ask.choices:
                self.suggestion = ask
            case Invited():
                self.invited_at = now
            case ConsentAct(purpose, state):
                self.consents[purpose] = Consent("", state)
            case Suppress(wish, days):
                self.be_silent(wish, now, days)
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
            self.places.append(self.channel)
