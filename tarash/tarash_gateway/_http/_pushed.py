"""Reads an answer that is a stream of events: each is handed on when it is there, and all are kept.

What such a stream has brought is there, whatever becomes of its end: a paid result may be in it.
Knows nothing of what the events say.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from ._aiohttp import aiohttp
from ._reading import LARGEST_ANSWER, TooLarge, blocks_of

Hear = Callable[[bytes], None]
EVENTS = "text/event-stream"
DATA = b"data:"


async def read_events(response: aiohttp.ClientResponse, hear: Hear | None = None) -> bytes:
    """Return the body of a stream of events: the whole events of one that broke off.

    Args:
        response: Whose body it is.
        hear: Is handed the data of each event, as soon as its line is whole.

    Raises:
        TooLarge: It has more than an answer may have.
        aiohttp.ClientError: It broke off before its first event.
    """
    body = io.BytesIO()
    teller = _Teller(hear)
    try:
        async for block in blocks_of(response):
            body.write(block)
            if body.tell() > LARGEST_ANSWER:
                raise TooLarge

            teller.feed(block)
    except (aiohttp.ClientError, OSError):
        if not teller.has_told:
            raise

        return body.getvalue()[: teller.told]  # what follows is half an event

    teller.feed(b"\n")
    return body.getvalue()


class _Teller:
    """Puts lines together of the blocks that they come in."""

    def __init__(self, hear: Hear | None) -> None:
        self._hear = hear
        self._parts: list[bytes] = []
        """Of the line that is not whole yet; put together once, since an image is one line."""
        self.has_told = False
        self.told = 0
        """How many bytes the lines have that are whole."""

    def feed(self, block: bytes) -> None:
        """Take in a block."""
        *whole, rest = block.split(b"\n")
        for end in whole:
            self._parts.append(end)
            line = b"".join(self._parts)
            self._parts.clear()
            self.told += len(line) + 1
            if line.startswith(DATA):
                self.has_told = True
                if self._hear is not None:
                    self._hear(line.removeprefix(DATA).strip())

        if rest:
            self._parts.append(rest)
