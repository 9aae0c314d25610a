"""How much of an answer is read, and for how long, by what it is and by how it went."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp

from ._answer import FIRST_ERROR, TOO_LARGE, kind_of, too_large, unreadable
from ._reading import LARGEST_ANSWER, TooLarge, read_body, read_error
from ._send_state import current_patience

if TYPE_CHECKING:
    import io


CONNECT_SECONDS = 10
SILENCE_SECONDS = 30
"""How long a server may say nothing in the answer to a poll, or in a medium."""


def limits_of(purpose: str) -> aiohttp.ClientTimeout:
    """Return the limits of an exchange itself; the engine holds the deadlines.

    A submit may be silent while it makes an image, and a stream while nothing happens.
    """
    silence = SILENCE_SECONDS if purpose == "poll" else None
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)


async def read_content(
    response: aiohttp.ClientResponse, most_media: int
) -> io.BytesIO | bytearray | None:
    """Return the body, or None where it broke off: its status is a fact all the same.

    Args:
        response: Whose body it is.
        most_media: Bytes that it may have where it is media.

    Raises:
        HTTPError: It is larger than an answer, or a result, may be.
    """
    if response.status >= FIRST_ERROR:
        return await read_error(response)

    most, is_media = LARGEST_ANSWER, False

    def limit(head: bytes) -> int:
        nonlocal most, is_media
        if kind_of(head, response.content_type) is not None:
            told = "Content-Encoding" not in response.headers and response.content_length
            # Whoever doesn't say how much will come may send without end: less of it is held.
            most, is_media = most_media if told else most_media - most_media // 4, True
            patience = current_patience.get()
            if patience is not None:
                patience.media_begin(sized=bool(told))

        return most

    try:
        return await read_body(response, limit)
    except TooLarge:
        raise (
            too_large(response.status, most) if is_media else unreadable(response.status, TOO_LARGE)
        ) from None
    except (aiohttp.ClientError, OSError):
        return None


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; it ends with one that is longer than any event."""
    try:
        async for line in response.content:
            yield line
    except ValueError:
        return
