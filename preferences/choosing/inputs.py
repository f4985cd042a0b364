"""All that a decision is made by, small enough to be kept with it and to make it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from preferences.catalogue import GOOD_MOMENT, Catalogue, Question
from preferences.conversation import (
    Asked,
    Buying,
    Candidate,
    ConsentState,
    Held,
    State,
    Suppression,
)
from preferences.errors import BadInputError
from preferences.policy import Policy
from preferences.referral import QUESTION, Referral

MAIL = "mail"
"""The trigger of a question that a shop mails, to be read whenever the shopper likes."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a decision depends on of a question, as the catalogue had it then."""

    version: int
    purpose: str
    depth: int
    half_life_days: int
    delicate: bool = False
    category: str | None = None
    give: str = ""


@dataclass(frozen=True, slots=True)
class Weighable:
    """A candidate without words; `traits` is None where the catalogue knows no such question."""

    candidate: str
    question: str
    reason: str
    at: datetime
    purchase: str = ""
    sku: str = ""
    category: str = ""
    traits: Traits | None = None

    @property
    def occasion(self) -> str:
        """The kind of occasion: what stands before a colon in its reason, as in `misfit:price`."""
        return self.reason.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Inputs:
    """One moment of one shopper, as far as a decision depends on it. No words, no names: ids alone."""

    trigger: str
    now: datetime
    shopper: str
    channel: str
    locale: str
    handed_off: bool = False
    open: str | None = None
    seen_at: datetime | None = None
    zone: str = ""
    suppressions: tuple[Suppression, ...] = ()
    consents: Mapping[str, ConsentState] | None = None
    asked: tuple[Asked, ...] = ()
    held: tuple[Held, ...] = ()
    paused: tuple[str, ...] = ()
    spent: bool = False
    delicate: tuple[str, ...] = ()
    weighables: tuple[Weighable, ...] = ()
    entry: str = ""
    place: str = ""
    weather: str = ""
    profile: Mapping[str, str] | None = None
    buying: Buying | None = None
    visit_at: datetime | None = None

    @property
    def by_mail(self) -> bool:
        """Whether the question would go by mail: nobody has to be there, and no permission is asked."""
        return self.trigger == MAIL

    @property
    def questions(self) -> list[Asked]:
        """The questions among what was asked, and invitations, which count like one.

        A notice or a confirmation is none.
        """
        return [asked for asked in self.asked if asked.kind in {"question", "invite"}]

    @property
    def questions_here(self) -> list[Asked]:
        """Those of the present visit, in this conversation."""
        since = self.visit_at
        return [one for one in self.questions if one.here and (since is None or one.at >= since)]

    def age(self, at: datetime) -> timedelta:
        """Tell how long ago something was."""
        return self.now - at


def inputs_of(
    trigger: str,
    state: State,
    catalogue: Catalogue,
    referral: Referral | None = None,
    policy: Policy | None = None,
) -> Inputs:
    """Take out of a state what a decision depends on; without its page nobody is invited.

    Of the answers it takes those alone that a condition of the policy looks at.
    """
    questions = catalogue.questions
    looked_at = policy.answers_looked_at if policy else ()
    names = {asked.question for asked in state.asked} & questions.keys()
    return Inputs(
        trigger=trigger,
        now=state.now,
        shopper=state.head or state.shopper,
        channel=state.channel,
        locale=state.locale,
        handed_off=state.handed_off,
        open=state.ask.question if state.ask else None,
        seen_at=state.seen_at,
        zone=state.zone,
        suppressions=state.suppressions,
        consents={purpose: consent.state for purpose, consent in state.consents.items()},
        asked=state.asked,
        held=state.held,
        paused=tuple(sorted(state.paused)),
        spent=state.spent,
        delicate=tuple(sorted(name for name in names if _is_delicate(questions[name]))),
        weighables=tuple(
            _weighable(candidate, _traits_of(candidate.question, catalogue, referral))
            for candidate in state.candidates
        ),
        entry=state.entry,
        place=state.place,
        weather=state.weather,
        profile={name: state.profile[name] for name in looked_at if name in state.profile} or None,
        buying=state.buying,
        visit_at=state.visit_at,
    )


def inputs_as_json(inputs: Inputs) -> dict[str, Any]:
    """Give them to be stored; what is as usual is left out."""
    page: dict[str, Any] = _INPUTS.dump_python(inputs, mode="json", exclude_defaults=True)
    return page


def inputs_from_json(page: Mapping[str, Any]) -> Inputs:
    """Read them as they were stored.

    :raises BadInputError: they were stored by another release than can be read here.
    """
    try:
        return _INPUTS.validate_python(page)
    except ValidationError:
        message = "These inputs are of another release; replay the decision with that one."
        raise BadInputError(message) from None


def _traits_of(question: str, catalogue: Catalogue, referral: Referral | None) -> Traits | None:
    if question == GOOD_MOMENT:
        notice = catalogue.purposes[GOOD_MOMENT]
        return Traits(notice.version, GOOD_MOMENT, 1, notice.valid_days)
    if question == QUESTION:
        return None if referral is None else _traits_of_invitation(referral)
    held = catalogue.questions.get(question)
    return None if held is None else _traits(held)


def _traits_of_invitation(page: Referral) -> Traits:
    return Traits(page.version, "", 1, page.days_between, give="question")


def _weighable(candidate: Candidate, traits: Traits | None) -> Weighable:
    return Weighable(
        candidate=candidate.id,
        question=candidate.question,
        reason=candidate.reason.partition(":")[0],
        at=candidate.at,
        purchase=candidate.about.purchase,
        sku=candidate.about.sku,
        category=candidate.category,
        traits=traits,
    )


def _traits(question: Question) -> Traits:
    return Traits(
        version=question.version,
        purpose=question.purpose,
        depth=question.depth,
        half_life_days=question.half_life_days,
        delicate=_is_delicate(question),
        category=question.category,
        give="option" if question.kind in _OF_ONE_OPTION else "question",
    )


def _is_delicate(question: Question) -> bool:
    return question.sensitivity == "delicate"


_OF_ONE_OPTION = frozenset({"one_choice", "confirm"})
_INPUTS = TypeAdapter(Inputs)
