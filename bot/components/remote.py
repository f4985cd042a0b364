"""A call of the action server: small, on a kept connection, and an error that quotes nobody."""

from __future__ import annotations

from asyncio import TimeoutError as AsyncTimeoutError
from asyncio import get_running_loop
from functools import lru_cache
from typing import Any

from aiohttp import ClientError, ClientResponseError, ClientSession, ClientTimeout
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.core.channels.channel import OutputChannel
from rasa.core.nlg import NaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, deserialise_events
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig
from rasa.version import __version__

from bot.components.errors import ActionFailedError

ACTION_TIMEOUT = ClientTimeout(total=15)
EVENTS_SENT = 4
NO_RESULT = "The action server's answer is not an action's result."


async def run_remote_action(
    self: RemoteAction,
    output_channel: OutputChannel,
    nlg: NaturalLanguageGenerator,
    tracker: DialogueStateTracker,
    domain: Domain,
) -> list[Event]:
    """Call the action server; only the endpoint's URL is used.

    An error does not quote the answer as Rasa's does: the server repeats its request in it.
    """
    result = await _post(self.action_endpoint, action_call(self.name(), tracker))
    if not result_validator().is_valid(result):
        raise ActionFailedError(NO_RESULT)
    said = await self._utter_responses(result["responses"], output_channel, nlg, tracker)
    return [*said, *deserialise_events(result["events"])]


async def _post(endpoint: EndpointConfig, call: dict[str, Any]) -> Any:
    session = kept_session(endpoint)
    try:
        async with session.post(endpoint.url, json=call, timeout=ACTION_TIMEOUT) as answer:
            answer.raise_for_status()
            return await answer.json()
    except ClientResponseError as error:
        reason = f"The action server answered {error.status}."
        raise ActionFailedError(reason) from error
    except (ClientError, AsyncTimeoutError, ValueError) as error:
        reason = f"No action server at {endpoint.url}: {type(error).__name__}."
        raise ActionFailedError(reason) from error


def kept_session(endpoint: EndpointConfig) -> ClientSession:
    """Return the one session of this endpoint and event loop, which keeps its connections."""
    loop = get_running_loop()
    owner, session = endpoint.__dict__.get("kept_session", (None, None))
    if owner is not loop or session.closed:
        session = ClientSession()
        endpoint.kept_session = loop, session
    return session


async def close_kept_session(endpoint: EndpointConfig | None) -> None:
    """End the connections; the next call would open them again."""
    _, session = getattr(endpoint, "kept_session", (None, None))
    if session is not None:
        await session.close()


def action_call(name: str, tracker: DialogueStateTracker) -> dict[str, Any]:
    """Send what rasa-sdk 3.21 needs, which insists on a domain, and the latest message."""
    state = tracker.current_state()
    state["events"] = [_sent(event) for event in list(tracker.events)[-EVENTS_SENT:]]
    return {
        "next_action": name,
        "sender_id": tracker.sender_id,
        "tracker": state,
        "domain": {},
        "version": __version__,
    }


def _sent(event: Event) -> dict[str, Any]:
    facts = event.as_dict()
    facts.pop("parse_data", None)
    return facts


@lru_cache(maxsize=1)
def result_validator() -> Any:
    """Compile Rasa's own schema of an action's result, which here asks for both lists."""
    spec = {**RemoteAction.action_response_format_spec(), "required": ["events", "responses"]}
    return validator_for(spec)(spec)
