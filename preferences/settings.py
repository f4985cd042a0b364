"""Every setting of every process, read from `ASKFIRST_*` in the environment or in `.env`."""

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from preferences.addresses import Allowed
from preferences.errors import SettingsError

PREFIX = "ASKFIRST_"
DOTENV = Path(".env")
_GENERATED = (
    "turn_secret",
    "session_secret",
    "identity_secret",
    "shopify_secret",
    "woocommerce_secret",
    "meta_verify_token",
)
CHANNEL_NEEDS = {
    "whatsapp": ("meta_app_secret", "whatsapp_number", "whatsapp_token"),
    "messenger": ("meta_app_secret", "messenger_page", "messenger_token"),
    "instagram": ("meta_app_secret", "instagram_account", "instagram_token"),
    "twilio": ("twilio_account", "twilio_token", "twilio_number", "public_url"),
}
"""What each channel cannot do without: `channels check` tells which of it is missing."""

Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """One deployment of one shop. A description says what a value is for and in which unit."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",  # other programs keep their names in .env too; ours are checked below
        frozen=True,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", description="address the gateway listens on")
    port: int = Field(8080, ge=0, le=65535, description="port the gateway listens on")
    data_dir: Path = Field(Path("var"), description="folder of everything this instance writes")
    model_dir: Path = Field(
        Path("models"), description="folder of trained models, named by content, shared safely"
    )
    rasa_env: Path = Field(
        Path(".venv-rasa"), description="the Python 3.10 environment of the Rasa server"
    )
    database_url: str = Field(
        "",
        description="postgresql://user:password@host/name; empty: SQLite in the data folder",
    )
    keys_file: Path | None = Field(
        None,
        description="JSON file of the keys that seal names and words; empty: keys.json in the data"
        " folder, generated at the first start",
    )
    journal: Path | None = Field(
        None,
        description="file of wishes and erasures that outlives the database; empty: journal.jsonl"
        " in the data folder; never bring it back from an old backup",
    )
    keep_messages_days: int = Field(
        30, ge=1, description="days that conversations are kept, and idle chats of strangers"
    )
    keep_words_days: int = Field(
        30, ge=1, description="days that a shopper's own words are kept beside the answer"
    )
    keep_answers_days: int = Field(
        396, ge=1, description="days that answers, questions asked and decisions are kept"
    )
    keep_orders_days: int = Field(1096, ge=1, description="days that orders are kept")
    keep_unread_days: int = Field(
        14, ge=1, description="days that reports of the shop are kept that could not be read"
    )
    keep_deliveries_days: int = Field(
        30, ge=1, description="days that the log of outgoing webhooks is kept"
    )
    redis_url: str = Field(
        "", description="redis://host:6379/0 for several gateways; empty: in this process"
    )
    shop_name: str = Field("Corner Shop", min_length=1, description="the shop as shoppers know it")
    locale: Literal["en", "es", "de"] = Field(
        "en", description="language spoken where the shopper's is not known"
    )
    origins: Words = Field(
        (), description="comma-separated origins of pages that may embed the widget"
    )
    trusted_proxies: Words = Field(
        (), description="comma-separated addresses whose X-Forwarded-For is believed"
    )
    rasa_urls: Words = Field(
        ("http://127.0.0.1:5005",),
        description="comma-separated Rasa servers; a shopper stays with one",
    )
    rasa_processes: int = Field(
        1, ge=1, le=64, description="Rasa servers that `python -m bot` starts"
    )
    actions_url: str = Field(
        "http://127.0.0.1:5055/webhook", description="where the Rasa server finds the actions"
    )
    turn_secret: SecretStr = Field(
        SecretStr(""), description="shared by gateway and Rasa; empty: generated and kept"
    )
    session_secret: SecretStr = Field(
        SecretStr(""), description="signs chat sessions and buttons; empty: generated and kept"
    )
    identity_secret: SecretStr = Field(
        SecretStr(""), description="the shop signs who is logged in; empty: generated and kept"
    )
    shopify_secret: SecretStr = Field(
        SecretStr(""), description="verifies Shopify's webhooks; empty: generated and kept"
    )
    shopify_old_secret: SecretStr = Field(
        SecretStr(""), description="the one before it, taken too while Shopify changes over"
    )
    woocommerce_secret: SecretStr = Field(
        SecretStr(""), description="verifies WooCommerce's webhooks; empty: generated and kept"
    )
    woocommerce_old_secret: SecretStr = Field(
        SecretStr(""), description="the one before it, taken too while WooCommerce changes over"
    )
    destinations: Words = Field(
        ("log",),
        description="comma-separated CRMs that are told: log, webhook, hubspot, klaviyo, salesforce,"
        " shopify, tryton, bottlecrm",
    )
    mappings_dir: Path | None = Field(
        None, description="folder of the shop's own mapping pages; empty: those that are shipped"
    )
    webhook_url: str = Field("", description="where the webhook destination posts its batches")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="signs those batches (Standard Webhooks, whsec_...)"
    )
    webhook_allow: Words = Field(
        (),
        description="comma-separated hosts and networks that webhooks may go to by http or inside,"
        " as in crm.internal,10.1.0.0/16",
    )
    marketing_purpose: str = Field(
        "",
        description="purpose whose permission subscribes to a CRM's advertising, and whose end"
        " unsubscribes; empty: nobody is ever subscribed",
    )
    hubspot_token: SecretStr = Field(
        SecretStr(""), description="token of HubSpot's private app for Askfirst (pat-...)"
    )
    hubspot_url: str = Field("https://api.hubapi.com", description="where HubSpot's API is")
    hubspot_api_version: str = Field(
        "2026-03", pattern=r"^(v3|\d{4}-\d\d)$", description="version of HubSpot's API, or v3"
    )
    hubspot_requests_per_10_seconds: int = Field(
        0,
        ge=0,
        description="requests in ten seconds that Askfirst may make there; 0: as many as HubSpot says",
    )
    hubspot_requests_per_day: int = Field(
        0, ge=0, description="requests a day that Askfirst may make there; 0: as many as it needs"
    )
    hubspot_subscription: int = Field(
        0,
        ge=0,
        description="number of the subscription type that follows ASKFIRST_MARKETING_PURPOSE; 0: none",
    )
    klaviyo_key: SecretStr = Field(
        SecretStr(""), description="Klaviyo's private API key for Askfirst (pk_...)"
    )
    klaviyo_url: str = Field("https://a.klaviyo.com", description="where Klaviyo's API is")
    klaviyo_revision: str = Field("2026-07-15", description="revision of Klaviyo's API")
    salesforce_url: str = Field(
        "", description="My Domain of the Salesforce org, as in https://shop.my.salesforce.com"
    )
    salesforce_client_id: str = Field(
        "", description="consumer key of Salesforce's app (client credentials flow)"
    )
    salesforce_client_secret: SecretStr = Field(SecretStr(""), description="its consumer secret")
    salesforce_api_version: str = Field(
        "v65.0", pattern=r"^v\d+\.0$", description="version of Salesforce's API"
    )
    salesforce_calls_per_day: int = Field(
        0, ge=0, description="calls a day that Askfirst may make there; 0: as many as it needs"
    )
    salesforce_purpose: str = Field(
        "",
        description="name of the DataUsePurpose that consents are kept under; empty: no consent objects",
    )
    shopify_admin_url: str = Field(
        "", description="the shop's own Shopify address, as in https://shop.myshopify.com"
    )
    shopify_admin_token: SecretStr = Field(
        SecretStr(""), description="token of Shopify's custom app for Askfirst (shpat_...)"
    )
    shopify_api_version: str = Field("2026-10", description="version of Shopify's Admin API")
    tryton_url: str = Field("", description="where the Tryton server is")
    tryton_database: str = Field("", description="name of Tryton's database")
    tryton_user: str = Field("", description="login of Tryton's user for Askfirst")
    tryton_password: SecretStr = Field(SecretStr(""), description="its password")
    tryton_list: str = Field(
        "",
        description="name of Tryton's mailing list that follows ASKFIRST_MARKETING_PURPOSE; empty:"
        " its mailing lists are left alone",
    )
    bottlecrm_url: str = Field("", description="where BottleCRM is, without /api")
    bottlecrm_token: SecretStr = Field(
        SecretStr(""), description="BottleCRM's personal access token for Askfirst (bcrm_pat_...)"
    )
    channels: Words = Field(
        (),
        description="comma-separated channels beside the website: whatsapp, messenger, instagram, twilio",
    )
    public_url: str = Field(
        "",
        description="https address of the gateway as others reach it: Twilio signs it, links in"
        " messages begin with it",
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
        12, ge=1, description="hours of silence on a channel after a person of the shop wrote there"
    )
    messages_per_month: int = Field(
        0,
        ge=0,
        description="charged messages a month on each channel, then questions rest; 0: no limit",
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

    @field_validator(
        "origins",
        "trusted_proxies",
        "rasa_urls",
        "destinations",
        "webhook_allow",
        "channels",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("webhook_allow")
    @classmethod
    def _readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Allowed.of(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "sqlite:///")):
            message = "must begin with postgresql:// or sqlite:///, or be left empty for SQLite"
            raise ValueError(message)
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            message = "must begin with redis://, rediss:// or unix://, or be left empty"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _webhook_is_whole(self) -> Self:
        if "webhook" in self.destinations and not (
            self.webhook_url and self.webhook_secret.get_secret_value()
        ):
            message = (
                "ASKFIRST_DESTINATIONS names webhook, so ASKFIRST_WEBHOOK_URL and "
                "ASKFIRST_WEBHOOK_SECRET must be set"
            )
            raise ValueError(message)
        return self

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

    @property
    def database(self) -> str:
        """The store's URL without a driver: `sqlite:////absolute/file` or `postgresql://...`."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'askfirst.db'}"

    @property
    def keys(self) -> Path:
        """The file of the keys that seal names and words."""
        return self.keys_file or self.data_dir.resolve() / "keys.json"

    @property
    def own_journal(self) -> Path:
        """The file of wishes and erasures that outlives the database."""
        return self.journal or self.data_dir.resolve() / "journal.jsonl"


