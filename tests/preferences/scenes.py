"""A shopper's moment, built by hand: a quiet one, of which a test changes what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from preferences.catalogue import load_catalogue
from preferences.conversation import (
    About,
    Ask,
    Asked,
    AskKind,
    Candidate,
    Consent,
    Known,
    Outcome,
    Reply,
    State,
    Suppression,
    Turn,
)
from preferences.dialogue.asks import consent_ask, erase_ask, question_ask
from preferences.dialogue.respond import Assistant, Happened, Message, Pressed, Said
from preferences.dialogue.scene import Scene
from preferences.policy import load_policy
from preferences.understanding import Guess, Heard
from preferences.voice import load_voice

CATALOGUE, VOICE, POLICY = load_catalogue(), load_voice("Corner Shop"), load_policy()
ASSISTANT = Assistant(CATALOGUE, VOICE, POLICY)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PURPOSE = "tailor_suggestions"
DRESS = About(purchase="order-1", sku="D-1", product="Summer dress")
GIVEN = {PURPOSE: Consent("event-1", "given")}
REFUSED = {PURPOSE: Consent("event-1", "refused")}
WITHDRAWN = {PURPOSE: Consent("event-2", "withdrawn")}
STOPPED = Suppression("all", "", "shopper_said_stop")


def a_candidate(name: str = "candidate-1", *, at: datetime = NOW - MINUTE) -> Candidate:
    return Candidate(name, "gift_or_self", DRESS, "misfit", at)


def an_answer() -> Known:
    return Known("gift_or_self", "gift", "A gift", "Is “Hat” a gift, or for you?", NOW - DAY)


def a_state(**changes: object) -> State:
    """A shopper who was greeted before, of whom nothing is known and of whom nothing is asked."""
    quiet = State(
        conversation="talk",
        shopper="shopper",
        channel="web",
        locale="en",
        now=NOW,
        turn=7,
        disclosed=True,
        handed_off=False,
        unclear=0,
        ask=None,
        consents={},
        suppressions=(),
        asked=(),
        candidates=(),
        known=(),
        purchases=0,
    )
    return replace(quiet, **changes)


def an_ask(kind: AskKind, **changes: object) -> Ask:
    """Something the assistant asked a minute ago, in the words it would have used."""
    scene = a_scene(a_state(turn=5, now=NOW - MINUTE, **changes))
    match kind:
        case "question":
            question = CATALOGUE.questions["gift_or_self"]
            return question_ask(scene, question, a_candidate())
        case "consent":
            return consent_ask(scene, PURPOSE)
        case "erase":
            return erase_ask(scene)


def a_state_with(ask: Ask, **changes: object) -> State:
    """The same shopper with something open: a question implies that permission was given."""
    consents = GIVEN if ask.kind == "question" else {}
    open_one = Asked(ask.kind, ask.question, ask.purpose, ask.asked_at, None, here=True)
    candidates = () if ask.kind == "erase" else (a_candidate(),)
    return a_state(
        **{
            "ask": ask,
            "asked": (open_one,),
            "consents": consents,
            "candidates": candidates,
            "locale": ask.locale,
        }
        | changes
    )


def was_asked(
    outcome: Outcome | None, ago: timedelta, *, kind: AskKind = "question", here: bool = False
) -> Asked:
    name = {"question": "gift_or_self", "consent": PURPOSE, "erase": "erase_data"}[kind]
    return Asked(kind, name, PURPOSE, NOW - ago, outcome, here)


def a_scene(state: State) -> Scene:
    return Scene(state, CATALOGUE, VOICE, POLICY)


def said(text: str, act: str = "out_of_scope", confidence: float = 0.95, **more: str) -> Said:
    """Words, and what a model would take them for."""
    return Said(Heard(text, (Guess(act, confidence, **more),)))


def pressed(ask: Ask, option: int) -> Pressed:
    return Pressed(ask.choices[option])


def respond(message: Message, state: State) -> Turn:
    return ASSISTANT.respond(message, state)


def opened() -> Happened:
    return Happened("opened")


def records[Kind](turn: Turn, kind: type[Kind]) -> list[Kind]:
    return [record for record in turn.records if isinstance(record, kind)]


def asking(turn: Turn) -> list[Reply]:
    """The replies that want something of the shopper."""
    return [reply for reply in turn.replies if reply.kind != "say" or reply.ask or reply.choices]


def texts(turn: Turn) -> list[str]:
    return [reply.text for reply in turn.replies]
