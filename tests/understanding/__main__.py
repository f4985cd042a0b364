"""Prints how well held-out sentences are understood, as JSON lines: `make bench-nlu`.

THE figures are those of the fifth set's unseen half: nobody looks at its errors. Beside them stand
the unseen halves of the fourth, the second and the first set, which are older, and the third set,
which nobody looks at.
`--looked-at` takes the other halves, and shows each error.
"""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import PIPE, CalledProcessError, Popen, run
from tempfile import TemporaryFile
from time import perf_counter
from typing import Any

from tests.understanding.heldout import (
    FIFTH,
    FIRST,
    FOURTH,
    SECOND,
    THIRD,
    Sentence,
    sentences,
    trained_on,
)
from tests.understanding.scores import figures

ROOT = Path(__file__).parents[2]
RASA = str(ROOT / ".venv-rasa" / "bin" / "python")
UNDERSTAND = [sys.executable, "-m", "bot", "understand"]

Sets = Mapping[str, list[Sentence]]
Readings = list[dict[str, Any]]


def main() -> int:
    """Judge the assistant, and beside it what else could read the sentences."""
    parser = ArgumentParser(prog="python -m tests.understanding", description=__doc__)
    parser.add_argument(
        "--looked-at", action="store_true", help="the halves for mending, with errors"
    )
    parser.add_argument("--baselines", action="store_true", help="also each encoder alone (slower)")
    parser.add_argument(
        "--diet", action="store_true", help="also Rasa's default pipeline (minutes)"
    )
    given = parser.parse_args()
    sets = looked_at() if given.looked_at else unseen()
    judged = [sentence for part in sets.values() for sentence in part]
    readings, milliseconds = understood(judged)
    trained = trained_on()
    report("askfirst", sets, readings, trained)
    show([{"system": "askfirst", "sentences": len(judged), "reading_ms": milliseconds}])
    if given.looked_at:
        show(errors(judged, readings))
    for module in [name for name in ("baselines", "diet") if getattr(given, name)]:
        for name, guesses in others(module, judged).items():
            report(name, sets, guesses, trained)
    return 0


def unseen() -> Sets:
    """Give what nobody looks at, the half that gives the figures first."""
    halves = {f"{name}, the unseen half": half for name, half in _halves(for_looking=False)}
    return halves | {THIRD.name: sentences(THIRD)}


def looked_at() -> Sets:
    """Give the halves whose errors may be looked at."""
    return {f"{name}, the half looked at": half for name, half in _halves(for_looking=True)}


def _halves(*, for_looking: bool) -> Iterator[tuple[str, list[Sentence]]]:
    for folder in (FIFTH, FOURTH, SECOND, FIRST):
        yield folder.name, [s for s in sentences(folder) if s.is_for_looking == for_looking]


def understood(judged: Sequence[Sentence]) -> tuple[Readings, float]:
    """Ask the assistant as a marketer would, all at once; and the milliseconds that one took.

    They are reckoned from the first reading to the last, so the start is left out.
    """
    readings, arrivals = [], []
    with TemporaryFile("w+", encoding="utf-8") as given:
        given.write(
            _as_lines({"text": s.text, "asked": s.asked, "locale": s.locale} for s in judged)
        )
        given.seek(0)
        at_once = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with Popen(UNDERSTAND, cwd=ROOT, stdin=given, stdout=PIPE, text=True, env=at_once) as asked:
            for line in asked.stdout or ():
                arrivals.append(perf_counter())
                readings.append(json.loads(line))
    if asked.returncode:
        raise CalledProcessError(asked.returncode, UNDERSTAND)
    taken = (arrivals[-1] - arrivals[0]) / (len(arrivals) - 1)
    return readings, round(taken * 1000, 2)


def others(module: str, judged: Iterable[Sentence]) -> dict[str, Readings]:
    """Train on the same examples in Rasa's environment, and ask what came of it, by its name."""
    _progress(f"Training for comparison ({module}); this takes minutes …")
    rows = _run([RASA, "-m", f"tests.understanding.{module}"], [s.text for s in judged])
    return {name: [row[name] for row in rows] for name in rows[0]}


def report(system: str, sets: Sets, readings: Readings, trained: frozenset[str]) -> None:
    """Print the figures of each set; the readings are in the order of the sets."""
    rest = iter(readings)
    for name, part in sets.items():
        read = [next(rest) for _ in part]
        show({"set": name, **line} for line in figures(system, part, read, trained))


def errors(
    judged: Iterable[Sentence], readings: Iterable[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Give every sentence that was taken for something else."""
    for sentence, reading in zip(judged, readings, strict=True):
        if reading["act"] not in sentence.acts:
            about = {"text": sentence.text, "asked": sentence.asked, "act": sentence.act}
            yield {"error": about, "read": reading["act"], "confidence": reading["confidence"]}


def show(lines: Iterable[dict[str, Any]]) -> None:
    """Print JSON lines."""
    for line in lines:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _progress(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _run(command: list[str], lines: Iterable[Any]) -> Readings:
    done = run(command, cwd=ROOT, input=_as_lines(lines), stdout=PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _as_lines(values: Iterable[Any]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


if __name__ == "__main__":
    sys.exit(main())
