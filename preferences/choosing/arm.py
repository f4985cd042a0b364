"""Whether a decision is acted upon: observed only, tried with a part of the shoppers, or on."""

from hashlib import sha256

from preferences.conversation import Arm
from preferences.policy import Policy

_PARTS = 100
SILENT: frozenset[Arm] = frozenset({"observe", "control"})
"""Arms in which it is decided and noted, and nothing is said."""


def arm_of(shopper: str, policy: Policy) -> Arm:
    """Give the arm of a shopper; it is the same at any time, on any machine."""
    if policy.mode != "pilot":
        return policy.mode
    part = int.from_bytes(sha256(f"pilot:{shopper}".encode()).digest()[:8]) % _PARTS
    return "pilot" if part < policy.pilot_percent else "control"
