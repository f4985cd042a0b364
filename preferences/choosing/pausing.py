"""Whether a question is felt as a burden by so many that it has to pause."""

from dataclasses import dataclass

from preferences.policy import PausingPolicy


@dataclass(frozen=True, slots=True)
class Reception:
    """How a question was met: how often it was asked, declined, followed by a stop, and annoyed."""

    question: str
    asks: int
    declined: int
    opted_out: int
    annoyed: int = 0


def has_to_pause(reception: Reception, policy: PausingPolicy) -> str | None:
    """Give why a question has to pause, or None; few asks say nothing."""
    if reception.asks < policy.least_asks:
        return None
    if reception.opted_out / reception.asks > policy.most_opted_out:
        return "opted_out"
    if reception.annoyed / reception.asks > policy.most_annoyed:
        return "annoyed"
    return "declined" if reception.declined / reception.asks > policy.most_declined else None
