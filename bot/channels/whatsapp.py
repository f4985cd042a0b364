"""WhatsApp by the Business Cloud API: buttons for three options, a list for ten, else numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web

from bot.channels import whatsapp_shapes
from bot.channels.channel import Address, SendError
from bot.channels.meta import Meta
from bot.channels.shapes import things, word
from bot.messages import Form, Inbound, Outbound, Rendered, fits, numbered, shorten
from preferences.settings import Settings

_LONGEST_TEXT, _LONGEST_BODY = 4096, 1024
_MOST_BUTTONS, _LONGEST_BUTTON = 3, 20
_MOST_ROWS, _LONGEST_ROW = 10, 24


@dataclass(frozen=True, slots=True)
class WhatsApp:
    """One number of the shop."""

    meta: Meta
    number: str
    token: str
    name: str = whatsapp_shapes.NAME
    has_window: bool = True
    tells_reference: bool = True

    @property
    def accounts(self) -> tuple[str, ...]:
        """The shop's own number, by its id."""
        return (self.number,)

    def is_signed(self, request: web.Request, raw: bytes) -> bool:
        """Tell whether Meta signed these very bytes."""
        return self.meta.is_signed(request, raw)

    def handshake(self, request: web.Request) -> web.Response:
        """Answer Meta's challenge."""
        return self.meta.handshake(request)

    def parse(self, raw: bytes) -> list[Inbound]:
        """Read a body whole."""
        return whatsapp_shapes.parse(raw)

    def render(self, message: Outbound) -> Rendered:
        """Give reply buttons, a list, or numbered text."""
        if fits(message, _MOST_BUTTONS, _LONGEST_BUTTON) and len(message.text) < _LONGEST_BODY - 1:
            return Rendered(_interactive(message, _buttons(message)), "buttons")
        if fits(message, _MOST_ROWS, _LONGEST_ROW) and len(message.text) < _LONGEST_TEXT - 1:
            return Rendered(_interactive(message, _list(message)), "list")
        text = {"body": numbered(shorten(message, _LONGEST_TEXT)), "preview_url": False}
        form: Form = "numbered" if message.choices else "text"
        return Rendered({"type": "text", "text": text}, form)

    async def send(
        self, http: ClientSession, to: Address, message: Rendered, reference: str
    ) -> str:
        """Send a message once; HTTP 200 says accepted, a status says what became of it."""
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **_receiver(to),
            **message.body,
            "biz_opaque_callback_data": reference,
        }
        answer = await self._post(http, body)
        sent = things(answer.get("messages"))
        return word(sent[0].get("id")) if sent else ""

    async def read_and_type(self, http: ClientSession, to: Address, message_id: str) -> None:
        """Mark a message as read and show that one is typing: one call, which costs nothing."""
        del to
        body = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": message_id,
            "typing_indicator": {"type": "text"},
        }
        await self._post(http, body)

    async def check(self, http: ClientSession) -> str:
        """Ask Meta for the number's own name."""
        path = f"{self.number}?fields=display_phone_number,verified_name,quality_rating"
        answer = await self.meta.call(http, path, self.token)
        told = (answer.get(key) for key in ("display_phone_number", "verified_name"))
        quality = word(answer.get("quality_rating")) or "unknown"
        return f"{', '.join(filter(None, map(word, told)))} (quality {quality})"

    async def _post(self, http: ClientSession, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self.meta.call(http, f"{self.number}/messages", self.token, body)


def open_channel(settings: Settings) -> WhatsApp:
    """Open the channel from the settings."""
    token = settings.whatsapp_token.get_secret_value()
    return WhatsApp(Meta.of(settings), settings.whatsapp_number, token)


def _receiver(to: Address) -> dict[str, str]:
    """Give the number where it is known, else the id that takes its place.

    A number that no country has is kept as an id; it is a number to WhatsApp all the same.
    """
    own = to.names.get(whatsapp_shapes.NAME, "")
    phone = (to.names.get("phone") or own).removeprefix("+")
    if phone.isascii() and phone.isdigit():
        return {"to": phone}
    if own:
        return {"recipient": own}
    raise SendError(trouble="final", code="no address")


def _interactive(message: Outbound, more: dict[str, Any]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"body": {"text": message.text}, **more}}


def _buttons(message: Outbound) -> dict[str, Any]:
    buttons = [
        {"type": "reply", "reply": {"id": choice.payload, "title": choice.label.strip()}}
        for choice in message.choices
    ]
    return {"type": "button", "action": {"buttons": buttons}}


def _list(message: Outbound) -> dict[str, Any]:
    rows = [{"id": choice.payload, "title": choice.label.strip()} for choice in message.choices]
    sections = [{"title": message.pick, "rows": rows}]
    return {"type": "list", "action": {"button": message.pick, "sections": sections}}
