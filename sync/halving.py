"""Finds what is wrong with a batch that a destination refuses as a whole: it is pushed in halves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from sync.delivery import Delivery, Refused, Result
from sync.errors import BatchRefusedError

type Push = Callable[[Sequence[Delivery]], Awaitable[Sequence[Result]]]
type Sift = Callable[[Sequence[Delivery]], Awaitable[Sequence[Delivery]]]


async def _keep(part: Sequence[Delivery]) -> Sequence[Delivery]:
    return part


async def push_in_halves(
    push: Push, batch: Sequence[Delivery], sift: Sift = _keep
) -> AsyncIterator[tuple[Delivery, Result]]:
    """Give the result of each delivery as soon as it is known, so that a later failure costs little.

    The parts that remain are pushed one after the other, of each what `sift` leaves: they were read
    a while ago. It raises what `push` raises, but for the refusal of a batch.
    """
    waiting = [batch]
    while waiting:
        part = waiting.pop()
        if part is not batch and not (part := await sift(part)):
            continue
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
