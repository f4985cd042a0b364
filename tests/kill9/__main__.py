"""`python -m tests.kill9 --kills 1000`: one line of JSON; progress on standard error."""

import asyncio
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from alembic import command
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from preferences.store.migrate import alembic_config
from tests.kill9.checking import findings
from tests.kill9.harness import kill_many, rehearsed
from tests.kill9.writer import Scene, begin
from tests.vaults import VAULT


def main() -> int:
    """Kill, look, and say what was found; 1 if anything was."""
    given = _read()
    with TemporaryDirectory(prefix="askfirst-kill9-") as folder:
        url = given.database_url or f"sqlite:///{folder}/askfirst.db"
        command.upgrade(alembic_config(url, VAULT), "head")
        scene = asyncio.run(begin(url, Path(folder) / "journal.jsonl"))
        figures = _measured(scene, given)
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return 1 if figures["findings"] else 0


def _measured(scene: Scene, given: Namespace) -> dict[str, Any]:
    started = monotonic()
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("kills", total=given.kills)
        tell: Callable[[], None] = lambda: progress.advance(task)  # noqa: E731
        before = rehearsed(scene)
        acks = kill_many(scene, given.kills, given.seed, tell)
    wrong = asyncio.run(findings(scene, [*before, *acks]))
    return {
        "database": scene.url.partition(":")[0],
        "kills": given.kills,
        "seed": given.seed,
        "turns": sum("taken" in ack for ack in acks),
        "answers": sum(ack.get("answers", 0) for ack in acks),
        "withdrawals": sum(
            state == "withdrawn" for ack in acks for _, state in ack.get("consents", ())
        )
        + sum("event" in ack for ack in acks),
        "erasures": sum("erased" in ack for ack in acks),
        "findings": wrong[:20],
        "seconds": round(monotonic() - started, 1),
    }


def _read() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.kill9", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**32))
    parser.add_argument(
        "--database-url", default="", help="an empty PostgreSQL database; without it, SQLite"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
