"""What went wrong with a whole destination, chosen by what the worker does next."""

from datetime import timedelta

from preferences.errors import AskfirstError


class DestinationUnavailableError(AskfirstError):
    """The destination may take the same later: put it off, not sooner than `wait`."""

    def __init__(self, message: str, *, wait: timedelta = timedelta()) -> None:
        super().__init__(message)
        self.wait = wait


class QuotaExhaustedError(DestinationUnavailableError):
    """Nothing is taken before `wait` is over: every worker pauses, and no attempt is counted."""


class BatchRefusedError(AskfirstError):
    """Something in this batch makes the destination refuse all of it: push it in halves."""


class DestinationRefusedError(AskfirstError):
    """The destination wants nothing from us as things stand: give up and tell the operator.

    `gone` means for good: it asked not to be tried again.
    """

    def __init__(self, message: str, *, gone: bool = False) -> None:
        super().__init__(message)
        self.gone = gone
