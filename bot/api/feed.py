"""For who keeps a mirror: everybody once, and then every change, in one order, without a gap."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Literal, cast

from pydantic import AwareDatetime, Field, JsonValue, RootModel

from bot.api.models import MOST_POSITION, Params, View
from bot.api.operations import Call, Stream, operation
from bot.api.refusals import GONE
from bot.api.shoppers import KindQuery, ProfileView
from bot.bus import CHANGES
from bot.parts import BUS
from preferences.profile import Profile, as_json, of_kind
from preferences.store.changes import Change, ChangeType, head_position, read_changes
from preferences.store.engine import Store
from preferences.store.everyone import every_profile
from preferences.store.profiles import read_profiles

_LOOK_SECONDS = 1.0


class ChangesQuery(Params):
    """Which changes."""

    after: int = Field(0, ge=0, le=MOST_POSITION)
    """The position of the last change that the caller has; 0 for all that are kept."""
    limit: int = Field(100, ge=1, le=1000)
    """How many at most."""
    wait: int = Field(0, ge=0, le=30)
    """Where there is none yet: for how many seconds to wait for one."""


class ChangeView(View):
    """Something that happened to a shopper, and how things stand now."""

    position: int
    """Later changes have a higher one; some numbers are never used."""
    shopper: str
    """To whom it happened."""
    type: ChangeType
    at: AwareDatetime
    detail: dict[str, JsonValue]
    """Which purpose, question or wish it was about; never a value or words."""
    linked_to: str | None
    """Who this shopper is now, where two were found to be one person: forget this one."""
    erased: bool
    """A tombstone: forget all that you have of the shopper."""
    profile: ProfileView | None
    """The whole profile as it is now; none of who is erased, or is another person now."""


class ChangesPage(View):
    """Changes in their order."""

    changes: list[ChangeView]
    position: int
    """Ask for what comes after this the next time."""


class ExportHead(View):
    """The first line of an export."""

    kind: Literal["head"]
    position: int
    """Follow the changes from here: what happened during the export is among them."""
    at: AwareDatetime


class ExportShopper(View):
    """One person."""

    kind: Literal["shopper"]
    profile: ProfileView


class ExportEnd(View):
    """The last line: without it the export was cut off."""

    kind: Literal["end"]
    shoppers: int
    """How many there were."""


class ExportLine(RootModel[ExportHead | ExportShopper | ExportEnd]):
    """One line of an export."""

    root: Annotated[ExportHead | ExportShopper | ExportEnd, Field(discriminator="kind")]


@operation("GET", "/v1/changes", {"sync"}, problems=[GONE])
async def list_changes(call: Call, query: ChangesQuery) -> ChangesPage:
    """List the changes since a position.

    Each carries the profile as it is now, so it is enough to keep what comes last. A position
    that is older than 90 days is answered with 410: take a full export then.
    """
    changes = await _wait_for(call, query)
    position = changes[-1].position if changes else query.after
    return ChangesPage(changes=await _views(call.store, changes), position=position)


@operation("GET", "/v1/export", {"export"})
async def export_everybody(call: Call, query: KindQuery) -> Stream[ExportLine]:
    """Export everybody, as JSON lines.

    The first line has the position to follow the changes from, the last one says how many shoppers
    there were.
    """
    return Stream(_lines(call.store, call.now, query.kind))


async def _wait_for(call: Call, query: ChangesQuery) -> list[Change]:
    loop = asyncio.get_running_loop()
    until = loop.time() + query.wait
    with call.request.app[BUS].watch(CHANGES) as news:
        while True:
            changes = await read_changes(call.store, query.after, query.limit)
            left = until - loop.time()
            if changes or left <= 0:
                return changes
            with suppress(TimeoutError):  # another process may write without a word
                if await asyncio.wait_for(news.get(), min(left, _LOOK_SECONDS)) == "closing":
                    return changes


async def _views(store: Store, changes: Sequence[Change]) -> list[ChangeView]:
    profiles = await read_profiles(store, {change.shopper for change in changes})
    return [_view(change, profiles.get(change.shopper)) for change in changes]


def _view(change: Change, profile: Profile | None) -> ChangeView:
    """Make a tombstone of who is erased; one who is another person now has nothing of their own."""
    erased = profile is None or profile.erased
    own = profile is not None and not erased and profile.linked_to is None
    return ChangeView(
        position=change.position,
        shopper=change.shopper,
        type=cast("ChangeType", change.type),
        at=change.at,
        detail=dict(change.detail),
        linked_to=profile.linked_to if profile else None,
        erased=erased,
        profile=ProfileView.model_validate(as_json(profile)) if profile and own else None,
    )


async def _lines(store: Store, now: datetime, kind: str | None) -> AsyncIterator[bytes]:
    position = await head_position(store)
    at = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    yield _line({"kind": "head", "position": position, "at": at})
    shoppers = 0
    async for profiles in every_profile(store):
        shoppers += len(profiles)
        shown = [of_kind(one, kind) for one in profiles] if kind else profiles
        yield b"".join(_line({"kind": "shopper", "profile": as_json(one)}) for one in shown)
    yield _line({"kind": "end", "shoppers": shoppers})


def _line(page: dict[str, object]) -> bytes:
    return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


OPERATIONS = (list_changes, export_everybody)
