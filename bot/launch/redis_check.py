"""Whether Redis can be used, before anything relies on it."""

from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from preferences.errors import SettingsError

_PATIENCE = 3.0  # seconds


async def greet(url: str) -> None:
    """Ask Redis for a sign of life.

    :raises SettingsError: there is none.
    """
    client = Redis.from_url(url, socket_connect_timeout=_PATIENCE)
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
