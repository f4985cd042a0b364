"""The one custom action: hands what Rasa understood to the domain, and gives back what to say."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict
from redis.asyncio import Redis
from redis.exceptions import RedisError

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.policy import load_policy
from preferences.referral import load_referral
from preferences.settings import load_settings
from preferences.store.engine import open_own_store
from preferences.store.outbox import BELL
from preferences.store.turns import Turns
from preferences.understanding import Guess, Heard
from preferences.voice import load_voice


class TakeTurn(Action):
    """Takes a turn and says nothing before it is committed: only then is anything saved."""

    def __init__(self) -> None:
        self._open: Turns | None = None
        self._opening = asyncio.Lock()
        self._closing = AsyncExitStack()

    def name(self) -> str:
        """Give the name under which the rules know it."""
        return "action_turn"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[dict[str, Any]]:
        """Take the turn; an error reaches Rasa as one, and the channel answers 503."""
        del domain
        message = tracker.latest_message
        turns = await self._turns()
        message_id = str(message["message_id"])
        replies = await turns.take(tracker.sender_id, message_id, heard(message))
        dispatcher.utter_message(
            json_message={"turn": {"message_id": message_id, "replies": replies}}
        )
        return []

    async def _turns(self) -> Turns:
        """Open the store at the first turn: rasa-sdk tells an action neither its start nor its end."""
        async with self._opening:
            if self._open is None:
                settings = load_settings()
                assistant = Assistant(
                    load_catalogue(),
                    load_voice(settings.shop_name),
                    load_policy(),
                    load_referral(),
                )
                store = await self._closing.enter_async_context(open_own_store(settings))
                self._open = Turns(
                    store,
                    assistant,
                    settings.destinations,
                    lambda: datetime.now(UTC),
                    _ringer(settings.redis_url),
                    settings.messages_per_month,
                )
            return self._open


def _ringer(redis_url: str) -> Callable[[], Awaitable[None]]:
    """Give what wakes the sync worker, which looks by itself where there is no Redis."""
    if not redis_url:
        return _silent
    redis = Redis.from_url(redis_url)

    async def ring() -> None:
        with suppress(RedisError, OSError):
            await redis.publish(BELL, "")

    return ring


async def _silent() -> None:
    """Ring nothing."""


def heard(message: Mapping[str, Any]) -> Heard:
    """Read Rasa's latest message: the text, the ranked guesses, the entities."""
    guesses = tuple(
        Guess(guess["name"], guess["confidence"], guess.get("question"), guess.get("value"))
        for guess in message.get("intent_ranking", [])
    )
    entities = {found["entity"]: str(found["value"]) for found in message.get("entities", [])}
    return Heard(message.get("text") or "", guesses, entities)
