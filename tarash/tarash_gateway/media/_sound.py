"""Gives a bundled clip a sound track, of silence: what a request for sound is rehearsed with.

The clip's pictures stay where they are in the file. The track follows them, and a new index with
both at the end. Knows our own clips only, whose boxes have 32-bit sizes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import lru_cache

RATE = 44_100
SAMPLES = 1024
"""In one frame of AAC."""
SILENCE = bytes.fromhex("00c800802380")
"""One frame of AAC-LC, one channel, in which nothing is heard."""
CONFIG = bytes.fromhex("1208")
"""AAC-LC, 44.1 kHz, one channel."""
IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
LANGUAGE = 0x55C4
"""None, as MP4 packs three letters."""


@lru_cache(maxsize=16)
def with_sound(clip: bytes) -> bytes:
    """Return an MP4 with a silent sound track as long as its pictures.

    Args:
        clip: One of the bundled clips.
    """
    boxes = [*_boxes(clip)]
    at, moov = next((start, body) for start, name, body in boxes if name == b"moov")
    header = next(body for _, name, body in _boxes(moov) if name == b"mvhd")
    scale, length = struct.unpack_from(">2I", header, 12)
    track = struct.unpack_from(">I", header, len(header) - 4)[0]
    frames = math.ceil(length / scale * RATE / SAMPLES)

    # In its place and of its size, so that no picture moves; whoever reads it skips it.
    kept = clip[: at + 4] + b"free" + clip[at + 8 :]
    sound = _box(b"mdat", SILENCE * frames)
    header = header[:-4] + struct.pack(">I", track + 1)
    rest = b"".join(_box(name, body) for _, name, body in _boxes(moov) if name != b"mvhd")
    new = _trak(track, length, frames, len(kept) + 8)
    return kept + sound + _box(b"moov", _box(b"mvhd", header), rest, new)


def _boxes(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    place = 0
    while place + 8 <= len(content):
        size = struct.unpack_from(">I", content, place)[0]
        yield place, content[place + 4 : place + 8], content[place + 8 : place + size]
        place += size


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + name + body


def _full(name: bytes, form: str, *values: object, flags: int = 0, rest: bytes = b"") -> bytes:
    return _box(name, struct.pack(">I", flags), struct.pack(f">{form}", *values), rest)


def _trak(track: int, length: int, frames: int, at: int) -> bytes:
    tkhd = _full(
        b"tkhd", "5I2I2h2H", 0, 0, track, 0, length, 0, 0, 0, 1, 0x0100, 0,
        flags=7, rest=IDENTITY + bytes(8),
    )  # fmt: skip
    mdhd = _full(b"mdhd", "4I2H", 0, 0, RATE, frames * SAMPLES, LANGUAGE, 0)
    hdlr = _full(b"hdlr", "I4s3I", 0, b"soun", 0, 0, 0, rest=b"sound\0")
    url = _full(b"url ", "", flags=1)
    minf = _box(
        b"minf",
        _full(b"smhd", "2H", 0, 0),
        _box(b"dinf", _full(b"dref", "I", 1, rest=url)),
        _stbl(track, frames, at),
    )
    return _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf))


def _stbl(track: int, frames: int, at: int) -> bytes:
    rate = len(SILENCE) * 8 * RATE // SAMPLES
    decoder = _tag(4, struct.pack(">BBB2s2I", 0x40, 0x15, 0, bytes(2), rate, rate), _tag(5, CONFIG))
    esds = _full(b"esds", "", rest=_tag(3, struct.pack(">HB", track, 0), decoder, _tag(6, b"\x02")))
    mp4a = _box(
        b"mp4a", bytes(6), struct.pack(">H", 1), bytes(8),
        struct.pack(">4H", 1, 16, 0, 0), struct.pack(">I", RATE << 16), esds,
    )  # fmt: skip
    return _box(
        b"stbl",
        _full(b"stsd", "I", 1, rest=mp4a),
        _full(b"stts", "3I", 1, frames, SAMPLES),
        _full(b"stsc", "4I", 1, 1, frames, 1),
        _full(b"stsz", "2I", len(SILENCE), frames),
        _full(b"stco", "2I", 1, at),
    )


def _tag(number: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((number, len(body))) + body
