"""Takes what was said as an answer to the open ask: an answer, a refusal, or something unclear."""

from dataclasses import replace

from preferences.conversation import (
    Ask,
    Closed,
    Consent,
    ConsentAct,
    Outcome,
    Turn,
    Unclear,
)
from preferences.dialogue import claiming, inviting, wishes
from preferences.dialogue.asks import ask_or_be_silent, put_again
from preferences.dialogue.giving import give
from preferences.dialogue.keeping import take
from preferences.dialogue.resting import after_outcome, never_again
from preferences.dialogue.scene import Scene
from preferences.dialogue.suggesting import beside
from preferences.dialogue.volunteered import MOST_UNCLEAR, after_permission, read_back_answered
from preferences.understanding import Reading

# Ways not to answer, each remembered as what it is.
_NON_ANSWERS: dict[str, tuple[Outcome, str]] = {
    "decline": ("declined", "declined"),
    "deny": ("declined", "declined"),
    "pause": ("skipped", "skipped"),
    "goodbye": ("skipped", "goodbye"),
    "dont_know": ("dont_know", "dont_know"),
    "no_preference": ("no_preference", "no_preference"),
    "not_relevant": ("not_relevant", "not_relevant"),
    "already_sorted": ("already_sorted", "already_sorted"),
    "mute": ("declined", "muted"),
}
_KEEPS = frozenset({"deny", "pause", "goodbye", "decline"})  # everything, where it might go
_LATER = frozenset({"pause", "goodbye"})  # decides nothing about a permission
# Who does not answer is given as much as who does; who puts it off, or has no use for it, is left be.
_GIVEN_TOO = frozenset({"decline", "deny", "dont_know", "no_preference"})
# What may be said in between without losing the question.
_IN_BETWEEN = {
    "greet": "greeting_between",
    "thank": "thanks",
    "bot_challenge": "bot",
    "order_status": "order_status",
    "change_language": "language",
}


def about_ask(
    scene: Scene, ask: Ask, reading: Reading, words: str | None, *, permitted: bool
) -> Turn:
    """Answer a reading that concerns the open ask.

    `words` are the shopper's own, None where a button was pressed. `permitted` tells that they are
    a yes beyond doubt, which is what a permission or a deletion needs.
    """
    if reading.sure and reading.act in _IN_BETWEEN:
        return scene.say(_IN_BETWEEN[reading.act]) + put_again(scene)
    if reading.act == "repeat":
        return put_again(scene)
    match ask.kind:
        case "consent":
            return _consent(scene, ask, reading, typed=words is not None, permitted=permitted)
        case "erase" | "claim" | "invite":
            settle = {"erase": _erase, "claim": _claim, "invite": _invite}[ask.kind]
            return settle(scene, reading, permitted=permitted)
        case "confirm":
            return _read_back(scene, ask, reading, words, permitted=permitted)
    return _question(scene, ask, reading, words)


def _question(scene: Scene, ask: Ask, reading: Reading, words: str | None) -> Turn:
    taken = take(scene, ask, reading, words)
    return taken or _not_answered(scene, reading) or _unclear(scene, _help(scene, ask))


def _read_back(
    scene: Scene, ask: Ask, reading: Reading, words: str | None, *, permitted: bool
) -> Turn:
    answered = read_back_answered(scene, ask, reading, words, yes=permitted)
    return answered or _not_answered(scene, reading) or _unclear(scene)


def _not_answered(scene: Scene, reading: Reading) -> Turn | None:
    if not reading.sure or reading.act not in _NON_ANSWERS:
        return None
    outcome, occasion = _NON_ANSWERS[reading.act]
    ask = scene.state.ask
    muted = reading.act == "mute"
    resting = never_again(scene, ask) if muted else after_outcome(scene, ask, outcome)
    thanks = _thanks(scene, ask, occasion, given=reading.act in _GIVEN_TOO)
    ended = scene.close(outcome, "muted" if muted else "") + resting + thanks
    return ended if outcome == "skipped" else ended + give(scene, ask, beside=bool(thanks.records))


def _thanks(scene: Scene, ask: Ask | None, occasion: str, *, given: bool) -> Turn:
    """Thank who did not answer, with what their question gives to everybody."""
    if not given or ask is None or ask.kind not in {"question", "confirm"}:
        return scene.say(occasion)
    locale = scene.state.locale
    reply = scene.voice.say(occasion, locale, scene.state.spoken)
    tip = scene.voice.fill(scene.catalogue.questions[ask.question].give[locale])
    return beside(scene, reply, tip, ask, ask.question)


def _help(scene: Scene, ask: Ask) -> str:
    unclear = scene.catalogue.questions[ask.question].unclear
    return scene.voice.fill(unclear[scene.state.locale])


def _consent(scene: Scene, ask: Ask, reading: Reading, *, typed: bool, permitted: bool) -> Turn:
    """Grant by a plain yes alone; refuse by a no in any words; whatever else decides nothing."""
    if permitted:
        given = ConsentAct(ask.purpose, "given", "typed" if typed else "button", ask)
        thanks = Turn(records=(given, Closed("answered"))) + scene.say("consent_given")
        now = _permitted(scene, ask.purpose)
        if ask.pending is not None:
            return thanks + after_permission(now, ask, ask.pending)
        return thanks + ask_or_be_silent(now, "consent_given")
    if reading.sure and reading.act in _NON_ANSWERS and reading.act not in _LATER:
        refused = ConsentAct(ask.purpose, "refused", "typed" if typed else "button", ask)
        return Turn(records=(refused, Closed("declined"))) + scene.say("consent_refused")
    unclear = scene.voice.say("consent_unclear", scene.state.locale)
    return _not_answered(scene, reading) or _unclear(scene, unclear)


def _permitted(scene: Scene, purpose: str) -> Scene:
    """Give the same moment with the permission that was just given."""
    consents = {**scene.state.consents, purpose: Consent("", "given")}
    return replace(scene, state=replace(scene.state, ask=None, consents=consents))


def _erase(scene: Scene, reading: Reading, *, permitted: bool) -> Turn:
    if permitted or (reading.sure and reading.act in _KEEPS):
        return wishes.erase_confirmed(scene, really=permitted)
    return _unclear(scene)


def _invite(scene: Scene, reading: Reading, *, permitted: bool) -> Turn:
    """Invite by a plain yes alone, as somebody who presses nothing has agreed to nothing."""
    invitation = scene.state.invitation
    if permitted and invitation is not None:
        return inviting.accepted(scene, invitation.code)
    return _not_answered(scene, reading) or _unclear(scene)


def _claim(scene: Scene, reading: Reading, *, permitted: bool) -> Turn:
    settled = claiming.answered(scene, reading, permitted=permitted)
    return settled or _not_answered(scene, reading) or _unclear(scene)


def _unclear(scene: Scene, wording: str = "") -> Turn:
    """Ask again in other words, then in the first ones, then leave it: nothing is guessed."""
    count = scene.state.unclear + 1
    if count > MOST_UNCLEAR:
        return Turn(records=(Unclear(0),)) + scene.close("unclear") + scene.say("unclear_end")
    again = put_again(scene) if count > 1 else put_again(scene, wording, unsure=not wording)
    return again + Turn(records=(Unclear(count),))