def load_settings(**overrides: Any) -> Settings:
    """Read the environment, and complete it with secrets kept in the data folder.

    :raises SettingsError: a name is unknown, a value malformed, or the data folder unusable;
        the sentence names the variable.
    """
    _refuse_unknown(os.environ | dotenv_values(DOTENV))
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    missing = [name for name in _GENERATED if not getattr(settings, name).get_secret_value()]
    if not missing:
        return settings
    kept = kept_secrets(settings.data_dir)
    return settings.model_copy(update={name: SecretStr(kept[name]) for name in missing})


def kept_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets generated for this data folder, made at the first call (`secrets.json`, 0600).

    :raises SettingsError: the folder cannot be written or the file cannot be read.
    """
    file = data_dir / "secrets.json"
    fresh = {name: secrets.token_urlsafe(32) for name in _GENERATED}
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            write_once(file, json.dumps(fresh))
        kept: dict[str, str] = {} | json.loads(file.read_text())
        if missing := fresh.keys() - kept.keys():  # an older version knew fewer of them
            kept |= {name: fresh[name] for name in missing}
            replace_file(file, json.dumps(kept))
    except (OSError, ValueError, TypeError) as error:
        message = (
            f"The data folder {data_dir} cannot be used ({error}); "
            "make it writable or set ASKFIRST_DATA_DIR to another one."
        )
        raise SettingsError(message) from None
    return kept


def replace_file(file: Path, text: str, *, same_readers: bool = False) -> None:
    """Put another text into a file, whole or not at all, on the disk before this ends.

    Only its owner may read it then, or else whoever could before.
    """
    draft, former = _draft(file, text), file.stat()
    if same_readers:
        draft.chmod(S_IMODE(former.st_mode))
        with suppress(PermissionError):  # it is somebody else's, whom we may not stand in for
            os.chown(draft, former.st_uid, former.st_gid)
    draft.replace(file)
    _sync(file.parent)


def _draft(file: Path, text: str) -> Path:
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    _sync(draft)
    return draft


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_once(file: Path, text: str) -> None:
    """Two processes that start together must agree: the first link wins, whole or not at all."""
    draft = _draft(file, text)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
        _sync(file.parent)


def _refuse_unknown(environment: Mapping[str, str | None]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            message = f"{name} is not a setting of Askfirst; .env.example names every one."
            raise SettingsError(message)


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    if not place:
        return f"{what}."
    name = place.upper() if place.lower().startswith(PREFIX.lower()) else PREFIX + place.upper()
    return f"{name}: {what[0].lower()}{what[1:]}; .env.example says what it is for."
