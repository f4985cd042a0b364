"""Tells whom a CRM is called for: a day's last calls are for wishes, however deep they are made."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_URGENT = ContextVar("urgent", default=False)


@contextmanager
def calling(*, urgent: bool) -> Iterator[None]:
    """Have every call in here, also of tasks that begin here, be made for a wish, or for none."""
    before = _URGENT.set(urgent)
    try:
        yield
    finally:
        _URGENT.reset(before)


def is_urgent() -> bool:
    """Tell whether a call is made for a wish; news, what is read back and what is pulled are none."""
    return _URGENT.get()
