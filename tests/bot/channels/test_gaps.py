"""Reports of which a key is missing: some of what `python -m tests.gaps` sends, for it takes longer."""

from bot.parts import SEEN
from tests.bot.channels.conftest import Dial
from tests.gaps.reports import SETTINGS, reports
from tests.gaps.sending import send

_EVERY = 17


async def test_any_one_key_may_be_missing_and_it_is_acknowledged(dial: Dial) -> None:
    async with dial(**SETTINGS) as line:
        line.rasa.awake = False
        sent = await send(line.gateway.http, line.gateway.url, reports()[::_EVERY])

        assert sent.findings == []
        assert not [name for _, name in line.gateway.app[SEEN] if name.startswith("unreadable")]
        assert len({channel for channel, _ in line.gateway.app[SEEN]}) == 4
