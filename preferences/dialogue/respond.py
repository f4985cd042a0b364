"""Answers one message: what is said, and what has to be stored before it may be said."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from preferences.catalogue import Catalogue
from preferences.choosing import forbidding
from preferences.conversation import Ask, Choice, Closed, Disclosed, Outcome, State, Turn, Unclear
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
_DECIDES_ERASURE = frozenset({"affirm", "deny", "pause", "decline"})
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
        ended = _ended(scene, message)
        if ended is None:
            turn = _introduced(scene, _turn(scene, message))
        else:
            turn = scene.close(ended) + _introduced(scene, _turn(scene.ended(ended), message))
        return turn + _counted_anew(state, turn)


def _ended(scene: Scene, message: Message) -> Outcome | None:
    """Tell how the open ask ended before this message came, so that it cannot be its answer."""
    ask, catalogue = scene.state.ask, scene.catalogue
    if ask is None:
        return None
    unwanted = ask.kind != "erase" and forbidding(scene.state)
    if unwanted or (ask.kind == "question" and not scene.may_keep(ask.purpose)):
        return "withdrawn"  # in another conversation: here it would be closed
    asked = {"question": catalogue.questions, "consent": catalogue.purposes}.get(ask.kind)
    if asked is not None and ask.question not in asked:
        return "ignored"
    hours = timedelta(hours=scene.policy.hours_until_ignored)
    is_old = scene.state.now - ask.asked_at > hours
    return "ignored" if is_old and not isinstance(message, Pressed) else None


def _counted_anew(state: State, turn: Turn) -> Turn:
    """Forget earlier turns that were not understood, once one was or its ask is over."""
    counted = any(isinstance(record, Unclear) for record in turn.records)
    settled = turn.replies or any(isinstance(record, Closed) for record in turn.records)
    return Turn(records=(Unclear(0),)) if state.unclear and settled and not counted else Turn()


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
    return _said(scene, message.heard)


def _happened(scene: Scene, event: str) -> Turn:
    turn = ask_or_be_silent(scene, event)
    silent = turn.replies or scene.state.disclosed or scene.state.handed_off
    return turn if event != "opened" or silent else turn + scene.say("offer")


def _pressed(scene: Scene, choice: Choice | None) -> Turn:
    ask = scene.state.ask
    if choice is None or ask is None:
        return Turn() if scene.state.handed_off else scene.say("acknowledged")
    reading = Reading(choice.act or "answer", 1.0, choice.value)
    if scene.state.handed_off and not _is_heard_anyway(ask, reading):
        return Turn()
    return about_ask(scene, ask, reading, None, permitted=reading.act == "affirm")


def _said(scene: Scene, heard: Heard) -> Turn:
    ask = scene.state.ask
    reading = read(heard, ask, scene.catalogue)
    if scene.state.handed_off and not _is_heard_anyway(ask, reading):
        return Turn()
    if reading.sure and reading.act in _WISHES:
        return _WISHES[reading.act](scene)
    if ask is not None:
        return about_ask(scene, ask, reading, heard.text, permitted=gives_permission(heard, ask))
    occasion = _SMALL_TALK.get(reading.act) if reading.sure else None
    return scene.say(occasion or "out_of_scope")


def _is_heard_anyway(ask: Ask | None, reading: Reading) -> bool:
    """Whether it concerns the assistant though a person is talking."""
    heard = _HEARD_WHEN_SILENT
    if ask is not None and ask.kind == "erase":
        heard |= _DECIDES_ERASURE
    return reading.sure and reading.act in heard
