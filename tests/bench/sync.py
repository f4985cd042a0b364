"""The command line of `python -m tests.bench sync`: how near the sync comes to HubSpot's own limit.

The worker is `python -m sync` as it is run, from a real store with its mapping page; HubSpot is a
stand-in in another process that keeps 190 requests in any ten seconds and answers late.
"""

import asyncio
import os
import signal
import sys
from argparse import ArgumentParser
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, time
from typing import Any

import psutil
from aiohttp import ClientSession
from alembic import command
from hubspot import HubSpot as Client
from hubspot.crm.contacts import BatchInputSimplePublicObjectBatchInputUpsert as Inputs
from sqlalchemy import text

from preferences.catalogue import load_catalogue
from preferences.store.engine import Store, open_store
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.migrate import alembic_config
from preferences.store.vault import Keys, Vault
from tests.bench import drt
from tests.bench.databases import ADMIN, postgresql_database
from tests.bench.figures import Figure, Figures, line, percentile
from tests.bench.hubspot import FIGURES
from tests.bench.loading import load
from tests.bench.processes import ROOT, BenchError
from tests.sync.fakes.hubspot import HubSpot

LATENCIES = (20, 80, 300)
_REQUESTS = 190  # in ten seconds: what HubSpot grants an app of a Professional account
CEILING = _REQUESTS * 100 / 10
"""Contacts a second, a hundred in each request."""

_LIMIT = "the limit's ceiling"
_WINDOW = 10.5  # seconds until the stand-in's window is empty again
_STALLED = 180.0  # seconds: a backfill marks everybody before it tells anybody
_PARTS = 10
_DATABASES = ("sqlite", "postgresql")
_SECRET = HubSpot().secret
_ALL_DIRTY = (
    "DELETE FROM outbox WHERE destination = 'hubspot'",
    (
        "INSERT INTO outbox (shopper_id, destination, desired_version, synced_version, urgent,"
        " attempts, next_attempt_at, backfill) SELECT id, 'hubspot', 1, 0, false, 0, :now, false"
        " FROM shopper"
    ),
)
_ALL_AGAIN = (
    (
        "UPDATE outbox SET desired_version = desired_version + 1, payload_hash = NULL,"
        " next_attempt_at = :now WHERE destination = 'hubspot'"
    ),
)


