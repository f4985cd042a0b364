"""The way into Rasa: one message of one shopper in, the replies of the committed action out."""

from __future__ import annotations

import hmac
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic
from sanic.exceptions import InvalidUsage
from sanic.response import json as json_response

from bot.components.corrections import close_kept_session, correct_rasa
from bot.components.errors import TurnFailedError
from bot.components.quiet import hush

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sanic.request import Request
    from sanic.response import HTTPResponse

logger = logging.getLogger(__name__)

LONGEST_TEXT = 1000
LONGEST_ID = 255

# Whitespace, control and invisible characters and slashes: whatever of these stands first
# might make Rasa, or a reader of its tracker, take the words for a command.
_COMMAND_LEAD = re.compile(r"^[\s/\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+")


class MalformedTurnError(ValueError):
    """The body is not a turn; sending it again will not help."""


@dataclass(frozen=True)
class Turn:
    """One message as the gateway sends it."""

    sender: str
    message_id: str
    kind: str
    text: str
    metadata: dict[str, Any]

    def as_user_message(self, output: CollectingOutputChannel, channel: str) -> UserMessage:
        """Rasa's form of it: words are parsed, anything else brings its intent along."""
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
    if not isinstance(body, dict):
        raise MalformedTurnError("The body must be a JSON object.")
    kind = body.get("kind")
    if kind not in {"text", "press", "event"}:
        raise MalformedTurnError("kind must be text, press or event.")
    metadata = body.get("metadata", {})
    if not isinstance(metadata, dict):
        raise MalformedTurnError("metadata must be an object.")
    if kind == "event" and not isinstance(metadata.get("event"), str):
        raise MalformedTurnError("metadata.event must name the event.")
    if kind == "press":
        _check_press(metadata.get("press"))
    text = _read_text(body.get("text")) if kind == "text" else ""
    sender, message_id = _read_id(body, "sender"), _read_id(body, "message_id")
    return Turn(sender, message_id, kind, text, metadata)


def spoken(text: str) -> str:
    """The shopper's words without any lead that could be read as a command; may be empty."""
    return _COMMAND_LEAD.sub("", text).strip()


def _read_id(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
        raise MalformedTurnError(f"{field} must be a string of 1 to {LONGEST_ID} characters.")
    return value


def _read_text(text: object) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT:
        raise MalformedTurnError(f"text must be a string of 1 to {LONGEST_TEXT} characters.")
    return text


def _check_press(press: object) -> None:
    if not isinstance(press, dict) or not isinstance(press.get("ask"), str):
        raise MalformedTurnError("metadata.press must name the ask.")
    option = press.get("option")
    if not isinstance(option, int) or isinstance(option, bool) or option < 0:
        raise MalformedTurnError("metadata.press.option must be the index of an option.")


def _parsed(kind: str) -> dict[str, Any]:
    """What understanding would have found in a message that has no words to understand."""
    name = "out_of_scope" if kind == "text" else kind
    intent = {"name": name, "confidence": 1.0}
    return {"text": "", "intent": intent, "intent_ranking": [dict(intent)], "entities": []}


def committed_replies(messages: list[dict[str, Any]], message_id: str) -> list[Any] | None:
    """The replies of the action's one marker for this message, or None when there is none."""
    turns = [m["custom"].get("turn") for m in messages if isinstance(m.get("custom"), dict)]
    if len(turns) != 1 or not isinstance(turns[0], dict):
        return None
    if turns[0].get("message_id") != message_id or not isinstance(turns[0].get("replies"), list):
        return None
    return turns[0]["replies"]


def outline(error: BaseException) -> str:
    """What went wrong, without the message of an error that may quote the shopper."""
    if isinstance(error, TurnFailedError):
        return str(error)
    kinds, place, link = [], "", error
    while link is not None:
        kinds.append(type(link).__name__)
        for frame, line in walk_tb(link.__traceback__):
            code = frame.f_code
            place = f"{Path(code.co_filename).name}:{line} {code.co_name}"
        link = link.__cause__ or link.__context__
    return f"{' < '.join(kinds)} at {place}"


class AskfirstInput(InputChannel):
    """`POST …/turn` and `GET …/health`, open only to the gateway that knows the secret."""

    def __init__(self, secret: str) -> None:
        """Also corrects Rasa: the channel is the first thing of ours that a server builds."""
        self._authorization = f"Bearer {secret}".encode()
        correct_rasa()
        hush()

    @classmethod
    def name(cls) -> str:
        """The channel's part of its address."""
        return "askfirst"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> AskfirstInput:
        """Read the secret from credentials.yml; without one there is no channel."""
        secret = (credentials or {}).get("secret")
        if not isinstance(secret, str) or not secret:
            raise RasaException("Set ASKFIRST_TURN_SECRET: the secret that the gateway sends.")
        return cls(secret)

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Routes for Rasa's web server."""
        routes = Blueprint("askfirst", __name__)

        @routes.get("/health")
        async def health(request: Request) -> HTTPResponse:
            agent = getattr(request.app.ctx, "agent", None)
            if agent is None or not agent.is_ready():
                return json_response({"status": "loading"}, status=503)
            return json_response({"status": "ok"})

        @routes.post("/turn")
        async def turn(request: Request) -> HTTPResponse:
            return await self._answer(request, on_new_message)

        @routes.listener("after_server_stop")
        async def close(app: Sanic, _loop: object) -> None:
            agent = getattr(app.ctx, "agent", None)
            if agent is not None:
                await close_kept_session(agent.action_endpoint)
                await agent.tracker_store.close()

        return routes

    async def _answer(
        self, request: Request, on_new_message: Callable[[UserMessage], Awaitable[Any]]
    ) -> HTTPResponse:
        sent = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(sent, self._authorization):
            return json_response({"error": "The turn secret is missing or wrong."}, status=401)
        try:
            turn = read_turn(request.json)
        except InvalidUsage:
            return json_response({"error": "The body must be JSON."}, status=422)
        except MalformedTurnError as error:
            return json_response({"error": str(error)}, status=422)
        replies = await self._run(turn, on_new_message)
        if replies is None:
            return json_response({"error": "The turn was not committed; try again."}, status=503)
        return json_response({"message_id": turn.message_id, "replies": replies})

    async def _run(
        self, turn: Turn, on_new_message: Callable[[UserMessage], Awaitable[Any]]
    ) -> list[Any] | None:
        output = CollectingOutputChannel()
        try:
            await on_new_message(turn.as_user_message(output, self.name()))
        except Exception as error:  # noqa: BLE001 whatever it was, the gateway tries again
            logger.error("A turn failed: %s", outline(error))  # noqa: TRY400 a traceback quotes
            return None
        return committed_replies(output.messages, turn.message_id)
