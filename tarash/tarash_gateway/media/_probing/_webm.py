"""Reads WebM and Matroska: the segment's facts and tracks, and clusters where those don't say all.

Element ids are those of RFC 8794 and RFC 9559.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from ._media_facts import EndOfFile, Malformed, MediaFacts, Request, Walk, exactly, positive

EBML, DOC_TYPE, SEGMENT = 0x1A45DFA3, 0x4282, 0x18538067
INFO, TIMESTAMP_SCALE, DURATION = 0x1549A966, 0x2AD7B1, 0x4489
TRACKS, TRACK, TRACK_NUMBER, TRACK_TYPE = 0x1654AE6B, 0xAE, 0xD7, 0x83
CODEC, DEFAULT_DURATION, VIDEO, WIDTH, HEIGHT = 0x86, 0x23E383, 0xE0, 0xB0, 0xBA
CLUSTER, TIMESTAMP, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK = 0x1F43B675, 0xE7, 0xA3, 0xA0, 0xA1
IS_VIDEO, IS_AUDIO = 1, 2
LARGEST_HEADER = 1024 * 1024
"""Bytes of an element that is read whole."""
NANOSECONDS = 1e9
CODECS = {
    "V_VP8": "vp8",
    "V_VP9": "vp9",
    "V_AV1": "av1",
    "V_MPEG4/ISO/AVC": "h264",
    "V_MPEGH/ISO/HEVC": "hevc",
    "V_MPEG4/ISO/ASP": "mpeg4",
    "V_MJPEG": "mjpeg",
    "A_OPUS": "opus",
    "A_VORBIS": "vorbis",
    "A_AAC": "aac",
    "A_MPEG/L3": "mp3",
    "A_FLAC": "flac",
    "A_AC3": "ac3",
}


@dataclass(slots=True)
class _Segment:
    """What counts while a segment is walked."""

    scale: int = 1_000_000
    """Nanoseconds of one tick."""
    video: int | None = None
    """The number of the first video track."""
    frames: int = 0
    first: int | None = None
    last: int = 0
    """Ticks at which the first and the last block begin."""
    seen: set[int] = field(default_factory=set)


def webm(facts: MediaFacts, size: int | None) -> Walk:
    """Read a WebM or another Matroska file."""
    kind, start, end = yield from _element(0)
    if kind != EBML or end is None:
        raise Malformed

    header = yield from exactly(start, min(end - start, LARGEST_HEADER))
    doc_type = next((body for name, body in _children(header) if name == DOC_TYPE), b"webm")
    webm = doc_type.rstrip(b"\0") == b"webm"
    facts.container = "webm" if webm else "mkv"
    facts.content_type = "video/webm" if webm else "video/x-matroska"
    kind, start, stop = yield from _element(end)
    if kind != SEGMENT:
        raise Malformed

    facts.truncated = size is not None and stop is not None and stop > size
    limit = min(end for end in (size, stop, 2**62) if end is not None)
    segment = _Segment()
    try:
        yield from _segment(facts, segment, start, limit)
    finally:  # also where the reader is stopped
        _count(facts, segment)


def _segment(facts: MediaFacts, segment: _Segment, offset: int, limit: int) -> Walk:
    while offset < limit:
        kind, start, end = yield from _element(offset)
        if kind in (INFO, TRACKS):
            if end is None:
                raise Malformed

            body = yield from exactly(start, min(end - start, LARGEST_HEADER))
            (_info if kind == INFO else _tracks)(facts, segment, body)
        elif kind == CLUSTER:
            # Known tracks and a known end leave nothing for the clusters to tell.
            if facts.duration and (facts.fps or segment.video is None):
                return

            offset = yield from _cluster(segment, start, min(limit, end or limit))
            continue

        if end is None:
            raise Malformed

        offset = end


def _info(facts: MediaFacts, segment: _Segment, body: bytes) -> None:
    ticks = None
    for kind, value in _children(body):
        if kind == TIMESTAMP_SCALE:
            segment.scale = _number(value) or segment.scale
        elif kind == DURATION and len(value) in (4, 8):
            ticks = struct.unpack(">f" if len(value) == 4 else ">d", value)[0]  # noqa: PLR2004

    if ticks is not None and 0 < ticks < 2**62:
        facts.duration = ticks * segment.scale / NANOSECONDS


def _tracks(facts: MediaFacts, segment: _Segment, body: bytes) -> None:
    facts.has_audio = False
    for kind, track in _children(body):
        if kind != TRACK:
            continue

        fields = dict(_children(track))
        codec_id = fields.get(CODEC, b"").rstrip(b"\0").decode("ascii", "replace")
        codec = CODECS.get(codec_id, codec_id.lower()) or None
        if _number(fields.get(TRACK_TYPE, b"")) == IS_AUDIO:
            facts.has_audio = True
            facts.audio_codec = facts.audio_codec or codec
        elif _number(fields.get(TRACK_TYPE, b"")) == IS_VIDEO and segment.video is None:
            segment.video = _number(fields.get(TRACK_NUMBER, b""))
            facts.codec = codec
            picture = dict(_children(fields.get(VIDEO, b"")))
            facts.width = _number(picture.get(WIDTH, b"")) or None
            facts.height = _number(picture.get(HEIGHT, b"")) or None
            frame = _number(fields.get(DEFAULT_DURATION, b""))
            facts.fps = NANOSECONDS / frame if frame else None


def _cluster(segment: _Segment, offset: int, limit: int) -> Generator[Request, bytes, int]:
    """Count the video's blocks of one cluster; return where it ends."""
    began = 0
    while offset < limit:
        kind, start, end = yield from _element(offset)
        if kind in (CLUSTER, INFO, TRACKS) or end is None:
            return offset  # a cluster of unknown length ends where the next begins

        if kind == TIMESTAMP:
            began = _number((yield from exactly(start, min(end - start, 8))))
        elif kind == SIMPLE_BLOCK:
            yield from _block(segment, start, began)
        elif kind == BLOCK_GROUP:
            inner, inner_start, _ = yield from _element(start)
            if inner == BLOCK:
                yield from _block(segment, inner_start, began)

        offset = end

    return offset


