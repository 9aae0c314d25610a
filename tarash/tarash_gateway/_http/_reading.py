"""Reads the bodies of answers: decoded, in bounded pieces, and up to a limit.

Whoever answers may send without end, or a kilobyte that unpacks to a gigabyte. So bodies are
unpacked here and not by the HTTP client, piece by piece, and what counts is the unpacked size.
Knows nothing of what the bytes are.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator

import anyio

from ._aiohttp import aiohttp
from ._texts import HEAD_BYTES, CutBody, text_of

ENCODINGS = "gzip, deflate"
"""What is asked for in Accept-Encoding: what can be unpacked here."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of a good answer, unpacked: room for media in base64."""
LARGEST_ERROR = 256 * 1024
"""Bytes that are read of an error's body; what it says stands at its beginning."""
ERROR_SECONDS = 3
"""How long an error's body is listened to: less than a cancelled submit is heard out."""
PIECE = 256 * 1024
"""Bytes that are unpacked at once."""
LARGEST_SHOWN_WHOLE = 256 * 1024
"""Bytes of JSON that is looked through for its end, where the line broke."""

GZIP_MAGIC = b"\x1f\x8b"
DEFLATE = 8
PACKED = frozenset({"gzip", "x-gzip", "deflate"})
UNKNOWN_HERE = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})


class TooLarge(Exception):  # noqa: N818  (control flow: whoever catches it says what was too large)
    """The body is larger than it may be."""


