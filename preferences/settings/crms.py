"""The CRMs that are told, and how each is reached."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from preferences.addresses import Allowed
from preferences.settings.base import Group, Words


class CrmSettings(Group):
    """What the sync worker needs to know."""

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

    @field_validator("webhook_allow")
    @classmethod
    def _readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Allowed.of(value)
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
