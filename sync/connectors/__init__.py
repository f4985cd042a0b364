"""The CRMs that can be told: one module each, named by ASKFIRST_DESTINATIONS."""

from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.delivery import Connector


def open_connector(name: str, settings: Settings) -> AbstractAsyncContextManager[Connector]:
    """Open the connector of a name by its module's own `open_connector(settings)`.

    :raises SettingsError: there is none of that name; the sentence lists those there are. On
        entering: the connector's own settings are wrong.
    """
    names = sorted(module.name for module in iter_modules(__path__))
    if name not in names:
        message = f"ASKFIRST_DESTINATIONS: {name!r} is not one of {', '.join(names)}."
        raise SettingsError(message)
    module = import_module(f"{__name__}.{name}")
    return cast("AbstractAsyncContextManager[Connector]", module.open_connector(settings))
