"""Tries a question in several wordings: who is in which arm, and when it has to stop."""

import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import accumulate
from math import sqrt

from preferences.choosing.pausing import Reception
from preferences.policy import CONTROL, Experiment, Policy

HELD_OUT = "held_out"
_PARTS = 100
_LEAST_ASKS = 30
_SURE = (
    3.0  # standard deviations: it is looked at daily, and chance would pass a lower bar some day
)


@dataclass(frozen=True, slots=True)
class Assigned:
    """In which arm of which experiment a shopper is; `told` is how it is written down."""

    experiment: str
    arm: str

    @property
    def told(self) -> str:
        """The name of both."""
        return f"{self.experiment}/{self.arm}"


def assigned(
    question: str, shopper: str, policy: Policy, stopped: Collection[str]
) -> Assigned | None:
    """Give the arm of a shopper, the same at any time and on any machine; None in no experiment.

    One that was stopped, by the name that `stop_name` gives it, is over: everybody gets the wording
    as it is.
    """
    for one in policy.experiments:
        if one.question == question and stop_name(one) not in stopped:
            return Assigned(one.id, _arm(one, shopper))
    return None


def stop_name(experiment: Experiment) -> str:
    """Name an experiment among what pauses."""
    return f"experiment:{experiment.id}"


def has_to_stop(
    experiment: Experiment, arms: Iterable[Reception], now: datetime
) -> tuple[str, Reception] | None:
    """Give why an experiment is over, with what showed it; None as long as it goes on.

    `arms` tells of each arm, under its name, how its question was met. Over is what is complete, or
    late, or where an arm is plainly more of a burden than the control.
    """
    met = {one.question: one for one in arms}
    whole = Reception(
        stop_name(experiment),
        sum(one.asks for one in met.values()),
        sum(one.declined for one in met.values()),
        sum(one.opted_out for one in met.values()),
    )
    for arm in sorted(experiment.arms):
        if arm != CONTROL and _is_worse(met, arm, experiment.most_worse):
            return f"burden: {arm}", whole
    if all(arm in met and met[arm].asks >= experiment.asks_per_arm for arm in experiment.arms):
        return "complete", whole
    return ("late", whole) if now.date() > experiment.until else None


def _arm(experiment: Experiment, shopper: str) -> str:
    digest = hmac.digest(experiment.id.encode(), shopper.encode(), sha256)
    part = int.from_bytes(digest[:8]) % _PARTS - experiment.held_out
    if part < 0:
        return HELD_OUT
    ends = accumulate(experiment.arms.values())
    return next(arm for arm, end in zip(experiment.arms, ends, strict=True) if part < end)


def _is_worse(met: Mapping[str, Reception], arm: str, margin: float) -> bool:
    """Tell whether an arm is declined or ended in a stop more often than the control, beyond chance."""
    if arm not in met or CONTROL not in met:
        return False
    one, other = met[arm], met[CONTROL]
    if min(one.asks, other.asks) < _LEAST_ASKS:
        return False
    bad, control_bad = one.declined + one.opted_out, other.declined + other.opted_out
    more = bad / one.asks - control_bad / other.asks
    share = (bad + control_bad) / (one.asks + other.asks)
    spread = sqrt(share * (1 - share) * (1 / one.asks + 1 / other.asks))
    return more > margin and more > _SURE * spread
