"""Reads the boxes of MP4 and QuickTime, whole or in fragments, and of AVIF and HEIC.

Only headers are read, and of the tables the short one that says how long samples are. Names are
those of ISO/IEC 14496-12 and 23008-12.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from dataclasses import dataclass, field

from . import _codecs
from ._media_facts import EndOfFile, Malformed, MediaFacts, Request, Walk, exactly, positive

Box = tuple[bytes, int, int]
"""Name, where the body begins, and where it ends."""

MOST_CHILDREN = 512
LARGEST_TABLE = 1024 * 1024
"""Bytes of a table of samples that are read."""
FULL = 4
"""Bytes of version and flags that many boxes begin with."""
UNKNOWN = frozenset({0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
IMAGE_BRANDS = {
    b"avif": ("avif", "image/avif", "av1"),
    b"avis": ("avif", "image/avif", "av1"),
    b"heic": ("heic", "image/heic", "hevc"),
    b"heix": ("heic", "image/heic", "hevc"),
    b"mif1": ("heic", "image/heif", "hevc"),
}
HAS_DURATION, HAS_SIZE, HAS_FLAGS, HAS_OFFSET = 0x100, 0x200, 0x400, 0x800
"""What `trun` tells of each sample: a number of four bytes each."""
DEFAULTS = ((0x01, 8), (0x02, 4))
"""What stands before the default duration in `tfhd`, by flag."""


@dataclass(slots=True)
class _Track:
    handler: bytes = b""
    number: int = 0
    timescale: int = 0
    ticks: int = 0
    samples: int = 0
    sample_ticks: int = 0
    """How many samples there are, and how long they are together."""
    sizes: int = 0
    """The same number, from another table."""
    turned: bool = False
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    default_ticks: int = 0
    """Of a sample in a fragment."""


@dataclass(slots=True)
class _Movie:
    timescale: int = 0
    ticks: int = 0
    fragmented: bool = False
    tracks: list[_Track] = field(default_factory=list)
    fragment_ticks: int = 0
    """Of the whole movie, where `mehd` says so."""

    def first(self, handler: bytes) -> _Track | None:
        """Return the first track of a kind."""
        return next((track for track in self.tracks if track.handler == handler), None)


def boxes(facts: MediaFacts, size: int | None) -> Walk:
    """Read a file made of boxes."""
    facts.container, facts.content_type = "mov", "video/quicktime"
    movie = _Movie()
    offset, still = 0, False
    try:
        while size is None or offset < size:
            box = yield from _box(offset, size)
            if box is None:
                break

            name, start, end = box
            if name == b"ftyp":
                still = yield from _type(facts, start, end)
            elif name == b"moov":
                yield from _movie(movie, start, end)
                still = False
            elif name == b"meta" and still:
                yield from _meta(facts, start, end)
            elif name == b"moof":
                yield from _fragment(movie, start, end)

            facts.truncated = size is not None and end > size
            offset = end
    finally:
        _set_facts(facts, movie)


def _type(facts: MediaFacts, start: int, end: int) -> Generator[Request, bytes, bool]:
    """Read what the file says it is; return whether that is a still image."""
    brand = yield from exactly(start, 4)
    if brand == b"mif1":  # any image in boxes; what it is compatible with says more
        brands = yield start, min(end - start, 256)
        brand = b"avif" if b"avif" in brands else brand

    if brand in IMAGE_BRANDS:
        facts.container, facts.content_type, facts.codec = IMAGE_BRANDS[brand]
        facts.has_audio = False
        return True

    if brand != b"qt  ":
        facts.container, facts.content_type = "mp4", "video/mp4"

    return False


def _set_facts(facts: MediaFacts, movie: _Movie) -> None:
    """Say what the tracks come to."""
    if not movie.tracks:
        return

    video, audio = movie.first(b"vide"), movie.first(b"soun")
    facts.has_audio = audio is not None
    facts.audio_codec = audio.codec if audio else None
    lengths = [
        max(track.ticks, track.sample_ticks if movie.fragmented else 0) / track.timescale
        for track in movie.tracks
        if track.timescale
    ]
    whole = movie.fragment_ticks or (0 if movie.fragmented else movie.ticks)
    seconds = whole / movie.timescale if movie.timescale else 0
    facts.duration = positive(seconds or max(lengths, default=0))
    if video is None:
        return

    facts.codec = video.codec
    pair = (video.width, video.height)
    facts.width, facts.height = (pair[1], pair[0]) if video.turned else pair
    if video.samples and video.sample_ticks:
        facts.fps = video.samples * video.timescale / video.sample_ticks
    elif video.sizes and video.ticks:
        facts.fps = video.sizes * video.timescale / video.ticks

    facts.fps = positive(facts.fps or 0)


def _box(offset: int, limit: int | None) -> Generator[Request, bytes, Box | None]:
    """Return the box that begins here; None where the file ends."""
    head = yield offset, 16
    if len(head) < 8:  # noqa: PLR2004  (the shortest box)
        if head:
            raise EndOfFile

        return None

    length, name = struct.unpack_from(">I4s", head)
    start = offset + 8
    if length == 1:
        if len(head) < 16:  # noqa: PLR2004  (a length of eight bytes follows)
            raise EndOfFile

        length, start = struct.unpack_from(">Q", head, 8)[0], offset + 16
    elif length == 0:  # to the end
        length = (limit or start) - offset

    if offset + length < start:
        raise Malformed

    return name, start, offset + length


def _children(start: int, end: int) -> Generator[Request, bytes, list[Box]]:
    children: list[Box] = []
    while start + 8 <= end and len(children) < MOST_CHILDREN:
        box = yield from _box(start, end)
        if box is None:
            raise EndOfFile

        children.append((box[0], box[1], min(box[2], end)))
        start = box[2]

    return children


# ---------------------------------------------------------------------------------------- movie
def _movie(movie: _Movie, start: int, end: int) -> Walk:
    for name, inner, stop in (yield from _children(start, end)):
        if name == b"mvhd":
            movie.timescale, movie.ticks = yield from _times(inner)
        elif name == b"trak":
            track = _Track()
            movie.tracks.append(track)
            yield from _track(track, inner, stop)
        elif name == b"mvex":
            movie.fragmented = True
            yield from _extends(movie, inner, stop)


def _times(start: int) -> Generator[Request, bytes, tuple[int, int]]:
    """Return the timescale and the duration of `mvhd` and `mdhd`, whose beginnings are alike."""
    data = yield start, 32
    layout, offset = (">IQ", 20) if data[:1] == b"\x01" else (">II", 12)
    if len(data) < offset + struct.calcsize(layout):
        raise EndOfFile

    timescale, ticks = struct.unpack_from(layout, data, offset)
    return timescale, 0 if ticks in UNKNOWN else ticks


def _track(track: _Track, start: int, end: int) -> Walk:
    for name, inner, stop in (yield from _children(start, end)):
        if name == b"tkhd":
            head = yield from exactly(inner, 84)
            late = 12 if head[0] == 1 else 0
            track.number = struct.unpack_from(">I", head, 20 if late else 12)[0]
            matrix = yield from exactly(inner + 40 + late, 36)
            # A quarter turn: nothing of x stays x, and something of it becomes y.
            track.turned = matrix[:4] == bytes(4) and matrix[4:8] != bytes(4)
        elif name == b"mdia":
            yield from _media(track, inner, stop)


def _media(track: _Track, start: int, end: int) -> Walk:
    children = yield from _children(start, end)
    for name, inner, stop in children:
        if name == b"mdhd":
            track.timescale, track.ticks = yield from _times(inner)
        elif name == b"hdlr":
            track.handler = yield from exactly(inner + 8, 4)
        elif name == b"minf":
            for part, below, last in (yield from _children(inner, stop)):
                if part == b"stbl":
                    yield from _table(track, below, last)


def _table(track: _Track, start: int, end: int) -> Walk:
    for name, inner, stop in (yield from _children(start, end)):
        if name == b"stts":
            yield from _durations(track, inner, stop)
        elif name in (b"stsz", b"stz2"):
            track.sizes = struct.unpack_from(">I", (yield from exactly(inner, 12)), 8)[0]
        elif name == b"stsd":
            entry = yield inner + 8, min(max(0, stop - inner - 8), 4096)
            if len(entry) >= 36 and track.handler == b"vide":  # noqa: PLR2004  (up to its height)
                track.width, track.height = struct.unpack_from(">HH", entry, 32)

            track.codec = _codecs.name_of(entry)


def _durations(track: _Track, start: int, end: int) -> Walk:
    """Add up how long the samples are: one row, where the rate is constant."""
    rows = struct.unpack_from(">I", (yield from exactly(start, 8)), FULL)[0]
    length = min(8 * rows, max(0, end - start - 8))
    if length > LARGEST_TABLE:
        return

    table = yield from exactly(start + 8, length - length % 8)
    for samples, ticks in struct.iter_unpack(">II", table):
        track.samples += samples
        track.sample_ticks += samples * ticks


# ------------------------------------------------------------------------------------ fragments
def _extends(movie: _Movie, start: int, end: int) -> Walk:
    for name, inner, _ in (yield from _children(start, end)):
        if name == b"mehd":
            data = yield inner, 12
            layout = ">Q" if data[:1] == b"\x01" else ">I"
            if len(data) >= FULL + struct.calcsize(layout):
                movie.fragment_ticks = struct.unpack_from(layout, data, FULL)[0]
        elif name == b"trex":
            data = yield from exactly(inner, 16)
            number, ticks = struct.unpack_from(">I4xI", data, FULL)
            for track in movie.tracks:
                if track.number == number:
                    track.default_ticks = ticks


def _fragment(movie: _Movie, start: int, end: int) -> Walk:
    for name, inner, stop in (yield from _children(start, end)):
        if name == b"traf":
            yield from _track_fragment(movie, inner, stop)


def _track_fragment(movie: _Movie, start: int, end: int) -> Walk:
    track: _Track | None = None
    default = 0
    for name, inner, stop in (yield from _children(start, end)):
        if name == b"tfhd":
            head = yield inner, 28
            flags, number = struct.unpack_from(">II", head.ljust(8, b"\0"))
            track = next((track for track in movie.tracks if track.number == number), None)
            at = 8 + sum(length for flag, length in DEFAULTS if flags & flag)
            default = track.default_ticks if track else 0
            if flags & 0x08 and len(head) >= at + 4:
                default = struct.unpack_from(">I", head, at)[0]
        elif name == b"trun" and track is not None:
            samples, ticks = yield from _run(inner, stop, default)
            track.samples += samples
            track.sample_ticks += ticks


def _run(start: int, end: int, default: int) -> Generator[Request, bytes, tuple[int, int]]:
    """Return how many samples a run has, and how long they are."""
    flags, samples = struct.unpack(">II", (yield from exactly(start, 8)))
    flags &= 0xFFFFFF
    columns = [flag for flag in (HAS_DURATION, HAS_SIZE, HAS_FLAGS, HAS_OFFSET) if flags & flag]
    if HAS_DURATION not in columns:
        return samples, samples * default

    width = 4 * len(columns)
    begins = start + 8 + 4 * bool(flags & 0x01) + 4 * bool(flags & 0x04)
    length = min(samples * width, max(0, end - begins), LARGEST_TABLE)
    table = yield from exactly(begins, length - length % width)
    values = [row[0] for row in struct.iter_unpack(f">{width // 4}I", table)]
    # What is too long to read goes on as it began.
    missing = (
        max(0, samples - len(values)) if length == LARGEST_TABLE - LARGEST_TABLE % width else 0
    )
    return len(values) + missing, sum(values) + missing * (values[-1] if values else default)


# --------------------------------------------------------------------------------------- images
def _meta(facts: MediaFacts, start: int, end: int) -> Walk:
    """Find the size of the largest image: the others are its tiles, its alpha, its thumbnail."""
    for name, inner, stop in (yield from _children(start + FULL, end)):
        if name != b"iprp":
            continue

        for part, below, last in (yield from _children(inner, stop)):
            if part == b"ipco":
                for kind, body, _ in (yield from _children(below, last)):
                    if kind == b"ispe":
                        yield from _extent(facts, body)


def _extent(facts: MediaFacts, start: int) -> Walk:
    width, height = struct.unpack_from(">II", (yield from exactly(start, 12)), FULL)
    if width * height > (facts.width or 0) * (facts.height or 0):
        facts.width, facts.height = width, height
