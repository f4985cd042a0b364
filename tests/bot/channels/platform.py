"""Meta's side, small: takes what a shop sends, keeps its rules, and can be slow, lossy and disorderly."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from aiohttp import ClientSession, web

from tests.bot.channels.bodies import (
    NUMBER,
    PAGE,
    PHONE,
    changed,
    message,
    page,
    raw,
    stamp,
    status,
    whatsapp,
)

SECRET = "the app secret"
_WINDOW = timedelta(hours=24)


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={hmac.digest(secret.encode(), body, sha256).hex()}"}


def refusal(code: int, **more: Any) -> tuple[int, dict[str, Any]]:
    return 400, {"error": {"code": code, "message": "no", **more}}


@dataclass
class Platform:
    """Remembers what it delivered; `answers` are given instead of taking a message, `lost` after it."""

    http: ClientSession | None
    gateway: str = ""
    delivered: list[dict[str, Any]] = field(default_factory=list)
    typing: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    lost: int = 0
    written: dict[str, datetime] = field(default_factory=dict)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/{version}/{account}/messages", self._take)
        app.router.add_get("/{version}/{account}", self._tell)
        app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", self._take_form)
        return app

    @property
    def texts(self) -> list[str]:
        return [text_of(one) for one in self.delivered]

    async def post(self, channel: str, body: object, **more: Any) -> int:
        sent = body if isinstance(body, bytes) else raw(body)
        headers = more.get("headers", signed(sent))
        url = f"{self.gateway}/v1/channels/{channel}"
        assert self.http is not None
        async with self.http.post(url, data=sent, headers=headers) as response:
            return response.status

    async def writes(self, text: str = "Hola", *, phone: str = PHONE, **more: Any) -> str:
        """Somebody writes on WhatsApp; the report comes twice, as it may."""
        name = more.pop("id", f"wamid.{uuid4()}")
        body = whatsapp(
            message("text", {"body": text}, **{"id": name, "from": phone, **more}),
            contacts=[{"wa_id": phone}],
        )
        self.written[phone] = datetime.now(UTC)
        assert [await self.post("whatsapp", body) for _ in range(2)] == [200, 200]
        return name

    async def presses(self, option: int, *, phone: str = PHONE) -> None:
        """Somebody presses a button of the last message to them."""
        reply = choices_of(self.delivered[-1])[option]
        content = {"type": "button_reply", "button_reply": reply}
        told = message("interactive", content, **{"id": f"wamid.{uuid4()}", "from": phone})
        assert await self.post("whatsapp", whatsapp(told)) == 200

    async def opens(self, *, phone: str = PHONE, **more: Any) -> None:
        told = message("button", {"payload": "opened"}, id=f"wamid.{uuid4()}", **more)
        self.written[phone] = datetime.now(UTC)
        assert await self.post("whatsapp", whatsapp(told | {"from": phone})) == 200

    async def reports(self, name: str, sent: dict[str, Any], **more: Any) -> None:
        body = status(name, sent["wamid"], **more)
        assert await self.post("whatsapp", body) == 200

    async def staff_writes(self, phone: str = PHONE) -> None:
        echo = {"to": phone, "id": f"wamid.{uuid4()}", "timestamp": stamp(), "type": "text"}
        body = changed("smb_message_echoes", {"message_echoes": [echo]})
        assert await self.post("whatsapp", body) == 200

    async def _tell(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        if self.answers:
            code, body = self.answers.pop(0)
            return web.json_response(body, status=code)
        return web.json_response({"name": "A page", "verified_name": "A shop"})

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.tokens.add(request.headers["Authorization"])
        if body.get("status") == "read" or "sender_action" in body:
            self.typing.append(body)
            return web.json_response({"success": True})
        if self.answers:
            code, answer = self.answers.pop(0)
            return web.json_response(answer, status=code)
        if wrong := self._against(body):
            code, answer = refusal(wrong)
            return web.json_response(answer, status=code)
        name = f"wamid.{uuid4()}"
        self.delivered.append({**body, "wamid": name, "account": request.match_info["account"]})
        if self.lost:
            self.lost -= 1
            assert request.transport is not None
            request.transport.close()
        if "recipient" in body and isinstance(body["recipient"], dict):
            return web.json_response({"recipient_id": "1", "message_id": name})
        return web.json_response({"messages": [{"id": name}]})

    async def _take_form(self, request: web.Request) -> web.Response:
        """Take a message as Twilio does."""
        form = dict(await request.post())
        self.tokens.add(request.headers["Authorization"])
        if self.answers:
            code, answer = self.answers.pop(0)
            return web.json_response(answer, status=code)
        sid = f"SM{uuid4().hex}"
        self.delivered.append({**form, "wamid": sid})
        return web.json_response({"sid": sid}, status=201)

    def _against(self, body: dict[str, Any]) -> int:
        """Keep the platform's rules: the window, and what fits."""
        if "to" in body:
            if datetime.now(UTC) - self.written.get(body["to"], datetime.now(UTC)) > _WINDOW:
                return 131047
            return 0 if _fits_whatsapp(body) else 131009
        return 0 if "message" not in body or _fits_messenger(body["message"]) else 100


