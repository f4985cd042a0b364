"""Whether a part answers on its health address."""

import asyncio
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_PATIENCE = 2.0  # seconds for one answer: a busy part is slow, not dead


async def answers(url: str) -> bool:
    """Ask once, past any proxy, and tell whether the part says that it is well."""
    return await asyncio.to_thread(_ask, url)


def _ask(url: str) -> bool:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
