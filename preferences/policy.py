"""The limits on asking, as one visible page: `policy.yml`."""

import json
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from preferences.catalogue import HERE, read_yaml
from preferences.errors import CatalogueError

OTHER = "other"
LEVELS = (2, 3)
Compared = Literal["audience", "category", "size", "price", "quantity", "recipient", "gift"]


def _every_one(weights: dict[Compared, float]) -> dict[Compared, float]:
    missing = [name for name in get_args(Compared) if name not in weights]
    if missing:
        message = f"has no weight for {', '.join(missing)}"
        raise ValueError(message)
    return weights


Weights = Annotated[dict[Compared, Annotated[float, Field(ge=0)]], AfterValidator(_every_one)]


class MisfitPolicy(BaseModel):
    """When a purchase does not fit a habit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_articles: int = Field(ge=1)
    least_bits: float = Field(gt=0)
    most_bits: float = Field(gt=0)
    far_price: float = Field(gt=0)
    fresh_hours: int = Field(ge=1)
    audiences: frozenset[str]
    weights: Weights


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Share = Annotated[float, Field(ge=0, le=1)]
Cost = Annotated[float, Field(ge=0)]
Hour = Annotated[int, Field(ge=0, le=23)]


class QuietHours(_Part):
    """When nobody is asked who did not speak first; from and until are full hours.

    `zone` is taken for whoever has none of their own; without it, it is always too late for them.
    """

    start: Hour
    end: Hour
    zone: str | None

    @field_validator("zone")
    @classmethod
    def _exists(cls, zone: str | None) -> str | None:
        if zone is not None and not is_zone(zone):
            message = "is no time zone; write it as in Europe/Berlin"
            raise ValueError(message)
        return zone


class GoodHoursPolicy(_Part):
    """What tells at which hours somebody likes to answer."""

    answers: int = Field(ge=1)
    around: int = Field(ge=0, le=11)


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Condition(_Part):
    """What has to hold before one question is asked. What is not known does not hold."""

    answers: dict[str, frozenset[str]] = {}
    """Of the profile: which answers to which questions, of which one was given to each."""
    orders: int = Field(default=0, ge=0)
    """Of the history: so many orders at least,"""
    first_days: int | None = Field(default=None, ge=0)
    """the first at least so many days ago,"""
    last_days: int | None = Field(default=None, ge=1)
    """the last within so many days,"""
    categories: frozenset[str] = frozenset()
    """one of something in or below one of these categories,"""
    favourites: frozenset[str] = frozenset()
    """and one of these articles bought most often."""
    entries: frozenset[str] = frozenset()
    """What brought them here: an entry of `entries.yml`."""
    places: frozenset[str] = frozenset()
    weather: frozenset[str] = frozenset()
    weekdays: frozenset[Weekday] = frozenset()
    hours: tuple[Hour, Hour] | None = None
    """From one full hour until another, where the shopper is."""
    good_hours: bool = False
    """Of their pattern: at an hour at which they like to answer."""

    @property
    def of_history(self) -> bool:
        """Whether it looks at what was bought."""
        days = {self.first_days, self.last_days} != {None}
        return bool(self.orders or days or self.categories or self.favourites)


class DepthPolicy(_Part):
    """What a level of acquaintance needs: answers before, and a good contact not long ago."""

    answers: int = Field(ge=0)
    contact_days: int = Field(ge=1)


class DelicatePolicy(_Part):
    """When a delicate question may be asked: how often, and after how many answers."""

    per_month: int = Field(ge=0)
    answers: int = Field(ge=0)
    unless: frozenset[str]


class Occasion(_Part):
    """How much an occasion is worth, and after how many hours half of that."""

    weight: Share
    half_life_hours: int = Field(ge=1)


class Costs(_Part):
    """What asking costs, in the unit of the value."""

    delicate: Cost
    level: Cost
    asked: Cost
    unanswered: Cost
    annoyed: Cost
    unprompted: Cost


class WorthPolicy(_Part):
    """What an answer is worth against what asking costs."""

    threshold: float
    least_doubt: Share
    per_purchase: frozenset[str]
    uses: dict[str, Share]
    occasions: dict[str, Occasion]
    costs: Costs

    @model_validator(mode="after")
    def _has_others(self) -> Self:
        for name, page in (("uses", self.uses), ("occasions", self.occasions)):
            if OTHER not in page:
                message = f"{name} has no `{OTHER}`, which is taken for whatever is not named"
                raise ValueError(message)
        return self


class PausingPolicy(_Part):
    """When a question pauses by itself: shares of how often it was asked."""

    least_asks: int = Field(ge=1)
    most_declined: Share
    most_opted_out: Share
    most_annoyed: Share


class FollowUpPolicy(_Part):
    """Which question a delivery is an occasion for, and how long after it."""

    question: str
    days: int = Field(ge=0)
    categories: dict[str, Annotated[int, Field(ge=0)]]
    articles: dict[str, Annotated[int, Field(ge=0)]]
    expires_days: int = Field(ge=1)


class ContradictedPolicy(_Part):
    """When what the shop observed makes it worth asking again what the shopper said."""

    times: int = Field(ge=1)
    days: int = Field(ge=1)


class WelcomePolicy(_Part):
    """Which questions a first order is an occasion for, one after another."""

    questions: tuple[str, ...]
    days_between: int = Field(ge=0)
    expires_days: int = Field(ge=1)


CONTROL = "control"
_WHOLE = 100


class Experiment(_Part):
    """One question tried in several wordings, by shares of the shoppers that stay as they are.

    `control` is the wording as it is, every other arm a variant of that name in the question's file;
    `held_out` percent of the shoppers are not asked it, so that its effect can be seen.
    """

    id: str = Field(pattern="^[a-z][a-z0-9_]*$")
    question: str
    arms: dict[str, Annotated[int, Field(ge=1)]]
    held_out: int = Field(0, ge=0, lt=_WHOLE)
    asks_per_arm: int = Field(ge=1)
    until: date
    most_worse: Share = 0.05

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if CONTROL not in self.arms or sum(self.arms.values()) + self.held_out != _WHOLE:
            message = "has to have an arm `control`, and shares of 100 in all with those held out"
            raise ValueError(message)
        return self


def _one_each(experiments: tuple[Experiment, ...]) -> tuple[Experiment, ...]:
    if len({one.question for one in experiments}) < len(experiments):
        message = "has two experiments with one question; end one first"
        raise ValueError(message)
    return experiments


class Policy(BaseModel):
    """The limits; a decision names the version it was made by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1)
    mode: Literal["observe", "pilot", "on"]
    pilot_percent: int = Field(ge=0, le=100)
    questions_per_conversation: int = Field(ge=0)
    questions_per_day: int = Field(ge=0)
    questions_per_week: int = Field(ge=0)
    questions_per_month: int = Field(ge=0)
    hours_until_ignored: int = Field(ge=1)
    hours_between_visits: int = Field(ge=1)
    days_between_questions: int = Field(ge=0)
    days_after_decline: int = Field(ge=0)
    days_after_skip: int = Field(ge=0)
    seconds_dismissed: float = Field(ge=0, le=10)
    days_after_dismissed: int = Field(ge=0)
    quiet_after_ignored: int = Field(ge=1)
    quiet_days: int = Field(ge=0)
    days_after_sensitive_moment: int = Field(ge=0)
    days_after_complaint: int = Field(ge=0)
    days_after_return: int = Field(ge=0)
    days_after_already_sorted: int = Field(ge=1)
    days_after_not_relevant: int = Field(ge=1)
    days_between_same_tip: int = Field(ge=0, le=400)
    days_muted: int = Field(ge=1)
    minutes_present: int = Field(ge=0)
    prompted: frozenset[str]
    unprompted: frozenset[str]
    quiet_hours: QuietHours
    good_hours: GoodHoursPolicy
    context_hours: int = Field(ge=1, le=24)
    conditions: dict[str, Condition]
    depth: dict[Literal[2, 3], DepthPolicy]
    delicate: DelicatePolicy
    worth: WorthPolicy
    follow_up: FollowUpPolicy
    contradicted: ContradictedPolicy
    welcome: WelcomePolicy
    experiments: Annotated[tuple[Experiment, ...], AfterValidator(_one_each)]
    pausing: PausingPolicy
    misfit: MisfitPolicy

    @field_validator("depth")
    @classmethod
    def _has_levels(
        cls, depth: dict[Literal[2, 3], DepthPolicy]
    ) -> dict[Literal[2, 3], DepthPolicy]:
        if len(depth) < len(LEVELS):
            message = "has to say what levels 2 and 3 need"
            raise ValueError(message)
        return depth

    @property
    def answers_looked_at(self) -> tuple[str, ...]:
        """The questions whose answers a condition looks at."""
        found = {name for one in self.conditions.values() for name in one.answers}
        return tuple(sorted(found))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Give a copy, perhaps with other limits: its hash is its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("sha256", None)
        return copied

    @property
    def promised(self) -> dict[str, str]:
        """The limits that shoppers are told, by what the sentence that tells them calls each."""
        told = {
            "week": self.questions_per_week,
            "month": self.questions_per_month,
            "declined": self.days_after_decline,
        }
        return {name: str(limit) for name, limit in told.items()}

    @cached_property
    def sha256(self) -> str:
        """The hash of every limit: two policies of one hash decide alike."""
        page = json.dumps(self.model_dump(), sort_keys=True, default=_plain)
        return sha256(page.encode()).hexdigest()


