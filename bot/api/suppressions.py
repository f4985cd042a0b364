"""What a shopper does not want. The shop may add to it; only the shopper lifts anything."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from bot.api.models import Body, View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import NOT_FOUND
from bot.api.shoppers import ShopperPath, person
from preferences.profile import as_json
from preferences.store.profiles import read_profile
from preferences.store.wishes import Unwanted, add_suppression


class SuppressionsView(View):
    """What is not wanted now."""

    shopper: str
    suppressions: list[dict[str, JsonValue]]


class NewSuppression(Body):
    """Something that a shopper told the shop they do not want."""

    scope: Literal["all", "channel", "topic", "category"]
    target: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
    """Which channel, topic (a question or a purpose) or category; empty where it is all."""
    reason: Literal["unsubscribed", "complained", "asked_the_shop", "law", "churn"]
    """Why; `churn` is what the shop concludes: it may be losing them, and help is due instead."""
    days: int | None = Field(None, ge=1, le=3650)
    """For how long; without it, until the shopper lifts it."""

    @model_validator(mode="after")
    def _names_its_target(self) -> Self:
        if (self.scope == "all") != (self.target == ""):
            message = "target: name the channel, topic or category, and leave it empty for all"
            raise ValueError(message)
        return self


class SuppressionView(View):
    """What was kept."""

    shopper: str
    suppression: str


@operation(
    "GET", "/v1/shoppers/{id}/suppressions", {"read"}, problems=[NOT_FOUND], conditional=True
)
async def read_suppressions(call: Call, path: ShopperPath) -> SuppressionsView:
    """Read what a shopper does not want now."""
    profile = await read_profile(call.store, await person(call, path.id))
    return SuppressionsView(shopper=profile.shopper, suppressions=as_json(profile)["suppressions"])


@operation(
    "POST",
    "/v1/shoppers/{id}/suppressions",
    {"consent"},
    status=201,
    problems=[NOT_FOUND],
    idempotent=True,
)
async def add_shopper_suppression(
    call: Call, path: ShopperPath, body: NewSuppression
) -> Reply[SuppressionView]:
    """Report what a shopper does not want.

    Where the same is in force for as long already, that one is given. There is no way to lift one
    here: the shopper does, in a conversation.
    """
    shopper = await person(call, path.id)
    lasts = None if body.days is None else timedelta(days=body.days)
    wish = Unwanted(body.scope, body.target, body.reason, lasts)
    added = await add_suppression(call.store, shopper, wish, call.destinations, call.now)
    await call.announce()
    return Reply(SuppressionView(shopper=shopper, suppression=added), shopper=shopper)


OPERATIONS = (read_suppressions, add_shopper_suppression)
