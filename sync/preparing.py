"""Works out what a destination is told of a shopper, from what is known and what it was told before."""

from preferences.profile import Profile, as_json
from preferences.store.outbox import Due
from sync.delivery import Delivery, digest
from sync.fields import Before, fields_of, values_of
from sync.mapping import CrmMapping

_BESIDE = ("consents", "suppressions", "identities", "erased", "linked_to")
"""What a connector may act upon besides the fields."""


def prepare(profile: Profile, due: Due, mapping: CrmMapping | None) -> Delivery:
    """Make the delivery of a profile as it is now."""
    body = as_json(profile)
    if mapping is None:
        name, fields = digest(body), {}
    else:
        values = values_of(mapping, body)
        name = digest({"fields": values} | {part: body[part] for part in _BESIDE})
        fields = fields_of(mapping, body, before(due), values)
    return Delivery(due.shopper, due.version, body, name, fields, due.remote_id, due.lane)


def before(due: Due) -> Before:
    """Tell what a destination may hold; after a claim that nobody acknowledged nobody knows."""
    certain = due.payload_hash is not None
    return Before(due.held is not None, due.held or frozenset(), certain=certain)


def needs_no_telling(delivery: Delivery, due: Due, mapping: CrmMapping | None) -> bool:
    """Tell whether the destination knows it already, or knows nobody and there is nothing to know."""
    if delivery.digest == due.payload_hash:
        return True
    if mapping is None or not _is_unknown_there(due):
        return False
    nameless = mapping.only_named and not delivery.profile["identities"]
    return nameless or not any(delivery.fields.values())


def _is_unknown_there(due: Due) -> bool:
    """Tell whether the destination holds nothing of them for certain."""
    certain = due.held is None or due.payload_hash is not None
    return certain and not due.held and not due.remote_id
