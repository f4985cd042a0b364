"""The limits on asking, as one visible page: `policy.yml`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from preferences.catalogue import HERE, read_yaml
from preferences.errors import CatalogueError


class MisfitPolicy(BaseModel):
    """When a purchase does not fit a habit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_articles: int = Field(ge=1)
    rare_share: float = Field(ge=0, lt=1)
    fresh_hours: int = Field(ge=1)
    audiences: frozenset[str]


class Policy(BaseModel):
    """The limits; a decision names the version it was made by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1)
    questions_per_conversation: int = Field(ge=0)
    hours_until_ignored: int = Field(ge=1)
    days_between_questions: int = Field(ge=0)
    days_after_decline: int = Field(ge=0)
    days_after_skip: int = Field(ge=0)
    quiet_after_ignored: int = Field(ge=1)
    quiet_days: int = Field(ge=0)
    days_after_sensitive_moment: int = Field(ge=0)
    misfit: MisfitPolicy


def load_policy(folder: Path = HERE) -> Policy:
    """Read `policy.yml`.

    :raises CatalogueError: a limit is missing, unknown or out of range.
    """
    file = folder / "policy.yml"
    try:
        return Policy.model_validate(read_yaml(file))
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{file}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}."
        raise CatalogueError(message) from None
