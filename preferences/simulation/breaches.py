"""Checks a year of asks against the limits, by counting anew: what it names must never happen."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from preferences.conversation import Asked
from preferences.policy import Policy

_DAY = timedelta(days=1)

Log = Sequence[tuple[int, Asked]]
"""Every ask with the number of its conversation, oldest first; open ones have no outcome."""


Silences = Sequence[tuple[datetime, datetime]]
"""From when to when nothing at all may be asked."""


def breaches(log: Log, policy: Policy, silences: Silences = ()) -> list[str]:
    """Name every limit that was exceeded, as often as it was; an invitation counts as a question."""
    asked = [one for one in log if one[1].kind in {"question", "invite"}]
    return [
        *_in_a_talk(asked, policy),
        *_in_a_while(asked, policy),
        *_too_soon(asked, policy),
        *_come_back(asked, policy),
        *_pressed_on(log, policy),
        *_spoken(log, silences),
    ]


def _in_a_talk(asked: Log, policy: Policy) -> Iterator[str]:
    talks = Counter(talk for talk, _ in asked)
    most = policy.questions_per_conversation
    yield from ("conversation" for count in talks.values() if count > most)


def _in_a_while(asked: Log, policy: Policy) -> Iterator[str]:
    budgets = {
        "day": (1, policy.questions_per_day),
        "week": (7, policy.questions_per_week),
        "month": (30, policy.questions_per_month),
    }
    for name, (days, most) in budgets.items():
        for _, last in asked:
            inside = sum(last.at - days * _DAY < one.at <= last.at for _, one in asked)
            if inside > most:
                yield name


def _too_soon(asked: Log, policy: Policy) -> Iterator[str]:
    rest = policy.days_between_questions * _DAY
    yield from ("rest" for (_, one), (_, next_) in pairwise(asked) if next_.at - one.at < rest)


def _come_back(asked: Log, policy: Policy) -> Iterator[str]:
    rest = policy.days_after_decline * _DAY
    declined = [one for _, one in asked if one.outcome == "declined"]
    for no in declined:
        for _, one in asked:
            if one.question == no.question and no.at < one.at < no.at + rest:
                yield "declined"


def _pressed_on(log: Log, policy: Policy) -> Iterator[str]:
    """Whether somebody was asked who had ignored so many in a row not long before."""
    many, quiet = policy.quiet_after_ignored, policy.quiet_days * _DAY
    for at in range(many, len(log)):
        before, one = [asked for _, asked in log[at - many : at]], log[at][1]
        if all(asked.outcome is None for asked in before) and one.at - before[-1].at < quiet:
            yield "ignored"


def _spoken(log: Log, silences: Silences) -> Iterator[str]:
    """Whether anything was asked after a loss, a complaint, a return or a stop, before its time was over."""
    for _, one in log:
        if any(since < one.at < until for since, until in silences):
            yield "silence"
