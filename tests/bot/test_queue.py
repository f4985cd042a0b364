import asyncio

import pytest

from bot.queue import LocalQueue, open_local_queue


class Counter:
    """Serves when it is let, and remembers whom, and how many at the same time."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.at_once: dict[str, int] = {}
        self.most_at_once = 0
        self.busy = 0
        self.open = asyncio.Event()
        self.open.set()

    async def serve(self, shopper: str) -> None:
        self.at_once[shopper] = self.at_once.get(shopper, 0) + 1
        assert self.at_once[shopper] == 1, "two at once for one shopper"
        self.busy += 1
        self.most_at_once = max(self.most_at_once, self.busy)
        await self.open.wait()
        self.served.append(shopper)
        self.busy -= 1
        self.at_once[shopper] -= 1


@pytest.fixture
def counter() -> Counter:
    return Counter()


async def test_whoever_is_put_in_is_served(counter: Counter) -> None:
    async with open_local_queue(counter.serve) as queue:
        await queue.put("a")
        await queue.join("a")

    assert counter.served[0] == "a"


async def test_one_shopper_is_served_by_one_at_a_time_and_others_meanwhile(
    counter: Counter,
) -> None:
    counter.open.clear()
    async with open_local_queue(counter.serve) as queue:
        passes = [queue.join(shopper) for shopper in ("a", "b", "a", "a", "b")]
        await asyncio.sleep(0)
        counter.open.set()
        await asyncio.gather(*passes)

    assert counter.most_at_once == 2
    assert sorted(counter.served) == ["a", "b"]  # one pass for all that was put in before it


async def test_what_comes_while_somebody_is_served_gets_a_pass_of_its_own(counter: Counter) -> None:
    counter.open.clear()
    async with open_local_queue(counter.serve) as queue:
        first = queue.join("a")
        await asyncio.sleep(0)
        late = [queue.join("a") for _ in range(3)]
        counter.open.set()
        await first
        await asyncio.gather(*late)

    assert counter.served == ["a", "a"]


async def test_a_shopper_whose_pass_failed_is_served_again_when_put_in_again() -> None:
    tries: list[str] = []
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    async def serve(shopper: str) -> None:
        tries.append(shopper)
        if len(tries) == 1:
            raise OSError

    async with open_local_queue(serve) as queue:
        await queue.put("a")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await queue.join("a")

    assert tries == ["a", "a"]


async def test_nobody_is_remembered_once_they_were_served(counter: Counter) -> None:
    async with open_local_queue(counter.serve) as queue:
        await asyncio.gather(*(queue.join(f"shopper-{n}") for n in range(100)))
        await asyncio.sleep(0)

        assert (queue._joined, queue._running) == ({}, set())


async def test_closing_breaks_off_what_is_under_way(counter: Counter) -> None:
    counter.open.clear()
    queue = LocalQueue(counter.serve)
    served = queue.join("a")
    await asyncio.sleep(0)

    await asyncio.wait_for(queue.close(), 1)

    assert counter.served == []
    assert not served.done()
