"""Keeps the store in order by itself: ends are told, what is old goes, burdens pause."""

import asyncio
import logging
from datetime import datetime, timedelta

from bot.parts import Clock
from preferences.errors import UnavailableError
from preferences.policy import Policy
from preferences.settings import Settings
from preferences.store.anchors import anchor
from preferences.store.ends import tell_ends
from preferences.store.engine import Store
from preferences.store.habits import work_out_missing
from preferences.store.pausing import pause_burdens, stop_experiments
from preferences.store.retention import Limits, sweep

logger = logging.getLogger(__name__)

_PAUSED = (
    "The question %s pauses: of %d asks %d were declined, %d ended in a stop, and %d annoyed. Mend it,"
    " then let it go on by `python -m preferences resume QUESTION`."
)
_STOPPED = (
    "%s stops (%s): everybody is asked as before. See what came of it by `python -m preferences"
    " experiments`; `python -m preferences resume %s` lets it go on."
)
_LOOK_SECONDS = 60.0
_EVERY = timedelta(days=1)


async def keep_up(store: Store, settings: Settings, policy: Policy, clock: Clock) -> None:
    """Tell every minute of what has ended, and do the rest now and once a day, as the clock tells.

    What failed is tried again soon.
    """
    done: datetime | None = None
    while True:
        now = clock()
        try:
            await tell_ends(store, settings.destinations, now)
            if done is None or now - done >= _EVERY:
                await _keep_in_order(store, settings, policy, now)
                done = now
        except UnavailableError as error:
            logger.warning("Retention waits: %s", error)
        await asyncio.sleep(_LOOK_SECONDS)


async def _keep_in_order(store: Store, settings: Settings, policy: Policy, now: datetime) -> None:
    gone = await sweep(store, Limits.of(settings), settings.destinations, now)
    await anchor(store, now)
    await work_out_missing(store)
    paused = await pause_burdens(store, policy.pausing, now)
    stopped = await stop_experiments(store, policy.experiments, now)
    told = ", ".join(f"{rows} of {table}" for table, rows in gone.items())
    logger.info("Retention: %s removed.", told or "nothing")
    for name, why in stopped:
        logger.warning(_STOPPED, name, why, name)
    for met in paused:
        logger.warning(_PAUSED, met.question, met.asks, met.declined, met.opted_out, met.annoyed)
