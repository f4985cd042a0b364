"""Opens what a verb needs: settings, the store, and a destination with its mapping."""

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from preferences.catalogue import load_catalogue
from preferences.errors import SettingsError
from preferences.settings import Settings, load_settings
from preferences.store.engine import Store, open_own_store
from sync.connectors import open_connector
from sync.delivery import Connector
from sync.fitting import check_fit
from sync.mapping import CrmMapping, load_mapping
from sync.telling import Teller


@dataclass(frozen=True, slots=True)
class Opened:
    """A destination, open."""

    name: str
    store: Store
    connector: Connector
    mapping: CrmMapping | None

    @property
    def teller(self) -> Teller:
        """Whoever tells it."""
        return Teller(self.name, self.store, self.connector, self.mapping)

    def mapped(self) -> CrmMapping:
        """Give the mapping.

        :raises SettingsError: it has none.
        """
        if self.mapping is None:
            message = f"{self.name} has no mapping: it is told whole profiles and has no fields."
            raise SettingsError(message)
        return self.mapping


def chosen_name(settings: Settings, chosen: Namespace) -> str:
    """Give the destination that is meant; where the settings name one alone, it need not be said.

    :raises SettingsError: it is none of those that the settings name.
    """
    names = list(dict.fromkeys(settings.destinations))
    name: str = chosen.destination or (names[0] if len(names) == 1 else "")
    if name not in names:
        message = f"Name a destination of ASKFIRST_DESTINATIONS: {', '.join(names)}."
        raise SettingsError(message)
    return name


@asynccontextmanager
async def opened(settings: Settings, name: str) -> AsyncIterator[Opened]:
    """Open a destination.

    :raises SettingsError: it cannot be opened as the settings say.
    """
    mapping = load_mapping(name, load_catalogue(), settings.mappings_dir)
    async with (
        open_connector(name, settings) as connector,
        open_own_store(settings) as store,
    ):
        check_fit(connector, mapping)
        yield Opened(name, store, connector, mapping)


def with_destination(chosen: Namespace, work: Callable[[Opened, Settings], Awaitable[int]]) -> int:
    """Do something with the destination that is meant, and give the exit code."""
    settings = load_settings()

    async def do() -> int:
        async with opened(settings, chosen_name(settings, chosen)) as one:
            return await work(one, settings)

    return asyncio.run(do())
