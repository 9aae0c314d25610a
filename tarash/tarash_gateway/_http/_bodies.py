"""How much of an answer is read, and for how long, by what it is and by how it went."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from ._aiohttp import aiohttp
from ._answer import FIRST_ERROR, TOO_LARGE, kind_of, too_large, unreadable
from ._pushed import EVENTS, Hear, read_events
from ._reading import LARGEST_ANSWER, TooLarge, read_body, read_error
from ._send_state import current_patience

if TYPE_CHECKING:
    import io

    from ..exceptions import HTTPError


CONNECT_SECONDS = 10
SILENCE_SECONDS = 30
"""How long a server may say nothing in the answer to a poll, or in a medium."""
RESULT_BYTES = 256 * 1024
"""The answer to a poll that has more is no mere status, but a result with media in it."""
LONGEST_HEADER = 128 * 1024
"""Bytes of a status line, and of one header.

A front's Content-Security-Policy or cookies outgrow the 8 KiB that aiohttp allows, and the answer
to a paid submit would count as lost with them.
"""


def limits_of(purpose: str) -> aiohttp.ClientTimeout:
    """Return the limits of an exchange itself; the engine holds the deadlines.

    A submit may be silent while it makes an image, and a stream while nothing happens.
    """
    silence = SILENCE_SECONDS if purpose == "poll" else None
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)


def session_options(purpose: str) -> dict[str, Any]:
    """Return what each session of ours has: limits, no cookies, and room for long headers."""
    return {
        "timeout": limits_of(purpose),
        "cookie_jar": aiohttp.DummyCookieJar(),
        "max_line_size": LONGEST_HEADER,
        "max_field_size": LONGEST_HEADER,
    }


async def read_content(
    response: aiohttp.ClientResponse, most_media: int, hear: Hear | None = None
) -> bytes | io.BytesIO | bytearray | None:
    """Return the body, or None where it broke off: its status is a fact all the same.

    Args:
        response: Whose body it is.
        most_media: Bytes that it may have where it is media.
        hear: Is handed the data of each event, where it is a stream of events.

    Raises:
        HTTPError: It is larger than an answer, or a result, may be.
    """
    if response.status >= FIRST_ERROR:
        return await read_error(response)

    limit = Limit(response, most_media, response.content_length)
    try:
        if response.content_type == EVENTS:
            return await read_events(response, hear)

        return await read_body(response, limit)
    except TooLarge:
        raise limit.error(response.status) from None
    except (aiohttp.ClientError, OSError):
        return None


class Limit:
    """How many bytes a good answer may have, by its first ones; tells of what takes long.

    Whoever waits for a poll's answer has to know that it is a result, whose bytes are paid for.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, most_media: int, total: int | None, had: int = 0
    ) -> None:
        """Begin with a body.

        Args:
            response: Whose body it is.
            most_media: Bytes that it may have where it is media.
            total: Bytes that it is said to have, packed or not; None where nobody says.
            had: Bytes of it that came before.
        """
        self._declared = response.content_type
        # What is packed may be of any size.
        self._total = None if "Content-Encoding" in response.headers else total
        self._most_media = most_media
        self._had = had
        self._most = LARGEST_ANSWER
        self._is_media = False
        self._patience = current_patience.get()
        self._is_told = False

    def __call__(self, head: bytes) -> int:
        """Return how many bytes a body may have that begins like this."""
        # Blanks are no medium, whatever they are called: it is asked for again.
        if head.strip() and kind_of(head, self._declared) is not None:
            # Whoever doesn't say how much will come may send without end: less of it is held.
            sized, most = self._total is not None, self._most_media
            self._most, self._is_media = most if sized else most - most // 4, True
            self._report()

        return self._most

    def flows(self, size: int) -> None:
        """Hear how many bytes there are by now."""
        if not self._is_told and size >= RESULT_BYTES:
            self._report()  # JSON that has media in it

        if self._is_told and self._patience is not None and self._total is not None:
            self._patience.media_flows(size - self._had, self._total - self._had)

    def _report(self) -> None:
        if self._patience is not None and not self._is_told:
            self._is_told = True
            self._patience.media_begin(sized=self._total is not None)

    def error(self, status: int) -> HTTPError:
        """Return the error of a body that has more than it may."""
        if not self._is_media:
            return unreadable(status, TOO_LARGE)

        return too_large(status, self._total, self._most)


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; it ends with one that is longer than any event."""
    try:
        async for line in response.content:
            yield line
    except ValueError:
        return
