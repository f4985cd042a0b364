"""A shopper's moment, built by hand: a quiet one, of which a test changes what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

from preferences.catalogue import Question, load_catalogue
from preferences.conversation import (
    About,
    Ask,
    Asked,
    AskKind,
    Candidate,
    Consent,
    Invitation,
    Known,
    Outcome,
    Pending,
    Reply,
    Resting,
    State,
    Suggested,
    Suppression,
    Turn,
)
from preferences.dialogue.asks import (
    candidate_ask,
    claim_ask,
    consent_ask,
    erase_ask,
    pick_ask,
    read_back_ask,
    reading_back,
)
from preferences.dialogue.inviting import invite_ask
from preferences.dialogue.respond import Assistant, Happened, Message, Pressed, Said
from preferences.dialogue.scene import Scene
from preferences.policy import load_policy
from preferences.referral import load_referral
from preferences.texts import LOCALES
from preferences.understanding import Guess, Heard
from preferences.voice import load_voice

VOICE, POLICY = load_voice("Corner Shop"), load_policy()
PURPOSE, STRANGER = "tailor_suggestions", "stranger"


def a_question(name: str, kind: str, *values: str, **more: object) -> Question:
    """A question of a kind, as plain as it may be."""

    def texts(words: str) -> dict[str, str]:
        return {locale: f"{words} ({locale})" for locale in LOCALES}

    options = [
        {
            "value": value,
            "label": texts(value.title()),
            "reply": texts(f"Thank you: {value}."),
            "give": texts("A tip."),
        }
        for value in values
    ]
    page = {
        "id": name,
        "version": 1,
        "purpose": PURPOSE,
        "kind": kind,
        "subject": "self",
        "sensitivity": "ordinary",
        "depth": 1,
        "half_life_days": 365,
        "wording": texts(f"The question {name}?"),
        "reason": texts(f"Why {name}."),
        "use": texts(f"What {name} is for."),
        "unclear": texts(f"Once more, {name}?"),
        "options": options,
        "reply": texts("Thank you: {answer}."),
        "give": texts("Something back."),
    }
    return Question.model_validate(page | more)


NOT_WANTED = {locale: f"Not that, noted ({locale})." for locale in LOCALES}
QUESTIONS = {
    question.id: question
    for question in (
        load_catalogue().questions["gift_or_self"],
        load_catalogue().questions["still_right"],
        a_question("matters", "several", "price", "speed", "service"),
        a_question("motive", "pick_two", "taste", "price", "habit"),
        a_question("wishes", "open"),
        a_question("still_true", "confirm", "yes", "no"),
        a_question("channel", "one_choice", "email", "sms", "post", unwanted=NOT_WANTED),
    )
}
CATALOGUE = load_catalogue().model_copy(update={"questions": QUESTIONS})
INVITING = load_referral().model_copy(update={"enabled": True})
ASSISTANT = Assistant(CATALOGUE, VOICE, POLICY, INVITING)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPEN_KINDS: tuple[AskKind, ...] = tuple(kind for kind in get_args(AskKind) if kind != "suggestion")
"""What may stand open: a suggestion never does."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DRESS = About(purchase="order-1", sku="D-1", product="Summer dress")
GIVEN = {PURPOSE: Consent("event-1", "given")}
REFUSED = {PURPOSE: Consent("event-1", "refused")}
WITHDRAWN = {PURPOSE: Consent("event-2", "withdrawn")}
STOPPED = Suppression("all", "", "shopper_said_stop")


def a_candidate(
    name: str = "candidate-1", *, at: datetime = NOW - MINUTE, question: str = "gift_or_self"
) -> Candidate:
    return Candidate(name, question, DRESS, "misfit", at)


def an_answer() -> Known:
    return Known(
        "gift_or_self",
        "gift",
        "A gift",
        "Is “Hat” a gift, or for you?",
        NOW - DAY,
        "web",
        here=True,
    )


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
    )
    return replace(quiet, **changes)