def measure(argv: Sequence[str]) -> Coroutine[Any, Any, None]:
    """Measure every latency on each database, and print the figures."""
    parser = ArgumentParser(prog="python -m tests.bench sync", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few contacts: shows that it works")
    parser.add_argument("--contacts", type=int, help="how many each time: 40,000, or 100,000")
    parser.add_argument("--latencies", type=int, nargs="+", default=LATENCIES, metavar="MS")
    parser.add_argument("--databases", nargs="+", choices=_DATABASES, default=_DATABASES[:1])
    parser.add_argument("--memory", action="store_true",
                        help="the memory that a backfill holds, told nine times on the way")  # fmt: skip
    parser.add_argument("--database-url", default=ADMIN,
                        help="a PostgreSQL server where databases may be made")  # fmt: skip
    given = parser.parse_args(argv)
    contacts = 2_000 if given.quick else given.contacts or (100_000 if given.memory else 40_000)
    if given.memory:
        return _memory(given.databases, given.database_url, contacts)
    return _measure(given.databases, given.database_url, contacts, given.latencies)


async def _measure(
    databases: Sequence[str], admin: str, contacts: int, latencies: Sequence[int]
) -> None:
    for latency in latencies:
        for name, figure in (await _of_the_sdk(latency)).items():
            _print(name, figure, None, "")
        for name, figure in (await _of_drt(latency)).items():
            _print(name, figure, None, "")
    for database in databases:
        suffix = "" if database == "sqlite" else f".{database}"
        async with _shop(database, admin) as shop:
            await load(shop.url, contacts, shop.vault, datetime.now(UTC))
            for latency in latencies:
                await _ceiling(shop, latency, contacts, suffix)
            await _freshness(shop, suffix)


@dataclass(frozen=True, slots=True)
class _Shop:
    """A store, and the settings by which `python -m sync` finds it."""

    folder: Path
    url: str
    vault: Vault

    def environment(self, hubspot_url: str) -> dict[str, str]:
        told = {
            "DATA_DIR": str(self.folder),
            "KEYS_FILE": str(self.folder / "keys.json"),
            "DATABASE_URL": self.url if self.url.startswith("postgresql") else "",
            "DESTINATIONS": "hubspot",
            "HUBSPOT_URL": hubspot_url,
            "HUBSPOT_TOKEN": _SECRET,
            "HUBSPOT_REQUESTS_PER_10_SECONDS": str(_REQUESTS),
            "WEBHOOK_ALLOW": "127.0.0.0/8",
            "LOG_LEVEL": "WARNING",
        }
        return {**os.environ, **{f"ASKFIRST_{name}": value for name, value in told.items()}}


@asynccontextmanager
async def _shop(database: str, admin: str) -> AsyncIterator[_Shop]:
    with TemporaryDirectory(prefix="askfirst-bench-") as name:
        folder = Path(name)
        (folder / "keys.json").write_text(Keys.generate().as_json())
        vault = Vault(folder / "keys.json")
        if database == "postgresql":
            async with postgresql_database(admin, vault) as url:
                yield _Shop(folder, url, vault)
            return
        url = f"sqlite:///{folder / 'askfirst.db'}"
        await asyncio.to_thread(command.upgrade, alembic_config(url, vault), "head")
        yield _Shop(folder, url, vault)


async def _ceiling(shop: _Shop, latency: int, contacts: int, suffix: str) -> None:
    """Tell everybody for the first time, then everybody again."""
    async with _stand_in(latency) as crm:
        await _run(shop, crm.url, "preflight", "hubspot", "--create")
        for kind, statements in (("create", _ALL_DIRTY), ("update", _ALL_AGAIN)):
            await asyncio.sleep(_WINDOW)
            await crm.figures("begin")
            async with open_store(shop.url, shop.vault) as store:
                await _mark(shop, store, statements)
            async with _worker(shop, crm.url) as worker:
                begun = (await crm.until(lambda told: told["writes"] > 0))["writes"]
                spent = sum(worker.cpu_times()[:2])  # on starting
                found = await crm.until(lambda told: told["writes"] >= contacts)
                spent = sum(worker.cpu_times()[:2]) - spent
            seconds = found["last"] - found["first"]
            rate = Figure((found["writes"] - 100) / seconds, "contacts/s", found["writes"])
            name = f"sync.ceiling.{kind}.{latency}ms{suffix}"
            _print(name, rate, Figure(CEILING, "contacts/s", 0), _LIMIT)
            _print(f"{name}.refused", Figure(found["refused"], "429", found["writes"]), None, "")
            if (told := found["writes"] - begun) > 0:
                each = Figure(1000 * spent / told, "ms CPU/contact", told)
                _print(f"{name}.cpu", each, None, "")


async def _memory(databases: Sequence[str], admin: str, contacts: int) -> None:
    """Tell a CRM of everybody, and look at the memory that `backfill` holds meanwhile."""
    for database in databases:
        suffix = "" if database == "sqlite" else f".{database}"
        async with _shop(database, admin) as shop, _stand_in(20) as crm:
            await load(shop.url, contacts, shop.vault, datetime.now(UTC))
            await _run(shop, crm.url, "preflight", "hubspot", "--create")
            async with _worker(shop, crm.url, "backfill", "hubspot") as worker:
                for tenth in range(1, _PARTS):
                    least = contacts * tenth // _PARTS
                    found = await crm.until(lambda told, least=least: told["writes"] >= least)
                    held = Figure(worker.memory_info().rss / 2**20, "MB", found["writes"])
                    _print(f"sync.backfill.memory{suffix}.at_{tenth}0_percent", held, None, "")
                await crm.until(lambda told: told["writes"] >= contacts)


async def _freshness(shop: _Shop, suffix: str, seconds: int = 20, rate: int = 50) -> None:
    """Store an answer fifty times a second, and see when each is in the CRM."""
    catalogue = load_catalogue()
    async with _stand_in(80) as crm, open_store(shop.url, shop.vault) as store:
        await _run(shop, crm.url, "preflight", "hubspot", "--create")
        await _mark(shop, store, _ALL_DIRTY[:1])
        async with store.begin(readonly=True) as session:
            query = text("SELECT id FROM shopper LIMIT :most").bindparams(most=seconds * rate)
            shoppers = [one for (one,) in (await session.execute(query)).all()]
        stored: dict[str, float] = {}
        async with _worker(shop, crm.url):
            await asyncio.sleep(3)
            began = perf_counter()
            for number, shopper in enumerate(shoppers):
                await asyncio.sleep(max(0.0, began + number / rate - perf_counter()))
                now = datetime.now(UTC)
                fact = Fact("observed", "gift_or_self", "gift", "bench", now)
                telling = Telling(shopper, [fact], f"bench/{number}")
                await add_facts(store, telling, catalogue, ("hubspot",), now)
                stored[shopper] = time()
            told = await crm.until(lambda found: found["writes"] >= len(shoppers))
        told = await crm.figures("each")
    late = [told["at"][shopper] - stored[shopper] for shopper in shoppers]
    for share in (50, 95):
        value = Figure(percentile(late, share / 100), "s", len(late))
        _print(f"sync.freshness.{rate}_per_s{suffix}.p{share}", value, None, "")


async def _mark(shop: _Shop, store: Store, statements: Sequence[str]) -> None:
    async with store.begin() as session:
        for statement in statements:
            found = text(statement)
            if ":now" in statement:
                found = found.bindparams(now=_moment(shop.url, datetime.now(UTC)))
            await session.execute(found)


def _moment(url: str, at: datetime) -> Any:
    """Give a time as the database's own column holds it."""
    return at if url.startswith("postgresql") else at.strftime("%Y-%m-%d %H:%M:%S.%f")


@dataclass(frozen=True, slots=True)
class _StandIn:
    url: str
    http: ClientSession

    async def figures(self, how: str = "counts") -> dict[str, Any]:
        async with self.http.get(f"{self.url}{FIGURES}?{how}") as response:
            found: dict[str, Any] = await response.json()
            return found

    async def until(self, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until it has what is waited for.

        :raises BenchError: nothing has come for three minutes.
        """
        last, moved = -1, monotonic()
        while True:
            found = await self.figures()
            if done(found):
                return found
            if found["writes"] != last:
                last, moved = found["writes"], monotonic()
            if monotonic() - moved > _STALLED:
                message = f"The sync stalled at {last} contacts; run `python -m sync status`."
                raise BenchError(message)
            await asyncio.sleep(0.2)


@asynccontextmanager
async def _stand_in(latency: int) -> AsyncIterator[_StandIn]:
    argv = ("-m", "tests.bench.hubspot", "--latency", str(latency / 1000))
    process = await asyncio.create_subprocess_exec(sys.executable, *argv, cwd=ROOT, stdout=PIPE)
    try:
        assert process.stdout
        url = (await process.stdout.readline()).decode().strip()
        async with ClientSession() as http:
            yield _StandIn(url, http)
    finally:
        await _end(process, signal.SIGKILL)


@asynccontextmanager
async def _worker(shop: _Shop, url: str, *argv: str) -> AsyncIterator[psutil.Process]:
    """Run `python -m sync`, or one of its commands, and give the process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sync", *argv),
        cwd=ROOT,
        env=shop.environment(url),
        stderr=DEVNULL if argv else None,  # a progress bar, or warnings
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        await _end(process, signal.SIGTERM)


async def _run(shop: _Shop, url: str, *argv: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sync", *argv, cwd=ROOT, env=shop.environment(url), stdout=DEVNULL
    )
    await process.wait()


async def _end(process: Process, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(how)
    await process.wait()


async def _of_the_sdk(latency: int) -> dict[str, Figure]:
    """Measure the vendor's own client, one contact at a time and a hundred at a time."""
    async with _stand_in(latency) as crm:
        return await asyncio.to_thread(_with_the_sdk, crm.url, latency)


async def _of_drt(latency: int) -> Figures:
    if not drt.is_here():
        sys.stderr.write("drt-core is not installed: `make bench` measures it, too.\n")
        return {}
    async with _stand_in(latency) as crm:
        return await drt.measure(crm.url, _SECRET, latency)


def _with_the_sdk(url: str, latency: int, calls: int = 15) -> dict[str, Figure]:
    api = Client(access_token=_SECRET).crm.contacts.batch_api
    api.api_client.configuration.host = url
    found = {}
    for name, each in (("one_by_one", 1), ("batches", 100)):
        for kind in ("create", "update"):
            began = perf_counter()
            for call in range(calls):
                ids = [f"{name}-{call}-{one}" for one in range(each)]
                api.upsert(_inputs(ids))
            rate = calls * each / (perf_counter() - began)
            found[f"sync.sdk.{name}.{kind}.{latency}ms"] = Figure(rate, "contacts/s", calls * each)
    return found


def _inputs(ids: Sequence[str]) -> Inputs:
    properties = {"firstname": "x"}
    one = {"idProperty": "shopper_id", "properties": properties}
    return Inputs(inputs=[{"id": name, **one} for name in ids])


def _print(name: str, figure: Figure, baseline: Figure | None, against: str) -> None:
    sys.stdout.write(f"{line(name, figure, baseline, against)}\n")
    sys.stdout.flush()
