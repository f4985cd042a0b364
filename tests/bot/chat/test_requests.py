"""Whom a limit counts: one network address, told by a proxy only where the proxy is trusted."""

from collections.abc import Sequence

import pytest

from tests.bot.conftest import Gateway, Start

PROXY = "127.0.0.1"


async def begins(gateway: Gateway, told: str) -> int:
    headers = {"X-Forwarded-For": told} if told else {}
    url = f"{gateway.url}/v1/chat/sessions"
    async with gateway.http.post(url, json={}, headers=headers) as response:
        return response.status


async def used_up(gateway: Gateway, addresses: Sequence[str]) -> set[int]:
    """Use up what one address may begin at once; give the answers."""
    return {await begins(gateway, addresses[n % len(addresses)]) for n in range(10)}


@pytest.mark.parametrize(
    ("addresses", "same", "other"),
    [
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::7"], "2001:db8:1:2:a:b:c:d", "2001:db8:1:3::1"),
        (["203.0.113.7"], "203.0.113.7", "203.0.113.8"),
        (["198.51.100.1, 203.0.113.7", "198.51.100.2,203.0.113.7"], "203.0.113.7", "203.0.113.8"),
        (["unknown", "x"], "no address", "203.0.113.8"),
    ],
)
async def test_behind_a_trusted_proxy_each_network_is_counted_for_itself(
    start: Start, addresses: Sequence[str], same: str, other: str
) -> None:
    async with start(trusted_proxies=(PROXY,), sessions_per_minute_per_address=1) as gateway:
        assert await used_up(gateway, addresses) == {201}
        assert await begins(gateway, same) == 429
        assert await begins(gateway, other) == 201


@pytest.mark.parametrize("trusted", [(), ("192.0.2.1",)])
async def test_what_nobody_trusted_tells_of_addresses_is_not_believed(
    start: Start, trusted: Sequence[str]
) -> None:
    async with start(trusted_proxies=trusted, sessions_per_minute_per_address=1) as gateway:
        assert await used_up(gateway, ["203.0.113.1", "203.0.113.2", ""]) == {201}
        assert await begins(gateway, "203.0.113.9") == 429