def an_ask(kind: AskKind, **changes: object) -> Ask:
    """Something the assistant asked a minute ago, in the words it would have used."""
    scene = a_scene(a_state(turn=5, now=NOW - MINUTE, **changes))
    match kind:
        case "question":
            question = CATALOGUE.questions["gift_or_self"]
            return candidate_ask(scene, question, a_candidate())
        case "confirm":
            asked = an_ask("question", **changes)
            pending = Pending("gift_or_self", "gift", {}, "for my sister", 0.5, asked.id)
            return reading_back(scene, asked, pending)
        case "consent":
            return consent_ask(scene, PURPOSE)
        case "erase":
            return erase_ask(scene)
        case "claim":
            return claim_ask(scene)
        case "invite":
            return invite_ask(scene, None)
        case "suggestion":
            raise AssertionError(kind)  # never open


def asked_for(name: str, **changes: object) -> Ask:
    """A question of the catalogue, put a minute ago."""
    scene = a_scene(a_state(turn=5, now=NOW - MINUTE, **changes))
    return candidate_ask(scene, CATALOGUE.questions[name], a_candidate(question=name))


def a_volunteered(**changes: object) -> Pending:
    told = {"question": "channel", "value": "sms", "detail": {"polarity": "wants"}}
    return Pending(**told | {"words": "please text me instead", "confidence": 0.9} | changes)


def every_ask(locale: str) -> dict[str, Ask]:
    """Whatever may stand open, by a name of its own."""
    put = {kind: an_ask(kind, locale=locale) for kind in OPEN_KINDS}
    put |= {name: asked_for(name, locale=locale) for name in QUESTIONS if name != "gift_or_self"}
    scene = a_scene(a_state(turn=5, now=NOW - MINUTE, locale=locale))
    picked = Pending("matters", "price", {}, None, 1.0, put["matters"].id)
    put["picking"] = pick_ask(scene, put["matters"], picked)
    put["volunteered"] = read_back_ask(scene, a_volunteered(), None)
    put["permission for it"] = consent_ask(scene, PURPOSE, a_volunteered())
    rests = Resting("matters", "talk.1", DRESS, "candidate-1", picked)
    put["said in between"] = read_back_ask(scene, a_volunteered(rests=rests), None)
    return put


def a_state_with(ask: Ask, **changes: object) -> State:
    """The same shopper with something open: a question implies that permission was given."""
    consents = GIVEN if ask.kind in {"question", "confirm"} else {}
    open_one = Asked(ask.kind, ask.question, ask.purpose, ask.asked_at, None, here=True)
    candidates = () if ask.kind == "erase" else (a_candidate(),)
    return a_state(
        **{
            "ask": ask,
            "asked": (open_one,),
            "consents": consents,
            "candidates": candidates,
            "locale": ask.locale,
            "claimable": STRANGER if ask.kind == "claim" else None,
            "invitation": Invitation("AAAAAAAA-BBBBB") if ask.kind == "invite" else None,
        }
        | changes
    )


def was_asked(
    outcome: Outcome | None, ago: timedelta, *, kind: AskKind = "question", here: bool = False
) -> Asked:
    name = {
        "question": "gift_or_self",
        "confirm": "gift_or_self",
        "consent": PURPOSE,
        "erase": "erase_data",
        "claim": "claim_answers",
        "invite": "referral",
    }[kind]
    return Asked(kind, name, PURPOSE, NOW - ago, outcome, here)


def a_scene(state: State) -> Scene:
    return Scene(state, CATALOGUE, VOICE, POLICY, INVITING)


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
    """The replies that want something of the shopper; what is suggested may be left as it is."""
    suggested = {one.ask.id for one in turn.records if isinstance(one, Suggested)}
    return [
        reply
        for reply in turn.replies
        if reply.ask not in suggested and (reply.kind != "say" or reply.ask or reply.choices)
    ]


def texts(turn: Turn) -> list[str]:
    return [reply.text for reply in turn.replies]
