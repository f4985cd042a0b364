"""Whether a person was called into a conversation, and back to the assistant once they have spoken."""

from pydantic import AwareDatetime

from bot.api.models import Params, Text, View
from bot.api.operations import Call, operation
from bot.api.refusals import NOT_FOUND
from bot.parts import BUS
from preferences.store.conversations import hand_back, handed_off_at


class ConversationPath(Params):
    """Which conversation."""

    id: Text


class ConversationView(View):
    """Who is to talk in a conversation; nothing of what was said."""

    id: str
    handed_off: bool
    """A person was called, and the assistant is silent."""
    handed_off_at: AwareDatetime | None
    """Since when."""


@operation("GET", "/v1/conversations/{id}", {"read"}, problems=[NOT_FOUND])
async def read_conversation(call: Call, path: ConversationPath) -> ConversationView:
    """Read whether a person is to talk in a conversation."""
    return await _shown(call, path.id)


@operation("POST", "/v1/conversations/{id}/hand-back", {"write"}, problems=[NOT_FOUND])
async def hand_back_conversation(call: Call, path: ConversationPath) -> ConversationView:
    """Let the assistant answer again.

    To ask for it twice does no harm.
    """
    await hand_back(call.store, path.id)
    await call.request.app[BUS].tell(path.id, "state")
    return await _shown(call, path.id)


async def _shown(call: Call, name: str) -> ConversationView:
    since = await handed_off_at(call.store, name)
    return ConversationView(id=name, handed_off=since is not None, handed_off_at=since)


OPERATIONS = (read_conversation, hand_back_conversation)
