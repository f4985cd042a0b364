"""How long a question rests after what came of it, and one permission after a no."""

from collections.abc import Iterator
from datetime import timedelta

from preferences.choosing.inputs import Inputs, Weighable
from preferences.conversation import Asked, Outcome, Reason, Stage
from preferences.policy import Policy

_BY_WISH = frozenset({"declined", "not_relevant", "withdrawn"})
_NO_ANSWER = frozenset({"dont_know", "no_preference"})


def outcome_of(inputs: Inputs, asked: Asked, policy: Policy) -> Outcome | None:
    """Tell how an ask ended; one that nobody came back to is ignored, though it was never closed."""
    late = timedelta(hours=policy.hours_until_ignored)
    is_left = asked.outcome is None and not asked.here and inputs.age(asked.at) > late
    outcome = "ignored" if is_left else asked.outcome
    return "dismissed" if outcome == "ignored" and asked.annoyed == "dismissed" else outcome


def is_annoyance(asked: Asked) -> bool:
    """Tell whether an ask was felt as a burden; who answered it in the end did not mind."""
    return asked.annoyed != "" and asked.outcome != "answered"


def against_consent(inputs: Inputs, weighable: Weighable, policy: Policy) -> Iterator[Reason]:
    """What speaks against asking for the permission that an answer needs; a mail cannot ask for it."""
    if weighable.traits is None:
        return
    purpose = weighable.traits.purpose
    state = (inputs.consents or {}).get(purpose)
    if state == "objected":
        yield Reason("was_objected", weighable.question, "consent")
    elif inputs.by_mail and state != "given":
        yield Reason("not_permitted", weighable.question, "consent")
    for asked in inputs.asked:
        if asked.kind == "consent" and asked.purpose == purpose:
            yield from _resting(inputs, asked, policy, "consent", again=False)


def against_again(inputs: Inputs, weighable: Weighable, policy: Policy) -> Iterator[Reason]:
    """What speaks against asking this question again."""
    again = weighable.question in policy.worth.per_purchase
    for asked in inputs.asked:
        if asked.question == weighable.question and asked.kind != "consent":
            outcome = outcome_of(inputs, asked, policy)
            by_wish: Stage = "wish" if outcome in _BY_WISH else "fatigue"
            stage: Stage = "safety" if outcome == "sensitive" else by_wish
            yield from _resting(inputs, asked, policy, stage, again=again)


def _resting(
    inputs: Inputs, asked: Asked, policy: Policy, stage: Stage, *, again: bool
) -> Iterator[Reason]:
    outcome = outcome_of(inputs, asked, policy)
    if outcome == "answered":
        return
    days = _days(outcome, policy)
    if outcome in _NO_ANSWER and not again:
        days = policy.days_after_decline
    if inputs.age(asked.at) < timedelta(days=days):
        yield Reason(f"was_{outcome}", asked.question, stage)


def _days(outcome: Outcome | None, policy: Policy) -> int:
    days = {
        "declined": policy.days_after_decline,
        "not_relevant": policy.days_after_decline,
        "withdrawn": policy.days_after_decline,
        "sensitive": policy.days_after_sensitive_moment,
        "skipped": policy.days_after_skip,
        "ignored": policy.days_after_skip,
        "dismissed": policy.days_after_dismissed,
        "unclear": policy.days_after_skip,
    }
    return days.get(outcome or "", 0)
