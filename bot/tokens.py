"""Everything signed that passes through a shopper's hands: sessions, buttons, who is logged in."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import jwt

from preferences.errors import AskfirstError

_SESSION = "askfirst-chat"
_OWN_PAGE = "askfirst-my-data"
_OWN_LINK = "askfirst-my-data-link"
_SHOWN = "askfirst-shown"
_POLL = "askfirst-poll"
_TALK = "askfirst-poll-talk"
_NOT_WHOLE = "This link was not given here, or is not whole; open it again from the mail."
_IDENTITY = "askfirst"
_LASTS = timedelta(days=30)
_OWN_PAGE_LASTS = timedelta(minutes=15)
_LONGEST_IDENTITY = timedelta(minutes=15)
_LEEWAY = timedelta(seconds=30)


class TokenError(AskfirstError):
    """The token is forged, expired or for something else: ask for a new one."""


@dataclass(frozen=True, slots=True)
class PollLink:
    """A link of a mail: to which question, which of its choices it is for, and until when it holds."""

    ask: str
    choice: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    """Signs and checks with the secrets of one deployment."""

    session_secret: str
    identity_secret: str

    def session(self, conversation: str, now: datetime) -> tuple[str, datetime]:
        """Give a chat session for a conversation, and when it ends."""
        until = now + _LASTS
        claims = {"sub": conversation, "aud": _SESSION, "exp": until}
        return jwt.encode(claims, self.session_secret, "HS256"), until

    def conversation(self, session: str) -> str:
        """Give the conversation that a session is for.

        :raises TokenError: the session is over or was not given by this gateway.
        """
        message = "This chat session is over; begin a new one."
        return self._checked(session, _SESSION, message)

    def own_page(self, conversation: str, now: datetime) -> str:
        """Give what opens the page of whoever holds a conversation, for a quarter of an hour."""
        claims = {"sub": conversation, "aud": _OWN_PAGE, "exp": now + _OWN_PAGE_LASTS}
        return jwt.encode(claims, self.session_secret, "HS256")

    def owner(self, ticket: str) -> str:
        """Give the conversation whose page a ticket opens.

        :raises TokenError: the ticket is over or was not given by this gateway.
        """
        message = "This page has been open for too long; open it again from the chat."
        return self._checked(ticket, _OWN_PAGE, message)

    def own_link(self, conversation: str, now: datetime) -> str:
        """Give what leads to that page from a message: it opens nothing until a person presses there.

        Platforms look at what is behind a link before anybody does.
        """
        claims = {"sub": conversation, "aud": _OWN_LINK, "exp": now + _OWN_PAGE_LASTS}
        return jwt.encode(claims, self.session_secret, "HS256")

    def linked(self, link: str) -> str:
        """Give the conversation whose page a link leads to.

        :raises TokenError: the link is over or was not given by this gateway.
        """
        return self._checked(link, _OWN_LINK, "This link is over; ask for it again in the chat.")

    def shown(self, conversation: str, text: str, now: datetime) -> str:
        """Give what proves that a text was shown in a conversation, and when; for as long as a page."""
        claims = {
            "sub": conversation,
            "aud": _SHOWN,
            "exp": now + _OWN_PAGE_LASTS,
            "text": _hash(text),
            "at": now.isoformat(),
        }
        return jwt.encode(claims, self.session_secret, "HS256")

    def shown_at(self, conversation: str, text: str, proof: str) -> datetime:
        """Tell when a text was shown in a conversation.

        :raises TokenError: it was not, or another one, or too long ago.
        """
        message = "These words are not those of today; open the page again."
        claims = self._claims(proof, _SHOWN, message)
        if (claims["sub"], claims["text"]) != (conversation, _hash(text)):
            raise TokenError(message)
        return datetime.fromisoformat(claims["at"])

    def poll(self, link: PollLink) -> str:
        """Give what opens the page of a mailed question: it names an ask, and nobody."""
        claims = {"sub": link.ask, "opt": link.choice, "aud": _POLL, "exp": link.until}
        return jwt.encode(claims, self.session_secret, "HS256")

    def polled(self, token: str) -> PollLink:
        """Give the link that a token is, over or not: a wish to be left alone is never too late.

        :raises TokenError: the token was not given by this gateway.
        """
        claims = self._claims(token, _POLL, _NOT_WHOLE, ends=False)
        if not isinstance(claims.get("opt"), int):
            raise TokenError(_NOT_WHOLE)
        return PollLink(claims["sub"], claims["opt"], _moment(claims))

    def talk(self, ask: str, until: datetime) -> str:
        """Give what leads from a mail into the talk, with its question: it signs nobody in."""
        claims = {"sub": ask, "aud": _TALK, "exp": until}
        return jwt.encode(claims, self.session_secret, "HS256")

    def talked(self, token: str, now: datetime) -> str:
        """Give the ask whose question somebody wants to talk about.

        :raises TokenError: the token is over or was not given by this gateway.
        """
        claims = self._claims(token, _TALK, _NOT_WHOLE, ends=False)
        if _moment(claims) <= now:
            message = "This link is over."
            raise TokenError(message)
        return str(claims["sub"])

    def _checked(self, token: str, audience: str, message: str) -> str:
        return str(self._claims(token, audience, message)["sub"])

    def _claims(
        self, token: str, audience: str, message: str, *, ends: bool = True
    ) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                self.session_secret,
                algorithms=["HS256"],
                audience=audience,
                options={"require": ["exp", "sub"], "verify_exp": ends},
            )
        except (jwt.InvalidTokenError, UnicodeError):
            raise TokenError(message) from None

    def customer(self, identity: str) -> str:
        """Give the customer number that the shop vouches for: a JWT, HS256, 15 minutes at most.

        :raises TokenError: the shop did not sign it, or it is too old.
        """
        try:
            claims = jwt.decode(
                identity,
                self.identity_secret,
                algorithms=["HS256"],
                audience=_IDENTITY,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "sub"]},
            )
        except (jwt.InvalidTokenError, UnicodeError) as error:
            message = f"The identity token is not valid ({error}); the shop has to sign a new one."
            raise TokenError(message) from None
        if float(claims["exp"]) - float(claims["iat"]) > _LONGEST_IDENTITY.total_seconds():
            message = "The identity token lasts more than 15 minutes; the shop has to shorten it."
            raise TokenError(message)
        if not claims["sub"]:
            message = "The identity token names nobody; the shop has to put the customer into sub."
            raise TokenError(message)
        return str(claims["sub"])

    def press(self, conversation: str, ask: str, option: int) -> str:
        """Give what a button sends: it names the ask and the option, and holds only here."""
        return f"{ask}:{option}:{self._seal(conversation, ask, option)}"

    def pressed(self, conversation: str, token: str) -> tuple[str, int]:
        """Give the ask and option of a button that was issued for this conversation.

        :raises TokenError: it was not.
        """
        ask, _, rest = token.partition(":")
        option, _, seal = rest.partition(":")
        if not (option.isascii() and option.isdigit() and len(option) < 3):  # noqa: PLR2004
            message = "This is no button of ours."
            raise TokenError(message)
        expected = self._seal(conversation, ask, int(option))
        if not hmac.compare_digest(seal.encode("utf-8", "replace"), expected.encode()):
            message = "This button belongs to another conversation."
            raise TokenError(message)
        return ask, int(option)

    def _seal(self, conversation: str, ask: str, option: int) -> str:
        sealed = f"press\n{conversation}\n{ask}\n{option}".encode("utf-8", "replace")
        return hmac.new(self.session_secret.encode(), sealed, sha256).hexdigest()[:32]


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _moment(claims: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(claims["exp"]), UTC)
