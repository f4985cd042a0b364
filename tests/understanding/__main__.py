"""Prints how well held-out sentences are understood, as JSON lines: `make bench-nlu`.

Figures come from the half of the sentences that nobody looked at while mending errors; `--looked-at`
takes the other half and shows each error.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.understanding.heldout import Sentence, sentences, trained_on
from tests.understanding.scores import figures

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Judge the assistant, and each encoder alone with the same classifier beside it."""
    parser = ArgumentParser(prog="python -m tests.understanding", description=__doc__)
    parser.add_argument(
        "--looked-at", action="store_true", help="the half for mending, with errors"
    )
    parser.add_argument("--baselines", action="store_true", help="also each encoder alone (slower)")
    given = parser.parse_args()
    judged = [one for one in sentences() if one.is_for_looking == given.looked_at]
    readings, trained = understood(judged), trained_on()
    show(figures("askfirst", judged, readings, trained))
    if given.looked_at:
        show(errors(judged, readings))
    if given.baselines:
        for name, guesses in baselines(judged).items():
            show(figures(name, judged, guesses, trained))
    return 0


def understood(judged: Iterable[Sentence]) -> list[dict[str, Any]]:
    """Ask the assistant as a marketer would, all at once."""
    lines = [{"text": s.text, "asked": s.asked, "locale": s.locale} for s in judged]
    return _run([sys.executable, "-m", "bot", "understand"], lines)


def baselines(judged: Iterable[Sentence]) -> dict[str, list[dict[str, Any]]]:
    """Train the classifier on each encoder alone, in Rasa's environment, and ask it."""
    python = str(ROOT / ".venv-rasa" / "bin" / "python")
    rows = _run([python, "-m", "tests.understanding.baselines"], [s.text for s in judged])
    return {name: [row[name] for row in rows] for name in rows[0]}


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


def _run(command: list[str], lines: Iterable[Any]) -> list[dict[str, Any]]:
    given = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(
        command, cwd=ROOT, input=given, stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    sys.exit(main())
