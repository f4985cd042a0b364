"""The world of the store's own machines, at its own time."""

from tests.preferences.store.machines.conftest import world

__all__ = ["world"]
