"""What a shopper's wishes mean for the advertising that the CRM itself sends, channel by channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

type Word = Literal["leave", "withdraw", "subscribe"]
"""`leave`: no advertising on it at all; `withdraw`: the permission ended; `subscribe`: it was given."""

CHANNELS = ("email", "sms")
_PREFERENCE = "channel_preference"
_NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Permission:
    """Where a permission to advertise stands, and the event in the ledger that proves it."""

    word: Word
    event: str = ""
    notice_version: int | None = None
    at: str = ""


def permissions(profile: Mapping[str, Any], purpose: str) -> dict[str, Permission]:
    """Give what is decided, by channel; a channel that nobody spoke of is left as it is.

    What is not wanted wins over any permission. A pause that ends by itself is no farewell: a CRM
    would keep it for ever, so it is told as a field instead. Without a `purpose` nobody is
    subscribed.
    """
    consent = profile["consents"].get(purpose) if purpose else None
    left = _left(profile)
    found = {channel: Permission("leave") for channel in CHANNELS if channel in left}
    if consent is not None:
        word: Word = "subscribe" if consent["state"] == "given" else "withdraw"
        permission = Permission(word, consent["event"], consent["notice_version"], consent["at"])
        found = dict.fromkeys(CHANNELS, permission) | found
    return found


def word(profile: Mapping[str, Any], purpose: str, channel: str = "email") -> Word | None:
    """Give what is decided of one channel, if anything is."""
    found = permissions(profile, purpose).get(channel)
    return found.word if found else None


def _left(profile: Mapping[str, Any]) -> set[str]:
    """Give the channels that the shopper does not want to be written to on."""
    if profile["erased"]:
        return {*CHANNELS}
    lasting = [one for one in profile["suppressions"] if one["until"] is None]
    if any(one["scope"] == "all" for one in lasting):
        return {*CHANNELS}
    left = {one["target"] for one in lasting if one["scope"] == "channel"}
    for answer in profile["preferences"]:
        if answer["question"] == _PREFERENCE and answer["kind"] == "declared":
            refuses = answer["detail"].get("polarity") == "does_not_want"
            if answer["value"] == _NOBODY:
                left |= set() if refuses else {*CHANNELS}
            elif refuses:
                left |= {*answer["value"].split(",")}
    return left & {*CHANNELS}