class Decoder:
    """Unpacks a body as it comes in."""

    def __init__(self, encoding: str | None) -> None:
        """Begin with a body.

        Args:
            encoding: The Content-Encoding header. What is no compression is none: some servers
                state a character set there, or how the body had been uploaded.

        Raises:
            aiohttp.ClientPayloadError: It can't be unpacked here.
        """
        names = [name.strip().lower() for name in (encoding or "").split(",")]
        packed = [name for name in names if name in PACKED or name in UNKNOWN_HERE]
        if len(packed) > 1 or UNKNOWN_HERE.intersection(packed):
            raise aiohttp.ClientPayloadError(
                f"the body is packed as {', '.join(packed)}, which was not asked for"
            )

        self._name = packed[0] if packed else None
        self._unpacker: zlib._Decompress | None = None
        self._first = b""

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Yield what a block holds, in pieces.

        Raises:
            aiohttp.ClientPayloadError: It is broken.
        """
        if self._name is not None and self._unpacker is None:
            block = self._first + block
            self._first = b""
            if len(block) < len(GZIP_MAGIC):
                self._first = block
                return

            self._unpacker = self._begin(block)

        if self._unpacker is None:
            yield block
            return

        try:
            yield from self._unpack(block)
        except zlib.error as error:
            raise aiohttp.ClientPayloadError(f"the packed body is broken: {error}") from error

    def _begin(self, block: bytes) -> zlib._Decompress | None:
        if self._name == "deflate":  # with or without a header of zlib: servers differ
            return zlib.decompressobj(zlib.MAX_WBITS if block[0] & 15 == DEFLATE else -15)

        if block.startswith(GZIP_MAGIC):
            return zlib.decompressobj(16 + zlib.MAX_WBITS)

        self._name = None  # the label is wrong: it isn't packed
        return None

    def _unpack(self, block: bytes) -> Iterator[bytes]:
        while self._unpacker is not None and (block or self._unpacker.unconsumed_tail):
            piece = self._unpacker.decompress(block, PIECE)
            if piece:
                yield piece

            block = self._unpacker.unconsumed_tail
            if self._unpacker.eof:
                # Several packed files, one after the other, are one.
                block = self._unpacker.unused_data
                if not block.startswith(GZIP_MAGIC):
                    return

                self._unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def end(self) -> Iterator[bytes]:
        """Yield what is left.

        Raises:
            aiohttp.ClientPayloadError: The end is missing.
        """
        if self._unpacker is None:
            if self._first:
                yield self._first
        elif not self._unpacker.eof:
            raise aiohttp.ClientPayloadError("the packed body broke off")


async def blocks_of(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    """Yield the body of an answer, unpacked; its session must not unpack by itself.

    Raises:
        aiohttp.ClientError: It breaks off, or can't be unpacked.
    """
    packed = response.headers.get("Content-Encoding")
    decoder = Decoder(packed) if packed else None
    while block := await response.content.readany():
        if decoder is None:  # as most are that are polled for
            yield block
            continue

        for piece in decoder.feed(block):
            yield piece

    if decoder is not None:
        for piece in decoder.end():
            yield piece


async def read_body(response: aiohttp.ClientResponse, limit: Callable[[bytes], int]) -> io.BytesIO:
    """Return the body of an answer; its `getvalue()` makes no copy.

    Args:
        response: Whose body it is.
        limit: Tells by the first bytes how many it may have.

    Raises:
        TooLarge: It has more.
        aiohttp.ClientError: It broke off before its end.
    """
    announced = 0 if "Content-Encoding" in response.headers else response.content_length or 0
    # A BytesIO and no bytearray: what it holds is handed on as bytes without being held twice.
    body = io.BytesIO()
    try:
        await fill(body, response, announced, limit)
    except (aiohttp.ClientError, OSError):
        with body.getbuffer() as view:
            is_whole = shows_its_end(view)

        whole = CutBody(body.getvalue()) if is_whole else None
        body.close()
        if whole is not None:
            return whole

        raise
    except BaseException:
        body.close()  # else whoever keeps the error keeps what came, too
        raise

    return body


async def fill(  # noqa: PLR0913, PLR0917  (where from, where to, and what holds meanwhile)
    body: io.BytesIO,
    response: aiohttp.ClientResponse,
    announced: int,
    limit: Callable[[bytes], int],
    skip: int = 0,
    flows: Callable[[int], None] | None = None,
) -> None:
    """Write the body of an answer to the end of what there is.

    Args:
        body: What came before.
        response: Whose body it is.
        announced: Bytes that it is said to have with what came before; 0 where nobody says.
        limit: As in `read_body`.
        skip: Bytes at its beginning that came before.
        flows: Called with how many bytes there are by now.

    Raises:
        TooLarge: There are more than there may be.
        aiohttp.ClientError: It broke off.
    """
    most: int | None = None
    try:
        async for block in blocks_of(response):
            piece, skip = block[skip:], max(0, skip - len(block))
            body.write(piece)
            if flows is not None:
                flows(body.tell())

            if most is None and body.tell() >= HEAD_BYTES:
                most = limit(_head(body))

            if most is not None and max(body.tell(), announced) > most:
                raise TooLarge
    except (aiohttp.ClientError, OSError):
        if most is None and announced > limit(_head(body)):
            raise TooLarge from None

        raise

    if most is None and body.tell() > limit(_head(body)):
        raise TooLarge


def _head(body: io.BytesIO) -> bytes:
    with body.getbuffer() as view:
        return bytes(view[:HEAD_BYTES])


async def read_error(response: aiohttp.ClientResponse) -> bytearray | None:
    """Return the body of an error, or as much of it as is worth while; None where it broke off.

    Its status is a fact by itself: whoever sends more, or sends it slowly, is not heard out.
    """
    body = bytearray()
    try:
        with anyio.move_on_after(ERROR_SECONDS):
            async for piece in blocks_of(response):
                body += piece[: LARGEST_ERROR - len(body)]
                if len(body) >= LARGEST_ERROR:
                    break
    except (aiohttp.ClientError, OSError):
        return body if shows_its_end(body) else None

    return body


def shows_its_end(body: bytearray | memoryview) -> bool:
    """Tell whether a body that broke off is a whole JSON object, which says itself where it ends.

    So it is where its length was stated wrongly, or where a proxy cut the line after the last byte.
    """
    if len(body) > LARGEST_SHOWN_WHOLE:
        return False

    try:
        return isinstance(json.loads(text_of(bytes(body))), dict)
    except (ValueError, RecursionError):
        return False
