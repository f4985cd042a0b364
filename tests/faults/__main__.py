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

import sync.connectors.hubspot  # before any fork: it takes longer than all that a worker does
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
_EVERY = 4  # kills from one round of answers to the next
_EACH = 6  # shoppers who answer in a round
_MANY = 50  # kills from which on a rehearsal saves time
_OFTEN = 0.05  # seconds between the looks of a worker, so that none dies idle
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
    if given.kills >= _MANY:
        _rehearse(folder)
    (folder / "hubspot.yml").write_text(_PAGE)
    rounds = -(-given.kills // _EVERY)
    crm = subprocess.Popen([sys.executable, "-m", "tests.faults.crm", str(folder / "crm.json")])
    try:
        settings = _settings(folder)
        withdrawn = dict[str, float]()
        _kill(given.kills, url, settings, random, withdrawn)
        meanwhile = _filled(_witness(settings))
        _ended(_fork(_settle, url, settings))
        seen = _witness(settings)
    finally:
        crm.kill()
        crm.wait()
    filled = _filled(seen)
    return {
        "database": url.partition(":")[0],
        "kills": given.kills,
        "shoppers": _EACH * rounds,
        "withdrawals": len(withdrawn),
        "told_between_kills": len(set(meanwhile)),
        "told_again": len(filled) - len(set(filled)),
        "lost_answers": seen["lost"],
        "findings": _findings(rounds, withdrawn, seen)[:20],
        "seconds": round(monotonic() - begun, 1),
    }


def _rehearse(folder: Path) -> None:
    """Do it once in a store of its own, so that no fork has to get ready by itself what all share."""
    url = f"sqlite:///{folder}/rehearsal.db"
    command.upgrade(alembic_config(url, VAULT), "head")
    asyncio.run(_say(url, 0, ""))
    asyncio.run(_say(url, 1, "s-0-0"))


def _witness(settings: Settings) -> dict[str, Any]:
    with urlopen(Request(f"{settings.hubspot_url}/witness")) as page:
        seen: dict[str, Any] = json.load(page)
    return seen


def _filled(seen: dict[str, Any]) -> list[str]:
    return [who for _, who, value in seen["told"] if value]


def _kill(
    kills: int, url: str, settings: Settings, random: Random, withdrawn: dict[str, float]
) -> None:
    """Kill one of two workers again and again while some answer and some withdraw.

    A worker lives on for a while that goes by how long the answers took: on a busy machine it comes
    as far as on a quiet one.
    """
    workers, moment = [_working(url, settings) for _ in range(2)], 0.0
    for kill in range(kills):
        if kill % _EVERY == 0:
            moment = 4 * _speak(url, kill // _EVERY, random, withdrawn)
        pid, ready = workers.pop(0)
        os.read(ready, 1)
        sleep(random.uniform(0, moment))
        _shoot(pid, ready)
        workers.append(_working(url, settings))
    for pid, ready in workers:
        _shoot(pid, ready)


def _working(url: str, settings: Settings) -> tuple[int, int]:
    """Start a worker; give its process, and a pipe that says when it has begun."""
    ready, tells = os.pipe()
    pid = _fork(_tell, url, settings, asyncio.Event(), tells)
    os.close(tells)
    return pid, ready


def _shoot(pid: int, ready: int) -> None:
    os.close(ready)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _speak(url: str, round_: int, random: Random, withdrawn: dict[str, float]) -> float:
    """Have a round of answers and a withdrawal, and give the seconds that they took."""
    begun = monotonic()
    gone = f"s-{random.randrange(round_)}-0" if round_ else ""
    _ended(_fork(_say, url, round_, "" if gone in withdrawn else gone))
    if gone:
        withdrawn.setdefault(gone, time())
    return monotonic() - begun


def _findings(rounds: int, withdrawn: dict[str, float], seen: dict[str, Any]) -> list[str]:
    everybody = {f"s-{round_}-{number}" for round_ in range(rounds) for number in range(_EACH)}
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


async def _say(url: str, round_: int, gone: str) -> None:
    """Have some answer, and somebody who answered before withdraw."""
    async with open_store(url, VAULT) as store:
        async with store.begin() as session:
            for number in range(_EACH):
                who = f"s-{round_}-{number}"
                await add_shopper_who_answered(session, who)
                await mark(session, who, ["hubspot"], datetime.now(UTC), urgent=False)
        if gone:
            async with store.begin() as session:
                await add_consent(session, gone, 2, "withdrawn")
                await mark(session, gone, ["hubspot"], datetime.now(UTC), urgent=True)


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


async def _tell(url: str, settings: Settings, stop: asyncio.Event, tells: int = 0) -> None:
    sync.worker._LONGEST_PROBE = timedelta(seconds=0.2)  # a lost answer is no reason to rest here
    mapping = load_mapping("hubspot", _CATALOGUE, settings.mappings_dir)
    bell = Bell()
    bell.patience = _OFTEN
    async with open_store(url, VAULT) as store, open_connector("hubspot", settings) as crm:
        if tells:
            os.write(tells, b".")
        await Worker(Teller("hubspot", store, crm, mapping), bell).run(stop)


def _read() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="workers to kill")
    parser.add_argument("--seed", type=int, default=7, help="of the moments")
    parser.add_argument("--database-url", default="", help="an empty PostgreSQL database")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
