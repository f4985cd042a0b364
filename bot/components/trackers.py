"""Conversations as Rasa keeps them: short, wordless, the five hundredth event like the first."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, SlotSet, UserUttered
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker

from bot.components.rows import open_rows

KEPT_EVENTS = 40
PERSONAL = {"text", "data", "metadata", "parse_data", "input_channel"}
HOT_CONVERSATIONS = 1000
FOREIGN = "Only a tracker of this store can be saved in it."


def cut(events: Sequence[Event], limit: int = KEPT_EVENTS) -> int:
    """Count the oldest events to forget so that whole turns remain, at most `limit` events.

    A turn begins with the listening that came before its message; the newest turn always stays.
    """
    starts = [
        place - 1
        for place in range(1, len(events))
        if isinstance(events[place], UserUttered) and _is_listening(events[place - 1])
    ]
    if len(events) <= limit or not starts:
        return 0
    return next((start for start in starts if len(events) - start <= limit), starts[-1])


def _is_listening(event: Event) -> bool:
    return isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME


def wordless(event: Event) -> dict[str, Any]:
    """Write an event without what was said and by whom: the rules of a turn ask for neither.

    Words belong to the store, where they are kept for a purpose and can be erased.
    """
    facts = {key: value for key, value in event.as_dict().items() if key not in PERSONAL}
    if isinstance(event, UserUttered):
        return {**facts, "parse_data": {"intent": dict(event.intent)}}
    if isinstance(event, SlotSet):
        return {**facts, "value": None}
    return facts


class KeptTracker(DialogueStateTracker):
    """A tracker that lets go of words and old turns as soon as a turn is done."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """See DialogueStateTracker."""
        super().__init__(*args, **kwargs)
        self._written: list[str] = []
        self.has_row = False

    @classmethod
    def of_row(cls, sender_id: str, row: str, slots: Iterable[Slot]) -> KeptTracker:
        """Restore the tracker that was written."""
        events = json.loads(row)
        tracker = cls.from_dict(sender_id, events, slots)
        tracker._written = [json.dumps(event) for event in events]
        tracker.has_row = True
        return tracker

    def settle(self) -> str:
        """Reduce the tracker to what will be kept and return its row, a JSON array."""
        for place in range(len(self._written), len(self.events)):
            facts = wordless(self.events[place])
            self._written.append(json.dumps(facts))
            self.events[place] = Event.from_parameters(facts)
        forgotten = cut(list(self.events))
        del self._written[:forgotten]
        for _ in range(forgotten):
            self.events.popleft()
        return f"[{','.join(self._written)}]"


class BoundedTrackerStore(TrackerStore):
    """One row a conversation, its last turns only, and the busiest ones ready in memory.

    A conversation is lent out by `retrieve` and comes back with `save`. When a turn fails in
    between it is not ready any more, and the next turn starts from the row, which is the truth.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        **_: Any,
    ) -> None:
        """Rasa calls the `url` of endpoints.yml `host`."""
        super().__init__(domain, event_broker)
        self._rows = open_rows(host)
        self._ready: OrderedDict[str, KeptTracker] = OrderedDict()
        # One thread, as the connection is one: the event loop never waits for the database.
        self._thread = ThreadPoolExecutor(1, "tracker")

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return the last turns of a conversation, or None for a new one."""
        ready = self._ready.pop(sender_id, None)
        if ready is not None:
            return ready
        row = await self._in_thread(self._rows.read, sender_id)
        return None if row is None else KeptTracker.of_row(sender_id, row, self.domain.slots)

    def init_tracker(self, sender_id: str) -> DialogueStateTracker:
        """Make a conversation without events."""
        return KeptTracker(sender_id, self.domain.slots)

    async def create_tracker(
        self, sender_id: str, append_action_listen: bool = True
    ) -> DialogueStateTracker:
        """Begin a conversation, which has no row before its first turn is done."""
        tracker = self.init_tracker(sender_id)
        if append_action_listen:
            tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Write the row; only then is the conversation ready for its next turn.

        A row that was there and is not any more was erased: it does not come back from memory, and
        the conversation begins anew.
        """
        if not isinstance(tracker, KeptTracker):
            raise TypeError(FOREIGN)
        row = tracker.settle()
        if tracker.has_row:
            if not await self._in_thread(self._rows.rewrite, tracker.sender_id, row):
                return
        else:
            await self._in_thread(self._rows.write, tracker.sender_id, row)
            tracker.has_row = True
        self._ready[tracker.sender_id] = tracker
        if len(self._ready) > HOT_CONVERSATIONS:
            self._ready.popitem(last=False)

    async def keys(self) -> Iterable[str]:
        """List every conversation that has a row."""
        return await self._in_thread(self._rows.senders)

    async def close(self) -> None:
        """Let go of the database; the next turn would come back to it."""
        await self._in_thread(self._rows.close)

    async def _in_thread(self, work: Any, *values: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)
