"""What is known when a shopper says something, and what comes of it: the domain's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

AskKind = Literal["question", "confirm", "consent", "erase", "claim", "invite", "suggestion"]
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
    "dismissed",
    "withdrawn",
    "sensitive",
]


Annoyance = Literal["", "dismissed", "muted", "complained", "stopped"]
"""By what an ask was felt as a burden: closed at once, by a tap, by angry words, by a stop; or not."""

ConsentState = Literal["requested", "given", "refused", "withdrawn", "expired", "objected"]


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
class Resting:
    """A question that waits while something said unasked is read back; `begun` names its chain."""

    question: str
    begun: str
    about: About | None = None
    candidate: str | None = None
    picked: "Pending | None" = None


@dataclass(frozen=True, slots=True)
class Pending:
    """What a shopper said and is not stored yet: it lacks a yes, a permission, or a second pick.

    `asked` names the ask that it answers, empty where the shopper said it unasked: then `rests` is
    the question that it came in between of.
    """

    question: str
    value: str
    detail: Mapping[str, str]
    words: str | None
    confidence: float
    asked: str = ""
    rests: Resting | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One question put to one shopper, exactly as it was shown.

    `begun` names the first ask of a chain: a question that was read back, went on with the options
    that were left, or was put in another language is still one question. `category` is that of the
    product that it is about, if known; `experiment` the arm of the experiment that worded it, if any.
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
    category: str = ""
    experiment: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """An earlier ask, as the budget counts it. `outcome` is None while it is open.

    One that was dismissed may still be answered: then it did not annoy.
    """

    kind: AskKind
    question: str
    purpose: str
    at: datetime
    outcome: Outcome | None
    here: bool
    annoyed: Annoyance = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that an event made worth weighing; `category` is that of the product, if known.

    `said` is the value that the shopper answered before, where that is why they are asked again;
    `begun` the ask by mail that goes on here.
    """

    id: str
    question: str
    about: About
    reason: str
    at: datetime
    category: str = ""
    said: str = ""
    begun: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that is there, whoever gave it: what a decision needs of it, without its value."""

    question: str
    at: datetime
    purchase: str = ""
    sku: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """An answer in force: what was asked, what was said, where and when.

    `source` names the system that the shop brought it along from; what the shopper said has none.
    """

    question: str
    value: str
    label: str
    wording: str
    answered_at: datetime
    channel: str
    here: bool
    about: About | None = None
    unwanted: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """The last word on one purpose, and the event in the ledger that proves it."""

    event: str
    state: ConsentState


@dataclass(frozen=True, slots=True)
class Suppression:
    """Something the shopper does not want. `scope` is `all`, `channel`, `topic` or `category`.

    A topic is a question or a purpose, by its name in the catalogue.
    """

    scope: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Buying:
    """What the orders of a person tell, as far as a condition may look at it.

    `favourite` is the article of the most orders.
    """

    orders: int
    first_at: datetime
    last_at: datetime
    favourite: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a shopper may be invited to share: their personal code, made for the case of a yes."""

    code: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything a turn may depend on, read at its beginning; what it cannot need is left empty.

    `head` is the person that the shopper is; `spoken` counts the turns before this one, `returning` tells of an earlier visit, here or elsewhere, and
    `verified` that the shop vouched for who is talking; `claimable` is the shopper who answered
    something on this device before somebody signed in, if that may still be taken over. `seen_at`
    is when the shopper last did something here, `visit_at` since when they have been here without a
    long pause (None: all of the conversation is one visit), `zone` their own time zone (both as far as known),
    `held` what is answered already, `paused` the questions that nobody is asked at present;
    `spent` that the channel's messages of the month are used up, so that only answers are sent.
    `invitation` is there where an invitation to bring a friend is open; `recommended` says that this
    is the first talk of somebody who came by a friend's code, never by whose; `tips` is what was
    suggested of late, in the words that were shown, and when. `entry` is what brought them to this
    conversation, `came_by` what brought the person here the last time, if it was not spoken of yet, and
    when; `purchases` counts what the shop reported, by the system it came from; `place` and `weather` are there where they permitted it and the page told it lately; `profile`
    (what they answered, by question) and `buying` where a condition of the policy looks at them.
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
    purchases: Mapping[str, int] = field(default_factory=dict)
    head: str = ""
    spoken: int = 0
    returning: bool = False
    verified: bool = False
    claimable: str | None = None
    held: tuple[Held, ...] = ()
    paused: frozenset[str] = frozenset()
    seen_at: datetime | None = None
    visit_at: datetime | None = None
    zone: str = ""
    spent: bool = False
    invitation: Invitation | None = None
    recommended: bool = False
    tips: tuple[tuple[str, datetime], ...] = ()
    entry: str = ""
    came_by: tuple[str, datetime] | None = None
    place: str = ""
    weather: str = ""
    profile: Mapping[str, str] = field(default_factory=dict)
    buying: Buying | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One way to pass something on: an address to open, or a text to `copy` or for the system's `sheet`."""

    way: str
    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One thing the assistant says; a question or a suggestion shows the choices of its ask.

    `page` says that it tells what is kept: where the shopper's own page has no other door, the way
    there is shown with it.
    """

    kind: Literal["say", "question", "consent"]
    text: str
    ask: str | None = None
    choices: tuple[Choice, ...] = ()
    links: tuple[Link, ...] = ()
    page: bool = False


@dataclass(frozen=True, slots=True)
class Put:
    """A new ask was put, and is the open one now; the same chain goes on if it was begun before."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Suggested:
    """Something was suggested beside an answer; its choices may be pressed, and nothing is open."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Invited:
    """The shopper took a personal code to share, in the place of the promotions of so many days."""

    code: str
    promotion_days: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The open ask ended; `annoyed` tells by what it was felt as a burden, if it was."""

    outcome: Outcome
    annoyed: Annoyance = ""


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The open ask was closed at once. It stays open: who comes back to it may answer it."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """It was spoken of what brought the shopper here; once is enough."""


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
class Promised:
    """The shopper was promised a give of the catalogue, for the ask that ended just now."""

    give: str
    kind: str
    value: str
    due_days: int


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
    """The shopper lets the assistant ask again: about these kinds of goods, or about anything."""

    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HandedOff:
    """A person takes over; the assistant is silent until handed back."""


@dataclass(frozen=True, slots=True)
class Erased:
    """Everything about the shopper goes, but for the wish to be left alone."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was said before signing in belongs to who signed in, or else goes."""

    shopper: str
    accepted: bool


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


