"""What the channels report, and which messages could not be answered."""

from bot.api.models import View
from bot.api.operations import Call, operation
from bot.parts import CHANNELS, SEEN
from preferences.store.dead import count_dead


class ChannelView(View):
    """One way to talk: what came in by it at this gateway, and what could not be answered."""

    name: str
    seen: dict[str, int]
    """What was concluded from reports since this gateway started, each by how often."""
    dead_letters: int
    """Messages that the assistant could not answer: their shoppers have an apology."""


class ChannelsView(View):
    """Every channel that is switched on, and the website's chat."""

    channels: list[ChannelView]


@operation("GET", "/v1/channels", {"read"})
async def read_channels(call: Call) -> ChannelsView:
    """Count what the channels report, unknown things too, and what could not be answered."""
    app = call.request.app
    dead = await count_dead(call.store)
    return ChannelsView(
        channels=[
            ChannelView(
                name=name,
                seen={
                    what: count for (channel, what), count in app[SEEN].items() if channel == name
                },
                dead_letters=dead[name],
            )
            for name in ("web", *app[CHANNELS])
        ]
    )


OPERATIONS = (read_channels,)
