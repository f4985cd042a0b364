"""A gateway that speaks the chat contract from a script, and remembers what it was told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import jwt
from aiohttp import web

Reply = dict[str, Any]
Script = Callable[[dict[str, Any]], list[Reply]]

ASSISTANT = "Corner Shop assistant (automated)"
QUESTION = "To get suggestions right: is the linen dress a gift, or for you?"
LABELS = ["A gift", "For me", "Someone at home", "Rather not say"]
THANKS = {
    "A gift": "Thanks, noted: I'll leave it out of your suggestions.",
    "For me": "Great, noted.",
}


def say(text: str, lang: str = "en") -> Reply:
    return {"kind": "say", "text": text, "lang": lang, "choices": []}


def question(text: str = QUESTION, labels: list[str] = LABELS, lang: str = "en") -> Reply:
    choices = [{"label": label, "press": f"press-{label}"} for label in labels]
    return {"kind": "question", "text": text, "lang": lang, "choices": choices}


def gift_or_self(act: dict[str, Any]) -> list[Reply]:
    """Asks once, thanks for any answer, and explains itself."""
    if act.get("event") == "opened":
        return [say("Hello, I am an automated assistant. You can stop me at any time."), question()]
    if "event" in act:
        return []
    words = act.get("press", act.get("text", "")).removeprefix("press-")
    if words.startswith("why"):
        return [question("So that I suggest what suits you, not what suits somebody else.")]
    return [say(THANKS.get(words, f"Noted: {words}"))]


def progress(**known: Any) -> dict[str, Any]:
    return {"person": False, "questions": [], "consents": {}} | known


@dataclass
class Conversation:
    subject: str | None
    log: list[dict[str, Any]] = field(default_factory=list)
    progress: dict[str, Any] = field(default_factory=progress)
    streams: set[asyncio.Queue[tuple[str, dict[str, Any]]]] = field(default_factory=set)
    taken: dict[str, int] = field(default_factory=dict)

    def add(self, entry: dict[str, Any]) -> int:
        seq = len(self.log) + 1
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        entry = {"seq": seq, "at": at, **entry}
        self.log.append(entry)
        self.tell("message", entry)
        return seq

    def stands(self, **changed: Any) -> None:
        """Change how things stand, and tell it."""
        self.progress = self.progress | changed
        self.tell("progress", self.progress)

    def tell(self, name: str, data: dict[str, Any]) -> None:
        for queue in self.streams:
            queue.put_nowait((name, data))


class FakeGateway:
    """`received` holds the accepted acts, `requests` every path, `begun` what sessions began with.

    `changed` holds what sessions were changed to. While `held_back` no byte of a stream arrives.
    The next messages, as many as `busy`, are put off by a second and a half; `tried` holds when each came.
    """

    def __init__(self, script: Script = gift_or_self, identity_secret: str = "i" * 32) -> None:
        self.script = script
        self.identity_secret = identity_secret
        self.received: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.begun: list[dict[str, Any]] = []
        self.sessions: dict[str, Conversation] = {}
        self.waking = False
        self.broken = False
        self.busy = 0
        self.tried: list[float] = []
        self.refuse: dict[str, str] = {}
        self.held_back = False
        self.changed: list[dict[str, Any]] = []
        self.allow_origin = ""
        self._waiting: list[tuple[Conversation, dict[str, Any]]] = []
        self._numbers = count(1)

    def setup(self, app: web.Application) -> None:
        app.middlewares.append(self._watch)
        app.on_response_prepare.append(self._allow)
        app.router.add_post("/v1/chat/sessions", self._session)
        app.router.add_post("/v1/chat/messages", self._message)
        app.router.add_get("/v1/chat/stream", self._stream)
        app.router.add_get("/v1/chat/log", self._log)
        app.router.add_patch("/v1/chat/session", self._change)
        app.router.add_delete("/v1/chat/session", self._end)

    @property
    def acts(self) -> list[str]:
        """What was said, in order: texts, pressed labels, and events in angle brackets."""
        return [
            act.get("text") or act.get("press", "").removeprefix("press-") or f"<{act['event']}>"
            for act in self.received
        ]

    @property
    def last(self) -> Conversation:
        return list(self.sessions.values())[-1]

    def wake(self) -> None:
        self.waking = False
        for conversation in self.sessions.values():
            conversation.tell("status", {"state": "ready"})
        for conversation, act in self._waiting:
            self._answer(conversation, act)
        self._waiting.clear()

    def expire_sessions(self) -> None:
        """Every token becomes unknown, and open streams end."""
        for conversation in self.sessions.values():
            conversation.tell("end", {})
        self.sessions.clear()

    def end(self, session: str) -> None:
        """One token becomes unknown, as that of a stranger who signed in."""
        self.sessions.pop(session).tell("end", {})

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=self._cors())
        if self.broken and request.path.startswith("/v1/chat/"):
            return web.json_response({"title": "Broken"}, status=503)
        response: web.StreamResponse = await handler(request)
        return response

    async def _allow(self, request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith("/v1/"):
            response.headers.update(self._cors())

    def _cors(self) -> dict[str, str]:
        if not self.allow_origin:
            return {}
        return {
            "Access-Control-Allow-Origin": self.allow_origin,
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
            "Access-Control-Expose-Headers": "Retry-After",
        }

    async def _session(self, request: web.Request) -> web.Response:
        body = await request.json()
        subject = None
        if token := body.get("identity"):
            try:
                claims = jwt.decode(
                    token, self.identity_secret, algorithms=["HS256"], audience="askfirst"
                )
            except jwt.InvalidTokenError:
                return self._problem(401, "This identity is not valid.")
            subject = claims["sub"]
        self.begun.append(body)
        session = f"session-{next(self._numbers)}"
        known = [c for c in self.sessions.values() if subject and c.subject == subject]
        self.sessions[session] = known[0] if known else Conversation(subject)
        answer = {
            "session": session,
            "expires_at": "2099-01-01T00:00:00Z",
            "state": "waking" if self.waking else "ready",
            "assistant": ASSISTANT,
        }
        return web.json_response(answer, status=201)

    async def _message(self, request: web.Request) -> web.Response:
        conversation = self._conversation(request)
        if conversation is None:
            return self._problem(401, "This session has ended.")
        self.tried.append(asyncio.get_running_loop().time())
        if self.busy:
            self.busy -= 1
            return self._problem(429, "Too many messages.", {"Retry-After": "1.5"})
        act = await request.json()
        if reason := self.refuse.get(act.get("text", "")):
            return self._problem(422, reason)
        key = act["client_message_id"]
        if key in conversation.taken:
            return web.json_response({"seq": conversation.taken[key]}, status=202)
        self.received.append(act)
        seq = 0
        if "event" not in act:
            words = act.get("text") or act["press"].removeprefix("press-")
            seq = conversation.add(
                {"from": "shopper", "kind": "say", "text": words, "lang": "en", "choices": []}
                | {"client_message_id": key}
            )
        conversation.taken[key] = seq
        if self.waking:
            self._waiting.append((conversation, act))
        else:
            asyncio.get_running_loop().call_later(0.05, self._answer, conversation, act)
        return web.json_response({"seq": seq}, status=202)

    def _answer(self, conversation: Conversation, act: dict[str, Any]) -> None:
        conversation.tell("status", {"state": "thinking"})
        for reply in self.script(act):
            conversation.add({"from": "assistant", **reply})
        conversation.tell("status", {"state": "ready"})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        conversation = self._conversation(request)
        if conversation is None:
            return self._problem(401, "This session has ended.")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        queue.put_nowait(("status", {"state": "waking" if self.waking else "ready"}))
        for entry in conversation.log[int(request.query.get("after", 0)) :]:
            queue.put_nowait(("message", entry))
        queue.put_nowait(("progress", conversation.progress))
        conversation.streams.add(queue)
        try:
            while (event := await self._next(queue, request))[0] != "end":
                if not self.held_back:
                    await response.write(self._wire(*event))
        except ConnectionError:
            pass
        finally:
            conversation.streams.discard(queue)
        return response

    async def _log(self, request: web.Request) -> web.Response:
        conversation = self._conversation(request)
        if conversation is None:
            return self._problem(401, "This session has ended.")
        after, events = int(request.query["after"]), []
        for _ in range(20 if request.query["known"] == "1" else 1):
            if events := [("message", entry) for entry in conversation.log[after:]]:
                break
            await asyncio.sleep(0.05)
        state = {"state": "waking" if self.waking else "ready"}
        events += [("progress", conversation.progress), ("status", state)]
        return web.json_response({"events": events})

    async def _change(self, request: web.Request) -> web.Response:
        if self._conversation(request) is None:
            return self._problem(401, "This session has ended.")
        self.changed.append(await request.json())
        return web.json_response({"assistant": f"{ASSISTANT} ({self.changed[-1]['locale']})"})

    async def _end(self, request: web.Request) -> web.Response:
        session = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if conversation := self.sessions.pop(session, None):
            conversation.tell("end", {})
        return web.Response(status=204)

    @staticmethod
    async def _next(
        queue: asyncio.Queue[tuple[str, dict[str, Any]]], request: web.Request
    ) -> tuple[str, dict[str, Any]]:
        """The next event, or the end where the browser has gone."""
        while request.transport is not None and not request.transport.is_closing():
            with suppress(TimeoutError):
                return await asyncio.wait_for(queue.get(), 0.1)
        return "end", {}

    def _conversation(self, request: web.Request) -> Conversation | None:
        return self.sessions.get(request.headers.get("Authorization", "").removeprefix("Bearer "))

    @staticmethod
    def _wire(name: str, data: dict[str, Any]) -> bytes:
        number = f"id: {data['seq']}\n" if "seq" in data else ""
        return f": beat\n\nevent: {name}\n{number}data: {json.dumps(data)}\n\n".encode()

    @staticmethod
    def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
        body = {"type": "/problems/x", "title": "No", "status": status, "detail": detail}
        return web.json_response(
            body, status=status, content_type="application/problem+json", headers=headers
        )


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """The address of the running app."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
