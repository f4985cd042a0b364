"""A year of one simulated shopper with the real assistant: orders, talks on every channel, silence."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from preferences.choosing import fatigue, suppressions
from preferences.choosing.inputs import inputs_of
from preferences.choosing.renewing import renewals
from preferences.conversation import (
    About,
    Ask,
    Asked,
    Candidate,
    Choice,
    Decision,
    Outcome,
    Suppression,
)
from preferences.dialogue.respond import Assistant, Happened, Message, Pressed, Said
from preferences.habit import Habit
from preferences.misfit import misfit_in
from preferences.simulation.breaches import breaches
from preferences.simulation.fates import Befalls, Fate, draw_channel, draw_elsewhere, draw_fates
from preferences.simulation.gladness import with_invitation
from preferences.simulation.judging import Judged
from preferences.simulation.memory import Memory
from preferences.simulation.orders import Order, Truth, draw_orders
from preferences.simulation.people import Archetype, Shopper, draw_shopper
from preferences.understanding import Guess, Heard

_START = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_DELIVERED = timedelta(days=7)
_LATER = timedelta(days=30)
_VISITS = (2, 14)
_STOPS = 0.03  # of those who refuse permission, say stop as well
_TIRED = 0.85  # of the answers is left for each question of the last 30 days
_ANSWERS: dict[Truth, str] = {"gift": "gift", "household": "household"}
_PAUSE = Said(Heard("later", (Guess("pause", 0.99),)))
_TAPS = 0.05  # of the tips are answered by one of the taps under it
_SHARES = 0.35  # of those who are invited take a link
_BY_MAIL = 0.5  # of the answers that the same person gives in the chat
_POLLS = ("matters_most", "channel_preference", "still_right")
_RETURN = Suppression("all", "", "return")
_LOSS = Said(Heard("my cat passed away", (Guess("sensitive_event", 0.99),)))
_COMPLAINT = Said(Heard("it came broken and nobody answers", (Guess("complaint", 0.99),)))
_STOP = Said(Heard("stop", (Guess("stop", 0.99),)))


@dataclass(frozen=True, slots=True)
class Year:
    """What came of a shopper's year; `places` names the channel of each of `asked`."""

    archetype: str
    orders: int
    asked: tuple[Asked, ...]
    decisions: tuple[Decision, ...]
    judged: Judged
    misfits: Counter[Truth]
    fates: Counter[Fate]
    places: tuple[str, ...]
    breaches: tuple[str, ...]


def live(seed: int, number: int, days: int, assistant: Assistant) -> Year:
    """Live the year of a shopper; the same seed and number give the same year."""
    shopper, dice = draw_shopper(seed, number, days)
    orders = draw_orders(shopper, days, dice)
    fates = draw_fates([order.day for order in orders], days, dice)
    life = _Life(shopper, assistant, dice)
    for at, event in _events(orders, fates, days, dice):
        if isinstance(event, Befalls):
            life.befalls(at, event.fate)
        else:
            life.visits(at, event)
    return Year(
        shopper.archetype.name,
        len(orders),
        tuple(asked for _, asked in life.memory.log),
        tuple(life.memory.decisions),
        life.judged,
        life.misfits,
        Counter(one.fate for one in fates),
        tuple(life.memory.places),
        tuple(breaches(life.memory.log, assistant.policy, life.memory.silences)),
    )


def _events(
    orders: Sequence[Order], fates: Sequence[Befalls], days: int, dice: Random
) -> Iterator[tuple[datetime, Order | Befalls | None]]:
    """Mix the orders, and what befalls, with visits on which nothing is bought, in their order."""
    visits = max(1, round(dice.randint(*_VISITS) * days / 365))
    happening: list[Order | Befalls] = [*orders, *fates]
    seen: list[tuple[int, Order | Befalls | None]] = [(one.day, one) for one in happening]
    seen += [(dice.randrange(days), None) for _ in range(visits)]
    told = [(_at(day, dice), event) for day, event in seen]
    yield from sorted(told, key=lambda one: one[0])


def _at(day: int, dice: Random) -> datetime:
    return _START + timedelta(days=day, minutes=dice.randint(9 * 60, 20 * 60))


