"""Which addresses strangers may have us post to: public ones by https, and what the operator names.

The address is judged twice: as it is written, and again, by `check_addresses`, as what its name
leads to at the moment of connecting. What is connected to must be what was judged.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self

from yarl import URL

from preferences.errors import BadInputError

_LONGEST = 2048  # characters of a whole address
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\Z")
_NUMERIC = re.compile(r"([0-9]+|0x[0-9a-f]*)\Z")  # a last label that some read as a number
_UNSEEN = re.compile(r"[\x00-\x20\x7f\\]")

# IANA's registries of special purposes, and the address at which Azure answers its machines.
_NOT_PUBLIC_V4 = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12
    192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
"""
_NOT_PUBLIC_V6 = "2001::/23 2001:db8::/32 2002::/16 3fff::/20"
_NOT_PUBLIC = [ip_network(text) for text in f"{_NOT_PUBLIC_V4} {_NOT_PUBLIC_V6}".split()]
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # no mapped, local, unique local or multicast address
_NAT64 = IPv6Network("64:ff9b::/96")

_WEB_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024
_SERVICE_PORTS = frozenset(
    {1080, 1433, 1434, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3268, 3269}
    | {3306, 3389, 3659, 4045, 4190, 4369, 5060, 5061, 5432, 5672, 5900, 5984, 5985, 5986, 6379}
    | {6380, 6443, 6566, 6697, 8500, 8600, 9042, 9092, 9160, 9200, 9300, 10080, 10250, 10255}
    | {11211, 25672, 26379, *range(6000, 6064), *range(6665, 6670), *range(27017, 27020)}
)


class ForbiddenAddressError(BadInputError):
    """Nothing is posted there: whoever gave the address must give another one."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="url")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator trusts beyond public https: hosts by name, addresses by network."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Read names (`crm.internal`) and networks (`10.1.0.0/16`, `127.0.0.1`).

        :raises ValueError: a word is neither; the sentence quotes it.
        """
        hosts, networks = set[str](), list[IPv4Network | IPv6Network]()
        for word in words:
            try:
                networks.append(ip_network(word, strict=False))
            except ValueError:
                if not _NAME.match(word.lower()) or _looks_numeric(word):
                    message = f"{word!r} is neither a host nor a network, as in 10.1.0.0/16"
                    raise ValueError(message) from None
                hosts.add(word.lower())
        return cls(frozenset(hosts), tuple(networks))

    def covers(self, host: str, addresses: Collection[str]) -> bool:
        """Whether the operator named the host, or a network around each of its addresses."""
        found = [_address(one) for one in addresses]
        inside = [any(one in network for network in self.networks) for one in found]
        return host in self.hosts or (bool(inside) and all(inside))


def check_url(text: str, allowed: Allowed) -> URL:
    """Read an address as somebody gave it; give it as it is to be connected to.

    :raises ForbiddenAddressError: it is none, or nothing may be posted there.
    """
    url = _read(text)
    host = url.raw_host or ""
    if url.raw_user is not None or url.raw_password is not None:
        message = "Leave name and password out of the address; deliveries are signed instead."
        raise ForbiddenAddressError(message)
    _check_port(url.port or 0)
    _check_host(host, allowed)
    if url.scheme == "http" and not allowed.covers(host, [host] if _literal(host) else []):
        message = (
            "The address must begin with https://; http is for what ASKFIRST_WEBHOOK_ALLOW names."
        )
        raise ForbiddenAddressError(message)
    return url


def check_addresses(host: str, addresses: Collection[str], allowed: Allowed) -> None:
    """See that all that a host leads to may be connected to.

    :raises ForbiddenAddressError: one of them is neither public nor allowed.
    """
    if not (allowed.covers(host, addresses) or all(map(is_public, addresses))):
        raise _inner()


def is_public(text: str) -> bool:
    """Whether an address belongs to the public internet; one that embeds another is that one."""
    found = _address(text)
    if isinstance(found, IPv6Address):
        if found in _NAT64:
            return is_public(str(IPv4Address(found.packed[-4:])))
        if found not in _GLOBAL_UNICAST:
            return False
    return not any(found in network for network in _NOT_PUBLIC)


def _read(text: str) -> URL:
    message = "The address must be a whole one, as in https://crm.example/hook."
    if len(text) > _LONGEST or _UNSEEN.search(text):
        raise ForbiddenAddressError(message)
    try:
        url = URL(text)
    except ValueError:
        raise ForbiddenAddressError(message) from None
    if url.scheme not in {"http", "https"} or not url.raw_host:
        raise ForbiddenAddressError(message)
    return url


def _check_port(port: int) -> None:
    if port not in _WEB_PORTS and (port < _FIRST_FREE_PORT or port in _SERVICE_PORTS):
        message = f"The port {port} is not one for webhooks; use 443, or another from 1024."
        raise ForbiddenAddressError(message)


def _check_host(host: str, allowed: Allowed) -> None:
    if "%" not in host and _literal(host):
        check_addresses(host, [host], allowed)
    elif not _NAME.match(host) or _looks_numeric(host):
        message = "Write the host as a plain name, or as a plain address without a dot after it."
        raise ForbiddenAddressError(message)
    elif (host == "localhost" or host.endswith(".localhost")) and host not in allowed.hosts:
        raise _inner()


def _literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _address(text: str) -> IPv4Address | IPv6Address:
    """What a resolver gives may carry a zone."""
    return ip_address(text.partition("%")[0])


def _looks_numeric(host: str) -> bool:
    return bool(_NUMERIC.match(host.lower().rpartition(".")[2]))


def _inner() -> ForbiddenAddressError:
    return ForbiddenAddressError(
        "The address is not a public one; give one that the internet reaches, or let the operator "
        "name the host in ASKFIRST_WEBHOOK_ALLOW."
    )
