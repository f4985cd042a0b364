"""What the operations on webhooks take and give."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field

from bot.api.models import MOST_POSITION, Body, Params, Text, View
from preferences.store.changes import ChangeType
from preferences.store.webhook_intake import State
from preferences.store.webhook_log import Delivery
from preferences.store.webhooks import Endpoint


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        message = "the time must be between the years 1 and 9999 in UTC"
        raise ValueError(message) from None


Position = Annotated[int, Field(ge=0, le=MOST_POSITION)]
"""A place in the change feed."""

Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone."""


class WebhookPath(Params):
    """Which webhook."""

    id: Text


class NewWebhook(Body):
    """Where to tell of which changes."""

    url: str = Field(max_length=2048)
    """A public address that begins with https://; each delivery is posted there."""
    types: list[ChangeType] = Field(default=[], max_length=50)
    """Which changes; none named: all of them, those of later versions too."""


class Rotation(Body):
    """How to change the secret."""

    overlap_hours: int = Field(24, ge=0, le=168)
    """For how many hours deliveries are signed with the old one too."""


class Pause(Body):
    """Why nothing more is to be sent."""

    reason: Text


class Replay(Body):
    """Which changes to send once more."""

    first: Position | Moment = Field(alias="from")
    """The first position, or the time from which on; changes are kept for 90 days."""
    last: Position | Moment | None = Field(None, alias="to")
    """The last position, or the time up to which; without it, all that were taken up."""
    state: State | None = None
    """Only those whose last delivery is in this state; without it also those never sent."""


class TestQuery(Params):
    """How patient the caller is."""

    wait: int = Field(25, ge=0, le=25)
    """For how many seconds to wait for what comes back."""


class DeliveriesQuery(Params):
    """Which part of the log."""

    state: State | None = None
    before: Text | None = None
    """The `next` of the page before."""
    limit: int = Field(50, ge=1, le=500)
    """How many at most."""


class WebhookView(View):
    """One webhook, without its secret."""

    id: str
    url: str
    types: list[str]
    """Empty: all of them."""
    enabled: bool
    disabled_at: AwareDatetime | None
    disabled_why: str | None
    failing_since: AwareDatetime | None
    """Nothing was taken since then; after five days it is disabled."""
    position: int = Field(le=MOST_POSITION)
    """Up to which change of the feed deliveries were made."""
    old_secret_until: AwareDatetime | None
    created_at: AwareDatetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """Show an endpoint."""
        return cls(
            id=endpoint.id,
            url=endpoint.url,
            types=list(endpoint.types),
            enabled=endpoint.disabled_at is None,
            disabled_at=endpoint.disabled_at,
            disabled_why=endpoint.disabled_why or None,
            failing_since=endpoint.failing_since,
            position=endpoint.position,
            old_secret_until=endpoint.old_secret_until,
            created_at=endpoint.created_at,
        )


class AddedWebhook(View):
    """A new webhook."""

    webhook: WebhookView
    secret: str
    """Verifies what is posted. It is shown only here."""


class WebhooksPage(View):
    """Every webhook, the oldest first."""

    webhooks: list[WebhookView]


class NewSecret(View):
    """A new secret."""

    secret: str
    """Verifies what is posted from now on. It is shown only here."""
    old_secret_until: AwareDatetime | None
    """Until then the old one does, too."""


class DeliveryView(View):
    """One change on its way to a webhook."""

    id: str
    change: str
    """The `webhook-id` that it is posted under, the same each time."""
    replay: int
    """How often it was asked for once more before."""
    type: str
    shopper: str | None
    position: int
    state: State
    attempts: int
    next_attempt_at: AwareDatetime | None
    last_status: int | None
    """What was answered last; nothing where nobody answered."""
    last_error: str | None
    created_at: AwareDatetime
    done_at: AwareDatetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Show a delivery."""
        return cls(
            id=delivery.id,
            change=delivery.change,
            replay=delivery.replay,
            type=delivery.type,
            shopper=delivery.shopper or None,
            position=delivery.position,
            state=delivery.state,
            attempts=delivery.attempts,
            next_attempt_at=delivery.next_attempt_at,
            last_status=delivery.last_status,
            last_error=delivery.last_error or None,
            created_at=delivery.created_at,
            done_at=delivery.done_at,
        )


class DeliveriesPage(View):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryView]
    next: str | None
    """Send it as `before` to read on; none: that was all."""


class ReplayView(View):
    """What is sent once more."""

    queued: int
    rest_from: int | None
    """There are more: send the request again with this as `from`."""
