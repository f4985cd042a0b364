"""One turn's surroundings: the state, and the means to say something in it."""

from dataclasses import dataclass, replace
from typing import Literal

from preferences.catalogue import Catalogue
from preferences.conversation import Annoyance, Ask, Closed, Outcome, Reply, State, Turn
from preferences.policy import Policy
from preferences.referral import Referral
from preferences.voice import Voice


@dataclass(frozen=True, slots=True)
class Scene:
    """What every part of the dialogue needs to find its words."""

    state: State
    catalogue: Catalogue
    voice: Voice
    policy: Policy
    referral: Referral | None = None

    def say(self, occasion: str, **facts: str) -> Turn:
        """Say the sentence for an occasion."""
        text = self.voice.say(occasion, self.state.locale, self.state.spoken, **facts)
        return Turn((Reply("say", text),))

    def close(self, outcome: Outcome, annoyed: Annoyance = "") -> Turn:
        """End the open ask, if there is one."""
        return Turn(records=(Closed(outcome, annoyed),)) if self.state.ask else Turn()

    def may_keep(self, purpose: str) -> bool:
        """Whether permission stands now: it may have been withdrawn in another conversation."""
        consent = self.state.consents.get(purpose)
        return consent is not None and consent.state == "given"

    def speaking(self, locale: str) -> "Scene":
        """Give the same moment in another language."""
        return replace(self, state=replace(self.state, locale=locale))

    def ended(self, outcome: Outcome) -> "Scene":
        """Give the same moment after the open ask was closed."""
        asked = tuple(
            replace(one, outcome=outcome) if one.here and one.outcome is None else one
            for one in self.state.asked
        )
        return replace(self, state=replace(self.state, ask=None, asked=asked))


def is_muted(state: State, *topics: str) -> bool:
    """Tell whether a shopper does not want to hear of one of these topics."""
    return any(held.scope == "topic" and held.target in topics for held in state.suppressions)


def shown(ask: Ask) -> Reply:
    """Give an ask as the shopper sees it."""
    kind: Literal["question", "consent"] = (
        "question" if ask.kind in {"question", "confirm"} else "consent"
    )
    return Reply(kind, ask.wording, ask.id, ask.choices)
