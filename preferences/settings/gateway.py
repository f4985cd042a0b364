"""Who may talk to the gateway, how much, and under which name it answers."""

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from preferences.settings.base import Group, Words


class GatewaySettings(Group):
    """The only public face: addresses, the shop's name, limits."""

    host: str = Field("127.0.0.1", description="address the gateway listens on")
    port: int = Field(8080, ge=0, le=65535, description="port the gateway listens on")
    redis_url: str = Field(
        "", description="redis://host:6379/0 for several gateways; empty: in this process"
    )
    origins: Words = Field(
        (), description="comma-separated origins of pages that may embed the widget"
    )
    trusted_proxies: Words = Field(
        (), description="comma-separated addresses whose X-Forwarded-For is believed"
    )
    shop_name: str = Field("Corner Shop", min_length=1, description="the shop as shoppers know it")
    locale: Literal["en", "es", "de"] = Field(
        "en", description="language spoken where the shopper's is not known"
    )
    session_secret: SecretStr = Field(
        SecretStr(""), description="signs chat sessions and buttons; empty: generated and kept"
    )
    identity_secret: SecretStr = Field(
        SecretStr(""), description="the shop signs who is logged in; empty: generated and kept"
    )
    messages_per_minute: int = Field(
        20, ge=0, description="messages a chat session may send; 0: as many as it likes"
    )
    messages_per_minute_per_address: int = Field(
        60, ge=0, description="messages that may come from one network address; 0: no limit"
    )
    messages_per_minute_of_all: int = Field(
        600, ge=0, description="messages that the chat takes from all pages together; 0: no limit"
    )
    sessions_per_minute_per_address: int = Field(
        10, ge=0, description="chat sessions that one network address may begin; 0: no limit"
    )
    api_requests_per_minute: int = Field(
        600, ge=0, description="requests to the API that one key may make; 0: no limit"
    )
    demo: bool = Field(
        default=False, description="serve the demo shop at /; `python -m bot` switches it on"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="how much each process says in its log"
    )

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            message = "must begin with redis://, rediss:// or unix://, or be left empty"
            raise ValueError(message)
        return value
