"""Instagram messages: as Messenger's, with shorter texts and quick replies on phones alone."""

from bot.channels.messenger import Messenger
from bot.channels.meta import Meta
from preferences.settings import Settings


def open_channel(settings: Settings) -> Messenger:
    """Open the channel from the settings."""
    return Messenger(
        Meta.of(settings),
        settings.instagram_account,
        settings.instagram_token.get_secret_value(),
        settings.meta_app,
        name="instagram",
        longest=1000,
        shows_replies=False,
    )