def _plain(held: date | frozenset[str]) -> str | list[str]:
    """Give what JSON knows for what it does not: a day as text, a set in order."""
    return held.isoformat() if isinstance(held, date) else sorted(held)


def is_zone(name: str) -> bool:
    """Tell whether there is a time zone of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def load_policy(folder: Path = HERE) -> Policy:
    """Read `policy.yml`.

    :raises CatalogueError: a limit is missing, unknown or out of range.
    """
    file = folder / "policy.yml"
    return _read(file, read_yaml(file))


def load_older_policy(folder: Path, today: Policy) -> tuple[Policy, bool]:
    """Read the `policy.yml` of an older release, and tell whether it has every limit of this one.

    A limit that was not known then is that of today: no decision of then was made by it.

    :raises CatalogueError: a limit is unknown or out of range.
    """
    file = folder / "policy.yml"
    page = read_yaml(file)
    whole = _with_lacking(page, today)
    return _read(file, whole), whole == page


def _with_lacking(page: Mapping[str, Any], today: BaseModel) -> dict[str, Any]:
    """Add the limits that a page lacks; of a list or a free mapping it had no entries."""
    whole = dict(page)
    for name in type(today).model_fields:
        held = getattr(today, name)
        if name not in page:
            whole[name] = type(held)() if isinstance(held, tuple | dict) else held
        elif isinstance(held, BaseModel) and isinstance(page[name], Mapping):
            whole[name] = _with_lacking(page[name], held)
    return whole


def _read(file: Path, page: Mapping[str, Any]) -> Policy:
    try:
        return Policy.model_validate(page)
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{file}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}."
        raise CatalogueError(message) from None
