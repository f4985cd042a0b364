import asyncio

import pytest

from sync.abreast import each


async def test_a_few_at_once_and_their_results_in_order() -> None:
    under_way = most = 0

    async def double(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001 * (5 - number))
        under_way -= 1
        return 2 * number

    assert await each(range(5), double, 2) == [0, 2, 4, 6, 8]
    assert most == 2


async def test_what_goes_wrong_is_raised_when_all_have_ended() -> None:
    done = list[int]()

    async def odd(number: int) -> None:
        if number == 0:
            raise ValueError(number)
        await asyncio.sleep(0.01)
        done.append(number)

    with pytest.raises(ValueError, match="0"):
        await each(range(4), odd, 2)
    assert done == [1, 2, 3]
