"""Fetches input media for providers that take no URLs: without credentials, within a limit.

Whoever named the URL may be a stranger. So redirects are followed one by one, and where a config
forbids private addresses, a guard checks each of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from .._data._hints import give_media, raise_limit, switch_on
from ..exceptions import HTTPConnectionError, ValidationError
from ._client import guarded_session
from ._guard import SsrfGuard
from ._urls import MOST_REDIRECTS, REDIRECTS, address, redirected, shown_url

if TYPE_CHECKING:
    from .._data._types import MediaContent
    from ._client import Transport

FIRST_ERROR = 300
BLOCK = 256 * 1024
# What is compressed on the way says nothing of its size.
HEADERS = {"Accept-Encoding": "identity"}

Road = Callable[[str], tuple[aiohttp.ClientSession, str | None]]
"""Tells the session for a URL, and the proxy to name to it."""


async def fetch(
    transport: Transport, url: str, most_bytes: int, guard: SsrfGuard | None = None
) -> MediaContent:
    """Return what a URL holds; no credentials go with the request.

    Args:
        transport: The loop's connections, for fetches that may go anywhere.
        url: Where it is.
        most_bytes: More is refused, before it is read where its length is declared.
        guard: Where it may lead; None for anywhere. With a guard no proxy is used: a proxy would
            choose the address.

    Raises:
        ValidationError: It can't be fetched, leads where it may not, or is too large.
    """
    first = shown_url(url)
    seen: set[str] = set()
    failure: ValidationError
    try:
        async with _roads(transport, guard) as road:
            while True:
                _check(url, first)
                seen.add(url)
                session, proxy = road(url)
                async with session.get(
                    address(url), headers=HEADERS, allow_redirects=False, proxy=proxy
                ) as response:
                    target = response.headers.get("Location")
                    if response.status not in REDIRECTS or target is None:
                        return await _read(response, first, most_bytes)

                url = redirected(url, target)
                if url in seen or len(seen) > MOST_REDIRECTS:
                    raise ValidationError(f"{first} is redirected in a circle; give the bytes")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise

        failure = _failure(first, error, guard)

    # Outside the handler: the cause's text would hold the whole URL, which may be signed.
    raise failure


@asynccontextmanager
async def _roads(transport: Transport, guard: SsrfGuard | None) -> AsyncIterator[Road]:
    """Yield what says how to get to a URL.

    With a guard there is one session, of its own, since pooled connections pass no resolver.
    """
    if guard is None:
        yield partial(transport.road, "poll")
        return

    async with guarded_session(guard) as session:
        yield lambda _url: (session, None)


def _check(url: str, first: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValidationError(
            f"{first} leads to {shown_url(url)}, which is no http or https URL; give the bytes"
        )


def _failure(first: str, error: Exception, guard: SsrfGuard | None) -> ValidationError:
    if guard is not None and guard.has_refused:
        return ValidationError(
            f"{first} leads to an address that is not public",
            code="private_address",
            hints=[
                give_media("give the bytes instead"),
                switch_on("allow_private_urls", " lets it be fetched"),
            ],
        )

    if isinstance(error, HTTPConnectionError):
        return ValidationError(f"{first} can't be fetched: {error}")

    reason = getattr(getattr(error, "os_error", error), "strerror", None) or type(error).__name__
    return ValidationError(f"{first} can't be fetched ({reason}); give the bytes instead")


async def _read(response: aiohttp.ClientResponse, first: str, most_bytes: int) -> MediaContent:
    if response.status >= FIRST_ERROR:
        raise ValidationError(
            f"{first} can't be fetched (HTTP {response.status}); give the bytes instead"
        )

    if (response.content_length or 0) > most_bytes:
        raise _too_large(first, most_bytes)

    blocks: list[bytes] = []
    size = 0
    async for block in response.content.iter_chunked(BLOCK):
        size += len(block)
        if size > most_bytes:
            raise _too_large(first, most_bytes)

        blocks.append(block)

    return {"content": b"".join(blocks), "content_type": response.content_type}


def _too_large(first: str, most_bytes: int) -> ValidationError:
    return ValidationError(
        f"{first} holds more than {most_bytes} bytes",
        code="too_large_media",
        hints=[give_media("give a smaller file"), raise_limit("max_media_bytes")],
    )
