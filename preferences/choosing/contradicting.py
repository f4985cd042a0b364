"""Which answers the shop observed otherwise so often that they are asked for again, not written over."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from preferences.catalogue import Question
from preferences.choosing.renewing import NOTHING
from preferences.conversation import Candidate
from preferences.policy import ContradictedPolicy

REASON = "contradicted"


@dataclass(frozen=True, slots=True)
class Told:
    """One answer that is there, with what it says: `kind` tells who says it.

    `matter` is what two have to share to contradict one another: the question, and the purpose in it
    that was named; what is about one purchase is of no matter, and never contradicted.
    """

    question: str
    matter: str
    kind: str
    value: str
    unwanted: bool
    at: datetime


def contradictions(
    told: Iterable[Told],
    questions: Mapping[str, Question],
    policy: ContradictedPolicy,
    now: datetime,
) -> Iterator[Candidate]:
    """Give each question whose newest answer was observed otherwise often enough since.

    What another system brought along is no observation, however often it is told.
    """
    of_matter = defaultdict[tuple[str, str], list[Told]](list)
    for one in told:
        if one.question in questions:
            of_matter[one.question, one.matter].append(one)
    for (question, _), answers in of_matter.items():
        said = max((one for one in answers if one.kind == "declared"), key=_at, default=None)
        if said is None:
            continue
        since = max(said.at, now - timedelta(days=policy.days))
        otherwise = {
            one.at
            for one in answers
            if one.kind == "observed" and one.at > since and _denies(one, said)
        }
        if len(otherwise) >= policy.times:
            found = Candidate(f"{REASON}:{question}", question, NOTHING, REASON, max(otherwise))
            yield found if said.unwanted else _naming(found, said)


def last_said(told: Iterable[Told]) -> dict[str, str]:
    """Give what the shopper said last to each question, where it is something that they want."""
    said = [one for one in told if one.kind == "declared" and not one.unwanted]
    return {one.question: one.value for one in sorted(said, key=_at)}


def _naming(candidate: Candidate, said: Told) -> Candidate:
    return Candidate(
        candidate.id,
        candidate.question,
        candidate.about,
        candidate.reason,
        candidate.at,
        said=said.value,
    )


def _denies(one: Told, said: Told) -> bool:
    """Tell whether two cannot both hold; of several answers one in common is no contradiction."""
    shared = not {*one.value.split(",")}.isdisjoint(said.value.split(","))
    return shared if said.unwanted != one.unwanted else not shared and not said.unwanted


def _at(one: Told) -> datetime:
    return one.at
