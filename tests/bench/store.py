"""The command line of the store's benchmark: `python -m tests.bench store --shoppers 1000,100000`."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from preferences.settings import Settings
from preferences.store.ends import tell_ends
from preferences.store.engine import Store, open_store
from preferences.store.journal import Journal
from preferences.store.retention import Limits, sweep
from preferences.store.vault import Keys, Vault
from tests.bench.api_measures import SCAN, measure_api
from tests.bench.crowd import DESTINATION
from tests.bench.databases import ADMIN, Bare, bare, postgresql_database, sqlite_database
from tests.bench.figures import Compared, Figure, line
from tests.bench.loading import load
from tests.bench.store_measures import FULL, QUICK, Crowded

DATABASES = ("sqlite", "postgresql")
_LEAST = 1000  # to take different people for every write


def measure(argv: Sequence[str]) -> Coroutine[Any, Any, None]:
    """Measure stores of the sizes that are asked for, and print the figures."""
    return _measure(_read(argv))


def _read(argv: Sequence[str]) -> Namespace:
    parser = ArgumentParser(prog="python -m tests.bench store", description=__doc__)
    parser.add_argument("--shoppers", type=_sizes, default=(1_000, 100_000), metavar="N,N",
                        help="sizes of the crowd; a million takes half an hour")  # fmt: skip
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--database-url", default=ADMIN,
                        help="a PostgreSQL server where databases may be made")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="few of each: shows that it works")
    parser.add_argument("--folder", type=Path, help="where the databases are while it runs")
    return parser.parse_args(argv)


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(word.replace("_", "")) for word in text.split(","))
    if min(sizes) < _LEAST:
        message = f"a crowd has {_LEAST} shoppers at least"
        raise ArgumentTypeError(message)
    return sizes


async def _measure(given: Namespace) -> None:
    with TemporaryDirectory(dir=given.folder, prefix="askfirst-bench-") as name:
        folder = Path(name)
        keys = folder / "keys.json"
        keys.write_text(Keys.generate().as_json())
        for size in given.shoppers:
            for database in given.databases:
                await _one(database, size, keys, given)


async def _one(name: str, size: int, keys: Path, given: Namespace) -> None:
    """Measure one database, and say what takes long."""
    vault = Vault(keys)
    made = (
        sqlite_database(keys.parent, vault)
        if name == "sqlite"
        else postgresql_database(given.database_url, vault)
    )
    async with made as url:
        ids, loading = await _loaded(url, size, vault, name)  # alone: it puts the journal aside
        tell = _Teller(f"store.{name}.{size}")
        tell([loading])
        journal = Journal(keys.with_name("journal.jsonl"))
        async with bare(url) as least, open_store(url, vault, journal) as store:
            crowded = Crowded(store, least, ids, QUICK if given.quick else FULL)
            async for found in crowded.measured():
                tell([found])
            tell([await _sweep(store, least)])
            tell(await measure_api(url, keys, store, least, size))


async def _loaded(url: str, size: int, vault: Vault, name: str) -> tuple[list[str], Compared]:
    """Load a crowd, with a bar that says how far it is."""
    begun = perf_counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(f"{name}: shoppers", total=size)
        ids = await load(url, size, vault, datetime.now(UTC), lambda some: bars.advance(bar, some))
    taken = Figure(size / (perf_counter() - begun), "shoppers/s", size)
    return ids, Compared({"load": taken}, "", {})


async def _sweep(store: Store, least: Bare) -> Compared:
    """Have what ended told, and retention look at everybody."""
    begun = perf_counter()
    await tell_ends(store, (DESTINATION,), datetime.now(UTC))
    await sweep(store, Limits.of(Settings()), (DESTINATION,), datetime.now(UTC))
    swept = perf_counter() - begun
    begun = perf_counter()
    await least.scan()
    scanned = Figure(perf_counter() - begun, "s", 1)
    return Compared({"sweep": Figure(swept, "s", 1)}, SCAN, {"sweep": scanned})


class _Teller:
    """Prints figures as JSON lines, at once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __call__(self, found: Iterable[Compared]) -> None:
        for one in found:
            for name, figure in one.ours.items():
                told = line(f"{self._prefix}.{name}", figure, one.baseline.get(name), one.against)
                sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
