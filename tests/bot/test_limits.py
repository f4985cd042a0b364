import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.limits import _MOST_KEYS, LocalLimiter, Rate

TWENTY = Rate(per_minute=20, burst=3)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_burst_may_be_done_at_once_and_then_it_waits_its_turn() -> None:
    limiter = LocalLimiter(Clock())

    waits = [await limiter.wait("a", TWENTY) for _ in range(5)]

    assert waits == [0, 0, 0, 3, 3]


async def test_whoever_waits_as_long_as_they_are_told_may_go_on() -> None:
    clock = Clock()
    limiter = LocalLimiter(clock)
    for _ in range(3):
        await limiter.wait("a", TWENTY)

    clock.now += await limiter.wait("a", TWENTY)

    assert await limiter.wait("a", TWENTY) == 0
    assert await limiter.wait("a", TWENTY) == 3


async def test_after_a_quiet_minute_the_burst_is_whole_again() -> None:
    clock = Clock()
    limiter = LocalLimiter(clock)
    for _ in range(3):
        await limiter.wait("a", TWENTY)

    clock.now += 60

    assert [await limiter.wait("a", TWENTY) for _ in range(4)] == [0, 0, 0, 3]


async def test_each_is_counted_for_themselves() -> None:
    limiter = LocalLimiter(Clock())
    once = Rate(per_minute=1, burst=1)

    assert [await limiter.wait(name, once) for name in ("a", "b", "a")] == [0, 0, 60]


async def test_a_rate_of_zero_is_no_limit_and_remembers_nobody() -> None:
    limiter = LocalLimiter(Clock())

    assert [await limiter.wait("a", Rate(0, 1)) for _ in range(100)] == [0] * 100
    assert not limiter._due


async def test_of_too_many_names_the_one_that_was_quiet_longest_is_forgotten() -> None:
    limiter = LocalLimiter(Clock())
    once = Rate(per_minute=1, burst=1)
    for n in range(_MOST_KEYS):
        await limiter.wait(f"name-{n}", once)
    await limiter.wait("name-0", once)

    await limiter.wait("one more", once)

    assert len(limiter._due) == _MOST_KEYS
    assert await limiter.wait("name-0", once) > 0
    assert await limiter.wait("name-1", once) == 0


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40), st.integers(1, 60), st.integers(1, 5))
@pytest.mark.filterwarnings("ignore::pytest.PytestWarning")
async def test_never_more_than_the_rate_and_one_burst_pass(
    pauses: list[float], per_minute: int, burst: int
) -> None:
    clock = Clock()
    limiter, rate, passed = LocalLimiter(clock), Rate(per_minute, burst), 0
    for pause in pauses:
        clock.now += pause
        passed += await limiter.wait("a", rate) == 0

    assert 1 <= passed <= burst + (clock.now - 1000) * per_minute / 60 + 1e-6


async def test_what_is_left_is_told_and_when_all_of_it_is_back() -> None:
    clock = Clock()
    limiter = LocalLimiter(clock)

    taken = [await limiter.take("a", TWENTY) for _ in range(4)]

    assert [(one.left, one.full_in) for one in taken] == [(2, 3), (1, 6), (0, 9), (0, 9)]
    assert [one.wait for one in taken] == [0, 0, 0, 3]
    clock.now += 3
    assert (await limiter.take("a", TWENTY)).left == 0
    clock.now += 60
    assert (await limiter.take("a", TWENTY)).left == 2
