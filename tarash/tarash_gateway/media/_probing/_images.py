"""Reads the headers of PNG, JPEG, GIF and WebP: size, and the duration of what moves.

AVIF and HEIC are made of the boxes of MP4, and `_boxes` reads them.
"""

from __future__ import annotations

import struct
from collections.abc import Generator

from ._media_facts import EndOfFile, Malformed, MediaFacts, Request, Walk, exactly, positive

SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG's markers of a frame: all of this row, but for tables and what is reserved."""
BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG's markers without a length."""
IMAGE, EXTENSION, TRAILER = 0x2C, 0x21, 0x3B
GRAPHIC_CONTROL = 0xF9
BROWSERS_SHORTEST = 2
"""Hundredths of a second; a shorter delay is shown as `BROWSERS_USUAL`."""
BROWSERS_USUAL = 10


def png(facts: MediaFacts, size: int | None) -> Walk:
    """Read a PNG."""
    facts.container, facts.content_type, facts.codec = "png", "image/png", "png"
    facts.has_audio = False
    head = yield from exactly(0, 24)
    if head[12:16] != b"IHDR":
        raise Malformed

    facts.width, facts.height = struct.unpack_from(">II", head, 16)
    if size is not None:
        tail = yield from exactly(max(0, size - 12), min(12, size))
        facts.truncated = tail[4:8] != b"IEND"


def jpeg(facts: MediaFacts, _size: int | None) -> Walk:
    """Read a JPEG."""
    facts.container, facts.content_type, facts.codec = "jpeg", "image/jpeg", "jpeg"
    facts.has_audio = False
    offset = 2
    while True:
        head = yield from exactly(offset, 4)
        marker, length = head[1], struct.unpack_from(">H", head, 2)[0]
        if head[0] != 0xFF:  # noqa: PLR2004  (what a marker begins with)
            raise Malformed

        if marker == 0xFF or marker in BARE:  # noqa: PLR2004  (a fill byte)
            offset += 1 if marker == 0xFF else 2  # noqa: PLR2004
        elif marker in SIZES:
            frame = yield from exactly(offset + 5, 4)
            facts.height, facts.width = struct.unpack(">HH", frame)
            return
        else:
            offset += 2 + length


def webp(facts: MediaFacts, size: int | None) -> Walk:
    """Read a WebP; of an animation, the duration too."""
    facts.container, facts.content_type, facts.codec = "webp", "image/webp", "webp"
    facts.has_audio = False
    head = yield from exactly(0, 12)
    end = 8 + struct.unpack_from("<I", head, 4)[0]
    facts.truncated = size is not None and size < end
    offset, frames, milliseconds = 12, 0, 0
    while offset + 8 <= end:
        name, length = struct.unpack("<4sI", (yield from exactly(offset, 8)))
        if name in (b"VP8 ", b"VP8L", b"VP8X") and facts.width is None:
            facts.width, facts.height = yield from _webp_size(name, offset + 8)
        elif name == b"ANMF":
            frame = yield from exactly(offset + 8, 16)
            frames += 1
            milliseconds += int.from_bytes(frame[12:15], "little")
            _moves(facts, frames, milliseconds / 1000)

        offset += 8 + length + length % 2


def _webp_size(name: bytes, offset: int) -> Generator[Request, bytes, tuple[int, int]]:
    data = yield from exactly(offset, 10)
    if name == b"VP8X":
        return (
            1 + int.from_bytes(data[4:7], "little"),
            1 + int.from_bytes(data[7:10], "little"),
        )

    if name == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)

    width, height = struct.unpack_from("<HH", data, 6)
    return width & 0x3FFF, height & 0x3FFF


def gif(facts: MediaFacts, _size: int | None) -> Walk:
    """Read a GIF; of an animation, the duration too."""
    facts.container, facts.content_type, facts.codec = "gif", "image/gif", "gif"
    facts.has_audio = False
    head = yield from exactly(0, 13)
    facts.width, facts.height = struct.unpack_from("<HH", head, 6)
    offset = 13 + _palette(head[10])
    frames, hundredths, delay = 0, 0, BROWSERS_USUAL
    while True:
        block = yield from exactly(offset, 1)
        if block[0] == TRAILER:
            return

        if block[0] == EXTENSION:
            extension = yield offset, 8
            if len(extension) == 8 and extension[1] == GRAPHIC_CONTROL:  # noqa: PLR2004
                asked = struct.unpack_from("<H", extension, 4)[0]
                delay = asked if asked >= BROWSERS_SHORTEST else BROWSERS_USUAL

            offset = yield from _after_blocks(offset + 2)
        elif block[0] == IMAGE:
            image = yield from exactly(offset, 10)
            offset = yield from _after_blocks(offset + 11 + _palette(image[9]))
            frames += 1
            hundredths += delay
            _moves(facts, frames, hundredths / 100)
        else:
            raise Malformed


def _palette(flags: int) -> int:
    """Return the length of a colour table."""
    return 3 * 2 ** (1 + (flags & 7)) if flags & 0x80 else 0


def _after_blocks(offset: int) -> Generator[Request, bytes, int]:
    """Return where a chain of sub-blocks has ended."""
    while True:
        length = yield offset, 1
        if not length:
            raise EndOfFile

        offset += 1 + length[0]
        if not length[0]:
            return offset


def _moves(facts: MediaFacts, frames: int, seconds: float) -> None:
    """Note what an animation comes to; a single frame is a still image."""
    if frames > 1 and seconds > 0:
        facts.duration = seconds
        facts.fps = positive(frames / seconds)
