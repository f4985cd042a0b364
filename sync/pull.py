"""Takes in what a CRM knows by itself: who opted out there, and attributes that need not be asked."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from logging import getLogger
from typing import Any

from preferences.catalogue import Catalogue
from preferences.errors import BadInputError, NotFoundError, UnavailableError
from preferences.profile import as_json
from preferences.store.destinations import read_cursor, save_cursor
from preferences.store.engine import Store
from preferences.store.facts import ErasedError, Fact, Telling, add_facts
from preferences.store.profiles import read_profile
from preferences.store.shoppers import shopper_named
from preferences.store.wishes import Unwanted, add_suppression
from sync.capabilities import Changed, Remote
from sync.comparing import same
from sync.errors import BatchRefusedError, DestinationRefusedError, DestinationUnavailableError
from sync.fields import crm_source
from sync.mapping import Rule
from sync.paths import Known
from sync.telling import UNREADABLE, Teller, where

_LOG = getLogger(__name__)
_OFTEN = 300.0  # seconds between looks
_OPTED_OUT = "crm_opt_out"
_EVERYTHING = "all"
_EMPTY = (None, "")
TROUBLES = (
    BatchRefusedError,
    DestinationRefusedError,
    DestinationUnavailableError,
    UnavailableError,
)
"""What may come of asking a CRM; the next time it may go well."""


async def keep_pulling(
    teller: Teller, catalogue: Catalogue, destinations: Sequence[str], stop: asyncio.Event
) -> None:
    """Ask again and again what changed, where the CRM can tell; trouble is for the next time."""
    while isinstance(teller.connector, Changed) and not stop.is_set():
        try:
            count = await pull(teller, catalogue, destinations)
            if count:
                _LOG.info("%s: %d changes taken in.", teller.destination, count)
        except TROUBLES as trouble:
            _LOG.warning("%s: its changes cannot be read. %s", teller.destination, trouble)
        except UNREADABLE as error:
            _LOG.warning("%s: its changes cannot be read (%s).", teller.destination, where(error))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _OFTEN)


async def pull(teller: Teller, catalogue: Catalogue, destinations: Sequence[str]) -> int:
    """Take in what changed since the last time, and tell how many changes that were.

    What was taken in before an interruption is recognised when it comes again.

    :raises DestinationUnavailableError: the CRM is away; the next pull goes on from here.
    """
    crm, store = teller.connector, teller.store
    if not isinstance(crm, Changed):
        return 0
    pulled = [rule for rule in teller.mapping.rules if rule.pulled] if teller.mapping else []
    count, more = 0, True
    while more:
        cursor = await read_cursor(store, teller.destination)
        page = await crm.changes(cursor, [rule.to for rule in pulled])
        for record in page.records:
            count += await _take_in(teller, catalogue, destinations, record, pulled)
        await save_cursor(store, teller.destination, page.cursor, teller.now())
        more = page.more and page.cursor != cursor
    return count


async def _take_in(
    teller: Teller,
    catalogue: Catalogue,
    destinations: Sequence[str],
    record: Remote,
    pulled: Sequence[Rule],
) -> int:
    """Take in one record; of who is unknown here, or had everything deleted, nothing is kept."""
    held = [rule for rule in pulled if record.fields.get(rule.to) not in _EMPTY]
    if not record.opted_out and not held:
        return 0  # most records changed because we wrote them
    shopper = await _shopper(teller.store, record)
    if shopper is None:
        return 0
    now = teller.now()
    profile = as_json(await read_profile(teller.store, shopper))
    if profile["erased"]:
        return 0
    count = 0
    for channel in record.opted_out:
        if not _is_left_alone(profile, channel):
            await add_suppression(teller.store, shopper, _unwanted(channel), destinations, now)
            count += 1
    facts = [*_facts(teller, profile, record, held, now)]
    for fact in facts:
        effect = f"{fact.source}/{shopper}/{fact.question}/{fact.value}/{fact.at.isoformat()}"
        told = Telling(shopper, [fact], effect)
        try:
            await add_facts(teller.store, told, catalogue, destinations, now)
            count += 1
        except (BadInputError, ErasedError) as error:
            _LOG.warning("%s: %s is not taken in. %s", teller.destination, fact.question, error)
    return count


async def _shopper(store: Store, record: Remote) -> str | None:
    """Find who it is: by our id, or by a name that the CRM has of them."""
    if record.shopper:
        with suppress(NotFoundError):
            return (await read_profile(store, record.shopper)).shopper
    for kind, value in record.identities.items():
        with suppress(NotFoundError, BadInputError):
            return await shopper_named(store, kind, value)
    return None


def _is_left_alone(profile: Mapping[str, Any], channel: str) -> bool:
    """Tell whether it is known already, for good: by the shopper's own word, or by ours before."""
    return any(
        one["until"] is None
        and (one["scope"] == _EVERYTHING or (one["scope"], one["target"]) == ("channel", channel))
        for one in profile["suppressions"]
    )


def _unwanted(channel: str) -> Unwanted:
    if channel == _EVERYTHING:
        return Unwanted("all", "", _OPTED_OUT, source="crm")
    return Unwanted("channel", channel, _OPTED_OUT, source="crm")


def _facts(
    teller: Teller,
    profile: Mapping[str, Any],
    record: Remote,
    held: Sequence[Rule],
    now: datetime,
) -> Iterator[Fact]:
    """Give what is news: neither known from here, nor against the shopper's own word."""
    mapping, here = teller.mapping, Known.of(profile)
    for rule in held:
        found = record.fields.get(rule.to)
        if mapping is None or rule.path[-1] != "value" or not rule.question:
            continue
        value = _ours(rule, found)
        known = here.find(rule.path)
        declared = any(
            one["question"] == rule.question and one["kind"] == "declared"
            for one in profile["preferences"]
        )
        if same(value, known) or (declared and rule.line.conflict == "shopper"):
            continue
        source = crm_source(mapping.destination)
        yield Fact("imported", rule.question, value, source, min(record.at or now, now))


def _ours(rule: Rule, found: Any) -> str:
    """Say a CRM's value in our words."""
    words = {str(theirs).casefold(): ours for ours, theirs in rule.values.items()}
    parts = found if isinstance(found, list) else str(found).replace(";", ",").split(",")
    told = [str(part).strip() for part in parts]
    return ",".join(words.get(part.casefold(), part.casefold()) for part in told if part)
