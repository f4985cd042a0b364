"""Sends reports to a gateway, many at a time, as a platform does: again what could not be kept."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import ClientSession

from tests.gaps.reports import Report

_AT_ONCE = 4  # more than a busy machine can keep in time would only be put off
_PUT_OFF = 503
_MOST_TRIES = 5


@dataclass
class Sent:
    """What came of it: how many were put off at first, and which were not acknowledged in the end."""

    put_off: int = 0
    findings: list[str] = field(default_factory=list)


async def send(
    http: ClientSession,
    url: str,
    reports: Sequence[Report],
    tell: Callable[[], None] = lambda: None,
) -> Sent:
    """Send them all."""
    sent, door = Sent(), asyncio.Semaphore(_AT_ONCE)

    async def one(report: Report) -> None:
        async with door:
            status = await _post(http, url, report)
            for tries in range(1, _MOST_TRIES):
                if status != _PUT_OFF:
                    break
                sent.put_off += 1
                await asyncio.sleep(tries)
                status = await _post(http, url, report)
        if status not in report.taken:
            sent.findings.append(f"{report.source} {report.topic} without {report.gap}: {status}")
        tell()

    await asyncio.gather(*map(one, reports))
    return sent


async def _post(http: ClientSession, url: str, report: Report) -> int:
    raw = report.raw
    async with http.post(url + report.path, data=raw, headers=report.headers(raw)) as response:
        return response.status
