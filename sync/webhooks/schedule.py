"""When a delivery is tried again: as standardwebhooks.com advises, for three days in all."""

from datetime import datetime, timedelta
from http import HTTPStatus
from random import uniform

from preferences.store.webhook_intake import TEST
from preferences.store.webhook_queue import Outcome, Parcel
from sync.posting import Answer

RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
_SPREAD = 0.1  # what failed together does not come back together
_HEEDED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


def judge(parcel: Parcel, answer: Answer, now: datetime) -> Outcome:
    """Say what becomes of a delivery that was answered; only a 2xx is a yes."""
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(parcel.id, delivered=True, status=status, error="", again=None)
    wait = answer.wait if status in _HEEDED else timedelta()
    return _failure(parcel, status, f"It answered {status}.", _again(parcel, wait, now))


def give_up_for_now(parcel: Parcel, reason: str, now: datetime) -> Outcome:
    """Say what becomes of a delivery that nobody answered."""
    return _failure(parcel, None, reason, _again(parcel, timedelta(), now))


def is_gone(outcome: Outcome) -> bool:
    """Whether the receiver wants nothing more from us."""
    return outcome.status == HTTPStatus.GONE


def _failure(parcel: Parcel, status: int | None, error: str, again: datetime | None) -> Outcome:
    counts = parcel.type != TEST
    return Outcome(
        parcel.id, delivered=False, status=status, error=error, again=again, counts=counts
    )


def _again(parcel: Parcel, at_least: timedelta, now: datetime) -> datetime | None:
    if parcel.type == TEST or parcel.attempts >= len(RETRIES):
        return None
    wait = RETRIES[parcel.attempts] * uniform(1 - _SPREAD, 1 + _SPREAD)
    return now + max(wait, at_least)
