"""Answers one message: what is said, and what has to be stored before it may be said."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from preferences.catalogue import Catalogue
from preferences.conversation import Choice, Disclosed, State, Turn, Unclear
from preferences.dialogue import wishes
from preferences.dialogue.answers import about_ask
from preferences.dialogue.asks import ask_or_be_silent
from preferences.dialogue.scene import Scene
from preferences.policy import Policy
from preferences.understanding import Heard, Reading, gives_permission, read
from preferences.voice import Voice


@dataclass(frozen=True, slots=True)
class Said:
    """The shopper wrote something."""

    heard: Heard


@dataclass(frozen=True, slots=True)
class Pressed:
    """The shopper pressed a button; `choice` is None where its ask is not open any more."""

    choice: Choice | None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened that may be an occasion: `opened` (the chat) or `purchased`."""

    event: str


Message = Said | Pressed | Happened

_WISHES: dict[str, Callable[[Scene], Turn]] = {
    "stop": wishes.stop,
    "start": wishes.start,
    "stop_channel": wishes.stop_channel,
    "erase_data": wishes.erase,
    "handoff": wishes.hand_off,
    "sensitive_event": wishes.sensitive,
    "complaint": wishes.complaint,
    "ask_why": wishes.why,
    "ask_data": wishes.tell_data,
}
# While a person is talking, only what nobody else can do is done.
_HEARD_WHEN_SILENT = frozenset({"stop", "start", "erase_data"})
_SMALL_TALK = {
    "greet": "greeting",
    "thank": "thanks",
    "goodbye": "goodbye",
    "bot_challenge": "bot",
    "ask_capabilities": "offer",
    "order_status": "order_status",
    "change_language": "language",
    "correct_data": "correct",
    "repeat": "acknowledged",
    "affirm": "acknowledged",
    "deny": "acknowledged",
    "pause": "skipped",
    "decline": "declined",
    "dont_know": "dont_know",
    "no_preference": "no_preference",
    "not_relevant": "not_relevant",
    "already_sorted": "not_relevant",
}


@dataclass(frozen=True, slots=True)
class Assistant:
    """The assistant of one shop: its questions, its words and its limits."""

    catalogue: Catalogue
    voice: Voice
    policy: Policy

    def respond(self, message: Message, state: State) -> Turn:
        """Answer one message in its state; what is to be stored comes with it, in order."""
        scene = Scene(state, self.catalogue, self.voice, self.policy)
        if _is_forgotten(scene) and not isinstance(message, Pressed):
            return scene.close("ignored") + _introduced(scene, _turn(scene.without_ask(), message))
        return _introduced(scene, _turn(scene, message))


def _is_forgotten(scene: Scene) -> bool:
    """Whether the open ask is so old that what comes now is no answer to it."""
    ask = scene.state.ask
    hours = timedelta(hours=scene.policy.hours_until_ignored)
    return ask is not None and scene.state.now - ask.asked_at > hours


def _introduced(scene: Scene, turn: Turn) -> Turn:
    """Say first, in every new conversation, that this is a machine."""
    if scene.state.disclosed or not turn.replies:
        return turn
    return scene.say("hello") + Turn(records=(Disclosed(),)) + turn


def _turn(scene: Scene, message: Message) -> Turn:
    match message:
        case Happened(event):
            return _happened(scene, event)
        case Pressed(choice):
            return _pressed(scene, choice)
        case Said(heard):
            return _said(scene, heard)


def _happened(scene: Scene, event: str) -> Turn:
    turn = ask_or_be_silent(scene, event)
    silent = turn.replies or scene.state.disclosed or scene.state.handed_off
    return turn if event != "opened" or silent else turn + scene.say("offer")


def _pressed(scene: Scene, choice: Choice | None) -> Turn:
    if scene.state.handed_off:
        return Turn()
    if choice is None or scene.state.ask is None:
        return scene.say("acknowledged")
    reading = Reading(choice.act or "answer", 1.0, choice.value)
    return about_ask(scene, scene.state.ask, reading, None, permitted=reading.act == "affirm")


def _said(scene: Scene, heard: Heard) -> Turn:
    ask = scene.state.ask
    reading = read(heard, ask, scene.catalogue)
    if scene.state.handed_off and reading.act not in _HEARD_WHEN_SILENT:
        return Turn()
    if reading.sure and reading.act in _WISHES:
        turn = _WISHES[reading.act](scene)
    elif ask is not None:
        turn = about_ask(scene, ask, reading, heard.text, permitted=gives_permission(heard))
    else:
        occasion = _SMALL_TALK.get(reading.act) if reading.sure else None
        turn = scene.say(occasion or "out_of_scope")
    if scene.state.unclear and not any(isinstance(record, Unclear) for record in turn.records):
        turn += Turn(records=(Unclear(0),))
    return turn
