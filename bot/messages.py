"""What every channel shares: what a platform reports, what is said, and how the two are named."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

Action = Literal[
    "user_message",
    "user_choice",
    "user_media",
    "user_location",
    "user_contacts",
    "user_order",
    "flow_reply",
    "referral",
    "optin",
    "reaction",
    "unsupported",
    "message_deleted",
    "message_edited",
    "status",
    "echo",
    "handover",
    "identity_change",
    "marketing_opt_in",
    "marketing_opt_out",
    "group_message",
    "standby",
    "ops_alert",
    "ignored_field",
    "order",
    "customer_update",
    "unreadable",
]
"""What the gateway concludes from one item of a webhook."""

TURNS = frozenset[Action](
    {
        "user_message",
        "user_choice",
        "user_media",
        "user_location",
        "user_contacts",
        "user_order",
        "flow_reply",
        "referral",
        "optin",
    }
)
"""What a shopper did and may get an answer to."""

State = Literal["waiting", "sending", "unknown", "sent", "delivered", "read", "failed", "withheld"]
_LONGEST_ID = 255  # what the Rasa server takes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of messages of ours: those of these ids, or the one that carried our reference.

    `until` (Messenger) means every message that was sent by then. `free` is None where the platform
    does not say what it charges.
    """

    state: State | None
    ids: tuple[str, ...] = ()
    reference: str = ""
    until: datetime | None = None
    error: int | None = None
    free: bool | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """One item of a webhook, as the gateway concludes.

    `names` are the sender's by kind of name, as `preferences.store.meeting` takes them; `about` is
    the message that was deleted or edited; `pauses` says of an echo or a handover whether a person
    talks from now on (None: neither); `renamed` is the old name and the new one, of a kind.
    """

    action: Action
    reply: bool = False
    kind: str | None = None
    text: str | None = None
    payload: str | None = None
    sender: str | None = None
    message_id: str | None = None
    title: str | None = None
    account: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    about: str | None = None
    receipt: Receipt | None = None
    pauses: bool | None = None
    renamed: tuple[str, str, str] | None = None

    @property
    def key(self) -> str:
        """Name it: the same however often it is delivered."""
        if self.message_id and len(self.message_id) <= _LONGEST_ID:
            return self.message_id
        told = (self.message_id, self.sender, self.at, self.payload, self.action, self.text)
        return sha256(repr(told).encode("utf-8", "replace")).hexdigest()

    @property
    def line(self) -> dict[str, Any]:
        """Give what `python -m bot inspect` prints."""
        names = ("action", "reply", "kind", "text", "payload", "sender", "message_id")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a question: what it says, and what pressing it sends."""

    label: str
    payload: str


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message to a shopper: all that is said in a turn, and the options of its question.

    `pick` is what a button says that opens a list of them.
    """

    text: str
    choices: tuple[Choice, ...] = ()
    pick: str = "Choose"


Form = Literal["text", "buttons", "list", "quick_replies", "numbered"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in a channel's own shape.

    `form` tells how its options are shown: `numbered` also where they may be pressed as well.
    """

    body: Mapping[str, Any]
    form: Form


def numbered(message: Outbound) -> str:
    """Give a message with its options as numbered lines, for where they cannot be pressed."""
    lines = [f"{number}. {one.label}" for number, one in enumerate(message.choices, start=1)]
    return "\n".join([message.text, "", *lines]) if lines else message.text


def shorten(message: Outbound, longest: int) -> Outbound:
    """Cut the text so that it fits with its options numbered, two characters to spare."""
    over = _units(numbered(message)) - (longest - 2)
    if over <= 0:
        return message
    kept = message.text[: max(0, len(message.text) - over - 1)].rstrip()
    return replace(message, text=f"{kept}…")


def fits(message: Outbound, most: int, longest: int) -> bool:
    """Tell whether so many options, with labels of so many characters, may be shown as they are.

    Two characters are kept spare: how a platform counts an emoji is not documented. Labels that
    differ only in what a platform trims or folds would be refused.
    """
    labels = [choice.label.strip().casefold() for choice in message.choices]
    return (
        0 < len(labels) <= most
        and len(set(labels)) == len(labels)
        and all(0 < _units(choice.label) <= longest - 2 for choice in message.choices)
    )


def _units(text: str) -> int:
    """Count UTF-16 units, the strictest of what a platform may count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