def _fits_whatsapp(body: dict[str, Any]) -> bool:
    if body["type"] == "text":
        return 0 < len(body["text"]["body"]) <= 4096
    content, action = body["interactive"], body["interactive"]["action"]
    if content["type"] == "button":
        titles = [one["reply"]["title"] for one in action["buttons"]]
        ids = [one["reply"]["id"] for one in action["buttons"]]
        most, longest, longest_id, longest_body = 3, 20, 256, 1024
    else:
        rows = [row for section in action["sections"] for row in section["rows"]]
        titles, ids = [row["title"] for row in rows], [row["id"] for row in rows]
        most, longest, longest_id, longest_body = 10, 24, 200, 4096
        if not 0 < len(action["button"]) <= 20:
            return False
    return (
        0 < len(titles) <= most
        and len(set(titles)) == len(titles)
        and all(0 < len(title) <= longest for title in titles)
        and all(0 < len(one) <= longest_id for one in ids)
        and 0 < len(content["body"]["text"]) <= longest_body
    )


def _fits_messenger(content: dict[str, Any]) -> bool:
    replies = content.get("quick_replies", [])
    return (
        0 < len(content["text"]) <= 2000
        and len(replies) <= 13
        and all(0 < len(one["title"]) <= 20 and len(one["payload"]) <= 1000 for one in replies)
        and len(content.get("metadata", "")) <= 1000
    )


def text_of(body: dict[str, Any]) -> str:
    """What a person reads of a message, whatever its shape."""
    if "Body" in body:
        return str(body["Body"])
    if "message" in body:
        return str(body["message"]["text"])
    if body["type"] == "text":
        return str(body["text"]["body"])
    return str(body["interactive"]["body"]["text"])


def choices_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What a person may press."""
    if "message" in body:
        return list(body["message"].get("quick_replies", []))
    if body["type"] == "text":
        return []
    action = body["interactive"]["action"]
    if "buttons" in action:
        return [one["reply"] for one in action["buttons"]]
    return [row for section in action["sections"] for row in section["rows"]]


SETTINGS: dict[str, Any] = {
    "channels": "whatsapp,messenger,instagram",
    "meta_app_secret": SECRET,
    "meta_verify_token": "the word",
    "meta_app": "42",
    "whatsapp_number": NUMBER,
    "whatsapp_token": "whatsapp token",
    "messenger_page": PAGE,
    "messenger_token": "page token",
    "instagram_account": "IG-1",
    "instagram_token": "instagram token",
    "settle_milliseconds": 0,
    "messages_per_minute": 0,
}
__all__ = [
    "SETTINGS",
    "Platform",
    "choices_of",
    "page",
    "refusal",
    "signed",
    "text_of",
]
