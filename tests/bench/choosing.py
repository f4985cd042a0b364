"""The command line of `python -m tests.bench choosing`: orders taken in and decisions made, by history."""

import sys
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import batched
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from preferences.catalogue import load_catalogue
from preferences.choosing import decide
from preferences.choosing.inputs import inputs_from_json
from preferences.dialogue.respond import Assistant
from preferences.policy import load_policy
from preferences.purchases import Line, Product, Purchase
from preferences.store.conversations import receive, start_conversation
from preferences.store.decisions import read_decisions
from preferences.store.engine import Store, open_store
from preferences.store.purchases import keep_product, keep_purchase, keep_purchases
from preferences.store.turns import Turns
from preferences.store.vault import Keys, Vault
from preferences.understanding import Heard
from preferences.voice import load_voice
from tests.bench.databases import ADMIN, postgresql_database, sqlite_database
from tests.bench.figures import Figure, Figures, latency, line

HISTORIES = (10, 100, 1000)
_SHELF = 400
_BATCH = 50
_LOT = 100
_AGO = timedelta(days=1200)
_DATABASES = ("sqlite", "postgresql")


def measure(argv: Sequence[str]) -> Coroutine[Any, Any, None]:
    """Measure both databases at every length of history, and print the figures."""
    parser = ArgumentParser(prog="python -m tests.bench choosing", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of each: shows that it works")
    parser.add_argument("--databases", nargs="+", choices=_DATABASES, default=_DATABASES)
    parser.add_argument("--database-url", default=ADMIN,
                        help="a PostgreSQL server where databases may be made")  # fmt: skip
    parser.add_argument("--histories", nargs="*", type=int, default=None,
                        help="orders of the shopper that is measured; none: lots of many alone")  # fmt: skip
    given = parser.parse_args(argv)
    times = 10 if given.quick else 300
    histories = HISTORIES[:2] if given.quick else HISTORIES
    if given.histories is not None:
        histories = tuple(given.histories)
    return _measure(given.databases, given.database_url, histories, times)


async def _measure(
    databases: Sequence[str], admin: str, histories: Sequence[int], times: int
) -> None:
    with TemporaryDirectory(prefix="askfirst-bench-") as name:
        keys = Path(name) / "keys.json"
        keys.write_text(Keys.generate().as_json())
        vault = Vault(keys)
        for database in databases:
            made = (
                sqlite_database(keys.parent, vault)
                if database == "sqlite"
                else postgresql_database(admin, vault)
            )
            async with made as url, open_store(url, vault) as store:
                for orders in histories:
                    found = await _Shopper(store, orders, times).measured()
                    _tell(f"choosing.{database}.{orders}", found)
                _tell(f"choosing.{database}", await _many_shoppers(store, times))


def _tell(name: str, found: Figures) -> None:
    for figure, value in found.items():
        sys.stdout.write(f"{line(f'{name}.{figure}', value, None, '')}\n")
    sys.stdout.flush()


async def _many_shoppers(store: Store, times: int) -> Figures:
    """Take in orders in lots as an import does: each of somebody new, then one more of each.

    `cpu` is what one order costs this process: a busy machine changes it less than it does the rate.
    """
    rates, shoppers, policy = (
        dict[str, Figure](),
        range(max(times // _LOT, 1) * _LOT),
        load_policy(),
    )
    for visit, name in enumerate(("new", "again")):
        seconds, busy = [], []
        for lot in batched(shoppers, _LOT):
            orders = [_order_of(number, visit) for number in lot]
            begun, worked = perf_counter(), process_time()
            await keep_purchases(store, orders, policy, _now())
            seconds.append(perf_counter() - begun)
            busy.append(process_time() - worked)
        rates[f"{name}.order.lot.rate"] = Figure(len(shoppers) / sum(seconds), "/s", len(seconds))
        rates[f"{name}.order.lot.cpu"] = Figure(1000 * sum(busy) / len(shoppers), "ms", len(busy))
    return rates


def _order_of(shopper: int, visit: int) -> Purchase:
    at = _now() - timedelta(days=9 - visit)
    lines = tuple(
        Line(f"S-{(7 * shopper + step) % _SHELF}", "Article", 1, Decimal(10 + step), "EUR")
        for step in range(2)
    )
    name = f"guest-{shopper}"
    return Purchase("web", f"{name}-{visit}", name, at, lines, address=f"{shopper} Main Street")


class _Shopper:
    """One shopper with so many orders, of whom every figure is taken."""

    def __init__(self, store: Store, orders: int, times: int) -> None:
        self._store = store
        self._orders = orders
        self._times = times
        self._random = Random(orders)
        self._name = f"shopper-{orders}"
        self._made = 0
        self._policy = load_policy()

    async def measured(self) -> Figures:
        """Take every figure, one after another."""
        await self._shelve()
        while self._made < self._orders:
            some = min(_BATCH, self._orders - self._made)
            await self._keep_some([self._order(old=True) for _ in range(some)])
        seconds = await self._timed(lambda: self._keep(self._order()), self._times)
        figures = latency("order", seconds) | {"order.rate": _rate(seconds)}
        batches = max(self._times // _BATCH, 1)
        seconds = await self._timed(
            lambda: self._keep_some([self._order() for _ in range(_BATCH)]), batches
        )
        figures["order.batch.rate"] = Figure(_BATCH * len(seconds) / sum(seconds), "/s", batches)
        return figures | await self._decisions()

    async def _decisions(self) -> Figures:
        """Time whole decisions, with what they read and write, and then the bare function."""
        assistant = Assistant(load_catalogue(), load_voice("Bench"), self._policy)
        turns = Turns(self._store, assistant, (), _now)
        talk = await start_conversation(
            self._store, channel="web", locale="en", customer=self._name, now=_now()
        )
        for number in range(self._times):
            await self._hear(talk.id, f"opened-{number}")
        numbers = iter(range(self._times))
        seconds = await self._timed(
            lambda: turns.take(talk.id, f"opened-{next(numbers)}", Heard("")), self._times
        )
        figures = latency("decision", seconds) | {"decision.rate": _rate(seconds)}
        _, (decided, *_) = await read_decisions(self._store, talk.shopper, None, 1)
        inputs = inputs_from_json(decided.inputs or {})
        bare = []
        for _ in range(10 * self._times):
            begun = perf_counter()
            decide(inputs, self._policy)
            bare.append(perf_counter() - begun)
        return figures | latency("choose", bare) | {"choose.rate": _rate(bare)}

    async def _hear(self, talk: str, message: str) -> None:
        await receive(
            self._store, talk, message_id=message, kind="event", text="opened", body={}, now=_now()
        )

    async def _timed(self, did: Callable[[], Awaitable[object]], times: int) -> list[float]:
        seconds = []
        for _ in range(times):
            begun = perf_counter()
            await did()
            seconds.append(perf_counter() - begun)
        return seconds

    async def _shelve(self) -> None:
        for number in range(_SHELF):
            audience = "women" if number % 10 == 0 else "men"
            product = Product(f"S-{number}", f"Article {number}", f"kind-{number % 12}", audience,
                              _now() - _AGO)  # fmt: skip
            await keep_product(self._store, product)

    async def _keep(self, purchase: Purchase) -> None:
        await keep_purchase(self._store, purchase, self._policy, _now())

    async def _keep_some(self, purchases: Sequence[Purchase]) -> None:
        await keep_purchases(self._store, purchases, self._policy, _now())

    def _order(self, *, old: bool = False) -> Purchase:
        self._made += 1
        at = _now() - _AGO + timedelta(days=self._made) if old else _now()
        lines = tuple(
            Line(f"S-{number}", f"Article {number}", 1, Decimal(10 + number % 50), "EUR")
            for number in self._random.sample(range(_SHELF), 2)
        )
        return Purchase(
            "web", f"{self._name}-{self._made}", self._name, at, lines, address="1 Main Street"
        )


def _rate(seconds: Sequence[float]) -> Figure:
    return Figure(len(seconds) / sum(seconds), "/s", len(seconds))


def _now() -> datetime:
    return datetime.now(UTC)
