"""Errors of the project, chosen by what the caller should do next."""


class AskfirstError(Exception):
    """Root of every error of ours. The text is one sentence that names the remedy."""


class SettingsError(AskfirstError):
    """The configuration is wrong: do not start, show the sentence to whoever started it."""


class CatalogueError(AskfirstError):
    """A question, a wording or a notice is wrong: mend the named file."""


class BadInputError(AskfirstError):
    """What was sent cannot be used: tell the sender, who must change it.

    `field` names the place in the body, with dots (`line_items.0.sku`), or is empty.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(AskfirstError):
    """Nothing of that name, or nothing that the caller may see: both look the same."""


class UnavailableError(AskfirstError):
    """A part is away: nothing was done, the same call may be made again later."""


class UnmigratedError(UnavailableError):
    """The store has no tables yet: waiting does not make them, the named command does."""
