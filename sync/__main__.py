"""Tells CRMs what shoppers said: `python -m sync` runs the worker until SIGTERM or Ctrl-C.

The other verbs look and mend: `python -m sync --help`.
"""

import asyncio
import gc
import logging
import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from contextlib import suppress

from uvloop import new_event_loop

from preferences.errors import AskfirstError
from preferences.settings import Settings, load_settings
from sync.commands import audience, backfill, once, plan, preflight, reconcile, replay, status
from sync.service import serve

_GRACE = 4.0  # seconds for what is under way; what is cut short is told again at the next start
_CANNOT = 2
_COMMANDS = (plan, preflight, once, status, replay, backfill, reconcile, audience)


def main(arguments: list[str]) -> int:
    """Run, and give the exit code: 1 where something is to mend, 2 if it failed."""
    parser = ArgumentParser(
        prog="python -m sync", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=lambda _: _serve())
    verbs = parser.add_subparsers(dest="verb")
    for command in _COMMANDS:
        command.add(verbs)
    chosen = parser.parse_args(arguments)
    if chosen.verb:  # it prints what the worker would have logged
        logging.getLogger("sync").addHandler(logging.NullHandler())
    try:
        done: int = chosen.run(chosen)
    except AskfirstError as error:
        sys.stderr.write(f"{error}\n")
        return _CANNOT
    except KeyboardInterrupt:
        return 130
    return done


def _serve() -> int:
    settings = load_settings()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Ours alone: aiosqlite and its like would quote every row below WARNING.
    logging.getLogger("sync").setLevel(settings.log_level)
    asyncio.run(_until_signalled(settings), loop_factory=new_event_loop)
    return 0


async def _until_signalled(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.create_task(serve(settings, stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    with suppress(TimeoutError):
        await asyncio.wait_for(serving, _GRACE)
    stopping.cancel()


def _spare_what_stays() -> None:
    """Have what was imported never looked through for garbage again, and the rest seldom.

    A batch is some thousand objects, of which nearly none needs that search to be let go of.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


if __name__ == "__main__":
    _spare_what_stays()
    sys.exit(main(sys.argv[1:]))
