"""A year of one simulated shopper, lived with the real assistant: orders, visits, answers, silence."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from preferences.conversation import About, Ask, Asked, Candidate, Choice, Decision
from preferences.dialogue.respond import Assistant, Happened, Message, Pressed, Said
from preferences.habit import Habit
from preferences.misfit import misfit_in
from preferences.simulation.breaches import breaches
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
_STOP = Said(Heard("stop", (Guess("stop", 0.99),)))


@dataclass(frozen=True, slots=True)
class Year:
    """What came of a shopper's year."""

    archetype: str
    orders: int
    asked: tuple[Asked, ...]
    decisions: tuple[Decision, ...]
    judged: Judged
    misfits: Counter[Truth]
    breaches: tuple[str, ...]


def live(seed: int, number: int, days: int, assistant: Assistant) -> Year:
    """Live the year of a shopper; the same seed and number give the same year."""
    shopper, dice = draw_shopper(seed, number, days)
    orders = draw_orders(shopper, days, dice)
    life = _Life(shopper, assistant, dice)
    for at, order in _events(orders, days, dice):
        life.visits(at, order)
    return Year(
        shopper.archetype.name,
        len(orders),
        tuple(asked for _, asked in life.memory.log),
        tuple(life.memory.decisions),
        life.judged,
        life.misfits,
        tuple(breaches(life.memory.log, assistant.policy)),
    )


def _events(
    orders: Sequence[Order], days: int, dice: Random
) -> Iterator[tuple[datetime, Order | None]]:
    """Mix the orders with visits on which nothing is bought, in their order."""
    visits = max(1, round(dice.randint(*_VISITS) * days / 365))
    seen = [(dice.randrange(days), None) for _ in range(visits)]
    told = [(_at(day, dice), order) for day, order in [*seen, *((one.day, one) for one in orders)]]
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
    orders: int = 0

    def __post_init__(self) -> None:
        self.memory = Memory(self.shopper.name)

    @property
    def ways(self) -> Archetype:
        return self.shopper.archetype

    def visits(self, at: datetime, order: Order | None) -> None:
        """Come to the shop, perhaps buy something, and talk as long as something is asked."""
        at = max(at, (self.memory.seen_at or at) + _MINUTE)
        self.memory.meet()
        self._remember_deliveries(at)
        if order is not None:
            self._buys(order, at)
        self._says(Happened("purchased" if order else "opened"), at)
        moment = at
        while (message := self._reaction(at)) is not None:
            moment += _MINUTE
            self._says(message, moment)

    def _says(self, message: Message, at: datetime) -> None:
        self.memory.keep(self.assistant.respond(message, self.memory.state(at)), at)

    def _buys(self, order: Order, at: datetime) -> None:
        policy = self.assistant.policy.misfit
        self.orders += 1
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
            return None
        if ask.kind == "consent":
            return self._permission(ask.choices)
        return self._reply(ask, now)

    def _reply(self, ask: Ask, now: datetime) -> Message | None:
        eager = self.ways.answers * _TIRED ** self._asked_lately(now)
        deed = self.dice.random()
        if deed < eager:
            return Pressed(self._answer(ask.choices, ask.candidate))
        if deed < eager + self.ways.skips:
            return _PAUSE
        declines = deed < eager + self.ways.skips + self.ways.declines
        return Pressed(ask.choices[-1]) if declines else None

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
