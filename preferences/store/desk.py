"""Where a turn is written: the open transaction, and what the turn began with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import Catalogue
from preferences.conversation import State
from preferences.store.changes import ChangeType, note
from preferences.store.tables import ConversationRow, MessageRow


@dataclass(frozen=True, slots=True)
class Desk:
    """What every writer of a turn needs."""

    session: AsyncSession
    conversation: ConversationRow
    inbound: MessageRow
    state: State
    catalogue: Catalogue
    destinations: Sequence[str]

    @property
    def message_id(self) -> str:
        """The channel's own id of the message that is answered."""
        return self.inbound.message_id or ""

    def note(self, type_: ChangeType, **detail: Any) -> None:
        """Tell whoever mirrors the store what happened, without a value or words."""
        note(self.session, self.state.head, type_, detail, self.state.now)
