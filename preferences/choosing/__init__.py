"""Whether to ask, and what: one question or silence, with the reasons of either."""

from preferences.choosing.decision import choose, decide
from preferences.choosing.inputs import Inputs
from preferences.choosing.suppressions import forbidding

__all__ = ["Inputs", "choose", "decide", "forbidding"]
