"""Puts one tap beside what is suggested: that it does not fit, or that no more is wanted."""

from dataclasses import replace
from datetime import timedelta

from preferences.conversation import (
    Ask,
    Choice,
    Reply,
    Suggested,
    Suppress,
    Suppression,
    Turn,
)
from preferences.dialogue.naming import suggestion_id
from preferences.dialogue.scene import Scene, is_muted

TIPS = "tips"
"""Under this topic no more is suggested; with a question's name behind it, not what that one suggests."""

_TAPS = ("tip_not_relevant", "tips_mute")


def tips_of(question: str) -> str:
    """Name the topic of what a question suggests."""
    return f"{TIPS}_{question}"


def may_suggest(scene: Scene, question: str, tip: str) -> bool:
    """Tell whether what a question suggests may be said: it is wanted, and no repetition."""
    state, span = scene.state, timedelta(days=scene.policy.days_between_same_tip)
    is_told = any(tip in wording and state.now - at < span for wording, at in state.tips)
    return not is_told and not is_muted(state, TIPS, tips_of(question))


def with_taps(scene: Scene, said: Reply, ask: Ask) -> Turn:
    """Say something that suggests, with the taps under it; it is a part of its question's chain."""
    locale = scene.state.locale
    choices = tuple(Choice(scene.voice.say(f"{tap}_label", locale), act=tap) for tap in _TAPS)
    suggestion = _suggestion(scene, said, ask, suggestion_id(scene.state), choices)
    shown = replace(said, ask=suggestion.id, choices=choices)
    return Turn((shown,), (Suggested(suggestion),))


def beside(scene: Scene, reply: str, tip: str, ask: Ask, question: str) -> Turn:
    """Say a reply, and what a question gives with it unless the shopper wants no more of that."""
    if not may_suggest(scene, question, tip):
        return Turn((Reply("say", reply),))
    return with_taps(scene, Reply("say", f"{reply} {tip}"), replace(ask, question=question))


def without_taps(scene: Scene, said: Reply, ask: Ask) -> Turn:
    """Say something that suggests beside what has the taps; that it was told is kept alike."""
    suggestion = _suggestion(scene, said, ask, suggestion_id(scene.state, "give"), ())
    return Turn((said,), (Suggested(suggestion),))


def _suggestion(scene: Scene, said: Reply, ask: Ask, name: str, choices: tuple[Choice, ...]) -> Ask:
    return Ask(
        id=name,
        kind="suggestion",
        question=ask.question,
        version=ask.version,
        purpose=ask.purpose,
        wording=said.text,
        choices=choices,
        locale=scene.state.locale,
        asked_at=scene.state.now,
        about=ask.about,
        begun=ask.begun or ask.id,
        category=ask.category,
    )


def tapped(scene: Scene, suggestion: Ask, choice: Choice) -> Turn:
    """Leave it be from now on; what is open stays open."""
    days, topic, occasion = (
        (scene.policy.days_after_not_relevant, tips_of(suggestion.question), "not_relevant")
        if choice.act == "tip_not_relevant"
        else (scene.policy.days_muted, TIPS, "tips_muted")
    )
    reason = "not_relevant" if occasion == "not_relevant" else "shopper_muted"
    quiet = Turn(records=(Suppress(Suppression("topic", topic, reason), days),))
    return quiet if scene.state.handed_off else quiet + scene.say(occasion)
