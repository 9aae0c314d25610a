"""Which addresses a download may go to, and the GET that keeps to them. Sends no credentials.

A URL comes out of a provider's answer, so somebody else chose it. Redirects are followed one by
one, and where a config forbids private addresses, each is looked at in the moment in which it is
connected to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._http._guard import SsrfGuard
from .._http._proxies import connector, proxy_of
from .._http._urls import MOST_REDIRECTS, REDIRECTS, Origin, address, origin, redirected
from ..exceptions import HTTPConnectionError

if TYPE_CHECKING:
    import aiohttp


class Failed(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """The medium can't be had."""


class Gone(Failed):
    """The URL doesn't open, or no longer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"its URL answers HTTP {status}")
        self.status = status


class Refused(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """The address is none that a download may go to."""


SILENCE_SECONDS = 60
"""How long a server may say nothing."""
READ_BYTES = 1024 * 1024
"""What is held of an answer before it is read; less costs throughput."""


@dataclass(frozen=True, slots=True)
class Web:
    """The connections of one download or probe."""

    session: aiohttp.ClientSession
    guarded: aiohttp.ClientSession
    """The same, where no address is forbidden."""
    guard: SsrfGuard | None
    trusted: frozenset[Origin]
    stack: AsyncExitStack
    """Closes what is opened on the way."""

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET a URL; its redirects are followed, each after a check of where it leads.

        Raises:
            Refused: It leads where a download may not go.
            OSError: There is no connection, or it broke; aiohttp's own errors too.
        """
        import aiohttp

        # What is compressed on the way can be neither measured nor resumed.
        headers = {"Accept-Encoding": "identity", **headers}
        for _ in range(MOST_REDIRECTS):
            guard = None if _place(url) in self.trusted else self.guard
            # With a guard there is no proxy, which would choose the address.
            session, proxy = (self.guarded, None) if guard else await self._road(url)
            answered = False
            try:
                async with session.get(
                    address(url), headers=headers, allow_redirects=False, proxy=proxy
                ) as response:
                    answered = True
                    target = response.headers.get("Location")
                    if response.status not in REDIRECTS or not target:
                        yield response
                        return
            except (aiohttp.ClientError, OSError) as error:
                if not answered and guard is not None and guard.has_refused:
                    raise _refused(url) from error

                raise

            url = redirected(url, target)

        raise Refused(f"more than {MOST_REDIRECTS} redirects")

    async def _road(self, url: str) -> tuple[aiohttp.ClientSession, str | None]:
        try:
            proxy = proxy_of(url)
        except HTTPConnectionError as error:
            raise Refused(str(error)) from None

        if proxy is None or not proxy.is_socks:
            return self.session, None if proxy is None else proxy.url

        through = connector(proxy)
        return await self.stack.enter_async_context(_session(through)), None


class FetchPolicy:
    """Where the downloads of one save, or a probe, may go."""

    def __init__(self, *, private: bool = True, trusted: tuple[str, ...] = ()) -> None:
        """Say where.

        Args:
            private: Whether addresses of this machine and of private networks are allowed.
            trusted: URLs whose origins are allowed in any case: the user configured them.
        """
        self._private = private
        self._trusted = frozenset(map(origin, trusted))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Web]:
        """Open connections for one download."""
        import aiohttp

        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(_session(aiohttp.TCPConnector()))
            guard = None if self._private else SsrfGuard()
            guarded = session
            if guard is not None:
                guarded = await stack.enter_async_context(_session(guard.connector()))

            yield Web(session, guarded, guard, self._trusted, stack)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    import aiohttp

    from .._http._bodies import CONNECT_SECONDS, LONGEST_HEADER

    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # it is unpacked piece by piece
        read_bufsize=READ_BYTES,
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    )


def _place(url: str) -> Origin:
    try:
        place = origin(url)
    except ValueError:
        place = ("", "", None)

    if place[0] not in ("http", "https") or not place[1]:
        raise Refused(f"it leads to {url[:80]!r}, which is no http(s) address")

    return place


def _refused(url: str) -> Refused:
    _, host, _ = _place(url)
    return Refused(
        f"it leads to {host}, a private address, and allow_private_urls is off on the config"
    )
