"""The name of what is shown in a turn, by the turn: a turn that is done twice shows it once."""

from preferences.conversation import State


def ask_id(state: State) -> str:
    """Name the one ask that may come of this turn."""
    return f"{state.conversation}.{state.turn}"


def suggestion_id(state: State, part: str = "tip") -> str:
    """Name what is suggested beside an answer in this turn, or a part of it."""
    return f"{ask_id(state)}.{part}"
