"""Brings what was said to the platforms: once, in order, and not against what holds by then."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import uniform

from aiohttp import ClientSession

from bot.channels.channel import Address, Channel, SendError
from bot.messages import Choice, Outbound
from bot.own.page import PATH
from bot.tokens import Tokens
from preferences.store.conversations import Received
from preferences.store.dispatches import (
    WINDOW,
    Dispatch,
    accepted,
    begin_sending,
    end,
    put_off,
    read_dispatches,
)
from preferences.store.engine import Store
from preferences.voice import Voice

logger = logging.getLogger(__name__)

_MOST_TRIES = 8
_LONGEST_WAIT = 300.0
_PATIENCE = timedelta(seconds=60)
"""How long a message whose fate nobody knows is waited for, before it is sent a second time."""
_BLOCKED = timedelta(minutes=5)
_BEFORE_LINK = 450
_MARGIN = timedelta(minutes=2)


@dataclass(slots=True)
class Sender:
    """Sends what is due to a shopper; the queue sees to it that only one does at a time."""

    store: Store
    channels: Mapping[str, Channel]
    http: ClientSession
    tokens: Tokens
    voice: Voice
    public_url: str = ""
    """Where the shopper's own page is reached from outside; empty: it is not offered."""
    blocked: dict[str, datetime] = field(default_factory=dict)
    """Channels on which nothing is sent until then: somebody has to mend the account."""

    async def send_due(self, shopper: str, now: datetime) -> None:
        """Send what is due to a person; what has to wait keeps back what was said after it there."""
        kept_back = set[str]()
        for dispatch in await read_dispatches(self.store, shopper):
            if dispatch.conversation in kept_back:
                continue
            if dispatch.next_attempt_at > now:
                waits = dispatch.state == "waiting"
            else:
                waits = not await self._settle(dispatch, now)
            if waits:
                kept_back.add(dispatch.conversation)

    async def show_typing(self, received: Received) -> None:
        """Show that a message was read and is being answered; that it cannot be shown is no matter."""
        channel = self.channels.get(received.conversation.channel)
        if channel is None or received.body.get("late"):
            return
        try:
            to = Address(received.account, received.to)
            await channel.read_and_type(self.http, to, received.message_id)
        except SendError as error:
            logger.debug("%s shows no typing (%s).", channel.name, error.code)

    async def _settle(self, dispatch: Dispatch, now: datetime) -> bool:
        """Send a message or end it; tell whether what comes after it may go."""
        channel = self.channels.get(dispatch.channel)
        if channel is None:
            await end(self.store, dispatch.id, "withheld", "channel_off")
            return True
        if dispatch.state != "waiting" and not self._may_repeat(dispatch, channel):
            await end(self.store, dispatch.id, "failed", "unknown")
            return True
        if why := _against(dispatch, channel, now):
            await end(self.store, dispatch.id, "withheld", why)
            return True
        until = self.blocked.get(channel.name, now)
        if until > now:
            await put_off(self.store, dispatch.id, "waiting", "channel_blocked", until)
            return False
        return await self._send(dispatch, channel, now)

    def _may_repeat(self, dispatch: Dispatch, channel: Channel) -> bool:
        """Tell whether a message of unknown fate is sent again: once, while it is still the last word."""
        known = channel.tells_reference and dispatch.attempts < _MOST_TRIES
        return known and not dispatch.overtaken

    async def _send(self, dispatch: Dispatch, channel: Channel, now: datetime) -> bool:
        rendered = channel.render(self._outbound(dispatch))
        if not await begin_sending(self.store, dispatch.id, rendered.form, now + _PATIENCE):
            return True
        to = Address(dispatch.account, dispatch.to)
        try:
            name = await channel.send(self.http, to, rendered, dispatch.id)
        except SendError as error:
            return await self._failed(dispatch, channel, error, now)
        await accepted(self.store, dispatch.id, name, now)
        return True

    async def _failed(
        self, dispatch: Dispatch, channel: Channel, error: SendError, now: datetime
    ) -> bool:
        match error.trouble:
            case "unknown" if dispatch.state == "waiting":
                await put_off(self.store, dispatch.id, "unknown", error.code, now + _PATIENCE)
                return True
            case "stop":
                logger.error(
                    "%s takes nothing (%s); mend the account, `python -m bot channels check` tells more.",
                    channel.name,
                    error.code,
                )
                until = self.blocked[channel.name] = now + _BLOCKED
                await put_off(self.store, dispatch.id, "waiting", error.code, until)
                return False
            case "retry" if dispatch.attempts + 1 < _MOST_TRIES:
                wait = timedelta(seconds=_wait(dispatch.attempts, error.wait))
                await put_off(self.store, dispatch.id, "waiting", error.code, now + wait)
                return False
        logger.warning("%s did not take a message (%s).", channel.name, error.code)
        await end(self.store, dispatch.id, "failed", error.code)
        return True

    def _outbound(self, dispatch: Dispatch) -> Outbound:
        """Put all that was said in a turn into one message, with the options of its last question."""
        asking = next(
            (line for line in reversed(dispatch.lines) if line.ask and line.choices), None
        )
        choices = (
            [
                Choice(label, self.tokens.press(dispatch.conversation, asking.ask or "", option))
                for option, label in enumerate(asking.choices)
            ]
            if asking
            else []
        )
        text = "\n\n".join(line.text for line in dispatch.lines)
        if self.public_url and any(line.page for line in dispatch.lines):
            text = self._with_page(text, dispatch)
        return Outbound(text, tuple(choices), self.voice.say("pick", dispatch.locale))

    def _with_page(self, text: str, dispatch: Dispatch) -> str:
        """Add the way to the shopper's own page, short enough that no channel cuts it off.

        It is made as it is sent, and written down nowhere.
        """
        link = self.tokens.own_link(dispatch.conversation, datetime.now(UTC))
        url = f"{self.public_url.rstrip('/')}{PATH}?link={link}"
        said = text if len(text) <= _BEFORE_LINK else f"{text[: _BEFORE_LINK - 1].rstrip()}…"
        return f"{said}\n\n{self.voice.say('data_page', dispatch.locale, url=url)}"


def _against(dispatch: Dispatch, channel: Channel, now: datetime) -> str:
    """Say what speaks against sending a message by now; nothing is empty."""
    if not dispatch.lines:
        return "erased"
    if channel.has_window and dispatch.seen_at < now - WINDOW + _MARGIN:
        return "window"
    if dispatch.opted_out:
        return "opted_out"
    talks = dispatch.handed_off_at
    return "person_is_talking" if talks is not None and talks > dispatch.created_at else ""


def _wait(tries: int, base: float) -> float:
    """Give how many seconds to wait after so many tries: more each time, never the same."""
    grown = base ** (tries + 1) if base else 2.0**tries
    return min(grown, _LONGEST_WAIT) * uniform(0.8, 1.2)
