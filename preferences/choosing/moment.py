"""Whether now is a moment to ask: the shopper is present, or at least it is day where they are."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from preferences.catalogue import GOOD_MOMENT
from preferences.choosing.inputs import Inputs
from preferences.conversation import Reason
from preferences.policy import Policy, QuietHours, is_zone


def against_now(inputs: Inputs, policy: Policy) -> Iterator[Reason]:
    """What speaks against asking at this moment; whoever is present began it.

    A mail waits until it is read: when it arrives is for whoever sends it.
    """
    if inputs.by_mail or is_present(inputs, policy):
        return
    if inputs.trigger not in policy.unprompted:
        yield Reason("nobody_there", "", "fatigue")
        return
    if is_quiet(inputs, policy.quiet_hours):
        yield Reason("quiet_hours", "", "fatigue")
    good = good_hours(inputs, policy)
    if good is not None and hour_there(inputs) not in good:
        yield Reason("not_their_hour", "", "fatigue")


def is_present(inputs: Inputs, policy: Policy) -> bool:
    """Tell whether the shopper is there; unknown is not there."""
    if inputs.trigger in policy.prompted:
        return True
    lately = timedelta(minutes=policy.minutes_present)
    return inputs.seen_at is not None and inputs.age(inputs.seen_at) <= lately


def is_quiet(inputs: Inputs, hours: QuietHours) -> bool:
    """Tell whether it is late where the shopper is, or where the shop is if that is not known."""
    there = hour_there(inputs)
    if there is None and hours.zone is None:
        return True
    hour = inputs.now.astimezone(ZoneInfo(hours.zone or "UTC")).hour if there is None else there
    if hours.start <= hours.end:
        return hours.start <= hour < hours.end
    return hour >= hours.start or hour < hours.end


def hour_there(inputs: Inputs) -> int | None:
    """Give the hour that the shopper's own clock shows, None where that is not known."""
    return _hour(inputs.zone, inputs.now) if inputs.zone and is_zone(inputs.zone) else None


def good_hours(inputs: Inputs, policy: Policy) -> frozenset[int] | None:
    """Give the hours about which they answered before; None where that is not to be looked at.

    It takes their permission, their own clock, and answers enough. It is worked out when it is
    needed, and kept nowhere.
    """
    limits = policy.good_hours
    answered = [one.at for one in inputs.asked if one.outcome == "answered"]
    permitted = (inputs.consents or {}).get(GOOD_MOMENT) == "given"
    if not permitted or hour_there(inputs) is None or len(answered) < limits.answers:
        return None
    around = range(-limits.around, limits.around + 1)
    return frozenset((_hour(inputs.zone, at) + more) % 24 for at in answered for more in around)


def _hour(zone: str, at: datetime) -> int:
    return at.astimezone(ZoneInfo(zone)).hour
