"""What a channel is: it tells who speaks, shows what is said, sends it, and says why it cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol, cast

from aiohttp import ClientSession, web

from bot.messages import Inbound, Outbound, Rendered
from preferences.errors import AskfirstError
from preferences.settings import Settings

Trouble = Literal["retry", "unknown", "stop", "final"]
"""What to do about a message that was not sent: send it again, find out whether it was, send
nothing at all on this channel until somebody has mended it, or give this message up."""


class SendError(AskfirstError):
    """A message was not sent, or nobody knows; `wait` is how many seconds a retry waits at least."""

    def __init__(self, *, trouble: Trouble, code: str, wait: float = 0) -> None:
        super().__init__(f"The platform did not take a message ({code}).")
        self.trouble = trouble
        self.code = code
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message goes: the shop's own number or page, and the shopper's names there."""

    account: str
    names: Mapping[str, str]


class Channel(Protocol):
    """One way to talk, opened from the settings by `open_channel` of its module."""

    name: str
    accounts: Sequence[str]
    """The shop's own numbers or pages: what is for others is not taken."""
    has_window: bool
    """Whether it may be written to only within a day of the shopper's last message."""
    tells_reference: bool
    """Whether reports of a message carry our reference, so that a lost answer can be made up for."""

    def is_signed(self, request: web.Request, raw: bytes) -> bool:
        """Tell whether the platform signed these very bytes."""

    def handshake(self, request: web.Request) -> web.Response:
        """Answer a platform that asks whether this address is ours."""

    def parse(self, raw: bytes) -> list[Inbound]:
        """Read a body whole.

        :raises BadInputError: it cannot be read at all.
        """

    def render(self, message: Outbound) -> Rendered:
        """Give a message in the channel's own shape; no option is ever left out."""

    async def send(
        self, http: ClientSession, to: Address, message: Rendered, reference: str
    ) -> str:
        """Send a message once, and give the platform's id of it.

        :raises SendError: it was not sent, or nobody knows.
        """

    async def read_and_type(self, http: ClientSession, to: Address, message_id: str) -> None:
        """Show that a message was read and is being answered, where the platform can.

        :raises SendError: it could not be shown, which does no harm.
        """

    async def check(self, http: ClientSession) -> str:
        """Try the credentials, and say whom they are for.

        :raises SendError: they do not work.
        """


def open_channel(name: str, settings: Settings) -> Channel:
    """Open a channel by the name of its module."""
    return cast("Channel", import_module(f"bot.channels.{name}").open_channel(settings))
