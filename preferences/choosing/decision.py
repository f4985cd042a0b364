"""Decides whether to ask, and what: safety > the shopper's wish > consent > fatigue > value."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import get_args

from preferences.catalogue import Catalogue
from preferences.choosing import conditions, fatigue, moment, rest, suppressions, worth
from preferences.choosing.arm import SILENT, arm_of
from preferences.choosing.experiments import HELD_OUT, assigned
from preferences.choosing.inputs import Inputs, Weighable, inputs_as_json, inputs_of
from preferences.conversation import Decision, Reason, Stage, State, Weighed
from preferences.policy import Policy
from preferences.referral import Referral

STAGES: tuple[Stage, ...] = get_args(Stage)
"""The order of precedence: what stands first is named first, and nothing after it undoes it."""


def choose(
    trigger: str,
    state: State,
    catalogue: Catalogue,
    policy: Policy,
    referral: Referral | None = None,
) -> Decision:
    """Weigh the candidates against silence.

    The one of the greatest score against which nothing speaks is chosen, whether or not consent for
    its purpose was given yet: the caller asks for that first. The reasons name what spoke against
    every other one, and against asking at all.
    """
    return decide(inputs_of(trigger, state, catalogue, referral, policy), policy)


def decide(inputs: Inputs, policy: Policy) -> Decision:
    """Decide by these inputs alone: the same ones give the same decision, whenever it is."""
    always = list(_against_all(inputs, policy))
    weighed = [(one, _weigh(inputs, one, policy, always)) for one in _newest_first(inputs)]
    best = _best([found for _, found in weighed])
    arm = arm_of(inputs.shopper, policy)
    is_said = best is not None and arm not in SILENT
    told = tuple(_told(found, best, is_said=is_said) for _, found in weighed)
    against = [] if is_said else always
    nothing = [] if inputs.weighables else [Reason("nothing_to_ask")]
    decision = Decision(
        trigger=inputs.trigger,
        question=None,
        candidate=None,
        reasons=_in_order(chain(against, *(found.reasons for found in told), nothing)),
        policy_version=policy.version,
        shopper=inputs.shopper,
        at=inputs.now,
        channel=inputs.channel,
        locale=inputs.locale,
        arm=arm,
        weighed=told,
        policy_sha256=policy.sha256,
        inputs=inputs_as_json(inputs),
    )
    asked = [one for one, found in weighed if is_said and found is best]
    return _asking(decision, asked[0], inputs, policy) if asked else decision


def _asking(decision: Decision, weighable: Weighable, inputs: Inputs, policy: Policy) -> Decision:
    traits = weighable.traits
    found = assigned(weighable.question, inputs.shopper, policy, inputs.paused)
    return replace(
        decision,
        question=weighable.question,
        candidate=weighable.candidate,
        version=traits.version if traits else None,
        give=traits.give if traits else "",
        experiment=found.told if found else "",
    )


def _newest_first(inputs: Inputs) -> list[Weighable]:
    return sorted(inputs.weighables, key=lambda one: one.at, reverse=True)


def _against_all(inputs: Inputs, policy: Policy) -> Iterator[Reason]:
    """What speaks against any question."""
    yield from suppressions.against_all(inputs)
    yield from fatigue.against_more(inputs, policy)
    yield from moment.against_now(inputs, policy)


def _against_one(inputs: Inputs, weighable: Weighable, policy: Policy) -> Iterator[Reason]:
    """What speaks against this question alone."""
    yield from suppressions.against_one(inputs, weighable)
    yield from rest.against_consent(inputs, weighable, policy)
    yield from rest.against_again(inputs, weighable, policy)
    yield from fatigue.against_delicate(inputs, weighable, policy)
    yield from fatigue.against_depth(inputs, weighable, policy)
    yield from worth.against_answer(inputs, weighable, policy)
    yield from conditions.against_context(inputs, weighable, policy)
    found = assigned(weighable.question, inputs.shopper, policy, inputs.paused)
    if found is not None and found.arm == HELD_OUT:
        yield Reason("held_out", weighable.question, "mode")


def _weigh(
    inputs: Inputs, weighable: Weighable, policy: Policy, always: Iterable[Reason]
) -> Weighed:
    found = Weighed(
        candidate=weighable.candidate,
        question=weighable.question,
        value=worth.value(inputs, weighable, policy),
        cost=worth.cost(inputs, weighable, policy),
        reasons=_in_order(chain(always, _against_one(inputs, weighable, policy))),
    )
    if found.reasons or found.score >= policy.worth.threshold:
        return found
    return replace(found, reasons=(Reason("not_worth_it", weighable.question),))


def _best(weighed: Iterable[Weighed]) -> Weighed | None:
    """Give the one of the greatest score; of two alike the newer."""
    standing = [found for found in weighed if not found.reasons]
    return max(standing, key=lambda found: found.score, default=None)


def _told(found: Weighed, best: Weighed | None, *, is_said: bool) -> Weighed:
    """Name what spoke against one that stood, though it was not asked."""
    if found.reasons or (found is best and is_said):
        return found
    reason = Reason("not_said", found.question, "mode")
    if found is not best:
        reason = Reason("outweighed", found.question)
    return replace(found, reasons=(reason,))


def _in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Put each once, in the order of precedence."""
    return tuple(sorted(dict.fromkeys(reasons), key=lambda reason: STAGES.index(reason.stage)))
