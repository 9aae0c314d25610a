"""Which addresses a download may go to, and the GET that keeps to them. Sends no credentials.

A URL comes out of a provider's answer, so somebody else chose it. Redirects are followed one by
one, and each address is looked at when it has been resolved, not before: a name may lead elsewhere
the second time.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from .._http import CONNECT_SECONDS, proxy_for

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

SILENCE_SECONDS = 60
"""How long a server may say nothing."""
READ_BYTES = 1024 * 1024
"""What is held of an answer before it is read; less costs throughput."""
MOST_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Addresses that stand for one of IPv4, which is then what counts.
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """The address is none that a download may go to."""


class _PrivateError(OSError):
    """A name leads to a private address; aiohttp hands on what is an OSError."""


class Reach:
    """Where one save or one probe may go."""

    def __init__(self, *, private: bool = True, trusted: tuple[str, ...] = ()) -> None:
        """Say where.

        Args:
            private: Whether addresses of this machine and of private networks are allowed.
            trusted: URLs whose hosts are allowed in any case: the user configured them.
        """
        self._private = private
        self._trusted = {urlsplit(url).hostname or "" for url in trusted}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Open a session that resolves names to allowed addresses only."""
        resolver = None if self._private else _PublicResolver(self._trusted)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=READ_BYTES,
        ) as session:
            yield session

    @asynccontextmanager
    async def get(
        self, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET a URL; its redirects are followed, each after a look at where it leads.

        Raises:
            Refused: It leads where a download may not go.
            OSError: There is no connection, or it broke; aiohttp's own errors too.
        """
        # What is compressed on the way can be neither measured nor resumed.
        headers = {"Accept-Encoding": "identity", **headers}
        for _ in range(MOST_REDIRECTS):
            self._check(url)
            try:
                async with session.get(
                    url, headers=headers, allow_redirects=False, proxy=self._proxy(url)
                ) as response:
                    target = response.headers.get("Location")
                    if response.status not in REDIRECTS or not target:
                        yield response
                        return
            except aiohttp.ClientConnectorError as error:
                if isinstance(error.os_error, _PrivateError):
                    raise _refused(url) from error

                raise

            url = urljoin(url, target)

        raise Refused(f"more than {MOST_REDIRECTS} redirects")

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host = parts.hostname if parts.scheme in ("http", "https") else None
        except ValueError:
            host = None

        if not host:
            raise Refused(f"it leads to {url[:80]!r}, which is no http(s) address")

        if self._private or host in self._trusted:
            return

        try:
            public = is_public(host)
        except ValueError:
            return  # a name, which the resolver looks at

        if not public:
            raise _refused(url)

    def _proxy(self, url: str) -> str | None:
        proxy = proxy_for(url)
        if proxy is not None:
            # Whatever its own address: where it may lead is for its owner to say.
            self._trusted.add(urlsplit(proxy).hostname or "")

        return proxy


class _PublicResolver(AbstractResolver):
    def __init__(self, trusted: set[str]) -> None:
        self._trusted = trusted
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if host not in self._trusted and not all(is_public(one["host"]) for one in found):
            raise _PrivateError(f"{host} leads to a private address")

        return found

    async def close(self) -> None:
        await self._resolver.close()


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet.

    Raises:
        ValueError: It is a name.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)

        found = inner or found

    return found.is_global and not found.is_multicast


def _refused(url: str) -> Refused:
    host = urlsplit(url).hostname
    return Refused(
        f"it leads to {host}, a private address, and allow_private_urls is off on the config"
    )
