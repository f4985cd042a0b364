"""A writer that is killed loses nothing that it had acknowledged."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KILLS = 20  # on each database


def _killed(*more: str) -> dict[str, Any]:
    """Kill in a process of its own: one that forks should have no threads."""
    command = [sys.executable, "-m", "tests.kill9", "--kills", str(KILLS), *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def test_sqlite_holds_whatever_a_killed_writer_acknowledged() -> None:
    figures = _killed()

    assert figures["findings"] == []
    assert figures["turns"] > KILLS


def test_postgresql_holds_whatever_a_killed_writer_acknowledged(postgresql_url: str) -> None:
    figures = _killed("--database-url", postgresql_url)

    assert figures["findings"] == []
    assert figures["turns"] > KILLS
