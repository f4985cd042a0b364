"""The way into Rasa: one message of one shopper in, the replies of the committed action out."""

from __future__ import annotations

import hmac
import logging
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic
from sanic.exceptions import InvalidUsage
from sanic.response import json as json_response

from bot.components.corrections import correct_rasa
from bot.components.errors import TurnFailedError
from bot.components.quiet import hush
from bot.components.remote import close_kept_session
from bot.components.turns import MalformedTurnError, Turn, committed_replies, read_turn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sanic.request import Request
    from sanic.response import HTTPResponse

logger = logging.getLogger(__name__)

UNLOCKED = "Set ASKFIRST_TURN_SECRET: the secret that the gateway sends."


def outline(error: BaseException) -> str:
    """Say what went wrong, without the message of an error that may quote the shopper."""
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
        """Return the channel's part of its address."""
        return "askfirst"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> AskfirstInput:
        """Read the secret from credentials.yml; without one there is no channel."""
        secret = (credentials or {}).get("secret")
        if not isinstance(secret, str) or not secret:
            raise RasaException(UNLOCKED)
        return cls(secret)

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Make the routes for Rasa's web server."""
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
        replies = committed_replies(output.messages, turn.message_id)
        if replies is None:
            logger.error("A turn failed: the action did not say that it committed.")
        return replies
