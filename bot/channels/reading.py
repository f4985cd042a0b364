"""Reads what a platform reports of somebody as the log keeps it: words, a button, something unheard."""

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.messages import Inbound
from bot.text import LONGEST, clean
from bot.tokens import TokenError, Tokens
from preferences.errors import BadInputError
from preferences.store.arrivals import Arrival
from preferences.understanding import is_stop

_OPENS = frozenset({"opened", "get_started"})
"""What a button sends that somebody presses to begin: its name in our words, and as is customary."""


class Reading:
    """Reads what somebody did as the log keeps it."""

    def __init__(self, tokens: Tokens, allowed: set[str], late: datetime, now: datetime) -> None:
        self._tokens = tokens
        self._allowed = allowed
        self._late = late
        self._now = now

    def of(self, found: Sequence[Inbound]) -> Callable[[str], list[Arrival]]:
        """Give what tells it, once it is known in which conversation it was."""

        def read(conversation: str) -> list[Arrival]:
            return [arrival for one in found if (arrival := self._arrival(one, conversation))]

        return read

    def _arrival(self, one: Inbound, conversation: str) -> Arrival | None:
        kind, text, body = self._content(one, conversation)
        if not text:
            return None
        at = min(one.at or self._now, self._now)
        late = at < self._late
        closed = (late or one.key not in self._allowed) and not is_stop(text)
        marks = {name: True for name, held in (("late", late), ("too_fast", closed)) if held}
        return Arrival(one.key, kind, text, at, {**body, **marks}, closed)

    def _content(self, one: Inbound, conversation: str) -> tuple[str, str, dict[str, object]]:
        if one.action in ("referral", "optin"):
            return "event", "opened", {}
        if one.action == "user_choice":
            return self._choice(one, conversation)
        words = cleaned(one.text or one.title or "")
        if one.action == "user_message" or words:
            return "text", words, {}
        return ("unheard", f"[{one.kind or one.action}]", {}) if one.reply else ("text", "", {})

    def _choice(self, one: Inbound, conversation: str) -> tuple[str, str, dict[str, object]]:
        """Read a button of ours as what it is, and any other one as the words on it."""
        payload = one.payload or ""
        words = cleaned(one.title or "")
        try:
            ask, option = self._tokens.pressed(conversation, payload)
        except TokenError:
            if payload.lower() in _OPENS or not words:
                return "event", "opened", {}
            return "text", words, {}
        return "press", words or "[button]", {"ask": ask, "option": option}


def cleaned(text: str) -> str:
    """Make words harmless; what is too long is cut, what is nothing stays nothing."""
    try:
        return clean(text[:LONGEST])
    except BadInputError:
        return ""