@dataclass
class _Life:
    shopper: Shopper
    assistant: Assistant
    dice: Random
    memory: Memory = field(init=False)
    habit: Habit = field(default_factory=Habit)
    judged: Judged = field(default_factory=Judged)
    misfits: Counter[Truth] = field(default_factory=Counter)
    truths: dict[str, Truth] = field(default_factory=dict)
    delivered: list[tuple[datetime, Candidate]] = field(default_factory=list)
    ordered: list[datetime] = field(default_factory=list)
    praises: list[datetime] = field(default_factory=list)
    orders: int = 0

    def __post_init__(self) -> None:
        self.memory = Memory(self.shopper.name)

    @property
    def ways(self) -> Archetype:
        return self.shopper.archetype

    def visits(self, at: datetime, order: Order | None) -> None:
        """Come to the shop, perhaps buy something, and talk as long as something is asked."""
        at = self._comes(at)
        self._remember_deliveries(at)
        if order is not None:
            self._buys(order, at)
        self._says(Happened("purchased" if order else "opened"), at)
        moment = at
        while (message := self._reaction(at)) is not None:
            moment += _MINUTE
            self._says(message, moment)

    def befalls(self, at: datetime, fate: Fate) -> None:
        """Send something back, complain, lose somebody, be asked elsewhere, or tell how good it was."""
        match fate:
            case "return":
                days = self.assistant.policy.days_after_return
                self.memory.be_silent(_RETURN, at, days)
            case "praise":
                self.praises.append(at)
            case "poll":
                self._polled(at)
            case _:
                self._says(_LOSS if fate == "loss" else _COMPLAINT, self._comes(at))

    def _comes(self, at: datetime) -> datetime:
        self.memory.meet(draw_channel(self.dice))
        return max(at, (self.memory.seen_at or at) + _MINUTE)

    def _polled(self, at: datetime) -> None:
        """Be asked by mail or by an agent, who look first whether they may: the budget is one."""
        catalogue, policy = self.assistant.catalogue, self.assistant.policy
        state = self.memory.state(at)
        asked = tuple(
            replace(one, here=False) for one in state.asked
        )  # the API sees no talk as its own
        state = replace(state, channel="", ask=None, asked=asked)
        inputs = inputs_of("elsewhere", state, catalogue)
        against = (*suppressions.against_all(inputs), *fatigue.against_more(inputs, policy))
        if against or at <= (self.memory.seen_at or at - _MINUTE):
            return
        answers = self.dice.random() < self.ways.answers * _BY_MAIL
        question = catalogue.questions[self.dice.choice(_POLLS)]
        outcome: Outcome | None = "answered" if answers else None
        self.memory.ask_elsewhere(question, draw_elsewhere(self.dice), outcome, at)

    def _says(self, message: Message, at: datetime) -> None:
        page, memory = self.assistant.referral, self.memory
        state = with_invitation(memory.state(at), page, memory, self.ordered, self.praises)
        found = renewals(state.held, self.assistant.catalogue.questions, at)
        state = replace(state, candidates=(*state.candidates, *found))
        memory.keep(self.assistant.respond(message, state), at)

    def _buys(self, order: Order, at: datetime) -> None:
        policy = self.assistant.policy.misfit
        self.orders += 1
        self.ordered.append(at)
        name = f"{self.shopper.name}-{self.orders}"
        odd = misfit_in(order.basket, self.habit, policy)
        if odd is not None:
            article = order.basket.articles[odd.line]
            about = About(name, article.category, article.category)
            candidate = Candidate(f"{name}-m", "gift_or_self", about, odd.reason, at)
            self.memory.offer(candidate, at + timedelta(hours=policy.fresh_hours))
            self.truths[candidate.id] = order.truths[odd.line]
            self.misfits[order.truths[odd.line]] += 1
        self.judged.add(order, self.habit, policy)
        self.habit = self.habit.after(order.basket)
        self._expect(order, name, at + _DELIVERED)

    def _expect(self, order: Order, name: str, at: datetime) -> None:
        """Think of asking how it was, once it was delivered."""
        article = order.basket.articles[0]
        question = "size_fit" if article.size and self.orders % 2 else "how_was_it"
        about = About(name, article.category, article.category)
        self.delivered.append((at, Candidate(f"{name}-f", question, about, "follow_up", at)))

    def _remember_deliveries(self, now: datetime) -> None:
        due = [one for one in self.delivered if one[0] <= now]
        self.delivered = [one for one in self.delivered if one[0] > now]
        for at, candidate in due:
            self.memory.offer(candidate, at + _LATER)

    def _reaction(self, now: datetime) -> Message | None:
        """What the shopper does with what is asked: nothing, often."""
        ask = self.memory.ask
        if ask is None:
            return self._tap(self.memory.suggestion)
        if ask.kind == "consent":
            return self._permission(ask.choices)
        if ask.kind == "invite":
            return self._invited(ask.choices)
        return self._reply(ask, now)

    def _reply(self, ask: Ask, now: datetime) -> Message | None:
        eager = self.ways.answers * _TIRED ** self._asked_lately(now)
        deed = self.dice.random()
        if deed < eager:
            return Pressed(self._answer(ask.choices, ask.candidate))
        if deed < eager + self.ways.skips:
            return _PAUSE
        declines = deed < eager + self.ways.skips + self.ways.declines
        return (
            Pressed(next(one for one in ask.choices if one.act == "decline")) if declines else None
        )

    def _tap(self, suggestion: Ask | None) -> Message | None:
        """Now and then, say by one tap that tips are not wanted."""
        if suggestion is None or self.dice.random() >= _TAPS:
            return None
        return Pressed(self.dice.choice(suggestion.choices), suggestion)

    def _invited(self, choices: Sequence[Choice]) -> Message | None:
        deed = self.dice.random()
        if deed < _SHARES:
            return Pressed(choices[0])
        return Pressed(choices[1]) if deed < (1 + _SHARES) / 2 else None

    def _permission(self, choices: Sequence[Choice]) -> Message | None:
        deed = self.dice.random()
        if deed < self.ways.permits:
            return Pressed(choices[0])
        if deed < self.ways.permits + _STOPS:
            return _STOP
        return Pressed(choices[1]) if deed < (1 + self.ways.permits) / 2 else None

    def _answer(self, choices: Sequence[Choice], candidate: str | None) -> Choice:
        """Choose truly where the question is whom it is for; anything else by the dice."""
        options = [choice for choice in choices if choice.value is not None]
        truth = self.truths.get(candidate or "")
        if truth is None:
            return self.dice.choice(options)
        return next(one for one in options if one.value == _ANSWERS.get(truth, "self"))

    def _asked_lately(self, now: datetime) -> int:
        """Count the questions of the last 30 days before this one."""
        questions = [asked for _, asked in self.memory.log if asked.kind == "question"]
        return sum(now - asked.at < _LATER for asked in questions[:-1])
