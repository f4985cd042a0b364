"""The command line of `make bench`: JSON lines on standard output, progress on standard error."""

import asyncio
import os
import sys
from argparse import ArgumentParser, Namespace
from time import monotonic

from bot.launch.locks import held
from tests.bench import channels, choosing, store, sync, widget
from tests.bench.askfirst import Askfirst
from tests.bench.baseline import Plain
from tests.bench.figures import line
from tests.bench.measures import FULL, GROUPS, QUICK, Bench
from tests.bench.processes import ROOT, BenchError

_CACHE = ROOT / "var" / "bench"
_PARTS = {
    "store": store.measure,
    "choosing": choosing.measure,
    "widget": widget.measure,
    "channels": channels.measure,
    "sync": sync.measure,
}
_PLAIN = "a plain Rasa project"
_QUIET = 0.5  # a load above this disturbs


def main() -> int:
    """Measure both sides, one after the other, or one part alone, and print the figures."""
    part = _PARTS.get("".join(sys.argv[1:2]))
    measured = part(sys.argv[2:]) if part else _compare(_read())
    _warn_of_load()
    _CACHE.mkdir(parents=True, exist_ok=True)
    try:
        with held(_CACHE / ".lock"):
            asyncio.run(measured)
    except BlockingIOError:
        measured.close()
        _tell("Another benchmark is running here; two at a time measure each other.")
        return 1
    except BenchError as error:
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _read() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few turns: shows that it works")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="NAME",
                        help=f"measures to take: {', '.join(GROUPS)}")  # fmt: skip
    parser.add_argument(
        "--database-url", default="", help="an empty PostgreSQL database of its own"
    )
    parser.add_argument("--redis-url", default="", help="a Redis that nobody else uses meanwhile")
    return parser.parse_args()


async def _compare(given: Namespace) -> None:
    size, groups = QUICK if given.quick else FULL, frozenset(given.only)
    baseline = await Bench(Plain(_CACHE), size, groups, _tell).run()
    ours = Askfirst(_CACHE, given.database_url, given.redis_url)
    figures = await Bench(ours, size, groups, _tell).run()
    for name, figure in figures.items():
        sys.stdout.write(f"{line(name, figure, baseline.get(name), _PLAIN)}\n")


def _warn_of_load() -> None:
    load = os.getloadavg()[0]
    if load > _QUIET:
        _tell(f"This machine is busy (load {load:.1f}): what follows is not fit for publication.")


def _tell(text: str) -> None:
    sys.stderr.write(f"{monotonic() - _BEGUN:4.0f} s  {text}\n")


_BEGUN = monotonic()

if __name__ == "__main__":
    sys.exit(main())
