"""Which answers are so old that they are asked for again: one half-life, and nobody said them anew."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from preferences.catalogue import Question
from preferences.conversation import About, Candidate, Held

NOTHING = About("", "", "")
"""What a question is about that is about no purchase."""


def renewals(
    held: Iterable[Held], questions: Mapping[str, Question], now: datetime
) -> Iterator[Candidate]:
    """Give each question whose newest answer is past its half-life.

    What was said about one purchase is of that purchase, and does not age.
    """
    newest: dict[str, datetime] = {}
    for one in held:
        if not one.purchase and one.question in questions:
            newest[one.question] = max(one.at, newest.get(one.question, one.at))
    for name, at in newest.items():
        due = at + timedelta(days=questions[name].half_life_days)
        if due <= now:
            yield Candidate(f"reconfirm:{name}", name, NOTHING, "reconfirm", due)
