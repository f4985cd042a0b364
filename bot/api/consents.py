"""What a shopper allowed, and what the shop reports that they decided elsewhere."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from bot.api.history import EntryView, entry_view
from bot.api.models import Body, Name, Text, View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import CONFLICT, NOT_FOUND, RefusedError
from bot.api.shoppers import ShopperPath, person
from bot.parts import CATALOGUE
from preferences.errors import BadInputError
from preferences.profile import as_json
from preferences.store.facts import ErasedError
from preferences.store.history import read_consent_events
from preferences.store.profiles import read_profile
from preferences.store.wishes import OvertakenError, Reported, Shown, report_decision


class ConsentsView(View):
    """The last word on each purpose, and every event that led to it."""

    shopper: str
    consents: dict[str, dict[str, JsonValue]]
    events: list[EntryView]
    """The ledger, the oldest first, each event with the text that was shown."""


class NewDecision(Body):
    """What a shopper decided on a purpose, outside our conversations."""

    purpose: Name
    state: Literal["given", "refused", "withdrawn", "objected"]
    """`given` needs the text that was shown, when it was, and the words of the act."""
    evidence: str | None = Field(None, min_length=1, max_length=1000)
    """The words or the act by which it was decided; a hash of them is kept."""
    notice_sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    """The text that was shown: one that is kept here."""
    shown_at: AwareDatetime | None = None
    """When that text was shown."""
    locale: str = Field("", max_length=20, pattern="^[A-Za-z0-9-]*$")
    channel: Text = "api"

    @model_validator(mode="after")
    def _is_proved(self) -> Self:
        if self.state == "given" and None in {self.evidence, self.notice_sha256, self.shown_at}:
            message = (
                "state: given needs evidence, notice_sha256 and shown_at: a permission without "
                "its proof is none"
            )
            raise ValueError(message)
        return self


class DecisionView(View):
    """What was appended to the ledger."""

    shopper: str
    event: str


@operation("GET", "/v1/shoppers/{id}/consents", {"read"}, problems=[NOT_FOUND], conditional=True)
async def read_consents(call: Call, path: ShopperPath) -> ConsentsView:
    """Read what a shopper allowed.

    Each event of the ledger says who decided what, when, after which text, and by which act.
    """
    shopper = await person(call, path.id)
    profile = await read_profile(call.store, shopper)
    head, events = await read_consent_events(call.store, shopper)
    return ConsentsView(
        shopper=head,
        consents=as_json(profile)["consents"],
        events=[entry_view(event) for event in events],
    )


@operation(
    "POST",
    "/v1/shoppers/{id}/consents",
    {"consent"},
    status=201,
    problems=[NOT_FOUND, CONFLICT],
    idempotent=True,
)
async def add_consent(call: Call, path: ShopperPath, body: NewDecision) -> Reply[DecisionView]:
    """Report what a shopper decided.

    A refusal, a withdrawal or an objection always counts. A permission that is older than a no is
    refused (409), and so is anything about who had everything deleted. A purpose that the shop asks
    for no more can be taken back still.
    """
    purpose = call.request.app[CATALOGUE].purposes.get(body.purpose)
    if body.shown_at and body.shown_at > call.now:
        message = "shown_at: this is in the future; tell when the text was shown."
        raise BadInputError(message, field="shown_at")
    shopper = await person(call, path.id)
    try:
        event = await report_decision(
            call.store, shopper, _reported(call, body), purpose, call.destinations, call.now
        )
    except (ErasedError, OvertakenError) as error:
        raise RefusedError(CONFLICT, str(error)) from None
    await call.announce()
    return Reply(DecisionView(shopper=shopper, event=event), shopper=shopper)


def _reported(call: Call, body: NewDecision) -> Reported:
    shown = (
        Shown(body.notice_sha256, body.shown_at) if body.notice_sha256 and body.shown_at else None
    )
    return Reported(
        purpose=body.purpose,
        state=body.state,
        words=body.evidence,
        locale=body.locale,
        channel=body.channel,
        actor=call.actor,
        effect=call.effect,
        shown=shown,
    )


OPERATIONS = (read_consents, add_consent)
