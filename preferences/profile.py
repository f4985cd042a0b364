"""What is known of a shopper and may be used now: a view of the ledgers, never stored itself."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from preferences.evidence import Answer, ConsentEvent, Ledgers, SuppressionEntry
from preferences.standing import standing

__all__ = [
    "ERASED",
    "Answer",
    "Conflict",
    "ConsentEvent",
    "Ledgers",
    "Profile",
    "SuppressionEntry",
    "as_json",
    "fold",
    "of_kind",
]

ERASED = "shopper_erased"
"""The reason of the suppression that is left when a shopper had everything deleted."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something known otherwise that the answer of id `against` contradicts, and wins over."""

    answer: Answer
    against: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One shopper as the shop may see them; `answers` begin with the newest.

    An answer about a purchase is superseded by another about the same article alone, and what is
    not wanted by the wish for that very thing. What the shopper said wins over what the shop knows
    otherwise, which is in `conflicts` where it says something else; what is too old to be relied
    on is in `expired`, and what is kept though no permission for it stands in `unpermitted`: it is
    shown to the shopper alone. Once erased, nothing is left but the id and the
    suppression; once linked to somebody else, nothing but who that is: their profile holds it all.
    """

    shopper: str
    identities: Mapping[str, str]
    answers: tuple[Answer, ...]
    consents: Mapping[str, ConsentEvent]
    suppressions: tuple[SuppressionEntry, ...]
    erased: bool
    linked_to: str | None = None
    conflicts: tuple[Conflict, ...] = ()
    expired: tuple[Answer, ...] = ()
    unpermitted: tuple[Answer, ...] = ()
    promises: tuple[Mapping[str, Any], ...] = ()
    referral: Mapping[str, Any] | None = None


def fold(shopper: str, ledgers: Ledgers, now: datetime) -> Profile:
    """Work out the profile.

    An answer is in it as long as the permission it was given under stands: once withdrawn it stays
    away, and a new permission is for new answers.
    """
    forbidden = tuple(entry for entry in ledgers.suppressions if entry.in_force(now))
    erased = tuple(entry for entry in forbidden if entry.reason == ERASED)
    if erased:
        return Profile(shopper, {}, (), {}, erased, erased=True)
    permissions = standing(ledgers.consents, now)
    newest = _newest(ledgers.answers)
    usable = [answer for answer in newest if permissions.covers(answer)]
    relied_on, conflicts = _decided([answer for answer in usable if answer.is_fresh(now)])
    stale = [answer for answer in usable if not answer.is_fresh(now)]
    return Profile(
        shopper,
        dict(ledgers.identities),
        _newest_first(relied_on),
        permissions.last,
        forbidden,
        erased=False,
        conflicts=tuple(conflicts),
        expired=_newest_first(_unanswered(stale, relied_on)),
        unpermitted=_newest_first(answer for answer in newest if not permissions.covers(answer)),
    )


def of_kind(profile: Profile, kind: str) -> Profile:
    """Give a profile with what is known of one kind alone: what the shopper declared, say."""
    return replace(
        profile,
        answers=tuple(answer for answer in profile.answers if answer.kind == kind),
        conflicts=tuple(one for one in profile.conflicts if one.answer.kind == kind),
        expired=tuple(answer for answer in profile.expired if answer.kind == kind),
    )


def _newest(answers: Iterable[Answer]) -> list[Answer]:
    """Give what each source says last: what the shopper said, then the rest, the newest first."""
    sources = defaultdict[tuple[bool, str, str], list[Answer]](list)
    for answer in sorted(answers, key=_when):
        declared = answer.is_declared
        told_by = (True, "", "") if declared else (False, answer.kind, answer.source)
        sources[told_by].append(answer)
    said = [answer for told in sources.values() for answer in _superseded(told)]
    return sorted(said, key=lambda answer: (answer.is_declared, _when(answer)), reverse=True)


def _superseded(answers: Iterable[Answer]) -> list[Answer]:
    """Let each answer, in the order of time, take the place of what it replaces."""
    wanted: dict[tuple[str | None, ...], Answer] = {}
    unwanted: dict[tuple[str | None, ...], Answer] = {}
    for answer in answers:
        matter, thing = answer.matter, (*answer.matter, answer.value)
        if not answer.unwanted:
            unwanted.pop(thing, None)
            wanted[matter] = answer
            continue
        unwanted[thing] = answer
        if matter in wanted and wanted[matter].value == answer.value:
            del wanted[matter]
    return [*wanted.values(), *unwanted.values()]


def _decided(answers: Iterable[Answer]) -> tuple[list[Answer], list[Conflict]]:
    """Let the first of several that are about the same count, and show what contradicts it."""
    counting: list[Answer] = []
    conflicts: list[Conflict] = []
    for answer in answers:
        rivals = [one for one in counting if not one.kind == answer.kind == "declared"]
        rivals = [one for one in rivals if _same_thing(one, answer)]
        against = [one for one in rivals if _says(one) != _says(answer)]
        if against:
            conflicts.append(Conflict(answer, against[0].id))
        elif not rivals:
            counting.append(answer)
    return counting, conflicts


def _unanswered(stale: Iterable[Answer], relied_on: Sequence[Answer]) -> list[Answer]:
    """Give what nobody has said anew: of the shopper's own answers all, of the rest the newest."""
    found: list[Answer] = []
    for answer in stale:
        newer = any(_same_thing(one, answer) for one in (*relied_on, *found))
        if answer.is_declared or not newer:
            found.append(answer)
    return found


