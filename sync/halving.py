"""Finds what is wrong with a batch that a destination refuses as a whole: it is pushed in halves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from sync.delivery import Delivery, Refused, Result
from sync.errors import BatchRefusedError

type Push = Callable[[Sequence[Delivery]], Awaitable[Sequence[Result]]]


async def push_in_halves(
    push: Push, batch: Sequence[Delivery]
) -> AsyncIterator[tuple[Delivery, Result]]:
    """Give the result of each delivery as soon as it is known, so that a later failure costs little.

    The parts that remain are pushed one after the other. It raises what `push` raises, but for the
    refusal of a batch.
    """
    waiting = [batch]
    while waiting:
        part = waiting.pop()
        try:
            results = await push(part)
        except BatchRefusedError as error:
            if len(part) == 1:
                yield part[0], Refused(str(error))
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
            continue
        for one in zip(part, results, strict=True):
            yield one
