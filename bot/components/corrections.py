"""What Rasa 3.6.21 does needlessly, or hides, in every turn, put right in one place.

A turn's cost is CPU time measured on one conversation of 200 events with a rule that calls one
action. A fingerprint is of the source that a correction replaces: `tests/rasa` compares them, so
that a new Rasa is looked at before it is trusted with these.
"""

from __future__ import annotations

from asyncio import TimeoutError as AsyncTimeoutError
from asyncio import get_running_loop
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from inspect import getattr_static, getsource
from typing import Any

from aiohttp import ClientError, ClientResponseError, ClientSession, ClientTimeout
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.core.channels.channel import OutputChannel
from rasa.core.nlg import NaturalLanguageGenerator
from rasa.core.policies.policy import Policy, PolicyPrediction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import TrackerStore
from rasa.engine.graph import GraphNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.nlu.classifiers.regex_message_handler import RegexMessageHandler
from rasa.shared.core.constants import DEFAULT_SLOT_NAMES
from rasa.shared.core.domain import Domain, State
from rasa.shared.core.events import Event, UserUttered, deserialise_events
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.utils.common import all_subclasses
from rasa.utils.endpoints import EndpointConfig
from rasa.version import __version__

from bot.components.errors import ActionFailedError

ACTION_TIMEOUT = ClientTimeout(total=15)
EVENTS_SENT = 4


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
        raise ActionFailedError("The action server's answer is not an action's result.")
    said = await self._utter_responses(result["responses"], output_channel, nlg, tracker)
    return [*said, *deserialise_events(result["events"])]


async def _post(endpoint: EndpointConfig, call: dict[str, Any]) -> Any:
    session = kept_session(endpoint)
    try:
        async with session.post(endpoint.url, json=call, timeout=ACTION_TIMEOUT) as answer:
            answer.raise_for_status()
            return await answer.json()
    except ClientResponseError as error:
        raise ActionFailedError(f"The action server answered {error.status}.") from error
    except (ClientError, AsyncTimeoutError, ValueError) as error:
        reason = type(error).__name__
        raise ActionFailedError(f"No action server at {endpoint.url}: {reason}.") from error


def kept_session(endpoint: EndpointConfig) -> ClientSession:
    """The one session of this endpoint and event loop, which keeps its connections."""
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
    """What rasa-sdk 3.21 needs, which insists on a domain, and our action: the latest message."""
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
    """Rasa's own schema of an action's result, compiled once, which asks for both lists."""
    spec = {**RemoteAction.action_response_format_spec(), "required": ["events", "responses"]}
    return validator_for(spec)(spec)


async def run_action(
    self: MessageProcessor,
    action: Any,
    tracker: DialogueStateTracker,
    output_channel: OutputChannel,
    nlg: NaturalLanguageGenerator,
    prediction: PolicyPrediction,
) -> bool:
    """Run an action and log it; an error ends the turn before anything is saved."""
    events = await action.run(output_channel, nlg, tracker, self.domain)
    self._log_action_on_tracker(tracker, action, events, prediction)
    await self.execute_side_effects(events, tracker, output_channel)
    return self.should_predict_another_action(action.name())


async def extract_slots(
    self: MessageProcessor, output_channel: OutputChannel, tracker: DialogueStateTracker
) -> DialogueStateTracker:
    """Nothing: what a shopper said is kept by the action, never by a slot."""
    if any(slot.name not in DEFAULT_SLOT_NAMES for slot in self.domain.slots):
        raise RasaException("domain.yml must not have slots: answers live in the store.")
    return tracker


def resolve_event(type_name: str, default: type[Event] | None = None) -> type[Event] | None:
    """The class of an event by its name."""
    found = event_classes().get(type_name, default)
    if found is None:
        raise ValueError(f"Unknown event name '{type_name}'.")
    return found


@lru_cache(maxsize=1)
def event_classes() -> dict[str, type[Event]]:
    """Every class by name; of two with one name the first, as Rasa does."""
    return {c.type_name: c for c in reversed(all_subclasses(Event))}


def run_graph(
    self: DaskGraphRunner,
    inputs: dict[str, Any] | None = None,
    targets: list[str] | None = None,
) -> dict[str, Any]:
    """Run the nodes that the targets need one after another, in an order found once."""
    wanted = tuple(targets or self._graph_schema.target_names)
    done = dict(inputs or {})
    for name, node, needs in _plan(self, wanted):
        _, done[name] = node(*((need, done[need]) for need in needs))
    return {target: done[target] for target in wanted}


