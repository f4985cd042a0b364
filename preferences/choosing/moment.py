"""Whether now is a moment to ask: the shopper is present, or at least it is day where they are."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from preferences.choosing.inputs import Inputs
from preferences.conversation import Reason
from preferences.policy import Policy, QuietHours, is_zone


def against_now(inputs: Inputs, policy: Policy) -> Iterator[Reason]:
    """What speaks against asking at this moment; whoever is present began it."""
    if is_present(inputs, policy):
        return
    if inputs.trigger not in policy.unprompted:
        yield Reason("nobody_there", "", "fatigue")
    elif is_quiet(inputs, policy.quiet_hours):
        yield Reason("quiet_hours", "", "fatigue")


def is_present(inputs: Inputs, policy: Policy) -> bool:
    """Tell whether the shopper is there; unknown is not there."""
    if inputs.trigger in policy.prompted:
        return True
    lately = timedelta(minutes=policy.minutes_present)
    return inputs.seen_at is not None and inputs.age(inputs.seen_at) <= lately


def is_quiet(inputs: Inputs, hours: QuietHours) -> bool:
    """Tell whether it is late where the shopper is, or where the shop is if that is not known."""
    zone = inputs.zone if inputs.zone and is_zone(inputs.zone) else hours.zone
    hour = inputs.now.astimezone(ZoneInfo(zone)).hour
    if hours.start <= hours.end:
        return hours.start <= hour < hours.end
    return hour >= hours.start or hour < hours.end
