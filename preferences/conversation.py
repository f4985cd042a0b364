"""What is known when a shopper says something, and what comes of it: the domain's own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

AskKind = Literal["question", "confirm", "consent", "erase"]
Outcome = Literal[
    "answered",
    "declined",
    "skipped",
    "dont_know",
    "no_preference",
    "not_relevant",
    "already_sorted",
    "unclear",
    "ignored",
    "withdrawn",
    "sensitive",
]


ConsentState = Literal["given", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One button: a label, and either the option's value or the act that pressing it means."""

    label: str
    value: str | None = None
    act: str | None = None


@dataclass(frozen=True, slots=True)
class About:
    """The purchase that a question is about, in the shop's own words."""

    purchase: str
    sku: str
    product: str


@dataclass(frozen=True, slots=True)
class Pending:
    """What a shopper said and is not stored yet: it lacks a yes, a permission, or a second pick.

    `asked` names the ask that it answers, empty where the shopper said it unasked.
    """

    question: str
    value: str
    detail: Mapping[str, str]
    words: str | None
    confidence: float
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question put to one shopper, exactly as it was shown.

    `begun` names the first ask of a chain: a question that was read back, went on with the options
    that were left, or was put in another language is still one question.
    """

    id: str
    kind: AskKind
    question: str
    version: int
    purpose: str
    wording: str
    choices: tuple[Choice, ...]
    locale: str
    asked_at: datetime
    about: About | None = None
    candidate: str | None = None
    begun: str | None = None
    pending: Pending | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """An earlier ask, as the budget counts it. `outcome` is None while it is open."""

    kind: AskKind
    question: str
    purpose: str
    at: datetime
    outcome: Outcome | None
    here: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that an event made worth weighing."""

    id: str
    question: str
    about: About
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """An answer in force: what was asked, what was said, where and when."""

    question: str
    value: str
    label: str
    wording: str
    answered_at: datetime
    channel: str
    here: bool
    about: About | None = None
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """The last word on one purpose, and the event in the ledger that proves it."""

    event: str
    state: ConsentState


@dataclass(frozen=True, slots=True)
class Suppression:
    """Something the shopper does not want. `scope` is `all`, `channel` or `topic`."""

    scope: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything a turn may depend on, read at its beginning; what it cannot need is left empty.

    `spoken` counts the turns before this one, `returning` tells of an earlier conversation, and
    `verified` that the shop vouched for who is talking.
    """

    conversation: str
    shopper: str
    channel: str
    locale: str
    now: datetime
    turn: int
    disclosed: bool
    handed_off: bool
    unclear: int
    ask: Ask | None
    consents: Mapping[str, Consent]
    suppressions: tuple[Suppression, ...] = ()
    asked: tuple[Asked, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    known: tuple[Known, ...] = ()
    purchases: int = 0
    spoken: int = 0
    returning: bool = False
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One thing the assistant says; a question shows the choices of its ask."""

    kind: Literal["say", "question", "consent"]
    text: str
    ask: str | None = None
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Put:
    """A new ask was put, and is the open one now; the same chain goes on if it was begun before."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Closed:
    """The open ask ended."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Answered:
    """The open ask was answered, under a consent in force.

    The words that the answer belongs to are those of `ask.pending.asked`, if that is there.
    """

    ask: Ask
    value: str
    detail: Mapping[str, str]
    words: str | None
    confidence: float


@dataclass(frozen=True, slots=True)
class ConsentAct:
    """Permission given, refused or withdrawn, by which act; `ask` holds the notice shown."""

    purpose: str
    state: ConsentState
    method: Literal["button", "typed", "stop_keyword"]
    ask: Ask | None = None


@dataclass(frozen=True, slots=True)
class Suppress:
    """The shopper (or the moment) forbids something from now on; `days` None: until lifted."""

    suppression: Suppression
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Lifted:
    """The shopper lets the assistant ask again."""


@dataclass(frozen=True, slots=True)
class HandedOff:
    """A person takes over; the assistant is silent until handed back."""


@dataclass(frozen=True, slots=True)
class Erased:
    """Everything about the shopper goes, but for the wish to be left alone."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The shopper was told that this is an automated assistant."""


@dataclass(frozen=True, slots=True)
class Speaks:
    """The conversation goes on in another language."""

    locale: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """How many turns in a row were not understood."""

    count: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a candidate (or asking at all) fell: a code, and the question it concerns, or empty."""

    code: str
    question: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One question or silence, with the reason for each that fell."""

    trigger: str
    question: str | None
    candidate: str | None
    reasons: tuple[Reason, ...]
    policy_version: int


Record = (
    Put
    | Closed
    | Answered
    | ConsentAct
    | Suppress
    | Lifted
    | HandedOff
    | Erased
    | Disclosed
    | Speaks
    | Unclear
    | Decision
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What comes of one message: what is said, and what must be stored before it is said."""

    replies: tuple[Reply, ...] = ()
    records: tuple[Record, ...] = ()

    def __add__(self, other: "Turn") -> "Turn":
        """Put one after the other."""
        return Turn(self.replies + other.replies, self.records + other.records)
