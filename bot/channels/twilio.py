"""SMS and WhatsApp by Twilio: everything is text, and options are numbered."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from aiohttp import ClientSession, encode_basic_auth, web

from bot.channels import twilio_shapes
from bot.channels.channel import Address, SendError, Trouble
from bot.channels.meta import call
from bot.channels.shapes import number, word
from bot.messages import Form, Inbound, Outbound, Rendered, numbered, shorten
from preferences.errors import BadInputError
from preferences.settings import Settings

_SIGNATURE = "X-Twilio-Signature"
_LONGEST_TEXT = 1600
_WHATSAPP = "whatsapp:"
_RETRY = frozenset({20429, 20500, 20503, 30001, 30017, 63018, 63038})
_STOP = frozenset({20003, 20005, 20404, 21606, 21612, 30002, 30034, 63007, 63051})
_SERVER_ERROR, _TOO_MANY = 500, 429


@dataclass(frozen=True, slots=True)
class Twilio:
    """One number of the shop at Twilio, for SMS or for WhatsApp."""

    account: str
    token: str
    number: str
    public_url: str
    url: str
    name: str = twilio_shapes.NAME
    tells_reference: bool = False

    @property
    def accounts(self) -> tuple[str, ...]:
        """The shop's own number."""
        return (self.number,)

    @property
    def has_window(self) -> bool:
        """SMS knows none, WhatsApp has its own."""
        return self.number.startswith(_WHATSAPP)

    def is_signed(self, request: web.Request, raw: bytes) -> bool:
        """Tell whether Twilio signed this form for this very address (base64 of HMAC-SHA1)."""
        given = request.headers.getall(_SIGNATURE, [])
        if len(given) != 1:
            return False
        try:
            form = sorted(twilio_shapes.fields(raw))
        except BadInputError:
            return False
        signed = f"{self.public_url}{request.path_qs}" + "".join(map("".join, form))
        right = hmac.digest(self.token.encode(), signed.encode("utf-8", "replace"), sha1)
        sent = given[0].encode("utf-8", "surrogateescape")
        return hmac.compare_digest(sent, base64.b64encode(right))

    def handshake(self, request: web.Request) -> web.Response:
        """Say that there is none."""
        del request
        return web.Response(status=405, text="Twilio asks nothing here; it posts.\n")

    def parse(self, raw: bytes) -> list[Inbound]:
        """Read a form."""
        return twilio_shapes.parse(raw)

    def render(self, message: Outbound) -> Rendered:
        """Give numbered text."""
        form: Form = "numbered" if message.choices else "text"
        return Rendered({"Body": numbered(shorten(message, _LONGEST_TEXT))}, form)

    async def send(
        self, http: ClientSession, to: Address, message: Rendered, reference: str
    ) -> str:
        """Send a message once."""
        del reference  # nothing brings it back
        receiver = to.names.get("phone") or to.names.get(self.name)
        if not receiver:
            raise SendError(trouble="final", code="no address")
        body = {
            "From": self.number,
            "To": f"{_WHATSAPP}{receiver}" if self.has_window else receiver,
            "StatusCallback": f"{self.public_url}/v1/channels/{self.name}",
            **message.body,
        }
        answer = await self._call(http, "POST", "/Messages.json", data=body)
        return word(answer.get("sid"))

    async def read_and_type(self, http: ClientSession, to: Address, message_id: str) -> None:
        """Show nothing: there is no such thing here."""

    async def check(self, http: ClientSession) -> str:
        """Ask Twilio for the account's own name."""
        answer = await self._call(http, "GET", ".json")
        return f"{word(answer.get('friendly_name'))} ({word(answer.get('status'))})"

    async def _call(
        self, http: ClientSession, method: str, path: str, **more: Any
    ) -> dict[str, Any]:
        url = f"{self.url}/2010-04-01/Accounts/{self.account}{path}"
        headers = {"Authorization": encode_basic_auth(self.account, self.token)}
        return await call(http, method, url, trouble=trouble_of, headers=headers, **more)


def open_channel(settings: Settings) -> Twilio:
    """Open the channel from the settings."""
    return Twilio(
        settings.twilio_account,
        settings.twilio_token.get_secret_value(),
        settings.twilio_number,
        settings.public_url.rstrip("/"),
        settings.twilio_url.rstrip("/"),
    )


def trouble_of(status: int, answer: Mapping[str, Any]) -> SendError | None:
    """Say what Twilio's answer means for the message."""
    if status < 300:  # noqa: PLR2004
        return None
    code = number(answer.get("code"))
    kind: Trouble = "final"
    if code in _RETRY or status >= _SERVER_ERROR or status == _TOO_MANY:
        kind = "retry"
    elif code in _STOP or status == 401:  # noqa: PLR2004
        kind = "stop"
    return SendError(trouble=kind, code=str(code or f"HTTP {status}"))
