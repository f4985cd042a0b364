"""Two shoppers who are one person, joined and parted again by the shop."""

from bot.api.models import Body, Text
from bot.api.operations import Call, operation
from bot.api.people import ShopperView
from bot.api.refusals import NOT_FOUND
from bot.api.shoppers import ShopperPath, person
from preferences.store.links import link, unlink


class NewLink(Body):
    """Another shopper who is the same person."""

    other: Text
    """The other shopper's id."""
    proof: Text
    """How the shop knows: a ticket, a contract; never what a person said about themselves."""


class LinkPath(ShopperPath):
    """Which two."""

    other: Text
    """The other shopper's own id, from before they were linked."""


@operation("POST", "/v1/shoppers/{id}/links", {"admin"}, problems=[NOT_FOUND])
async def add_link(call: Call, path: ShopperPath, body: NewLink) -> ShopperView:
    """Link two shoppers who are one person.

    The person has the id of the first from now on. Nothing is moved or lost: it can be undone.
    """
    head = await link(
        call.store,
        await person(call, path.id),
        await person(call, body.other),
        proof=body.proof,
        actor=call.actor,
        destinations=call.destinations,
        now=call.now,
    )
    await call.announce()
    return ShopperView(shopper=head)


@operation("DELETE", "/v1/shoppers/{id}/links/{other}", {"admin"}, status=204, problems=[NOT_FOUND])
async def remove_link(call: Call, path: LinkPath) -> None:
    """Part two shoppers again."""
    await unlink(
        call.store,
        await person(call, path.id),
        path.other,
        actor=call.actor,
        destinations=call.destinations,
        now=call.now,
    )
    await call.announce()


OPERATIONS = (add_link, remove_link)