def _block(segment: _Segment, offset: int, began: int) -> Walk:
    head = yield from exactly(offset, 11)
    number, length = _variable(head)
    if number != segment.video or length + 2 > len(head):
        return

    at = began + struct.unpack_from(">h", head, length)[0]
    segment.frames += 1
    segment.first = at if segment.first is None else min(segment.first, at)
    segment.last = max(segment.last, at)


def _count(facts: MediaFacts, segment: _Segment) -> None:
    """Tell from the blocks what the headers did not."""
    if segment.first is None or segment.frames <= 1:
        return

    # The last frame is shown for as long as the others are on average.
    shown = (segment.last - segment.first) * segment.frames / (segment.frames - 1)
    seconds = positive(shown * segment.scale / NANOSECONDS)
    if seconds is not None:
        facts.fps = facts.fps or segment.frames / seconds
        facts.duration = facts.duration or seconds


def _element(offset: int) -> Generator[Request, bytes, tuple[int, int, int | None]]:
    """Return an element's id, where its body begins, and where it ends; None for unknown."""
    head = yield offset, 12
    if len(head) < 2 or not head[0]:  # noqa: PLR2004  (the shortest that there is)
        raise EndOfFile if len(head) < 2 else Malformed  # noqa: PLR2004

    first = 9 - head[0].bit_length()
    kind = int.from_bytes(head[:first], "big")
    size, second = _variable(head[first:])
    start = offset + first + second
    unknown = size == 2 ** (7 * second) - 1
    return kind, start, None if unknown else start + size


def _variable(data: bytes) -> tuple[int, int]:
    """Return a number of variable length, and how many bytes it takes."""
    if not data or not data[0]:
        raise EndOfFile if not data else Malformed

    length = 9 - data[0].bit_length()
    if len(data) < length:
        raise EndOfFile

    return int.from_bytes(data[:length], "big") & (2 ** (7 * length) - 1), length


def _children(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of a body that was read; what is cut off at its end is left out."""
    offset = 0
    while offset + 2 <= len(data) and data[offset]:
        first = 9 - data[offset].bit_length()
        kind = int.from_bytes(data[offset : offset + first], "big")
        try:
            size, second = _variable(data[offset + first :][:8])
        except (EndOfFile, Malformed):
            return

        start = offset + first + second
        yield kind, data[start : start + size]
        offset = start + size


def _number(data: bytes) -> int:
    return int.from_bytes(data[:8], "big")
