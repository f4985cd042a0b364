"""Decides whether to ask, and what: safety > the shopper's wish > consent > fatigue > value."""

from collections.abc import Iterator
from datetime import timedelta

from preferences.catalogue import Catalogue
from preferences.conversation import Candidate, Decision, Reason, State, Suppression
from preferences.policy import Policy


def choose(trigger: str, state: State, catalogue: Catalogue, policy: Policy) -> Decision:
    """Weigh the candidates against silence.

    The first candidate (the newest) against which nothing speaks is chosen, whether or not consent
    for its purpose was given yet: the caller asks for that first. The reasons name what spoke
    against every other one.
    """
    always = tuple(_against_asking(state, policy))
    fallen: list[Reason] = []
    for candidate in sorted(state.candidates, key=lambda candidate: candidate.at, reverse=True):
        against = list(_against_candidate(candidate, state, catalogue, policy))
        if not always and not against:
            reasons = tuple(fallen)
            return Decision(trigger, candidate.question, candidate.id, reasons, policy.version)
        fallen += against
    if not state.candidates:
        fallen.append(Reason("nothing_to_ask"))
    return Decision(trigger, None, None, (*always, *fallen), policy.version)


def forbidding(state: State) -> list[Suppression]:
    """Give the wishes to be left alone that hold in this conversation."""
    return [
        suppression
        for suppression in state.suppressions
        if suppression.scope == "all"
        or (suppression.scope == "channel" and suppression.target == state.channel)
    ]


def _against_asking(state: State, policy: Policy) -> Iterator[Reason]:
    """What speaks against any question, the weightiest first."""
    yield from (Reason(suppression.reason) for suppression in forbidding(state))
    if state.handed_off:
        yield Reason("person_is_talking")
    if state.ask is not None:
        yield Reason("question_open", state.ask.question)
    yield from _fatigue(state, policy)


def _fatigue(state: State, policy: Policy) -> Iterator[Reason]:
    questions = [asked for asked in state.asked if asked.kind == "question"]
    day = timedelta(days=1)
    if sum(asked.here for asked in questions) >= policy.questions_per_conversation:
        yield Reason("conversation_budget_used")
    if any(state.now - asked.at < policy.days_between_questions * day for asked in questions):
        yield Reason("asked_recently")
    last = sorted(state.asked, key=lambda asked: asked.at)[-policy.quiet_after_ignored :]
    if (
        len(last) == policy.quiet_after_ignored
        and all(asked.outcome == "ignored" for asked in last)
        and state.now - last[-1].at < policy.quiet_days * day
    ):
        yield Reason("ignored_repeatedly")


def _against_candidate(
    candidate: Candidate, state: State, catalogue: Catalogue, policy: Policy
) -> Iterator[Reason]:
    question = catalogue.questions.get(candidate.question)
    if question is None:
        yield Reason("question_unknown", candidate.question)
        return
    for asked in state.asked:
        about_this = asked.question == question.id or (
            asked.kind == "consent" and asked.purpose == question.purpose
        )
        if about_this and state.now - asked.at < _rest(asked.outcome, policy):
            yield Reason(f"was_{asked.outcome}", asked.question)


def _rest(outcome: str | None, policy: Policy) -> timedelta:
    """How long a question rests after what came of it."""
    days = {
        "declined": policy.days_after_decline,
        "not_relevant": policy.days_after_decline,
        "withdrawn": policy.days_after_decline,
        "sensitive": policy.days_after_sensitive_moment,
        "skipped": policy.days_after_skip,
        "ignored": policy.days_after_skip,
        "unclear": policy.days_after_skip,
    }
    return timedelta(days=days.get(outcome or "", 0))
