"""Why a turn came to nothing."""

from rasa.shared.exceptions import RasaException


class TurnFailedError(RasaException):
    """Nothing of the turn is kept and it may be tried again; the text never quotes a shopper."""


class ActionFailedError(TurnFailedError):
    """The action did not commit."""


class TrackerUnavailableError(TurnFailedError):
    """The tracker's database does not answer now."""
