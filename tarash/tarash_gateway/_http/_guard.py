"""Keeps connections to the public internet, for URLs that a stranger has chosen.

Each address is looked at in the moment in which it is connected to: a name may lead elsewhere the
second time, and an address can be written in many ways.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

# Addresses that stand for one of IPv4, which is then what counts.
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Allowed = Callable[[str], bool]
"""Tells of an IP address whether it may be connected to."""


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet: not of this machine or network.

    Raises:
        ValueError: It is a name.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if inner is None and ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)

        ip = inner or ip

    return ip.is_global and not ip.is_multicast


class SsrfGuard:
    """Lets connections go to allowed addresses only, however a host is written or redirected to."""

    def __init__(self, allowed: Allowed = is_public, names: AbstractResolver | None = None) -> None:
        """Make a guard for one fetch.

        Args:
            allowed: Which addresses may be connected to.
            names: What resolves names; None for the system.
        """
        self._allowed = allowed
        self._names = names
        self.has_refused = False

    def connector(self) -> aiohttp.TCPConnector:
        """Make the connector that asks before each connection."""
        import aiohttp

        return aiohttp.TCPConnector(resolver=self._names, socket_factory=self._socket)

    def _socket(self, address: Any) -> socket.socket:
        """Make the socket for an address: names have been resolved by now, and are not again."""
        family, kind, protocol, _, place = address
        try:
            allowed = self._allowed(place[0])
        except ValueError:  # `127.1` and its like, which the system would make an address of
            allowed = False

        if not allowed:
            self.has_refused = True
            raise PermissionError(f"{place[0]} is no public address")

        return socket.socket(family, kind, protocol)
