"""What replaces a part of Rasa is right about the Rasa that is installed."""

import asyncio
from types import SimpleNamespace

import jsonschema
import pytest
import rasa
from rasa.core.actions.action import RemoteAction
from rasa.core.channels.channel import UserMessage
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, UserUttered
from rasa.shared.core.slots import TextSlot
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from rasa.shared.utils.common import all_subclasses

from bot.components.corrections import CORRECTIONS, correct_rasa, event_classes, extract_slots
from bot.components.remote import result_validator


def of(name):
    return next(c for c in CORRECTIONS if f"{c.owner.__name__}.{c.name}" == name)


@pytest.mark.parametrize("correction", CORRECTIONS, ids=lambda c: f"{c.owner.__name__}.{c.name}")
def test_replaces_the_source_that_it_was_written_for(correction):
    assert correction.source == correction.found(), (
        f"Rasa's {correction.owner.__name__}.{correction.name} has changed: read it again, "
        "see whether the correction is still needed and right, then renew its fingerprint."
    )


def test_was_written_for_this_rasa():
    assert rasa.__version__ == "3.6.21"


def test_applying_twice_is_applying_once():
    correct_rasa()
    correct_rasa()

    for correction in CORRECTIONS:
        assert getattr(correction.owner, correction.name) is correction.replacement


@pytest.mark.parametrize("kind", sorted({c.type_name for c in all_subclasses(Event)}))
def test_finds_the_class_that_rasa_finds(kind):
    correct_rasa()

    assert of("Event.resolve_by_type").original(kind) is event_classes()[kind]
    assert Event.resolve_by_type(kind) is event_classes()[kind]


def test_an_unknown_event_is_still_an_error():
    correct_rasa()

    with pytest.raises(ValueError, match="sneeze"):
        Event.resolve_by_type("sneeze")


@pytest.mark.parametrize(
    "result",
    [
        {"events": [], "responses": []},
        {"events": [{"event": "slot", "name": "a", "value": 1}], "responses": [{"text": "x"}]},
        {"events": [{"event": "sneeze"}], "responses": []},
        {"events": "none", "responses": []},
        {"events": [], "responses": ["x"]},
        {"events": [{"event": "user"}], "responses": []},
        [],
    ],
)
def test_judges_an_action_s_result_as_rasa_does(result):
    try:
        jsonschema.validate(result, RemoteAction.action_response_format_spec())
        good = True
    except jsonschema.ValidationError:
        good = False

    assert good == result_validator().is_valid(result)


def test_runs_the_graph_to_the_same_end(agent):
    runner = agent.processor.graph_runner
    target = agent.processor.model_metadata.nlu_target
    inputs = {"__message__": [_message()], "__tracker__": DialogueStateTracker("c", [])}
    ours = DaskGraphRunner.run(runner, inputs, [target])[target][0]
    inputs["__message__"] = [_message()]
    theirs = of("DaskGraphRunner.run").original(runner, inputs, [target])[target][0]

    assert theirs.as_dict(only_output_properties=True) == ours.as_dict(only_output_properties=True)
    assert "intent_ranking" in ours.as_dict(only_output_properties=True)


@pytest.mark.parametrize("intent", ["greet", "press", "event", "answer", "out_of_scope"])
@pytest.mark.parametrize("acted", [False, True])
def test_the_running_turn_decides_as_the_whole_history_does(agent, intent, acted):
    correct_rasa()
    tracker = DialogueStateTracker("c", agent.domain.slots)
    for past in ("stop", "greet", "press"):
        _turn(tracker, past, acted=True)
    _turn(tracker, intent, acted=acted)
    if acted:
        tracker.events.pop()
        tracker.latest_action = {"action_name": "action_turn"}
    ours = _predicted(agent, tracker)
    for correction in CORRECTIONS:
        if correction.owner.__name__ == "RulePolicy":
            setattr(correction.owner, correction.name, correction.original)
    theirs = _predicted(agent, tracker)
    correct_rasa()

    assert theirs == ours == ("action_listen" if acted else "action_turn")


def test_slots_are_refused_rather_than_ignored():
    domain = Domain.empty()
    domain.slots = [TextSlot("answer", mappings=[])]
    processor = SimpleNamespace(domain=domain)

    with pytest.raises(RasaException, match="must not have slots"):
        asyncio.new_event_loop().run_until_complete(
            extract_slots(processor, None, DialogueStateTracker("c", []))
        )


def _message():
    return UserMessage("it was a present for my dad", metadata={"locale": "en"})


def _turn(tracker, intent, *, acted):
    tracker.update(ActionExecuted("action_listen"))
    tracker.update(UserUttered("", {"name": intent, "confidence": 1.0}))
    if acted:
        tracker.update(ActionExecuted("action_turn"))
        tracker.update(ActionExecuted("action_listen"))


def _predicted(agent, tracker):
    prediction = agent.processor._predict_next_with_tracker(tracker)
    return agent.domain.action_names_or_texts[prediction.max_confidence_index]
