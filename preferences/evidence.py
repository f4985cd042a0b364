"""What a profile is worked out from: facts, decisions and wishes, each with its proof."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from preferences.conversation import About, ConsentState


@dataclass(frozen=True, slots=True)
class Answer:
    """One fact of a shopper with everything that proves it.

    What the shopper said is `declared`; the rest is `observed`, `imported` or `inferred`, and
    `source` tells by whom. It is relied on until `fresh_until`, for ever where there is no end.
    """

    id: str
    question: str
    version: int
    value: str
    detail: Mapping[str, str]
    subject: str
    kind: str
    source: str
    about: About | None
    wording: str
    options: tuple[Mapping[str, Any], ...]
    locale: str
    channel: str
    own_words: str | None
    confidence: float
    purpose: str
    consent: str | None
    asked_at: datetime | None
    answered_at: datetime
    fresh_until: datetime | None = None

    @property
    def is_declared(self) -> bool:
        """Whether the shopper said it, and nobody else."""
        return self.kind == "declared"

    @property
    def unwanted(self) -> bool:
        """Whether it says what the shopper does not want."""
        return self.detail.get("polarity") == "does_not_want"

    @property
    def matter(self) -> tuple[str | None, ...]:
        """What it is about: question, article and the purpose that was named."""
        article = (self.about.purchase, self.about.sku) if self.about else (None, None)
        return (self.question, *article, self.detail.get("purpose"))

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether it is relied on at this moment."""
        return self.fresh_until is None or now < self.fresh_until

    @property
    def label(self) -> str | None:
        """The answer as it stood on buttons; None where it was understood without one."""
        labels = {option["value"]: option["label"] for option in self.options}
        parts = self.value.split(",")
        return ", ".join(labels[part] for part in parts) if labels.keys() >= {*parts} else None


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One entry of the consent ledger; `seq` orders those of a shopper, whatever the clocks say.

    `shopper` tells whose chain it is in, where a person is several of them.
    """

    id: str
    seq: int
    purpose: str
    state: ConsentState
    method: str
    notice_version: int | None
    notice_sha256: str | None
    locale: str
    channel: str
    occurred_at: datetime
    valid_until: datetime | None = None
    shopper: str = ""

    @property
    def permits(self) -> bool:
        """Whether it lets answers be kept, as long as its time is not over."""
        return self.state == "given"


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
class Ledgers:
    """Everything that a profile is worked out from. Of two identities of a kind the last counts."""

    identities: Iterable[tuple[str, str]] = ()
    answers: Iterable[Answer] = ()
    consents: Iterable[ConsentEvent] = ()
    suppressions: Iterable[SuppressionEntry] = ()
