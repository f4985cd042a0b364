"""What is measured of the API over a store with a crowd in it: following all, and taking all."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import psutil
from aiohttp import ClientSession, ClientTimeout

from preferences.store.engine import Store
from preferences.store.keys import issue_key
from tests.bench.databases import Bare
from tests.bench.figures import Compared, Figure, percentile
from tests.bench.processes import ROOT, Command, free_port, started

SCAN = "their tables read bare"
_MEGABYTE = 1e6
_LOOK_SECONDS = 0.05
_PAGE, _PAGES = 1000, 10
_IDLE_SECONDS = 3.0
_FOR_EVER = ClientTimeout(total=None)


class Memory:
    """What a process holds while it is watched, in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.before = self.most = self.now

    @property
    def now(self) -> int:
        """What is resident this moment."""
        resident: int = self._process.memory_info().rss
        return resident

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            self.most = max(self.most, self.now)
            await asyncio.sleep(_LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class Api:
    """A gateway in a process of its own, and a caller with a key."""

    http: ClientSession
    url: str
    headers: dict[str, str]
    process: psutil.Process

    async def changes(self, after: int) -> int:
        """Take a page of changes, and give how many there were."""
        url = f"{self.url}/v1/changes?after={after}&limit={_PAGE}"
        async with self.http.get(url, headers=self.headers) as response:
            return len((await response.json())["changes"])

    async def export(self) -> int:
        """Take everybody, keep nobody, and give how many there were."""
        last = b""
        async with self.http.get(f"{self.url}/v1/export", headers=self.headers) as response:
            async for some in response.content.iter_any():
                last = (last + some)[-200:]
        shoppers: int = json.loads(last.splitlines()[-1])["shoppers"]
        return shoppers


async def measure_api(url: str, keys: Path, store: Store, bare: Bare, count: int) -> list[Compared]:
    """Measure a gateway over the store of a URL, which holds so many shoppers."""
    begun = perf_counter()
    await bare.scan()
    scanned = perf_counter() - begun
    async with _gateway(url, keys, store) as api:
        memory = Memory(api.process)
        watching = asyncio.create_task(memory.watch())
        begun = perf_counter()
        shoppers = await api.export()
        exported = perf_counter() - begun
        watching.cancel()
        assert shoppers == count, f"the export has {shoppers} of {count}"
        pages = [await _page(api, count) for _ in range(_PAGES)]
    grown = (memory.most - memory.before) / _MEGABYTE
    return [
        Compared(
            {
                "export.all": Figure(exported, "s", 1),
                "export.all.rate": Figure(count / exported, "shoppers/s", count),
                "export.all.memory": Figure(memory.most / _MEGABYTE, "MB", 1),
            },
            SCAN,
            {
                "export.all": Figure(scanned, "s", 1),
                "export.all.rate": Figure(count / scanned, "shoppers/s", count),
            },
        ),
        Compared(
            {"export.all.memory.growth": Figure(grown, "MB", 1)},
            "the gateway before it",
            {"export.all.memory.growth": Figure(memory.before / _MEGABYTE, "MB", 1)},
        ),
        Compared(
            {
                "changes.page.p50": Figure(1000 * percentile(pages, 0.5), "ms", len(pages)),
                "changes.page.p95": Figure(1000 * percentile(pages, 0.95), "ms", len(pages)),
            },
            SCAN,
            {
                "changes.page.p50": Figure(1000 * scanned, "ms", 1),
                "changes.page.p95": Figure(1000 * scanned, "ms", 1),
            },
        ),
    ]


async def _page(api: Api, count: int) -> float:
    """Take the last full page of what the crowd left in the feed."""
    begun = perf_counter()
    assert await api.changes(count - _PAGE) == min(_PAGE, count)
    return perf_counter() - begun


@asynccontextmanager
async def _gateway(url: str, keys: Path, store: Store) -> AsyncIterator[Api]:
    """Run one until it has done what it does at the start."""
    port, folder = free_port(), keys.parent
    env = {
        "ASKFIRST_DATABASE_URL": url,
        "ASKFIRST_KEYS_FILE": str(keys),
        "ASKFIRST_DATA_DIR": str(folder),
        "ASKFIRST_PORT": str(port),
        "ASKFIRST_API_REQUESTS_PER_MINUTE": "0",
    }
    now = datetime.now(UTC)
    key = await issue_key(store, "bench", ["export", "sync"], timedelta(days=1), now)
    command = Command((sys.executable, "-m", "bot.gateway"), ROOT, env, folder / "gateway.log")
    async with started(command, {}) as running, ClientSession(timeout=_FOR_EVER) as http:
        here = f"http://127.0.0.1:{port}"
        await running.wait_for(f"{here}/healthz")
        process = psutil.Process(running.process.pid)
        await _idle(process)
        yield Api(http, here, {"Authorization": f"Bearer {key}"}, process)


async def _idle(process: psutil.Process) -> None:
    """Wait until a process has next to nothing to do: retention, at the start, looks at everybody."""
    process.cpu_percent()
    while True:
        await asyncio.sleep(_IDLE_SECONDS)
        if process.cpu_percent() < 5:
            return
