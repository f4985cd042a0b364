"""How much was asked already, on all channels together, and whether the shopper grew tired of it."""

from collections.abc import Iterator
from datetime import timedelta

from preferences.choosing.inputs import Inputs, Weighable
from preferences.choosing.rest import outcome_of
from preferences.conversation import Asked, Reason
from preferences.policy import Policy
from preferences.referral import QUESTION as REFERRAL

MONTH = timedelta(days=30)
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_LEFT = frozenset({"ignored", "dismissed"})
_COUNTED = frozenset({"question", "confirm", "consent", "invite"})


def against_more(inputs: Inputs, policy: Policy) -> Iterator[Reason]:
    """What speaks against any question for now."""
    if inputs.open is not None:
        yield Reason("question_open", inputs.open, "fatigue")
    waiting = [asked for asked in inputs.asked if _waits(inputs, asked, policy)]
    yield from (Reason("question_open_elsewhere", asked.question, "fatigue") for asked in waiting)
    yield from (Reason(code, "", "fatigue") for code in _used_up(inputs, policy))
    if _is_ignored(inputs, policy):
        yield Reason("ignored_repeatedly", "", "fatigue")


def against_delicate(inputs: Inputs, weighable: Weighable, policy: Policy) -> Iterator[Reason]:
    """What speaks against a delicate question: it was asked often enough, or would be the first."""
    traits, limits = weighable.traits, policy.delicate
    if traits is None or not traits.delicate:
        return
    same = [asked for asked in inputs.questions if asked.question == weighable.question]
    if _since(inputs, same, MONTH) >= limits.per_month:
        yield Reason("delicate_budget_used", weighable.question, "fatigue")
    if weighable.occasion not in limits.unless and answers(inputs) < limits.answers:
        yield Reason("delicate_too_soon", weighable.question, "fatigue")


def against_depth(inputs: Inputs, weighable: Weighable, policy: Policy) -> Iterator[Reason]:
    """What speaks against a question of this depth: it is not earned yet."""
    needs = [
        limits
        for level, limits in policy.depth.items()
        if weighable.traits is not None and level <= weighable.traits.depth
    ]
    if any(answers(inputs) < limits.answers for limits in needs):
        yield Reason("depth_not_earned", weighable.question, "fatigue")
    elif needs and _last_contact(inputs) > timedelta(min(one.contact_days for one in needs)):
        yield Reason("no_recent_contact", weighable.question, "fatigue")


def answers(inputs: Inputs) -> int:
    """Count the questions that were answered; to take an invitation tells nothing of oneself."""
    told = [asked for asked in inputs.questions if asked.question != REFERRAL]
    return sum(asked.outcome == "answered" for asked in told)


def asked_lately(inputs: Inputs) -> list[Asked]:
    """Give the questions of the last 30 days."""
    return [asked for asked in inputs.questions if inputs.age(asked.at) < MONTH]


def _waits(inputs: Inputs, asked: Asked, policy: Policy) -> bool:
    """Whether an ask is open in another conversation, on whichever channel."""
    if asked.here or asked.outcome is not None or asked.kind not in _COUNTED:
        return False
    return outcome_of(inputs, asked, policy) is None


def _used_up(inputs: Inputs, policy: Policy) -> Iterator[str]:
    questions = inputs.questions
    if len(inputs.questions_here) >= policy.questions_per_conversation:
        yield "conversation_budget_used"
    if _since(inputs, questions, policy.days_between_questions * _DAY):
        yield "asked_recently"
    if _since(inputs, questions, _DAY) >= policy.questions_per_day:
        yield "day_budget_used"
    if _since(inputs, questions, _WEEK) >= policy.questions_per_week:
        yield "week_budget_used"
    if _since(inputs, questions, MONTH) >= policy.questions_per_month:
        yield "month_budget_used"


def _since(inputs: Inputs, asked: list[Asked], time: timedelta) -> int:
    return sum(inputs.age(one.at) < time for one in asked)


def _is_ignored(inputs: Inputs, policy: Policy) -> bool:
    last = sorted(inputs.asked, key=lambda asked: asked.at)[-policy.quiet_after_ignored :]
    return (
        len(last) == policy.quiet_after_ignored
        and all(outcome_of(inputs, asked, policy) in _LEFT for asked in last)
        and inputs.age(last[-1].at) < policy.quiet_days * _DAY
    )


def _last_contact(inputs: Inputs) -> timedelta:
    """Tell how long ago the shopper last answered something."""
    answered = [inputs.age(asked.at) for asked in inputs.asked if asked.outcome == "answered"]
    return min(answered, default=timedelta.max)
