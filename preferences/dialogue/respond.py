"""Answers one message: what is said, and what has to be stored before it may be said."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from preferences.catalogue import Catalogue
from preferences.choosing import forbidding
from preferences.conversation import (
    Ask,
    Choice,
    Closed,
    Disclosed,
    Dismissed,
    Outcome,
    Speaks,
    State,
    Turn,
    Unclear,
)
from preferences.dialogue import claiming, language, wishes
from preferences.dialogue.answers import about_ask
from preferences.dialogue.asks import ask_or_be_silent, put_again
from preferences.dialogue.scene import Scene
from preferences.dialogue.suggesting import tapped
from preferences.dialogue.surroundings import SURROUNDINGS, with_permission_wanted
from preferences.dialogue.volunteered import correct, note, unasked
from preferences.policy import Policy
from preferences.referral import Referral
from preferences.understanding import Heard, Reading, gives_permission, read
from preferences.voice import Voice


@dataclass(frozen=True, slots=True)
class Said:
    """The shopper wrote something."""

    heard: Heard


@dataclass(frozen=True, slots=True)
class Pressed:
    """The shopper pressed a button; `choice` is None where its ask is not open any more.

    `suggestion` is what the button stood under, where that was no question.
    """

    choice: Choice | None
    suggestion: Ask | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened that may be an occasion: `opened` (the chat), say, or `purchased`."""

    event: str


@dataclass(frozen=True, slots=True)
class Dismissal:
    """The shopper closed the chat; `at_once`: as soon as they saw what stands open."""

    at_once: bool


Message = Said | Pressed | Happened | Dismissal

_WISHES: dict[str, Callable[[Scene], Turn]] = {
    "stop": wishes.stop,
    "start": wishes.start,
    "erase_data": wishes.erase,
    "handoff": wishes.hand_off,
    "complaint": wishes.complaint,
    "ask_why": wishes.why,
    "ask_data": wishes.tell_data,
    "ask_capabilities": wishes.capabilities,
}
_FORBIDS = frozenset({"stop", "stop_channel", "erase_data"})
# While a person is talking, only what nobody else can do is done.
_HEARD_WHEN_SILENT = frozenset({"stop", "start", "stop_channel", "erase_data"})
_ABOUT_QUESTIONS = frozenset({"question", "confirm"})
_OF_OUR_OWN = frozenset({"erase", "claim", "invite"})  # no file of the catalogue words them
_DECIDES_ERASURE = frozenset({"affirm", "deny", "pause", "decline"})
_SMALL_TALK = {
    "greet": "greeting",
    "thank": "thanks",
    "goodbye": "goodbye",
    "bot_challenge": "bot",
    "order_status": "order_status",
    "change_language": "language",
    "repeat": "acknowledged",
    "affirm": "acknowledged",
    "deny": "acknowledged",
    "decline": "declined",
    "dont_know": "dont_know",
    "no_preference": "no_preference",
    "not_relevant": "not_relevant",
    "already_sorted": "already_sorted",
}


@dataclass(frozen=True, slots=True)
class Assistant:
    """The assistant of one shop: its questions, its words and its limits."""

    catalogue: Catalogue
    voice: Voice
    policy: Policy
    referral: Referral | None = None

    def respond(self, message: Message, state: State) -> Turn:
        """Answer one message in its state; what is to be stored comes with it, in order."""
        locale = _locale(message, state)
        page = self.referral if self.referral is not None and self.referral.enabled else None
        scene = Scene(state, self.catalogue, self.voice, self.policy, page).speaking(locale)
        ended = _ended(scene, message)
        if ended is None:
            turn = _introduced(scene, _turn(scene, message))
        else:
            turn = scene.close(ended) + _introduced(scene, _turn(scene.ended(ended), message))
        if locale != state.locale:
            turn += Turn(records=(Speaks(locale),))
        return turn + _counted_anew(state, turn)


def _locale(message: Message, state: State) -> str:
    """Give the language to answer in: the one asked for, or plainly written in, or the same."""
    if not isinstance(message, Said) or state.handed_off:
        return state.locale
    text = message.heard.text
    return language.wanted(text) or language.written(text, state.locale) or state.locale


