"""What Rasa 3.6.21 does needlessly, or hides, in every turn, put right in one place.

Costs are CPU time in a turn without words, in a conversation at its bound, on one core of an
EPYC in 2026: with every correction such a turn costs 1.0 ms, with none about 10. A fingerprint is
of the source that a correction replaces: `tests/rasa` compares them, so that a new Rasa is looked
at before it is trusted with these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from inspect import getattr_static, getsource
from typing import Any

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
from rasa.shared.core.events import Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.utils.common import all_subclasses

from bot.components.remote import run_remote_action

NO_SLOTS = "domain.yml must not have slots: answers live in the store."
NO_STORE = "endpoints.yml must name a tracker store."


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
    """Do nothing: what a shopper said is kept by the action, never by a slot."""
    if any(slot.name not in DEFAULT_SLOT_NAMES for slot in self.domain.slots):
        raise RasaException(NO_SLOTS)
    return tracker


def resolve_event(type_name: str, default: type[Event] | None = None) -> type[Event] | None:
    """Find the class of an event by its name."""
    found = event_classes().get(type_name, default)
    if found is None:
        reason = f"Unknown event name '{type_name}'."
        raise ValueError(reason)
    return found


@lru_cache(maxsize=1)
def event_classes() -> dict[str, type[Event]]:
    """Return every class by name; of two with one name the first, as Rasa does."""
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
    """Look for no rule about the wording of a message: there is none."""
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
    """Return the running turn's states: every rule begins with the message, none looks further."""
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


_is_empty = Domain.is_empty


def is_empty_once(self: Domain) -> bool:
    """Tell whether a domain is empty; a model's domain does not change."""
    if "found_empty" not in self.__dict__:
        self.found_empty = _is_empty(self)
    return self.found_empty


def read_no_commands(
    self: RegexMessageHandler, messages: list[Message], domain: Domain | None = None
) -> list[Message]:
    """Leave words alone: a text that begins with a slash is not an intent with slots."""
    return messages


def use_store_as_it_is(store: TrackerStore | None, domain: Domain) -> TrackerStore:
    """Return the configured store, without Rasa's silent flight into memory when it fails."""
    if store is None:
        raise RasaException(NO_STORE)
    store.domain = domain
    return store


@dataclass(frozen=True)
class Correction:
    """One method of Rasa's, what takes its place and why."""

    owner: type
    name: str
    replacement: Callable[..., Any]
    source: str
    why: str
    original: Callable[..., Any]

    def apply(self) -> None:
        """Put the replacement in place."""
        static = isinstance(getattr_static(self.owner, self.name), staticmethod)
        setattr(
            self.owner, self.name, staticmethod(self.replacement) if static else self.replacement
        )

    def found(self) -> str:
        """Return the fingerprint of what this Rasa has in the place."""
        return sha256(getsource(self.original).encode()).hexdigest()[:16]


def _of(
    owner: type, name: str, replacement: Callable[..., Any], source: str, why: str
) -> Correction:
    return Correction(owner, name, replacement, source, why, getattr(owner, name))


CORRECTIONS = (
    _of(
        RemoteAction,
        "run",
        run_remote_action,
        "ccabf6f1160d527a",
        "8 ms: compiles a constant schema against its metaschema, opens a session and a connection, "
        "and sends domain and whole history at every call; its error quotes the shopper.",
    ),
    _of(
        MessageProcessor,
        "_run_action",
        run_action,
        "6d383d0179ef1187",
        "0.3 ms: replays the tracker into a copy; and an action's failure is swallowed and saved.",
    ),
    _of(
        MessageProcessor,
        "run_action_extract_slots",
        extract_slots,
        "ff52049be97dde87",
        "0.2 ms: goes through slots that do not exist.",
    ),
    _of(
        Event,
        "resolve_by_type",
        resolve_event,
        "b5cf570fa7f286c7",
        "0.2 ms, 1 ms after a restart: walks all event classes for every event.",
    ),
    _of(
        DaskGraphRunner,
        "run",
        run_graph,
        "45f0f52f574f3aa9",
        "0.7 ms: plans and schedules the same eight nodes anew three times.",
    ),
    _of(
        RulePolicy,
        "_find_action_from_rules",
        find_by_intent,
        "be6da6ee0f5429bd",
        "0.3 ms: looks for rules about wording, of which there are none.",
    ),
    _of(
        RulePolicy,
        "_prediction_states",
        states_of_turn,
        "ed9b82bed2f26ad7",
        "0.5 ms: replays the whole history twice to see the last turn.",
    ),
    _of(
        Domain,
        "is_empty",
        is_empty_once,
        "884be90ef485f1d2",
        "0.2 ms: builds an empty domain and writes out both to compare them.",
    ),
    _of(
        RegexMessageHandler,
        "process",
        read_no_commands,
        "c0b15285ba78223d",
        "0.1 ms: reads a shopper's words as a command, and logs those that it cannot read.",
    ),
    _of(
        Agent,
        "_create_tracker_store",
        use_store_as_it_is,
        "97499b594b45581b",
        "Wraps the store so that a failing database means a conversation that starts anew.",
    ),
)


def correct_rasa() -> None:
    """Apply every correction; doing it twice does nothing more."""
    for correction in CORRECTIONS:
        correction.apply()
