"""Keeps a copy of every shopper's preferences in a SQLite file, through the API of Askfirst.

    python examples/mirror.py http://localhost:8080 mirror.db      # the key is in ASKFIRST_KEY

It takes a full export once, then follows the changes: from the position in the file, which is
written together with what came before it, so that it may be stopped and started at any moment.
The key needs the scopes `sync` and `export`. It needs Python 3.12 and aiohttp, nothing else.
"""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

type Profile = dict[str, Any]

GONE = 410
_WAIT_SECONDS = 25
_RETRY_SECONDS = 5.0
_LONGEST_LINE = 2**24  # bytes: a profile is one line of an export
_SCHEMA = """
CREATE TABLE IF NOT EXISTS shopper (id TEXT PRIMARY KEY, profile TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER);
"""


class MirrorError(Exception):
    """The API does not do what was asked; the sentence says why."""


class TooOldError(MirrorError):
    """The changes from here on are not kept, or the store went back in time: export again."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of a shopper; without a profile there is nothing left to keep."""

    position: int
    shopper: str
    type: str
    profile: Profile | None


class Mirror:
    """The copy: profiles by shopper, and the position that they are good for."""

    def __init__(self, file: str) -> None:
        self._base = sqlite3.connect(file)
        self._base.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    @property
    def position(self) -> int | None:
        """Where to go on; None where there was no full export yet."""
        found = self._base.execute("SELECT position FROM cursor").fetchone()
        return found[0] if found else None

    @property
    def profiles(self) -> dict[str, Profile]:
        """Every profile, by shopper."""
        rows = self._base.execute("SELECT id, profile FROM shopper ORDER BY id")
        return {shopper: json.loads(text) for shopper, text in rows}

    async def replace(self, position: int, profiles: AsyncIterator[Profile]) -> None:
        """Put a full export in the place of everything: all of it, or none if it is cut off."""
        with self._base:
            self._base.execute("DELETE FROM shopper")
            async for profile in profiles:
                if not profile["erased"]:
                    self._put(profile["shopper"], profile)
            self._move(position)

    def apply(self, changes: list[Change], position: int) -> None:
        """Take over changes, together with the position after them."""
        with self._base:
            for change in changes:
                if change.profile is None:
                    self._base.execute("DELETE FROM shopper WHERE id = ?", (change.shopper,))
                else:
                    self._put(change.shopper, change.profile)
            self._move(position)

    def _put(self, shopper: str, profile: Profile) -> None:
        row = (shopper, json.dumps(profile))
        self._base.execute("INSERT OR REPLACE INTO shopper VALUES (?, ?)", row)

    def _move(self, position: int) -> None:
        self._base.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (position,))


class Askfirst:
    """The two calls that a mirror needs."""

    def __init__(self, http: ClientSession, url: str, key: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}

    async def changes(self, after: int, wait: int) -> tuple[list[Change], int]:
        """Give what comes after a position, and the position to ask for the next time."""
        query = {"after": str(after), "wait": str(wait), "limit": "500"}
        url = f"{self._url}/v1/changes"
        async with self._http.get(url, params=query, headers=self._headers) as response:
            await _check(response)
            page = await response.json()
        found = [
            Change(one["position"], one["shopper"], one["type"], one["profile"])
            for one in page["changes"]
        ]
        return found, page["position"]

    async def export_into(self, mirror: Mirror) -> None:
        """Have the mirror take over everybody."""
        url, endless = f"{self._url}/v1/export", ClientTimeout(total=None)
        async with self._http.get(
            url, headers=self._headers, timeout=endless, read_bufsize=_LONGEST_LINE
        ) as response:
            await _check(response)
            head = json.loads(await response.content.readline())
            await mirror.replace(head["position"], _profiles(response))


async def _profiles(response: ClientResponse) -> AsyncIterator[Profile]:
    line: dict[str, Any] = {}
    while raw := await response.content.readline():
        line = json.loads(raw)
        if line["kind"] == "shopper":
            yield line["profile"]
    if line.get("kind") != "end":
        message = "The export was cut off; the mirror stays as it was."
        raise MirrorError(message)


async def _check(response: ClientResponse) -> None:
    if response.ok:
        return
    problem = await response.json(content_type=None)
    beyond = problem.get("field") == "after"
    kind = TooOldError if response.status == GONE or beyond else MirrorError
    raise kind(problem["detail"])


async def step(api: Askfirst, mirror: Mirror, wait: int = 0) -> int:
    """Bring the mirror one step further: tell how many changes there were, or 1 for an export."""
    position = mirror.position
    if position is not None:
        try:
            changes, position = await api.changes(position, wait)
        except TooOldError:
            position = None
        else:
            mirror.apply(changes, position)
            return len(changes)
    await api.export_into(mirror)
    return 1


async def follow(url: str, file: str, key: str) -> None:
    """Keep the mirror up to date until it is stopped; what passes is tried again."""
    async with ClientSession() as http:
        with closing(Mirror(file)) as mirror:
            api = Askfirst(http, url, key)
            while True:
                try:
                    count = await step(api, mirror, _WAIT_SECONDS)
                    if count:
                        sys.stdout.write(f"{count} changes, now at {mirror.position}\n")
                except (ClientError, TimeoutError, MirrorError) as error:
                    sys.stderr.write(f"{error} Trying again in {_RETRY_SECONDS:.0f} s.\n")
                    await asyncio.sleep(_RETRY_SECONDS)


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004
        sys.exit(f"python {sys.argv[0]} URL FILE, with the key in ASKFIRST_KEY")
    try:
        asyncio.run(follow(sys.argv[1], sys.argv[2], os.environ["ASKFIRST_KEY"]))
    except KeyboardInterrupt:
        sys.exit(0)
