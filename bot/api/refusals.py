"""The problems that an operation may answer, each with its name and when it is given."""

from dataclasses import dataclass
from http import HTTPStatus

from preferences.errors import AskfirstError


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem: its status, its name for programs, and when it is answered."""

    status: int
    kind: str
    about: str


class RefusedError(AskfirstError):
    """The request is not done, for a reason that the operation names: mend what the text says."""

    def __init__(
        self, problem: Problem, message: str, *, field: str = "", reason: str = ""
    ) -> None:
        super().__init__(message)
        self.problem = problem
        self.field = field
        self.reason = reason


KEY = Problem(HTTPStatus.UNAUTHORIZED, "key", "No valid API key was sent.")
SCOPE = Problem(HTTPStatus.FORBIDDEN, "scope", "The key lacks a scope.")
NOT_FOUND = Problem(
    HTTPStatus.NOT_FOUND, "notfound", "There is nothing of that name that this key may see."
)
CONFLICT = Problem(HTTPStatus.CONFLICT, "conflict", "It stands against what is there already.")
NOT_ASKED = Problem(
    HTTPStatus.CONFLICT, "not-asked", "Something speaks against asking; see `reason`."
)
GONE = Problem(HTTPStatus.GONE, "gone", "It was there and is no longer kept.")
STALE = Problem(
    HTTPStatus.PRECONDITION_FAILED, "precondition", "It has changed since; read it again."
)
TOO_LARGE = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "http-413", "The body is too large.")
MEDIA = Problem(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media", "The body is not sent as application/json."
)
INVALID = Problem(
    HTTPStatus.UNPROCESSABLE_ENTITY, "badinput", "A parameter or the body is wrong; see `field`."
)
TOO_MANY = Problem(
    HTTPStatus.TOO_MANY_REQUESTS, "rate", "The key was used too often; wait as Retry-After says."
)
AWAY = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "A part is away; nothing was done, try again."
)
