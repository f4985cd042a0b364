"""Makes ready what every part stands on, before any of them works: the store, Redis, a demo key.

A process of its own (`python -m bot.launch.prepare`), so that the launcher, which stays, does not
carry the database libraries. It answers on standard output with one JSON object.
"""

import asyncio
import json
import sys
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from preferences.errors import AskfirstError, SettingsError
from preferences.settings import Settings, load_settings
from preferences.store.migrate import migrate

_REDIS_PATIENCE = 3.0  # seconds


async def prepare(settings: Settings) -> dict[str, str]:
    """Migrate the store, see that Redis answers, and issue the key that this run shows.

    :raises SettingsError: the database or Redis cannot be used.
    """
    await migrate(settings)
    if settings.redis_url:
        await _greet(settings.redis_url)
    return {}


async def _greet(url: str) -> None:
    client = Redis.from_url(url, socket_connect_timeout=_REDIS_PATIENCE)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        place = urlsplit(url)
        message = (
            f"Redis at {place.hostname or place.path}:{place.port or 6379} cannot be used "
            f"({error}); start it, mend ASKFIRST_REDIS_URL, or leave that empty to do without."
        )
        raise SettingsError(message) from None
    finally:
        await client.aclose()


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