def _plan(
    runner: DaskGraphRunner, targets: tuple[str, ...]
) -> list[tuple[str, GraphNode, list[str]]]:
    plans = runner.__dict__.setdefault("plans", {})
    if targets not in plans:
        plans[targets] = _ordered(runner, targets)
    return plans[targets]


def _ordered(
    runner: DaskGraphRunner, targets: tuple[str, ...]
) -> list[tuple[str, GraphNode, list[str]]]:
    nodes = runner._graph_schema.nodes
    order: dict[str, list[str]] = {}

    def visit(name: str) -> None:
        if name in nodes and name not in order:
            needs = list(nodes[name].needs.values())
            for need in needs:
                visit(need)
            order[name] = needs

    for target in targets:
        visit(target)
    return [(name, runner._instantiated_nodes[name], needs) for name, needs in order.items()]


_find_by_rules = RulePolicy._find_action_from_rules
_states_of = Policy._prediction_states


def find_by_intent(
    self: RulePolicy,
    tracker: DialogueStateTracker,
    domain: Domain,
    use_text_for_last_user_input: bool,
) -> tuple[str | None, str | None, bool]:
    """Rules about the wording of a message do not exist here, so they are not looked for."""
    if use_text_for_last_user_input:
        return None, None, False
    return _find_by_rules(self, tracker, domain, use_text_for_last_user_input)


def states_of_turn(
    self: RulePolicy,
    tracker: DialogueStateTracker,
    domain: Domain,
    use_text_for_last_user_input: bool = False,
    rule_only_data: dict[str, Any] | None = None,
) -> list[State]:
    """The states of the running turn: every rule begins with the message and looks no further."""
    turn = tracker.init_copy()
    for event in _last_turn(list(tracker.events)):
        turn.update(event)
    # The first state is that of a conversation without events, which only the copy is.
    return _states_of(self, turn, domain, use_text_for_last_user_input, rule_only_data)[1:]


def _last_turn(events: list[Event]) -> list[Event]:
    """From the listening before the latest message on."""
    for place in range(len(events) - 1, 0, -1):
        if isinstance(events[place], UserUttered):
            return events[place - 1 :]
    return events


def read_no_commands(
    self: RegexMessageHandler, messages: list[Message], domain: Domain | None = None
) -> list[Message]:
    """Words are words: a text that begins with a slash is not an intent with slots."""
    return messages


def use_store_as_it_is(store: TrackerStore | None, domain: Domain) -> TrackerStore:
    """The configured store, without Rasa's silent flight into memory when it fails."""
    if store is None:
        raise RasaException("endpoints.yml must name a tracker store.")
    store.domain = domain
    return store


@dataclass(frozen=True)
class Correction:
    """One method of Rasa's and what takes its place."""

    owner: type
    name: str
    replacement: Callable[..., Any]
    why: str
    source: str
    original: Callable[..., Any]

    @classmethod
    def of(cls, replacement: Callable[..., Any], original: str, source: str, why: str) -> Correction:
        """`original` is Class.method of a class imported here."""
        owner_name, name = original.split(".")
        owner = globals()[owner_name]
        return cls(owner, name, replacement, why, source, getattr(owner, name))

    def apply(self) -> None:
        """Put the replacement in place."""
        static = isinstance(getattr_static(self.owner, self.name), staticmethod)
        setattr(self.owner, self.name, staticmethod(self.replacement) if static else self.replacement)

    def found(self) -> str:
        """The fingerprint of what this Rasa has in the place."""
        return sha256(getsource(self.original).encode()).hexdigest()[:16]


CORRECTIONS = (
    Correction.of(run_remote_action, "RemoteAction.run", "", "TODO"),
    Correction.of(run_action, "MessageProcessor._run_action", "", "TODO"),
    Correction.of(extract_slots, "MessageProcessor.run_action_extract_slots", "", "TODO"),
    Correction.of(resolve_event, "Event.resolve_by_type", "", "TODO"),
    Correction.of(run_graph, "DaskGraphRunner.run", "", "TODO"),
    Correction.of(find_by_intent, "RulePolicy._find_action_from_rules", "", "TODO"),
    Correction.of(states_of_turn, "RulePolicy._prediction_states", "", "TODO"),
    Correction.of(read_no_commands, "RegexMessageHandler.process", "", "TODO"),
    Correction.of(use_store_as_it_is, "Agent._create_tracker_store", "", "TODO"),
)


def correct_rasa() -> None:
    """Apply every correction; doing it twice does nothing more."""
    for correction in CORRECTIONS:
        correction.apply()
