"""Gives what a question has to give beside its words: whatever was answered, and also to a no."""

from preferences.conversation import Ask, Promised, Reply, Turn
from preferences.dialogue.scene import Scene
from preferences.dialogue.suggesting import may_suggest, with_taps, without_taps


def give(scene: Scene, ask: Ask | None, *, beside: bool = False) -> Turn:
    """Say it, and promise what somebody has to do for it; `beside` a tip, whose taps are enough."""
    if ask is None or ask.kind not in {"question", "confirm"}:
        return Turn()
    name = scene.catalogue.questions[ask.question].gives
    if name is None:
        return Turn()
    one = scene.catalogue.gives[name]
    said = Reply("say", scene.voice.fill(one.texts[scene.state.locale]))
    if not one.is_promise and not may_suggest(scene, ask.question, said.text):
        return Turn()
    if one.due_days is None:
        return (without_taps if beside else with_taps)(scene, said, ask)
    return Turn((said,), (Promised(name, one.kind, one.value, one.due_days),))
