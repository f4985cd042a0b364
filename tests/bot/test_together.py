"""What comes at the same time is done together, and nobody pays for another's fault."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.together import Together, all_of


class Doer:
    """Does lots when it is let, and remembers them."""

    def __init__(self) -> None:
        self.lots: list[list[int]] = []
        self.open = asyncio.Event()

    async def __call__(self, lot: Sequence[int]) -> Sequence[str | Exception]:
        self.lots.append(list(lot))
        await self.open.wait()
        if 666 in lot:
            raise OSError
        return [ValueError(str(one)) if one < 0 else f"did {one}" for one in lot]


async def _added(together: Together[int, str], *items: int) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(together.add(one)) for one in items]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_what_gathers_behind_a_lot_is_the_next_one_and_none_is_too_large() -> None:
    doer = Doer()
    together = Together[int, str](doer, 3)
    tasks = [*await _added(together, 1), *await _added(together, 2, 3, 4, 5)]
    doer.open.set()

    assert await asyncio.gather(*tasks) == [f"did {one}" for one in range(1, 6)]
    assert doer.lots == [[1], [2, 3, 4], [5]]
    await together.close()


async def test_one_that_fails_fails_alone_and_a_lot_that_fails_fails_whole() -> None:
    doer = Doer()
    doer.open.set()
    together = Together[int, str](doer, 9)
    told = await asyncio.gather(*await _added(together, 1, -2, 3), return_exceptions=True)
    failed = await asyncio.gather(*await _added(together, 4, 666), return_exceptions=True)

    assert [str(one) for one in told] == ["did 1", "-2", "did 3"]
    assert [type(one) for one in failed] == [OSError, OSError]
    assert await together.add(7) == "did 7"


async def test_whoever_goes_away_keeps_nobody_from_theirs() -> None:
    doer = Doer()
    together = Together[int, str](doer, 9)
    first, second = await _added(together, 1, 2)
    first.cancel()
    doer.open.set()

    assert await second == "did 2"


async def test_all_of_it_is_done_to_its_end_whatever_fails() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        if number == 1:
            raise KeyError
        done.append(number)

    with pytest.raises(KeyError):
        await all_of(work(number) for number in range(3))
    assert done == [0, 2]
