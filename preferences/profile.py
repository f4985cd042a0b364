"""What is known of a shopper and may be used now: a view of the ledgers, never stored itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from preferences.conversation import About

ERASED = "shopper_erased"
"""The reason of the suppression that is left when a shopper had everything deleted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a shopper said to one question, with everything that proves it."""

    question: str
    version: int
    value: str
    detail: Mapping[str, str]
    subject: str
    kind: str
    about: About | None
    wording: str
    options: tuple[Mapping[str, Any], ...]
    locale: str
    channel: str
    own_words: str | None
    confidence: float
    purpose: str
    consent: str
    asked_at: datetime
    answered_at: datetime

    @property
    def label(self) -> str | None:
        """The answer as it stood on buttons; None where it was understood without one."""
        labels = {option["value"]: option["label"] for option in self.options}
        parts = self.value.split(",")
        return ", ".join(labels[part] for part in parts) if labels.keys() >= {*parts} else None


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One entry of the consent ledger; `seq` orders those of a shopper, whatever the clocks say."""

    id: str
    seq: int
    purpose: str
    state: Literal["given", "refused", "withdrawn"]
    method: str
    notice_version: int | None
    notice_sha256: str | None
    locale: str
    channel: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class SuppressionEntry:
    """Something the shopper does not want, since when, and until when if an end is known."""

    scope: str
    target: str
    source: str
    reason: str
    since: datetime
    until: datetime | None = None
    lifted_at: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Tell whether it holds at this moment."""
        return self.lifted_at is None and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Profile:
    """One shopper as the shop may see them; `answers` begin with the newest.

    An answer about a purchase is superseded by another about the same article alone, and what is
    not wanted by the wish for that very thing. Once erased, nothing is left but the id and the
    suppression.
    """

    shopper: str
    identities: Mapping[str, str]
    answers: tuple[Answer, ...]
    consents: Mapping[str, ConsentEvent]
    suppressions: tuple[SuppressionEntry, ...]
    erased: bool


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Everything that a profile is worked out from. Of two identities of a kind the last counts."""

    identities: Iterable[tuple[str, str]] = ()
    answers: Iterable[Answer] = ()
    consents: Iterable[ConsentEvent] = ()
    suppressions: Iterable[SuppressionEntry] = ()


def fold(shopper: str, ledgers: Ledgers, now: datetime) -> Profile:
    """Work out the profile.

    An answer is in it as long as the permission it was given under stands: once withdrawn it stays
    away, and a new permission is for new answers.
    """
    forbidden = tuple(entry for entry in ledgers.suppressions if entry.in_force(now))
    erased = tuple(entry for entry in forbidden if entry.reason == ERASED)
    if erased:
        return Profile(shopper, {}, (), {}, erased, erased=True)
    events = sorted(ledgers.consents, key=lambda event: event.seq)
    consents = {event.purpose: event for event in events}
    standing = _standing(events)
    answers = tuple(answer for answer in _newest(ledgers.answers) if answer.consent in standing)
    return Profile(shopper, dict(ledgers.identities), answers, consents, forbidden, erased=False)


def _standing(events: Iterable[ConsentEvent]) -> frozenset[str]:
    """Give the permissions that no later event of their purpose took back."""
    standing: dict[str, set[str]] = {}
    for event in events:
        if event.state == "given":
            standing.setdefault(event.purpose, set()).add(event.id)
        else:
            standing.pop(event.purpose, None)
    return frozenset().union(*standing.values())


def _newest(answers: Iterable[Answer]) -> list[Answer]:
    latest: dict[tuple[str | None, ...], Answer] = {}
    for answer in sorted(answers, key=lambda answer: answer.answered_at):
        matter = _matter(answer)
        if answer.detail.get("polarity") == "does_not_want":
            latest[*matter, answer.value] = answer
        else:
            latest.pop((*matter, answer.value), None)
            latest[matter] = answer
    return sorted(latest.values(), key=lambda answer: answer.answered_at, reverse=True)


def _matter(answer: Answer) -> tuple[str | None, ...]:
    """Tell what an answer is about: question, article and the purpose that was named."""
    about = answer.about
    article = (about.purchase, about.sku) if about else (None, None)
    return (answer.question, *article, answer.detail.get("purpose"))


def as_json(profile: Profile) -> dict[str, Any]:
    """Give the shape that the preference API and every destination share."""
    return {
        "shopper": profile.shopper,
        "identities": dict(profile.identities),
        "preferences": [_answer(answer) for answer in profile.answers],
        "consents": {purpose: _consent(event) for purpose, event in profile.consents.items()},
        "suppressions": [_suppression(entry) for entry in profile.suppressions],
        "erased": profile.erased,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    about = answer.about
    return {
        "question": answer.question,
        "version": answer.version,
        "value": answer.value,
        "label": answer.label,
        "detail": dict(answer.detail),
        "subject": answer.subject,
        "kind": answer.kind,
        "about": about and {"purchase": about.purchase, "sku": about.sku, "product": about.product},
        "wording": answer.wording,
        "options": [dict(option) for option in answer.options],
        "locale": answer.locale,
        "channel": answer.channel,
        "own_words": answer.own_words,
        "confidence": answer.confidence,
        "purpose": answer.purpose,
        "consent": answer.consent,
        "asked_at": _time(answer.asked_at),
        "answered_at": _time(answer.answered_at),
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
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
