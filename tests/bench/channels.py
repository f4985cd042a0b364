"""The command line of `python -m tests.bench channels`: signed reports until they are kept, chats that are open."""

import asyncio
import hmac
import json
import os
import socket
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import Any

from aiohttp import ClientError, ClientSession, TCPConnector
from psutil import Process

from preferences.store.vault import Keys, Vault
from tests.bench.databases import ADMIN, postgresql_database, sqlite_database
from tests.bench.figures import Figure, Figures, latency, line
from tests.bench.processes import ROOT, BenchError
from tests.bench.rasa_channels import Report, rasa_figures
from tests.bench.streams import open_chats, stand_in

_SECRET, _NUMBER, _PAGE = "bench", "1", "2"
_DATABASES = ("sqlite", "postgresql")
_AT_ONCE = 100
_BATCH = 1000
_PEOPLE = 200
_CACHE = ROOT / "var" / "bench"
_LIMITS = (
    "ASKFIRST_MESSAGES_PER_MINUTE",
    "ASKFIRST_MESSAGES_PER_MINUTE_PER_ADDRESS",
    "ASKFIRST_MESSAGES_PER_MINUTE_OF_ALL",
    "ASKFIRST_SESSIONS_PER_MINUTE_PER_ADDRESS",
)


def measure(argv: Sequence[str]) -> Coroutine[Any, Any, None]:
    """Measure a gateway of one process on each database, and Rasa's own channels; print the figures."""
    parser = ArgumentParser(prog="python -m tests.bench channels", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of each: shows that it works")
    parser.add_argument("--databases", nargs="+", choices=_DATABASES, default=_DATABASES)
    parser.add_argument("--database-url", default=ADMIN,
                        help="a PostgreSQL server where databases may be made")  # fmt: skip
    parser.add_argument("--chats", type=int, help="how many are open at once (1000; quick: 50)")
    parser.add_argument("--alone", action="store_true", help="leave Rasa's channels out")
    given = parser.parse_args(argv)
    size = (
        _Size(given.chats or 50, 400, 60) if given.quick else _Size(given.chats or 1000, 4000, 400)
    )
    return _measure(given.databases, given.database_url, size, alone=given.alone)


@dataclass(frozen=True, slots=True)
class _Size:
    chats: int
    reports: int
    beside: int


async def _measure(databases: Sequence[str], admin: str, size: _Size, *, alone: bool) -> None:
    beside = [_spoken(number) for number in range(size.beside)]
    theirs = {} if alone else await rasa_figures(_CACHE, _SECRET, beside)
    for name, figures in theirs.items():
        for figure, value in figures.items():
            _print(f"channels.{name.split()[1].lower()}.{figure}", value)
    for database in databases:
        async with (
            _store(database, admin) as (url, vault),
            _gateway(vault, url) as (address, process),
        ):
            for figure, value in (await _figures(address, process, size.reports)).items():
                _print(f"channels.{database}.{figure}", value)
        async with _store(database, admin) as (url, vault), _gateway(vault, url) as (address, _):
            ours = await _beside(address, beside)
        for other, figures in (theirs or {"": {}}).items():
            for figure, value in ours.items():
                full = f"channels.{database}.messenger.{figure}"
                _print(full, value, figures.get(figure), other)
        async with (
            _store(database, admin) as (url, vault),
            stand_in(url, vault) as (assistant, held),
            _gateway(vault, url, assistant) as (address, process),
        ):
            found = await open_chats(address, process, held, size.chats)
            for figure, value in found.items():
                _print(f"channels.{database}.chats.{figure}", value)


@asynccontextmanager
async def _store(database: str, admin: str) -> AsyncIterator[tuple[str, Vault]]:
    """Make a store of its own: what one measure leaves unanswered would be served in the next."""
    with TemporaryDirectory(prefix="askfirst-bench-") as name:
        keys = Path(name) / "keys.json"
        keys.write_text(Keys.generate().as_json())
        vault = Vault(keys)
        made = (
            sqlite_database(Path(name), vault)
            if database == "sqlite"
            else postgresql_database(admin, vault)
        )
        async with made as url:
            yield url, vault


def _print(name: str, ours: Figure, other: Figure | None = None, against: str = "") -> None:
    sys.stdout.write(f"{line(name, ours, other, against)}\n")
    sys.stdout.flush()


async def _beside(address: str, reports: Sequence[Report]) -> Figures:
    """Send what Rasa's channels were sent, as many at once."""
    async with ClientSession(connector=TCPConnector(limit=_AT_ONCE)) as http:
        await _post(http, address, reports[0][0], "messenger")  # it pays for what is made once
        begun = perf_counter()
        taken = await _all(
            [body for body, *_ in reports], lambda body: _post(http, address, body, "messenger")
        )
        rate = len(taken) / (perf_counter() - begun)
    return {"rate": Figure(rate, "reports/s", len(taken)), **latency("acknowledged", taken)}


def _spoken(number: int) -> Report:
    """Give a report of Messenger's, and what it says."""
    sender, words = str(700_000 + number % _PEOPLE), f"hello {number}"
    item = {
        "sender": {"id": sender},
        "recipient": {"id": _PAGE},
        "timestamp": int(time() * 1000),
        "message": {"mid": f"m_{number}", "text": words},
    }
    body = {"object": "page", "entry": [{"id": _PAGE, "time": 1, "messaging": [item]}]}
    return json.dumps(body).encode(), sender, words


async def _figures(address: str, process: Process, reports: int) -> Figures:
    """Send single reports, a hundred at once: first of people who are new; then batches of three."""
    async with ClientSession(connector=TCPConnector(limit=_AT_ONCE)) as http:
        met = [_body([_message(f"n{number}", number)]) for number in range(_PEOPLE)]
        strangers = await _all(met, lambda body: _post(http, address, body))
        bodies = [_body([_message(f"s{number}", number % _PEOPLE)]) for number in range(reports)]
        at_rest = process.cpu_times()
        before, begun = at_rest.user + at_rest.system, perf_counter()
        taken = await _all(bodies, lambda body: _post(http, address, body))
        rate = len(taken) / (perf_counter() - begun)
        used = process.cpu_times()
        batches = [
            await _post(
                http, address, _body([_message(f"b{turn}-{n}", n % 3) for n in range(_BATCH)])
            )
            for turn in range(5)
        ]
    return {
        "rate": Figure(rate, "reports/s", len(taken)),
        "cpu": Figure(
            1000 * (used.user + used.system - before) / len(taken), "ms/report", len(taken)
        ),
        **latency("acknowledged", taken),
        **latency("strangers", strangers),
        **latency(f"batch_of_{_BATCH}", batches),
    }


async def _all(bodies: Sequence[bytes], send: Callable[[bytes], Awaitable[float]]) -> list[float]:
    waiting, taken = iter(bodies), list[float]()

    async def one_after_the_other() -> None:
        for body in waiting:
            taken.append(await send(body))

    await asyncio.gather(*(one_after_the_other() for _ in range(_AT_ONCE)))
    return taken


async def _post(http: ClientSession, address: str, body: bytes, channel: str = "whatsapp") -> float:
    signature = f"sha256={hmac.digest(_SECRET.encode(), body, sha256).hex()}"
    headers = {"X-Hub-Signature-256": signature}
    begun = perf_counter()
    async with http.post(f"{address}/v1/channels/{channel}", data=body, headers=headers) as answer:
        await answer.read()
        if answer.status != 200:
            message = f"The gateway refuses a report ({answer.status})."
            raise BenchError(message)
    return perf_counter() - begun


def _message(name: str, person: int) -> dict[str, Any]:
    number = f"3460000{person:04d}"
    text = {"body": f"line {name}"}
    return {"from": number, "id": f"wamid.{name}", "type": "text", "text": text}


def _body(messages: Sequence[dict[str, Any]]) -> bytes:
    value = {"metadata": {"phone_number_id": _NUMBER}, "messages": messages}
    change = {"field": "messages", "value": value}
    return json.dumps({"entry": [{"id": "0", "changes": [change]}]}).encode()


@asynccontextmanager
async def _gateway(
    vault: Vault, url: str, assistant: str = "http://127.0.0.1:9"
) -> AsyncIterator[tuple[str, Process]]:
    """Run one gateway; where its assistant sleeps, what is measured ends where a report is kept."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if "ASKFIRST" not in name},
        "ASKFIRST_PORT": str(port),
        "ASKFIRST_DATA_DIR": str(vault.file.parent),
        "ASKFIRST_KEYS_FILE": str(vault.file),
        "ASKFIRST_DATABASE_URL": url,
        "ASKFIRST_RASA_URLS": assistant,
        "ASKFIRST_CHANNELS": "whatsapp,messenger",
        "ASKFIRST_META_APP_SECRET": _SECRET,
        "ASKFIRST_WHATSAPP_NUMBER": _NUMBER,
        "ASKFIRST_WHATSAPP_TOKEN": "bench",
        "ASKFIRST_MESSENGER_PAGE": _PAGE,
        "ASKFIRST_MESSENGER_TOKEN": "bench",
        "ASKFIRST_META_APP": "1",
        "ASKFIRST_META_URL": "http://127.0.0.1:9",
        **dict.fromkeys(_LIMITS, "0"),
        "ASKFIRST_LOG_LEVEL": "ERROR",
    }
    command = (sys.executable, "-m", "bot.gateway")
    running = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        await _answers(address)
        yield address, Process(running.pid)
    finally:
        running.terminate()
        await running.wait()


async def _answers(address: str) -> None:
    async with ClientSession() as http, asyncio.timeout(300):
        while True:
            try:
                async with http.get(f"{address}/healthz"):
                    return
            except (ClientError, OSError):
                await asyncio.sleep(0.1)
