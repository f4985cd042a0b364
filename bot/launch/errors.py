"""Why a start was given up, in one sentence for whoever started it."""

from preferences.errors import AskfirstError


class LaunchError(AskfirstError):
    """The instance cannot run: end what was started and show the text, which names the remedy.

    `excerpt` is the end of a part's log, where there is one.
    """

    def __init__(self, message: str, *, excerpt: str = "") -> None:
        super().__init__(message)
        self.excerpt = excerpt
