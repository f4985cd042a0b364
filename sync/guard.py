"""Connects only to addresses that were judged: resolved once, pinned, without proxy or redirect."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext

from aiohttp import ClientSession, DummyCookieJar, TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from preferences.addresses import Allowed, check_addresses


class GuardedResolver(AbstractResolver):
    """Gives what a name leads to if all of it may be connected to, and nothing otherwise.

    The connector connects to what is given here and asks nobody again: a name cannot lead
    elsewhere between the judgement and the connection. An address that is written out never comes
    here; `check_url` judges it.
    """

    def __init__(self, allowed: Allowed, resolver: AbstractResolver) -> None:
        self._allowed = allowed
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve and judge.

        :raises ForbiddenAddressError: one of the addresses may not be connected to.
        """
        found = await self._resolver.resolve(host, port, family)
        check_addresses(host, [one["host"] for one in found], self._allowed)
        return found

    async def close(self) -> None:
        """Let go of the resolver."""
        await self._resolver.close()


@asynccontextmanager
async def open_guarded(
    allowed: Allowed, resolver: AbstractResolver | None = None, tls: SSLContext | None = None
) -> AsyncIterator[ClientSession]:
    """Open a pool of connections to strangers; it knows no cookies and unpacks nothing.

    Certificates are those that the system trusts, or `tls` does.
    """
    guarded = GuardedResolver(allowed, resolver or ThreadedResolver())
    async with ClientSession(
        connector=TCPConnector(resolver=guarded, use_dns_cache=False, ssl=tls or True),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"User-Agent": "Askfirst-Webhooks", "Accept-Encoding": "identity"},
    ) as session:
        yield session
