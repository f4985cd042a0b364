"""What a shopper was promised for a question, and that it was kept."""

from typing import Literal

from pydantic import AwareDatetime

from bot.api.models import Params, Text, View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import NOT_FOUND
from bot.api.shoppers import ShopperPath, person
from preferences.store.promises import Promise, keep_promise, read_promises


class PromisePath(Params):
    """Which promise of which shopper."""

    id: Text
    """Our id of the shopper or, with the scope `lookup`, a customer number: `customer:1001`."""
    promise: Text


class PromiseView(View):
    """Something promised."""

    id: str
    give: str
    """Its name in gives.yml."""
    kind: str
    value: str
    """What whoever keeps it needs to know: how many points, the code of an offer."""
    state: Literal["due", "late", "kept"]
    promised_at: AwareDatetime
    due_at: AwareDatetime
    kept_at: AwareDatetime | None


class PromisesView(View):
    """All that a shopper was promised, the newest first."""

    shopper: str
    promises: list[PromiseView]


@operation("GET", "/v1/shoppers/{id}/promises", {"read"}, problems=[NOT_FOUND])
async def read_shopper_promises(call: Call, path: ShopperPath) -> PromisesView:
    """Read what a shopper was promised.

    It was promised whatever they answered; what is `late` should be made good first.
    """
    head, found = await read_promises(call.store, await person(call, path.id))
    return PromisesView(shopper=head, promises=[_view(call, one) for one in found])


@operation(
    "POST",
    "/v1/shoppers/{id}/promises/{promise}/kept",
    {"write"},
    problems=[NOT_FOUND],
    idempotent=True,
)
async def keep_shopper_promise(call: Call, path: PromisePath) -> Reply[PromiseView]:
    """Tell that a promise was kept; told again, it stays as it was told first."""
    shopper = await person(call, path.id)
    kept = await keep_promise(
        call.store, shopper, path.promise, call.actor, call.destinations, call.now
    )
    return Reply(_view(call, kept), shopper=shopper)


def _view(call: Call, one: Promise) -> PromiseView:
    return PromiseView(
        id=one.id,
        give=one.give,
        kind=one.kind,
        value=one.value,
        state=one.standing(call.now),
        promised_at=one.promised_at,
        due_at=one.due_at,
        kept_at=one.kept_at,
    )


OPERATIONS = (read_shopper_promises, keep_shopper_promise)
