"""What may be read of one shopper: what they said, allowed and do not want, each with its proof."""

from typing import Literal

from pydantic import ConfigDict, JsonValue

from bot.api.models import Params, Text, View
from bot.api.operations import Call, operation
from bot.api.refusals import NOT_FOUND
from preferences.profile import as_json, of_kind
from preferences.store.persons import unknown_shopper
from preferences.store.profiles import read_profile
from preferences.store.shoppers import shopper_named

_CUSTOMER = "customer"
type Kind = Literal["declared", "observed", "inferred", "imported"]


class ShopperPath(Params):
    """Which shopper."""

    id: Text
    """Our id of the shopper or, with the scope `lookup`, a customer number: `customer:1001`."""


class KindQuery(Params):
    """What of it."""

    kind: Kind | None = None
    """What is known of one kind alone, as `declared`; without it, of all."""


class Preference(View):
    """One answer of a shopper, or one fact, with everything that proves it."""

    model_config = ConfigDict(extra="allow")

    id: str
    question: str
    value: str
    kind: Kind
    purpose: str


class Contradiction(Preference):
    """Something that the shop knows otherwise than it was said."""

    against: str
    """The id of the preference that contradicts it, and wins."""


class ProfileView(View):
    """What is known of a shopper and may be used now."""

    model_config = ConfigDict(extra="allow")

    shopper: str
    """The person's id, whichever of their ids was asked for."""
    identities: dict[str, str]
    preferences: list[Preference]
    conflicts: list[Contradiction]
    """What the shop knows otherwise than the shopper said it."""
    expired: list[Preference]
    """What is too old to be relied on until it is said again."""
    consents: dict[str, dict[str, JsonValue]]
    suppressions: list[dict[str, JsonValue]]
    erased: bool
    """The shopper had everything deleted: nothing else is left."""
    linked_to: str | None
    """Who the shopper is now, where two were found to be one person: nothing else is left."""


@operation("GET", "/v1/shoppers/{id}/preferences", {"read"}, problems=[NOT_FOUND], conditional=True)
async def read_preferences(call: Call, path: ShopperPath, query: KindQuery) -> ProfileView:
    """Read what may be used of a shopper.

    Declared answers under a permission that stands, facts of the shop beside them, the last word
    on each purpose, and what the shopper does not want.
    """
    return await view_of(call, await person(call, path.id), query.kind)


async def view_of(call: Call, shopper: str, kind: Kind | None = None) -> ProfileView:
    """Give the profile of the person that a shopper is; with a kind, no more of it than that."""
    profile = await read_profile(call.store, shopper)
    return ProfileView.model_validate(as_json(of_kind(profile, kind) if kind else profile))


async def person(call: Call, name: str) -> str:
    """Give the shopper's id for what stands in a path.

    :raises RefusedError: a customer number was given with a key that may not look up.
    :raises NotFoundError: nobody has that number.
    """
    kind, _, value = name.partition(":")
    if not value:
        return name
    call.require("lookup")
    if kind != _CUSTOMER:
        raise unknown_shopper()
    return await shopper_named(call.store, kind, value)


OPERATIONS = (read_preferences,)
