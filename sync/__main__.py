"""Runs the sync worker until SIGTERM or Ctrl-C: `python -m sync`."""

import asyncio
import logging
import signal
import sys
from contextlib import suppress

from preferences.errors import SettingsError
from preferences.settings import Settings, load_settings
from sync.service import serve

_GRACE = 4.0  # seconds for what is under way; what is cut short is told again at the next start


def main() -> int:
    """Run, and give the exit code."""
    try:
        settings = load_settings()
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        # Ours alone: aiosqlite and its like would quote every row below WARNING.
        logging.getLogger("sync").setLevel(settings.log_level)
        asyncio.run(_until_signalled(settings))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
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


if __name__ == "__main__":
    sys.exit(main())
