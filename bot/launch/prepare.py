"""Makes ready what every part stands on, before any of them works: the store, Redis, a demo key.

A process of its own (`python -m bot.launch.prepare`), so that the launcher, which stays, does not
carry the database libraries. It answers on standard output with one JSON object.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

from preferences.errors import AskfirstError
from preferences.settings import Settings, load_settings
from preferences.store.engine import open_own_store
from preferences.store.keys import issue_key
from preferences.store.migrate import migrate
from preferences.store.restoring import reapply

_DEMO_SHOPPER = "customer:9001"  # Daniel in bot/demo/shoppers.yml
_DEMO_SCOPES = frozenset({"read", "lookup"})
_DEMO_LASTS = timedelta(days=1)


async def prepare(settings: Settings) -> dict[str, str]:
    """Migrate the store, apply what a backup lacks, see that Redis answers, and issue a demo key.

    :raises SettingsError: the database or Redis cannot be used.
    """
    await migrate(settings)
    async with open_own_store(settings) as store:
        await reapply(store, settings.destinations, datetime.now(UTC))
    if settings.redis_url:
        from bot.launch.redis_check import greet  # noqa: PLC0415 - slow, and seldom needed

        await greet(settings.redis_url)
    return await _demo_key(settings) if settings.demo else {}


async def _demo_key(settings: Settings) -> dict[str, str]:
    """Issue a key to the preference API, and name a shopper of the demo shop to try it on."""
    async with open_own_store(settings) as store:
        key = await issue_key(store, "demo", _DEMO_SCOPES, _DEMO_LASTS, datetime.now(UTC))
    return {"api_key": key, "shopper": _DEMO_SHOPPER}


def main() -> int:
    """Prepare for the settings of the environment; the sentence of a failure is the answer too."""
    try:
        answer = asyncio.run(prepare(load_settings()))
    except AskfirstError as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
