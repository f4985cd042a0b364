"""Who is who, as the shop tells it: finding a shopper by a name, and telling of a new one."""

from typing import Literal

from pydantic import Field

from bot.api.models import Body, Text, View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import CONFLICT, NOT_FOUND, RefusedError
from preferences.store.naming import NamesakesError, tell_names
from preferences.store.shoppers import shopper_named


class Identity(Body):
    """One name by which the shop or a channel knows a shopper."""

    kind: Literal["customer", "email", "phone", "whatsapp", "messenger"]
    value: Text


class Identities(Body):
    """The names of one shopper."""

    identities: list[Identity] = Field(min_length=1, max_length=10)


class ShopperView(View):
    """A shopper, by id."""

    shopper: str


@operation("POST", "/v1/shoppers/lookup", {"lookup"}, problems=[NOT_FOUND])
async def look_up(call: Call, body: Identity) -> ShopperView:
    """Find a shopper by a name.

    The name stands in the body, so that no log of addresses holds it.
    """
    return ShopperView(shopper=await shopper_named(call.store, body.kind, body.value))


@operation("POST", "/v1/shoppers", {"write"}, problems=[CONFLICT], idempotent=True)
async def add_shopper(call: Call, body: Identities) -> Reply[ShopperView]:
    """Tell of a shopper by their names.

    Who is known by one of them gets the others too; nobody is made twice. Where two of the names
    belong to different shoppers, nothing is done (409): link the two first.
    """
    names = [(name.kind, name.value) for name in body.identities]
    try:
        head = await tell_names(call.store, names, call.now)
    except NamesakesError as error:
        raise RefusedError(CONFLICT, str(error), field="identities") from None
    return Reply(ShopperView(shopper=head), shopper=head)


OPERATIONS = (look_up, add_shopper)
