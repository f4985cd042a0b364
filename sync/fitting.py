"""Sees before anything is sent that a CRM can do what its mapping page asks of it."""

from collections.abc import Iterable

from preferences.errors import SettingsError
from sync.capabilities import Changed, Reading
from sync.delivery import Connector
from sync.fields import to_look_at
from sync.mapping import CrmMapping


def check_fit(connector: Connector, mapping: CrmMapping | None) -> None:
    """Let a page pass that asks nothing impossible.

    :raises SettingsError: a field would be written over, or never asked for; names it and the remedy.
    """
    if mapping is None:
        return
    page = f"The mapping of {mapping.destination}"
    if not mapping.key:
        message = f"{page}: a CRM needs a key; name its unique field that holds the shopper's id."
        raise SettingsError(message)
    looked_at = to_look_at(mapping)
    if looked_at and not isinstance(connector, Reading):
        message = (
            f"{page}: {_listed(looked_at)} would be written over, because what it holds cannot be "
            "read first; write `when_null: overwrite` or `never` there, and no `conflict: crm`."
        )
        raise SettingsError(message)
    pulled = [rule.to for rule in mapping.rules if rule.pulled]
    if pulled and not isinstance(connector, Changed):
        message = (
            f"{page}: {_listed(pulled)} would never be asked for, because it cannot tell what "
            "changed in it; write `direction: push` there."
        )
        raise SettingsError(message)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
