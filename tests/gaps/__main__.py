"""`python -m tests.gaps`: every report without each of its keys, through a gateway; one line of JSON."""

import asyncio
import json
import logging
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from aiohttp import ClientSession
from alembic import command
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from sqlmodel import SQLModel, func, select

from bot import gateway
from bot.parts import SEEN, STORE
from bot.queue import LocalQueue, Serve, open_local_queue
from preferences.settings import load_settings
from preferences.store.engine import Store
from preferences.store.migrate import alembic_config
from preferences.store.tables import MessageRow, QuarantineRow
from tests.bot.conftest import served
from tests.gaps.reports import SETTINGS, Report, reports
from tests.gaps.sending import send
from tests.vaults import KEYS, VAULT

_NOBODY = "http://127.0.0.1:9"
_ALONE = {"rasa_urls": _NOBODY, "meta_url": _NOBODY, "twilio_url": _NOBODY}
_TABLES: dict[str, type[SQLModel]] = {"messages": MessageRow, "kept_aside": QuarantineRow}


def main() -> int:
    """Send, and say what was not acknowledged; 1 if anything was not."""
    given = _read()
    logging.basicConfig(level="ERROR")
    with TemporaryDirectory(prefix="askfirst-gaps-") as folder:
        url = given.database_url or f"sqlite:///{folder}/askfirst.db"
        command.upgrade(alembic_config(url, VAULT), "head")
        figures = asyncio.run(_measured(url, Path(folder)))
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return 1 if figures["findings"] else 0


async def _measured(url: str, folder: Path) -> dict[str, Any]:
    started, all_of_them = monotonic(), reports()
    settings = load_settings(
        data_dir=folder, keys_file=KEYS, database_url=url, **{**SETTINGS, **_ALONE}
    )
    gateway.open_local_queue = _nobody_is_served
    app = gateway.create_app(settings)
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    async with served(app) as address, ClientSession() as http:
        with progress:
            task = progress.add_task("reports", total=len(all_of_them))
            sent = await send(http, address, all_of_them, lambda: progress.advance(task))
        kept = {name: await _count(app[STORE], table) for name, table in _TABLES.items()}
    unreadable = [
        f"{channel}: {name}" for channel, name in app[SEEN] if name.startswith("unreadable")
    ]
    return {
        "database": url.partition(":")[0],
        "reports": _counted(all_of_them),
        **kept,
        "put_off": sent.put_off,
        "findings": [*sent.findings, *unreadable],
        "seconds": round(monotonic() - started, 1),
    }


def _nobody_is_served(_serve: Serve) -> AbstractAsyncContextManager[LocalQueue]:
    """Keep what comes and leave it: thousands who wait for Rasa would take the store for themselves."""

    async def serve(_shopper: str) -> None: ...

    return open_local_queue(serve)


def _counted(sent: Sequence[Report]) -> dict[str, int]:
    counts = Counter(report.source for report in sent)
    return {**counts, "all": counts.total()}


async def _count(store: Store, table: type[SQLModel]) -> int:
    async with store.begin(readonly=True) as session:
        return int((await session.exec(select(func.count()).select_from(table))).one())


def _read() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.gaps", description=__doc__)
    parser.add_argument(
        "--database-url", default="", help="an empty PostgreSQL database; without it, SQLite"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
