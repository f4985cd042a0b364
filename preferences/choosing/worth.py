"""What an answer would change, against what asking costs: both between 0 and about 1."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from preferences.choosing.contradicting import REASON as CONTRADICTED
from preferences.choosing.fatigue import asked_lately
from preferences.choosing.inputs import Inputs, Traits, Weighable
from preferences.choosing.moment import is_present
from preferences.choosing.rest import is_annoyance, outcome_of
from preferences.conversation import Held, Reason
from preferences.policy import OTHER, Policy

_GOOD = frozenset({"answered", None})
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


def against_answer(inputs: Inputs, weighable: Weighable, policy: Policy) -> Iterator[Reason]:
    """What makes an answer useless: it is there already, or the question pauses."""
    if weighable.traits is None:
        yield Reason("question_unknown", weighable.question)
        return
    if weighable.question in inputs.paused:
        yield Reason("question_paused", weighable.question)
    if doubt(inputs, weighable, weighable.traits, policy) < policy.worth.least_doubt:
        yield Reason("known_already", weighable.question)


def value(inputs: Inputs, weighable: Weighable, policy: Policy) -> float:
    """Give what an answer is worth now: use x doubt x occasion."""
    if weighable.traits is None:
        return 0.0
    worth = policy.worth
    use = worth.uses.get(weighable.question, worth.uses[OTHER])
    occasion = worth.occasions.get(weighable.occasion, worth.occasions[OTHER])
    passed = max(inputs.age(weighable.at), timedelta()) / _HOUR
    chance = occasion.weight * _half(passed, occasion.half_life_hours)
    return round(use * doubt(inputs, weighable, weighable.traits, policy) * chance, 6)


def cost(inputs: Inputs, weighable: Weighable, policy: Policy) -> float:
    """Give what asking costs: delicacy, depth, fatigue and the moment."""
    costs, traits = policy.worth.costs, weighable.traits
    lately = asked_lately(inputs)
    unanswered = sum(outcome_of(inputs, asked, policy) not in _GOOD for asked in lately)
    parts = (
        costs.delicate * (traits is not None and traits.delicate),
        costs.level * (traits.depth - 1 if traits else 0),
        costs.asked * len(lately),
        costs.unanswered * unanswered,
        costs.annoyed * sum(is_annoyance(asked) for asked in lately),
        costs.unprompted * (not is_present(inputs, policy)),
    )
    return round(sum(parts), 6)


def doubt(inputs: Inputs, weighable: Weighable, traits: Traits, policy: Policy) -> float:
    """Tell how little is known: 1 nothing, 0.5 an answer of one half-life ago, 0 one of today."""
    if weighable.occasion == CONTRADICTED:  # that it is known is what is in doubt
        return 1.0
    is_about_it = weighable.question in policy.worth.per_purchase
    known = [
        held.at
        for held in inputs.held
        if held.question == weighable.question and (not is_about_it or _is_same(held, weighable))
    ]
    return 1.0 if not known else 1.0 - _freshness(inputs, max(known), traits.half_life_days)


def _is_same(held: Held, weighable: Weighable) -> bool:
    return (held.purchase, held.sku) == (weighable.purchase, weighable.sku)


def _freshness(inputs: Inputs, at: datetime, half_life_days: int) -> float:
    return _half(max(inputs.age(at), timedelta()) / _DAY, half_life_days)


def _half(passed: float, half_life: float) -> float:
    """Halve once for every half-life that passed."""
    return float(0.5 ** (passed / half_life))
