"""The channels beside the website: WhatsApp, Messenger, Instagram, Twilio."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from preferences.settings.base import PREFIX, Group, Words

CHANNEL_NEEDS = {
    "whatsapp": ("meta_app_secret", "whatsapp_number", "whatsapp_token"),
    "messenger": ("meta_app_secret", "messenger_page", "messenger_token"),
    "instagram": ("meta_app_secret", "instagram_account", "instagram_token"),
    "twilio": ("twilio_account", "twilio_token", "twilio_number", "public_url"),
}
"""What each channel cannot do without: `channels check` tells which of it is missing."""


class ChannelSettings(Group):
    """How each platform is reached, and how messages are taken there."""

    channels: Words = Field(
        (),
        description="comma-separated channels beside the website: whatsapp, messenger, instagram, twilio",
    )
    public_url: str = Field(
        "",
        description="https address of the gateway as others reach it: Twilio signs it, links in"
        " messages begin with it",
    )
    settle_milliseconds: int = Field(
        500,
        ge=0,
        le=5000,
        description="how long a channel waits for more lines, to answer them as one message",
    )
    late_minutes: int = Field(
        15, ge=1, description="minutes after which a message of a channel is kept, not answered"
    )
    takeover_hours: int = Field(
        12,
        ge=1,
        description="hours of silence on a channel after a person whom nobody called wrote there",
    )
    messages_per_month: int = Field(
        0,
        ge=0,
        description="charged messages a month on each channel, then questions rest; 0: no limit",
    )
    meta_app_secret: SecretStr = Field(
        SecretStr(""), description="verifies Meta's webhooks: the app secret of the Meta app"
    )
    meta_old_app_secret: SecretStr = Field(
        SecretStr(""), description="the one before it, taken too while Meta changes over"
    )
    meta_verify_token: SecretStr = Field(
        SecretStr(""),
        description="word that Meta repeats when a webhook is set up; empty: generated and kept",
    )
    meta_app: str = Field(
        "", description="id of the Meta app: it tells who a Messenger thread is passed to"
    )
    meta_version: str = Field(
        "v25.0", pattern=r"^v\d+\.\d+$", description="version of Meta's Graph API"
    )
    meta_url: str = Field(
        "https://graph.facebook.com", description="where Meta's Graph API is; tests bring their own"
    )
    whatsapp_number: str = Field("", description="WhatsApp phone number id (not the number)")
    whatsapp_token: SecretStr = Field(
        SecretStr(""), description="permanent token of a system user that may send on WhatsApp"
    )
    messenger_page: str = Field("", description="id of the page that speaks on Messenger")
    messenger_token: SecretStr = Field(SecretStr(""), description="access token of that page")
    instagram_account: str = Field("", description="id of the professional Instagram account")
    instagram_token: SecretStr = Field(SecretStr(""), description="access token of that account")
    twilio_account: str = Field("", description="Twilio account SID")
    twilio_token: SecretStr = Field(
        SecretStr(""), description="Twilio auth token: it signs webhooks and sends"
    )
    twilio_number: str = Field(
        "", description="number that Twilio sends from: +15550000000, or whatsapp:+15550000000"
    )
    twilio_url: str = Field(
        "https://api.twilio.com", description="where Twilio's API is; tests bring their own"
    )

    @model_validator(mode="after")
    def _channels_are_whole(self) -> Self:
        for channel in self.channels:
            if channel not in CHANNEL_NEEDS:
                message = f"ASKFIRST_CHANNELS names {channel}, and there are only {', '.join(CHANNEL_NEEDS)}"
                raise ValueError(message)
            if missing := self.missing(channel):
                message = f"ASKFIRST_CHANNELS names {channel}, so {missing[0]} must be set"
                raise ValueError(message)
        return self

    def missing(self, channel: str) -> list[str]:
        """Name the settings that a channel lacks."""
        lacks = [
            name
            for name in CHANNEL_NEEDS[channel]
            if not (
                held.get_secret_value()
                if isinstance(held := getattr(self, name), SecretStr)
                else held
            )
        ]
        return [PREFIX + name.upper() for name in lacks]
