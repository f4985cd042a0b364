"""Puts sync together: the store, every destination that the settings name, webhooks, one bell."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from logging import getLogger

from preferences.addresses import Allowed
from preferences.catalogue import load_catalogue
from preferences.errors import UnavailableError
from preferences.settings import Settings
from preferences.store.destinations import resume
from preferences.store.engine import Store, open_own_store
from preferences.store.outbox import pending, retry
from preferences.store.restoring import reapply
from sync.bell import open_bell
from sync.connectors import open_connector
from sync.fitting import check_fit
from sync.guard import open_guarded
from sync.mapping import load_mapping
from sync.posting import Poster
from sync.pull import keep_pulling
from sync.telling import Teller
from sync.webhooks.courier import Courier
from sync.worker import Worker

_LOG = getLogger(__name__)
_PATIENCE = 1.0  # seconds between looks for a store that is not there yet


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Tell every destination and every webhook until `stop` is set.

    :raises SettingsError: a destination is unknown or cannot be opened as the settings say.
    """
    names = list(dict.fromkeys(settings.destinations))
    catalogue = load_catalogue()
    mappings = [load_mapping(name, catalogue, settings.mappings_dir) for name in names]
    allowed = Allowed.of(settings.webhook_allow)
    async with AsyncExitStack() as stack:
        connectors = [
            await stack.enter_async_context(open_connector(name, settings)) for name in names
        ]
        for connector, mapping in zip(connectors, mappings, strict=True):
            check_fit(connector, mapping)
        store = await stack.enter_async_context(open_own_store(settings))
        bell = await stack.enter_async_context(open_bell(settings.redis_url, settings.database))
        strangers = await stack.enter_async_context(open_guarded(allowed))
        await _wait_for(store, names, stop)
        async with asyncio.TaskGroup() as group:
            for name, connector, mapping in zip(names, connectors, mappings, strict=True):
                teller = Teller(name, store, connector, mapping)
                group.create_task(Worker(teller, bell).run(stop))
                group.create_task(keep_pulling(teller, catalogue, names, stop))
            group.create_task(Courier(store, Poster(strangers), allowed, bell).run(stop))
            await stop.wait()
            bell.ring()


async def _wait_for(store: Store, names: list[str], stop: asyncio.Event) -> None:
    """Wait until the store answers; what was put off in an earlier run is due again then."""
    said = ""
    while not stop.is_set():
        try:
            waiting = await pending(store)
            # Before anything is sent: a backup that was brought back lacks newer wishes.
            await reapply(store, names, datetime.now(UTC))
            for name in names:
                await resume(store, name)  # somebody may have mended the settings
                await retry(store, name, datetime.now(UTC))
        except UnavailableError as error:
            if str(error) != said:
                _LOG.warning("%s", said := str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PATIENCE)
        else:
            for name in names:
                count = waiting[name].waiting if name in waiting else 0
                _LOG.info("%s: ready, %d to be told.", name, count)
            return
