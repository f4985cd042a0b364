"""Asks who signed in whether to keep what was said on the device before; a plain no deletes it."""

from preferences.choosing import forbidding
from preferences.conversation import Claimed, Closed, Decision, Reason, Turn
from preferences.dialogue.asks import claim_ask, put
from preferences.dialogue.scene import Scene
from preferences.understanding import Reading

_PLAIN = 0.97  # what a button or the words by themselves say; a guess deletes nothing
_FIRST = Reason("claim_first")


def offer(scene: Scene, trigger: str) -> Turn | None:
    """Ask before any other question; None where there is nothing to claim or it may not be asked."""
    state = scene.state
    asked = any(one.kind == "claim" and one.here for one in state.asked)  # once is enough
    if state.claimable is None or asked or state.ask or state.handed_off or forbidding(state):
        return None
    decision = Decision(trigger, None, None, (_FIRST,), scene.policy.version)
    return Turn(records=(decision,)) + put(claim_ask(scene))


def answered(scene: Scene, reading: Reading, *, permitted: bool) -> Turn | None:
    """Take a plain yes or no; None where it is neither, as who would rather not say has decided nothing.

    Nothing is asked afterwards in this turn: how often the other was asked is not known to it.
    """
    shopper = scene.state.claimable
    if shopper is None:
        return None
    if permitted:
        kept = (Claimed(shopper, accepted=True), Closed("answered"))
        return Turn(records=kept) + scene.say("claim_kept")
    if reading.confidence >= _PLAIN and reading.act == "deny":
        gone = (Claimed(shopper, accepted=False), Closed("declined"))
        return Turn(records=gone) + scene.say("claim_deleted")
    return None