def _same_thing(one: Answer, other: Answer) -> bool:
    """Tell whether two answers cannot both hold: they are about one matter, or one wish in it."""
    both_wanted = not one.unwanted and not other.unwanted
    return one.matter == other.matter and (both_wanted or one.value == other.value)


def _says(answer: Answer) -> tuple[str, bool]:
    return answer.value, answer.unwanted


def _when(answer: Answer) -> tuple[datetime, str]:
    return answer.answered_at, answer.id


def _newest_first(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    return tuple(sorted(answers, key=_when, reverse=True))


def as_json(profile: Profile) -> dict[str, Any]:
    """Give the shape that the preference API and every destination share.

    `promises` is there where something was promised, `referral` where somebody was invited to bring a
    friend: until its day that stands in the place of the next promotion, which is not sent.
    """
    beside: dict[str, Any] = {}
    if profile.promises:
        beside["promises"] = [dict(one) for one in profile.promises]
    if profile.referral is not None:
        beside["referral"] = dict(profile.referral)
    return beside | {
        "shopper": profile.shopper,
        "identities": dict(profile.identities),
        "preferences": [_answer(answer) for answer in profile.answers],
        "conflicts": [
            _answer(conflict.answer) | {"against": conflict.against}
            for conflict in profile.conflicts
        ],
        "expired": [_answer(answer) for answer in profile.expired],
        "consents": {purpose: _consent(event) for purpose, event in profile.consents.items()},
        "suppressions": [_suppression(entry) for entry in profile.suppressions],
        "erased": profile.erased,
        "linked_to": profile.linked_to,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    about = answer.about
    return {
        "id": answer.id,
        "question": answer.question,
        "version": answer.version,
        "value": answer.value,
        "label": answer.label,
        "detail": dict(answer.detail),
        "subject": answer.subject,
        "kind": answer.kind,
        "source": answer.source,
        "about": about and {"purchase": about.purchase, "sku": about.sku, "product": about.product},
        "wording": answer.wording,
        "options": [dict(option) for option in answer.options],
        "locale": answer.locale,
        "channel": answer.channel,
        "own_words": answer.own_words,
        "confidence": answer.confidence,
        "purpose": answer.purpose,
        "consent": answer.consent,
        "asked_at": answer.asked_at and _time(answer.asked_at),
        "answered_at": _time(answer.answered_at),
        "fresh_until": answer.fresh_until and _time(answer.fresh_until),
    }


def _consent(event: ConsentEvent) -> dict[str, Any]:
    return {
        "state": event.state,
        "event": event.id,
        "method": event.method,
        "notice_version": event.notice_version,
        "notice_sha256": event.notice_sha256,
        "locale": event.locale,
        "channel": event.channel,
        "at": _time(event.occurred_at),
        "valid_until": event.valid_until and _time(event.valid_until),
    }


def _suppression(entry: SuppressionEntry) -> dict[str, Any]:
    return {
        "scope": entry.scope,
        "target": entry.target,
        "source": entry.source,
        "reason": entry.reason,
        "since": _time(entry.since),
        "until": entry.until and _time(entry.until),
    }


def _time(at: datetime) -> str:
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return in_utc.isoformat().replace("+00:00", "Z")
