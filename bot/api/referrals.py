"""Bringing a friend: who may be invited, on which terms, and who came by whom."""

from typing import Literal

from pydantic import Field

from bot.api.models import Body, Params, Text, View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import CONFLICT, NOT_FOUND, RefusedError
from bot.api.shoppers import ShopperPath, person
from bot.parts import POLICY
from preferences.referral import load_referral, share_ways
from preferences.store.facts import ErasedError
from preferences.store.invitations import NotInvitedError, invite, read_invitable
from preferences.store.referrals import NotReferredError, attribute


class LanguageQuery(Params):
    """In which language."""

    locale: Literal["en", "es", "de"] = "en"


class InvitableView(View):
    """Whether somebody may be invited to bring a friend."""

    shopper: str
    may_invite: bool
    signals: list[str]
    """The signs that they are glad: `regular`, `good_experience`, `praise`; two are needed."""
    against: list[str]
    terms: list[str]
    """Both rewards and the conditions in three sentences: show them before the invitation is made."""


class Invitation(Body):
    """The shopper has seen the terms and wants to share."""

    locale: Literal["en", "es", "de"] = "en"


class InvitationView(View):
    """What may be shared, and how; nobody's address book is looked at."""

    shopper: str
    terms: list[str]
    code: str
    link: str
    share: dict[str, str]
    """By way: `link`, `mail`, `whatsapp`, `messenger`, `sms`, and the text for the system's `sheet`."""


class NewReferral(Body):
    """Somebody came by a code."""

    code: str = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9 -]+$")
    friend: Text
    """Our id of who came."""


class ReferralView(View):
    """Who came by whom."""

    giver: str
    friend: str
    depth: int
    """1 where the giver came alone, 2 where the giver came by somebody, and so on."""


@operation("GET", "/v1/shoppers/{id}/referral", {"read"}, problems=[NOT_FOUND])
async def read_referral(call: Call, path: ShopperPath, query: LanguageQuery) -> InvitableView:
    """Read whether a shopper may be invited to bring a friend.

    Only after two signs that have nothing to do with one another, never during a complaint, a return
    or a silence, and within the budget of questions.
    """
    page, policy = load_referral(), call.request.app[POLICY]
    shopper = await person(call, path.id)
    found = await read_invitable(call.store, shopper, page, policy, call.now)
    return InvitableView(
        shopper=found.shopper,
        may_invite=not found.against,
        signals=list(found.signals),
        against=list(found.against),
        terms=page.terms[query.locale],
    )


@operation(
    "POST",
    "/v1/shoppers/{id}/referral",
    {"write"},
    status=201,
    problems=[NOT_FOUND, CONFLICT],
    idempotent=True,
)
async def make_invitation(call: Call, path: ShopperPath, body: Invitation) -> Reply[InvitationView]:
    """Invite a shopper to bring a friend, once they saw the terms.

    It counts as a question in every budget, and destinations are told that it replaces the next
    promotion.
    """
    page, policy = load_referral(), call.request.app[POLICY]
    shopper = await person(call, path.id)
    try:
        code = await invite(call.store, shopper, page, policy, call.destinations, call.now)
    except (NotInvitedError, ErasedError) as error:
        raise RefusedError(CONFLICT, str(error)) from None
    link = page.link.replace("{code}", code)
    view = InvitationView(
        shopper=shopper,
        terms=page.terms[body.locale],
        code=code,
        link=link,
        share=dict(share_ways(page, link, body.locale)),
    )
    return Reply(view, shopper=shopper)


@operation(
    "POST", "/v1/referrals", {"write"}, status=201, problems=[NOT_FOUND, CONFLICT], idempotent=True
)
async def tell_referral(call: Call, body: NewReferral) -> Reply[ReferralView]:
    """Tell that somebody came by a friend's code.

    Tell it before their first order. Refused (409): their own code, two who brought one another over
    however many corners, who ordered before, and a second code. Rewards are the shop's to give.
    """
    try:
        found = await attribute(call.store, body.code, body.friend, call.now)
    except (NotReferredError, ErasedError) as error:
        raise RefusedError(CONFLICT, str(error)) from None
    view = ReferralView(giver=found.giver, friend=found.friend, depth=found.depth)
    return Reply(view, shopper=found.friend)


OPERATIONS = (read_referral, make_invitation, tell_referral)