def _ended(scene: Scene, message: Message) -> Outcome | None:
    """Tell how the open ask ended before this message came, so that it cannot be its answer."""
    ask, catalogue = scene.state.ask, scene.catalogue
    if ask is None:
        return None
    if ask.kind == "claim" and scene.state.claimable is None:
        return "ignored"  # there is nothing left to claim
    if ask.kind == "invite" and (scene.referral is None or scene.state.invitation is None):
        return "ignored"  # the shop invites nobody any more
    unwanted = ask.kind != "erase" and forbidding(scene.state)
    if unwanted or (ask.kind in _ABOUT_QUESTIONS and not scene.may_keep(ask.purpose)):
        return "withdrawn"  # in another conversation: here it would be closed
    known = catalogue.purposes if ask.kind == "consent" else catalogue.questions
    gone = ask.kind not in _OF_OUR_OWN and ask.question not in known
    if gone or (ask.pending is not None and ask.pending.question not in catalogue.questions):
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
    hello = scene.say(_greeting(scene.state))
    return hello + Turn(records=(Disclosed(),)) + turn


def _greeting(state: State) -> str:
    if state.returning:
        return "hello_again"
    return "hello_friend" if state.recommended else "hello"


def _turn(scene: Scene, message: Message) -> Turn:
    match message:
        case Happened(event):
            return _happened(scene, event)
        case Dismissal(at_once):
            return Turn(records=(Dismissed(),)) if at_once else Turn()
        case Pressed(Choice() as choice, Ask() as suggestion):
            return tapped(scene, suggestion, choice)
        case Pressed(choice):
            return _pressed(scene, choice)
    return _said(scene, message.heard)


def _happened(scene: Scene, event: str) -> Turn:
    if event == SURROUNDINGS:
        scene = with_permission_wanted(scene)
    turn = (event == "opened" and claiming.offer(scene, event)) or ask_or_be_silent(scene, event)
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
        return _unheard(scene, reading, heard.text)
    again = None if reading.act in _FORBIDS else wishes.wanted_again(scene, heard.text)
    wished = again or (_wished(scene, reading, heard.text) if reading.sure else None)
    if wished is not None:
        return wished
    if language.wanted(heard.text):
        return scene.say("language_now") + put_again(scene)
    return _talk(scene, reading, heard)


def _wished(scene: Scene, reading: Reading, text: str) -> Turn | None:
    """Obey a wish; None where it is none."""
    match reading.act:
        case "sensitive_event":
            return wishes.sensitive(scene, reading, text)
        case "stop_channel":
            return wishes.stop_channel(scene, reading)
        case "correct_data":
            return correct(scene, reading, text)
    return _WISHES[reading.act](scene) if reading.act in _WISHES else None


def _talk(scene: Scene, reading: Reading, heard: Heard) -> Turn:
    """Answer what is no wish: an answer, something the shopper tells unasked, small talk."""
    ask = scene.state.ask
    told = None if ask is not None and ask.kind == "erase" else unasked(scene, reading, heard.text)
    if told is not None:
        return note(scene, told)
    if ask is not None:
        return about_ask(scene, ask, reading, heard.text, permitted=gives_permission(heard, ask))
    if reading.sure and reading.act == "pause":
        return wishes.pause(scene)
    occasion = _SMALL_TALK.get(reading.act) if reading.sure else None
    return scene.say(occasion or "out_of_scope")


def _unheard(scene: Scene, reading: Reading, text: str) -> Turn:
    """Leave the words to the person, but keep what forbids asking from now on."""
    if reading.sure and reading.act == "sensitive_event":
        moment = wishes.sensitive(scene, reading, text)
        despairs = reading.detail.get("kind") == "despair"
        return moment if despairs else Turn(records=moment.records)
    return Turn()


def _is_heard_anyway(ask: Ask | None, reading: Reading) -> bool:
    """Whether it concerns the assistant though a person is talking."""
    heard = _HEARD_WHEN_SILENT
    if ask is not None and ask.kind == "erase":
        heard |= _DECIDES_ERASURE
    return reading.sure and reading.act in heard