Stage = Literal["safety", "wish", "consent", "fatigue", "value", "mode"]
Arm = Literal["on", "pilot", "control", "observe"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a candidate (or asking at all) fell: a code, and the question it concerns, or empty.

    `stage` is where in the order of precedence it speaks.
    """

    code: str
    question: str = ""
    stage: Stage = field(default="value", compare=False)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate on the scales: what an answer is worth, what asking costs, why it fell if it did."""

    candidate: str
    question: str
    value: float
    cost: float
    reasons: tuple[Reason, ...] = ()

    @property
    def score(self) -> float:
        """What is left of the value; the greatest is asked, if it is enough."""
        return round(self.value - self.cost, 6)


@dataclass(frozen=True, slots=True)
class Decision:
    """One question or silence, with the reason for each that fell.

    Beside whether, what and when stands who is asked, where, in which words (`version` of the
    question, in `locale`), what is given for an answer (`give`: the words of each option, or of the
    question, or nothing), the arm of the `experiment` it is worded by, every alternative and, in `inputs`, all that it was decided by.
    """

    trigger: str
    question: str | None
    candidate: str | None
    reasons: tuple[Reason, ...]
    policy_version: int
    shopper: str = ""
    at: datetime | None = None
    channel: str = ""
    locale: str = ""
    version: int | None = None
    give: str = ""
    arm: Arm = "on"
    experiment: str = ""
    weighed: tuple[Weighed, ...] = ()
    policy_sha256: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)


Record = (
    Put
    | Suggested
    | Invited
    | Closed
    | Dismissed
    | Recalled
    | Answered
    | Promised
    | ConsentAct
    | Suppress
    | Lifted
    | HandedOff
    | Erased
    | Claimed
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
