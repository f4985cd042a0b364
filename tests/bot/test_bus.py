from asyncio import Queue

from bot.bus import LocalBus, News


def heard(watcher: Queue[News]) -> list[News]:
    return [watcher.get_nowait() for _ in range(watcher.qsize())]


async def test_whoever_watches_a_conversation_hears_its_news_and_no_others() -> None:
    bus = LocalBus()
    with bus.watch("talk") as one, bus.watch("talk") as two, bus.watch("other") as other:
        await bus.tell("talk", "thinking")
        await bus.tell("talk", "log")

        assert (heard(one), heard(two), heard(other)) == (["thinking", "log"],) * 2 + ([],)


async def test_what_concerns_everybody_is_told_to_everybody() -> None:
    bus = LocalBus()
    with bus.watch("talk") as one, bus.watch("other") as other:
        await bus.tell("", "state")

        assert (heard(one), heard(other)) == (["state"], ["state"])


async def test_news_that_nobody_watches_for_are_lost_and_leave_nothing_behind() -> None:
    bus = LocalBus()

    await bus.tell("talk", "log")

    with bus.watch("talk") as watcher:
        assert heard(watcher) == []
    assert not bus._watchers


async def test_whoever_has_stopped_watching_hears_nothing_more() -> None:
    bus = LocalBus()
    with bus.watch("talk") as stays:
        with bus.watch("talk") as leaves:
            assert bus.watchers("talk") == 2
        await bus.tell("talk", "log")

        assert (heard(stays), heard(leaves)) == (["log"], [])
        assert bus.watchers("talk") == 1
    assert bus.watchers("talk") == 0
    assert not bus._watchers
