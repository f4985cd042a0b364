"""The shop's platforms, whose reports of orders have to be signed."""

from pydantic import Field, SecretStr

from preferences.settings.base import Group


class PlatformSettings(Group):
    """The secrets of Shopify's and WooCommerce's webhooks."""

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
