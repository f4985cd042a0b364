"""What the shop tells of a shopper: facts from its own systems, kept beside what the shopper said."""

from typing import Literal

from pydantic import AwareDatetime, Field

from bot.api.models import Body, Name, Params, Text, View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import CONFLICT, NOT_FOUND, STALE, RefusedError
from bot.api.serving import etag, matches
from bot.api.shoppers import ShopperPath, person, view_of
from bot.parts import CATALOGUE
from preferences.store.facts import (
    ChangedError,
    ErasedError,
    Fact,
    Telling,
    add_facts,
    check_facts,
    last_change,
)


class NewFact(Body):
    """One fact."""

    kind: Literal["imported", "observed"]
    """Brought along from another system, or seen by the shop. Nobody else can declare."""
    question: Name
    """Which question of the catalogue it answers."""
    value: Text
    """One of the values that the question knows; several are joined by commas."""
    source: Text
    """Where it comes from: the name of a system."""
    at: AwareDatetime
    """When it was so."""
    detail: dict[Name, Text] = Field({}, max_length=20)
    confidence: float = Field(1.0, ge=0, le=1)


class NewFacts(Body):
    """Facts of one shopper: all are kept, or none."""

    facts: list[NewFact] = Field(min_length=1, max_length=100)


class FactHeaders(Params):
    """The condition under which facts are kept."""

    if_match: str | None = Field(None, alias="If-Match", min_length=1, max_length=1000)
    """The ETag of the preferences that the caller has seen: 412 where they have changed since."""


class FactsView(View):
    """What was kept."""

    shopper: str
    facts: list[str]
    """The id of each fact, in the order in which they were sent."""


@operation(
    "POST",
    "/v1/shoppers/{id}/facts",
    {"write"},
    status=201,
    problems=[NOT_FOUND, CONFLICT, STALE],
    idempotent=True,
)
async def add_shopper_facts(
    call: Call, path: ShopperPath, headers: FactHeaders, body: NewFacts
) -> Reply[FactsView]:
    """Tell facts of a shopper.

    They are kept as what they are, with their source: what the shopper declared on the same matter
    goes before them. Nothing is kept of who had everything deleted (409).
    """
    catalogue = call.request.app[CATALOGUE]
    facts = [Fact(**dict(fact)) for fact in body.facts]
    check_facts(facts, catalogue, call.now)
    shopper = await person(call, path.id)
    try:
        seen = await _seen(call, shopper, headers.if_match)
        telling = Telling(shopper, facts, call.effect, seen)
        ids = await add_facts(call.store, telling, catalogue, call.destinations, call.now)
    except ErasedError as error:
        raise RefusedError(CONFLICT, str(error)) from None
    except ChangedError as error:
        raise RefusedError(STALE, str(error), field="If-Match") from None
    await call.announce()
    return Reply(FactsView(shopper=shopper, facts=ids), shopper=shopper)


async def _seen(call: Call, shopper: str, condition: str | None) -> str | None:
    """Name the state that the caller has seen, or None where no condition was sent."""
    if condition is None:
        return None
    seen = await last_change(call.store, shopper)
    view = await view_of(call, shopper)
    if not matches(etag(view.model_dump_json().encode()), condition):
        message = "The preferences have another ETag now; read them again."
        raise ChangedError(message)
    return seen


OPERATIONS = (add_shopper_facts,)
