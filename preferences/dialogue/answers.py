"""Takes what was said as an answer to the open ask: an answer, a refusal, or something unclear."""

from dataclasses import replace

from preferences.conversation import (
    Answered,
    Ask,
    Closed,
    Consent,
    ConsentAct,
    Outcome,
    Reply,
    Turn,
    Unclear,
)
from preferences.dialogue import wishes
from preferences.dialogue.asks import ask_or_be_silent
from preferences.dialogue.scene import Scene, shown
from preferences.understanding import Reading

_MOST_UNCLEAR = 2
# Six ways not to answer, each remembered as what it is.
_NON_ANSWERS: dict[str, tuple[Outcome, str]] = {
    "decline": ("declined", "declined"),
    "deny": ("declined", "declined"),
    "pause": ("skipped", "skipped"),
    "dont_know": ("dont_know", "dont_know"),
    "no_preference": ("no_preference", "no_preference"),
    "not_relevant": ("not_relevant", "not_relevant"),
    "already_sorted": ("already_sorted", "not_relevant"),
}
# What may be said in between without losing the question.
_IN_BETWEEN = {
    "greet": "greeting",
    "thank": "thanks",
    "bot_challenge": "bot",
    "ask_capabilities": "offer",
    "order_status": "order_status",
    "change_language": "language",
    "correct_data": "correct",
}


def about_ask(
    scene: Scene, ask: Ask, reading: Reading, words: str | None, *, permitted: bool
) -> Turn:
    """Answer a reading that concerns the open ask.

    `words` are the shopper's own, None where a button was pressed. `permitted` tells that they are
    a yes beyond doubt, which is what a permission or a deletion needs.
    """
    if reading.sure and reading.act in _IN_BETWEEN:
        return scene.say(_IN_BETWEEN[reading.act]) + scene.put_again()
    if reading.act == "repeat":
        return scene.put_again()
    if ask.kind == "consent":
        return _consent(scene, ask, reading, typed=words is not None, permitted=permitted)
    if ask.kind == "erase":
        return _erase(scene, ask, reading, permitted=permitted)
    return _question(scene, ask, reading, words)


def _question(scene: Scene, ask: Ask, reading: Reading, words: str | None) -> Turn:
    question, locale = scene.catalogue.questions[ask.question], scene.state.locale
    known = (question.id, reading.value) in scene.catalogue.values
    if reading.sure and reading.value is not None and known:
        option = question.option(reading.value)
        answer = Answered(ask, option.value, reading.detail, words, reading.confidence)
        text = f"{scene.voice.fill(option.reply[locale])} {scene.voice.fill(option.give[locale])}"
        return Turn((Reply("say", text),), (answer, Closed("answered")))
    if reading.sure and reading.act in _NON_ANSWERS:
        outcome, occasion = _NON_ANSWERS[reading.act]
        return scene.close(outcome) + scene.say(occasion)
    return _unclear(scene, replace(ask, wording=scene.voice.fill(question.unclear[locale])))


def _consent(scene: Scene, ask: Ask, reading: Reading, *, typed: bool, permitted: bool) -> Turn:
    """Grant by a plain yes alone; refuse by a no in any words; whatever else decides nothing."""
    if permitted:
        given = ConsentAct(ask.purpose, "given", "typed" if typed else "button", ask)
        thanks = Turn(records=(given, Closed("answered"))) + scene.say("consent_given")
        return thanks + ask_or_be_silent(_permitted(scene, ask.purpose), "consent_given")
    if reading.sure and reading.act == "pause":
        return scene.close("skipped") + scene.say("skipped")
    if reading.sure and reading.act in _NON_ANSWERS:
        refused = ConsentAct(ask.purpose, "refused", "typed" if typed else "button", ask)
        return Turn(records=(refused, Closed("declined"))) + scene.say("consent_refused")
    lead = scene.voice.say("consent_unclear", scene.state.locale)
    return _unclear(scene, replace(ask, wording=lead))


def _permitted(scene: Scene, purpose: str) -> Scene:
    """Give the same moment with the permission that was just given."""
    consents = {**scene.state.consents, purpose: Consent("", "given")}
    return replace(scene, state=replace(scene.state, ask=None, consents=consents))


def _erase(scene: Scene, ask: Ask, reading: Reading, *, permitted: bool) -> Turn:
    if permitted or (reading.sure and reading.act in {"deny", "pause", "decline"}):
        return wishes.erase_confirmed(scene, really=permitted)
    return _unclear(scene, ask)


def _unclear(scene: Scene, again: Ask) -> Turn:
    """Ask again in other words, at most twice, then leave it: nothing is guessed."""
    count = scene.state.unclear + 1
    if count > _MOST_UNCLEAR:
        return Turn(records=(Unclear(0),)) + scene.close("unclear") + scene.say("unclear_end")
    return Turn((shown(again),), (Unclear(count),))
