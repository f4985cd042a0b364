"""`python -m tests.faults --kills 1000`: two workers, killed again and again; one line of JSON."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep, time
from typing import Any
from urllib.request import Request, urlopen

from alembic import command
from pydantic import SecretStr
from sqlalchemy import update

import sync.worker
from preferences.catalogue import load_catalogue
from preferences.settings import Settings
from preferences.store.engine import open_store
from preferences.store.migrate import alembic_config
from preferences.store.outbox import mark, pending, retry
from preferences.store.tables import OutboxRow
from sync.bell import Bell
from sync.connectors import open_connector
from sync.mapping import load_mapping
from sync.telling import Teller
from sync.worker import Worker
from tests.preferences.store.seeds import add_consent, add_shopper_who_answered
from tests.vaults import VAULT

_PAGE = """
key: shopper_id
fields:
  - { from: answers.gift_or_self.value, to: for_whom }
"""
_EACH = 3  # shoppers who answer in a life
_MOMENT = 0.4  # seconds at most that a worker lives
_ON_ITS_WAY = 2.0  # seconds that a request may have been on its way when the shopper withdrew
_CATALOGUE = load_catalogue()


def main() -> int:
    """Kill, let it settle, and hold the CRM against what was said; 1 if anything is wrong."""
    given = _read()
    with TemporaryDirectory(prefix="askfirst-faults-") as folder:
        figures = _run(given, Path(folder))
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return 1 if figures["findings"] else 0


def _run(given: Namespace, folder: Path) -> dict[str, Any]:
    begun, random = monotonic(), Random(given.seed)
    url = given.database_url or f"sqlite:///{folder}/askfirst.db"
    command.upgrade(alembic_config(url, VAULT), "head")
    (folder / "hubspot.yml").write_text(_PAGE)
    crm = subprocess.Popen([sys.executable, "-m", "tests.faults.crm", str(folder / "crm.json")])
    try:
        settings = _settings(folder)
        withdrawn = dict[str, float]()
        for life in range(given.kills):
            _live(url, settings, life, random, withdrawn)
        _ended(_fork(_settle, url, settings))
        with urlopen(Request(f"{settings.hubspot_url}/witness")) as page:
            seen = json.load(page)
    finally:
        crm.kill()
        crm.wait()
    filled = [who for _, who, value in seen["told"] if value]
    return {
        "database": url.partition(":")[0],
        "kills": 2 * given.kills,
        "shoppers": _EACH * given.kills,
        "withdrawals": len(withdrawn),
        "told_again": len(filled) - len(set(filled)),
        "findings": _findings(given.kills, withdrawn, seen)[:20],
        "seconds": round(monotonic() - begun, 1),
    }


def _live(
    url: str, settings: Settings, life: int, random: Random, withdrawn: dict[str, float]
) -> None:
    """Have two workers tell while some answer and one withdraws, and kill them in the middle."""
    workers = [_fork(_work, url, settings) for _ in range(2)]
    _ended(_fork(_answer, url, life))
    gone = f"s-{random.randrange(life)}-0" if life else ""
    if gone and gone not in withdrawn:
        _ended(_fork(_withdraw, url, gone))
        withdrawn[gone] = time()
    for pid in workers:
        sleep(random.uniform(0, _MOMENT))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _findings(kills: int, withdrawn: dict[str, float], seen: dict[str, Any]) -> list[str]:
    everybody = {f"s-{life}-{number}" for life in range(kills) for number in range(_EACH)}
    held = seen["held"]
    wrong = [f"{who} is lost" for who in sorted(everybody - withdrawn.keys()) if not held.get(who)]
    wrong += [f"{who} is not emptied" for who in withdrawn if held.get(who)]
    wrong += [
        f"{who} was filled {at - withdrawn[who]:.2f} s after the withdrawal"
        for at, who, value in seen["told"]
        if value and who in withdrawn and at > withdrawn[who] + _ON_ITS_WAY
    ]
    if seen["contacts"] != len(held):
        wrong.append("somebody is there twice")
    return wrong


def _settings(folder: Path) -> Settings:
    address, patience = folder / "crm.json", monotonic() + 60
    while not address.exists():
        if monotonic() > patience:
            message = "the CRM does not start"
            raise RuntimeError(message)
        sleep(0.05)
    page = json.loads(address.read_text())
    return Settings(
        _env_file=None,
        data_dir=folder,
        hubspot_token=SecretStr(page["secret"]),
        hubspot_url=page["url"],
        hubspot_requests_per_10_seconds=100_000,
        webhook_allow=("127.0.0.0/8",),
        mappings_dir=folder,
    )


def _fork(job: Callable[..., Coroutine[None, None, None]], *given: Any) -> int:
    if pid := os.fork():
        return pid
    code = 1
    try:
        asyncio.run(job(*given))
        code = 0
    finally:
        os._exit(code)


def _ended(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status):
        message = "a part of the run failed; why stands on standard error"
        raise RuntimeError(message)


async def _answer(url: str, life: int) -> None:
    async with open_store(url, VAULT) as store, store.begin() as session:
        for number in range(_EACH):
            who = f"s-{life}-{number}"
            await add_shopper_who_answered(session, who)
            await mark(session, who, ["hubspot"], datetime.now(UTC), urgent=False)


async def _withdraw(url: str, who: str) -> None:
    async with open_store(url, VAULT) as store, store.begin() as session:
        await add_consent(session, who, 2, "withdrawn")
        await mark(session, who, ["hubspot"], datetime.now(UTC), urgent=True)


async def _work(url: str, settings: Settings) -> None:
    await _tell(url, settings, asyncio.Event())


async def _settle(url: str, settings: Settings) -> None:
    """Tell until nobody waits any more; nobody else does."""
    stop = asyncio.Event()
    async with open_store(url, VAULT) as store:
        async with store.begin() as session:  # the claims of the dead, as if their lease was over
            await session.exec(update(OutboxRow).values(next_attempt_at=datetime.now(UTC)))
        telling = asyncio.create_task(_tell(url, settings, stop))
        while await pending(store) and not telling.done():
            await retry(store, "hubspot", datetime.now(UTC))
            await asyncio.sleep(0.2)
    stop.set()
    await telling


async def _tell(url: str, settings: Settings, stop: asyncio.Event) -> None:
    sync.worker._LONGEST_PROBE = timedelta(seconds=0.2)  # a lost answer is no reason to rest here
    mapping = load_mapping("hubspot", _CATALOGUE, settings.mappings_dir)
    async with open_store(url, VAULT) as store, open_connector("hubspot", settings) as crm:
        await Worker(Teller("hubspot", store, crm, mapping), Bell()).run(stop)


def _read() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="lives of two workers each")
    parser.add_argument("--seed", type=int, default=7, help="of the moments")
    parser.add_argument("--database-url", default="", help="an empty PostgreSQL database")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
