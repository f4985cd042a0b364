"""What the gateway is made of, under typed names: opened by `gateway`, used by every route."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from aiohttp import web

from bot.assistant import Assistant
from bot.bus import Bus
from bot.channels.channel import Channel
from bot.limits import Limiter
from bot.queue import Queue
from bot.tokens import Tokens
from preferences.catalogue import Catalogue
from preferences.policy import Policy
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.voice import Voice


class Clock(Protocol):
    """Tells the time, aware and in UTC; tests bring their own."""

    def __call__(self) -> datetime:
        """Give now."""


SETTINGS = web.AppKey("settings", Settings)
CATALOGUE = web.AppKey("catalogue", Catalogue)
POLICY = web.AppKey("policy", Policy)
STORE = web.AppKey("store", Store)
ASSISTANT = web.AppKey("assistant", Assistant)
QUEUE = web.AppKey("queue", Queue)
CHANNELS = web.AppKey[Mapping[str, Channel]]("channels")
SEEN = web.AppKey("channels_seen", Counter[tuple[str, str]])
"""How often each channel reported what, since the start."""
BUS = web.AppKey("bus", Bus)
LIMITER = web.AppKey("limiter", Limiter)
VOICE = web.AppKey("voice", Voice)
TOKENS = web.AppKey("tokens", Tokens)
CLOCK = web.AppKey("clock", Clock)
