"""What Rasa 3.6.21 does needlessly or too loudly in a turn, put right in one place."""

from __future__ import annotations


def correct_rasa() -> None:
    """Apply every correction; doing it twice does nothing more."""
