"""Messenger: quick replies for thirteen options, else numbers."""

from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web

from bot.channels import messenger_shapes
from bot.channels.channel import Address, SendError
from bot.channels.meta import Meta
from bot.channels.shapes import word
from bot.messages import Form, Inbound, Outbound, Rendered, fits, numbered, shorten
from preferences.settings import Settings

_MOST_REPLIES, _LONGEST_REPLY = 13, 20


@dataclass(frozen=True, slots=True)
class Messenger:
    """One page of the shop, or its Instagram account.

    `shows_replies` tells whether quick replies are shown on every device; where they are not, the
    options are numbered in the text too.
    """

    meta: Meta
    account: str
    token: str
    app: str
    name: str = "messenger"
    longest: int = 2000
    shows_replies: bool = True
    has_window: bool = True
    tells_reference: bool = True

    @property
    def accounts(self) -> tuple[str, ...]:
        """The shop's own page."""
        return (self.account,)

    def is_signed(self, request: web.Request, raw: bytes) -> bool:
        """Tell whether Meta signed these very bytes."""
        return self.meta.is_signed(request, raw)

    def handshake(self, request: web.Request) -> web.Response:
        """Answer Meta's challenge."""
        return self.meta.handshake(request)

    def parse(self, raw: bytes) -> list[Inbound]:
        """Read a body whole."""
        return messenger_shapes.parse(raw, self.name, self.app)

    def render(self, message: Outbound) -> Rendered:
        """Give quick replies, numbered text, or both."""
        body: dict[str, Any] = {}
        form: Form = "numbered" if message.choices else "text"
        if fits(message, _MOST_REPLIES, _LONGEST_REPLY):
            form = "quick_replies" if self.shows_replies else "numbered"
            body["quick_replies"] = [
                {"content_type": "text", "title": choice.label.strip(), "payload": choice.payload}
                for choice in message.choices
            ]
        short = shorten(message, self.longest)
        body["text"] = short.text if form == "quick_replies" else numbered(short)
        return Rendered(body, form)

    async def send(
        self, http: ClientSession, to: Address, message: Rendered, reference: str
    ) -> str:
        """Send a message once; its echo brings the reference back."""
        answer = await self._post(
            http,
            to,
            messaging_type="RESPONSE",
            message={**message.body, "metadata": reference},
        )
        return word(answer.get("message_id"))

    async def read_and_type(self, http: ClientSession, to: Address, message_id: str) -> None:
        """Mark what came as seen, and show that one is typing."""
        del message_id
        for action in ("mark_seen", "typing_on"):
            await self._post(http, to, sender_action=action)

    async def check(self, http: ClientSession) -> str:
        """Ask Meta for the page's own name."""
        answer = await self.meta.call(http, f"{self.account}?fields=name", self.token)
        return word(answer.get("name")) or self.account

    async def _post(self, http: ClientSession, to: Address, **body: Any) -> dict[str, Any]:
        receiver = to.names.get(self.name)
        if not receiver:
            raise SendError(trouble="final", code="no address")
        body = {"recipient": {"id": receiver}, **body}
        return await self.meta.call(http, f"{self.account}/messages", self.token, body)


def open_channel(settings: Settings) -> Messenger:
    """Open the channel from the settings."""
    token = settings.messenger_token.get_secret_value()
    return Messenger(Meta.of(settings), settings.messenger_page, token, settings.meta_app)
