"""One message as the gateway sends it, checked, and the replies that must come back for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rasa.core.channels.channel import CollectingOutputChannel, UserMessage

KINDS = ("text", "press", "event")
LONGEST_TEXT = 1000
LONGEST_ID = 255

# Whitespace, control and invisible characters and slashes: whatever of these stands first
# might make Rasa, or a reader of its tracker, take the words for a command.
_COMMAND_LEAD = re.compile(
    r"^[\s/\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+"
)


class MalformedTurnError(ValueError):
    """The body is not a turn; sending it again will not help."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} must be {rule}.")


@dataclass(frozen=True)
class Turn:
    """One message as the gateway sends it."""

    sender: str
    message_id: str
    kind: str
    text: str
    metadata: dict[str, Any]

    def as_user_message(self, output: CollectingOutputChannel, channel: str) -> UserMessage:
        """Give it Rasa's form: words are parsed, anything else brings its intent along."""
        words = spoken(self.text)
        return UserMessage(
            words,
            output,
            self.sender,
            parse_data=None if words else _parsed(self.kind),
            input_channel=channel,
            message_id=self.message_id,
            metadata=self.metadata,
        )


def read_turn(body: object) -> Turn:
    """Check a decoded body; raises MalformedTurnError naming the field."""
    _require(isinstance(body, dict), "The body", "a JSON object")
    kind, metadata = body.get("kind"), body.get("metadata", {})
    _require(kind in KINDS, "kind", "text, press or event")
    _require(isinstance(metadata, dict), "metadata", "an object")
    if kind == "event":
        _require(isinstance(metadata.get("event"), str), "metadata.event", "the event's name")
    if kind == "press":
        _check_press(metadata.get("press"))
    text = _read_string(body, "text", LONGEST_TEXT) if kind == "text" else ""
    sender = _read_string(body, "sender", LONGEST_ID)
    return Turn(sender, _read_string(body, "message_id", LONGEST_ID), kind, text, metadata)


def spoken(text: str) -> str:
    """Strip the shopper's words of any lead that could be read as a command; may leave nothing."""
    return _COMMAND_LEAD.sub("", text).strip()


def _require(met: bool, field: str, rule: str) -> None:
    if not met:
        raise MalformedTurnError(field, rule)


def _read_string(body: dict[str, Any], field: str, longest: int) -> str:
    value = body.get(field)
    fits = isinstance(value, str) and 0 < len(value) <= longest
    _require(fits, field, f"a string of 1 to {longest} characters")
    # Half a surrogate pair is no character, and no database or tokenizer takes it.
    return value.encode("utf-8", "ignore").decode()


def _check_press(press: object) -> None:
    known = isinstance(press, dict) and isinstance(press.get("ask"), str)
    _require(known, "metadata.press", "an object that names the ask")
    option = press.get("option")
    index = isinstance(option, int) and not isinstance(option, bool) and option >= 0
    _require(index, "metadata.press.option", "the index of an option")


def _parsed(kind: str) -> dict[str, Any]:
    """Stand in for understanding where there are no words to understand."""
    name = "out_of_scope" if kind == "text" else kind
    intent = {"name": name, "confidence": 1.0}
    return {"text": "", "intent": intent, "intent_ranking": [dict(intent)], "entities": []}


def committed_replies(messages: list[dict[str, Any]], message_id: str) -> list[Any] | None:
    """Return the replies in the action's one marker for this message, or None without it."""
    turns = [m["custom"].get("turn") for m in messages if isinstance(m.get("custom"), dict)]
    if len(turns) != 1 or not isinstance(turns[0], dict):
        return None
    if turns[0].get("message_id") != message_id or not isinstance(turns[0].get("replies"), list):
        return None
    return turns[0]["replies"]
