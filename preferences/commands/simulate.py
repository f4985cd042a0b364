"""`python -m preferences simulate`: lets many invented shoppers live a year, and counts."""

import json
import sys
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.policy import load_policy
from preferences.referral import load_referral
from preferences.simulation.charts import draw
from preferences.simulation.life import live
from preferences.simulation.report import Report
from preferences.voice import load_voice

_BROKEN = 1


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser(
        "simulate",
        help="let invented shoppers live under these questions and limits, and count",
        description="Try your questions and limits on invented shoppers before real ones meet them."
        " Nothing is sent and nothing is kept; a year of 10,000 takes some minutes.",
        epilog="It prints how often each of them was asked, what came of it, and how often it was"
        " silent and why. It ends with 1 if a limit was exceeded.",
    )
    parser.add_argument(
        "--shoppers", type=_count, default=10_000, help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--days", type=_count, default=365, help="how long each lives (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="the same one gives the same figures again"
    )
    parser.add_argument(
        "--draw", type=Path, metavar="FOLDER", help="draw the figures as SVG there, too"
    )
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Print the figures as JSON lines; 1 if any limit was exceeded, which must never happen."""
    inviting = load_referral().model_copy(update={"enabled": True})
    assistant = Assistant(load_catalogue(), load_voice("Corner Shop"), load_policy(), inviting)
    report = Report()
    screen = Console(stderr=True)
    numbers = range(chosen.shoppers)
    for number in track(
        numbers, "Living …", console=screen, disable=not screen.is_terminal, transient=True
    ):
        report.add(live(chosen.seed, number, chosen.days, assistant))
    run_of = {"seed": chosen.seed, "days": chosen.days, "policy": assistant.policy.version}
    for figure in report.figures():
        sys.stdout.write(json.dumps(figure | run_of) + "\n")
    if chosen.draw is not None:
        for file in draw(report, chosen.draw):
            sys.stderr.write(f"{file}\n")
    return _BROKEN if report.breaches else 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = "write a whole number from 1 on"
        raise ArgumentTypeError(message)
    return int(text)
