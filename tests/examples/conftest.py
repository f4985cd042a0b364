"""The examples meet a gateway as any program of a shop does."""

from tests.bot.api.conftest import api
from tests.bot.conftest import gateway, rasa, start

__all__ = ["api", "gateway", "rasa", "start"]
