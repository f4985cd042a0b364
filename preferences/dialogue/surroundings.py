"""Asks whether it may count where a shopper is and when they answer, once a page could tell it."""

from dataclasses import replace

from preferences.catalogue import GOOD_MOMENT
from preferences.choosing.renewing import NOTHING
from preferences.conversation import Candidate
from preferences.dialogue.scene import Scene

SURROUNDINGS = "surroundings"
"""The event of a page that knows where the shopper is; what it tells is kept under permission alone."""


def with_permission_wanted(scene: Scene) -> Scene:
    """Make the permission worth weighing like a question, where nobody decided on it yet."""
    state = scene.state
    held = state.consents.get(GOOD_MOMENT)
    is_decided = held is not None and held.state not in {"requested", "expired"}
    if is_decided or GOOD_MOMENT not in scene.catalogue.purposes:
        return scene
    wanted = Candidate(GOOD_MOMENT, GOOD_MOMENT, NOTHING, SURROUNDINGS, state.now)
    return replace(scene, state=replace(state, candidates=(*state.candidates, wanted)))
