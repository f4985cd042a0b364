"""What the models of operations share: how strict they are, and the problem that each may answer."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MOST_POSITION = 2**63 - 1

_SHARED = ConfigDict(
    extra="forbid",
    frozen=True,
    use_attribute_docstrings=True,
    hide_input_in_errors=True,
    serialize_by_alias=True,
    validate_by_name=True,
    validate_by_alias=True,
)


class Body(BaseModel):
    """What a caller sends as JSON: unknown fields and other types are refused, not guessed at."""

    model_config = _SHARED | ConfigDict(strict=True)


class Params(BaseModel):
    """What a caller sends as text: in the path, the query or the headers."""

    model_config = _SHARED


class View(BaseModel):
    """What a caller is given."""

    model_config = _SHARED


class ProblemView(BaseModel):
    """Why a request was not done (RFC 9457)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str
    """Names the problem for programs: `/problems/…`."""
    title: str
    status: int
    detail: str
    """Tells a person what is wrong and how to mend it."""
    field: str | None = None
    """The parameter or the place in the body that is wrong, with dots."""
    reason: str | None = None
    """Why nothing may be asked: the gravest reason, by the name that decisions give it."""


Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A short line: no control character, which a database may refuse."""

Name = Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z0-9_]*$")]
"""A name of the catalogue."""

Detail = dict[str, Any]
