"""Writes PNG pictures with nothing but zlib: a gradient with translucent discs, chosen by a seed.

Pixels are never held: each row is written as its differences from pixel to pixel, which is what
PNG's "Sub" filter stores. A gradient is then the same row over and over but for its first pixel,
and a disc changes a row in two places. Knows no other format and draws nothing else.
"""

from __future__ import annotations

import math
import random
import struct
import textwrap
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

WIDTH, HEIGHT = 6, 9
"""Dots that a letter takes with the room around it."""
FIRST, LAST = " ", "~"
# Five columns a letter, from the left; the lowest bit of a column is its highest dot.
COLUMNS = bytes.fromhex(
    "0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649552250 0005030000"
    "001c224100 0041221c00 14083e0814 08083e0808 0050300000 0808080808 0060600000 2010080402"
    "3e5149453e 00427f4000 4261514946 2141454b31 1814127f10 2745454539 3c4a494930 0171090503"
    "3649494936 064949291e 0036360000 0056360000 0814224100 1414141414 0041221408 0201510906"
    "324979413e 7e1111117e 7f49494936 3e41414122 7f4141221c 7f49494941 7f09090901 3e4149497a"
    "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f020c027f 7f0408107f 3e4141413e"
    "7f09090906 3e4151215e 7f09192946 4649494931 01017f0101 3f4040403f 1f2040201f 3f4038403f"
    "6314081463 0708700807 6151494543 007f414100 0204081020 0041417f00 0402010204 4040404040"
    "0001020400 2054545478 7f48444438 3844444420 384444487f 3854545418 087e090102 0c5252523e"
    "7f08040478 00447d4000 2040443d00 7f10284400 00417f4000 7c04180478 7c08040478 3844444438"
    "7c14141408 081414187c 7c08040408 4854545420 043f444020 3c4040207c 1c2040201c 3c4030403c"
    "4428102844 0c5050503c 4464544c44 0008364100 00007f0000 0041360800 1008081008"
)
UNKNOWN = bytes.fromhex("00 00 18 00 00")


def runs(text: str, row: int) -> Iterator[tuple[int, int]]:
    """Yield the first dot and the one after the last of each stroke in one row of a line of text.

    Args:
        text: The line.
        row: From 0 at the top; letters begin in the second one.
    """
    lit = [
        bool(column >> (row - 1) & 1) if row else False
        for letter in text
        for column in (*_columns(letter), 0)
    ]
    place = 0
    for is_lit, dots in groupby(lit):
        count = len([*dots])
        if is_lit:
            yield place, place + count

        place += count


def _columns(letter: str) -> bytes:
    plain = unicodedata.normalize("NFKD", letter)[0]
    if not FIRST <= plain <= LAST:
        return UNKNOWN

    start = 5 * (ord(plain) - ord(FIRST))
    return COLUMNS[start : start + 5]


LARGEST_SIDE = 8192
"""Pixels. Time grows with the area: 8192 x 8192 takes half a second."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SUB_FILTER = b"\x01"
EIGHT_BIT_RGB = (8, 2, 0, 0, 0)
CHANNELS = 3
LEAST_DISCS, MOST_DISCS = 3, 4

# The darkest corner, both slopes of the gradient and all discs together stay below 256 in each
# channel, so that sums of differences never wrap around.
DARKEST = (10, 60)
STEEPEST = 55
FAINTEST_DISC = 4
BRIGHTEST_DISC = (255 - DARKEST[1] - 2 * STEEPEST) // MOST_DISCS

BAND, TEXT = 24, 236
"""Levels of grey of a label's ground and its letters."""
DOTS_ACROSS, DOTS_DOWN = 240, 180
"""How many dots of a letter a picture is wide and high at least, where it has the pixels."""
FEWEST_LETTERS = 8
MOST_LINES = 3
"""That one text is wrapped into."""

Channels = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Disc:
    """A disc that brightens what is under it."""

    x: int
    y: int
    radius: int
    light: Channels

    def chord(self, y: int, width: int) -> tuple[int, int] | None:
        """Return the first pixel of row `y` that it covers and the first after, or None."""
        distance = abs(y - self.y)
        if distance >= self.radius:
            return None

        half = math.isqrt(self.radius**2 - distance**2)
        first, after = max(0, self.x - half), min(width, self.x + half)
        return (first, after) if first < after else None


@dataclass(frozen=True, slots=True)
class _Label:
    """Lines of light text on a dark band, as wide as the picture."""

    lines: tuple[str, ...]
    dot: int
    """Pixels that a dot of a letter is wide and high."""

    @classmethod
    def fitting(cls, lines: Sequence[str], width: int, height: int) -> _Label | None:
        """Return the label that there is room for; None for none."""
        dot = max(1, min(width // DOTS_ACROSS, height // DOTS_DOWN))
        room = width // dot // WIDTH - 1
        wrapped: list[str] = []
        for line in lines:
            parts = textwrap.wrap(line, max(1, room)) or [""]
            cut = len(parts) > MOST_LINES
            wrapped += (
                [*parts[: MOST_LINES - 1], f"{parts[MOST_LINES - 1][: room - 3]}..."]
                if (cut)
                else parts
            )

        label = cls(tuple(wrapped), dot)
        fits = room >= FEWEST_LETTERS and label.height <= height // 2
        return label if lines and fits else None

    @property
    def height(self) -> int:
        """Pixels."""
        return (len(self.lines) * HEIGHT + 2) * self.dot

    def rows(self, width: int) -> Iterator[bytes]:
        """Yield the rows of the band, as differences from pixel to pixel."""
        plain = bytes((BAND,) * CHANNELS) + bytes(CHANNELS * (width - 1))
        yield from [plain] * self.dot
        for line in self.lines:
            for number in range(HEIGHT):
                row = bytearray(plain)
                for first, after in runs(line, number):
                    for dot, step in ((first, TEXT - BAND), (after, BAND - TEXT)):
                        place = CHANNELS * (dot + WIDTH // 2) * self.dot
                        if place + CHANNELS <= len(row):
                            row[place : place + CHANNELS] = bytes((step % 256,) * CHANNELS)

                yield from [bytes(row)] * self.dot

        yield from [plain] * self.dot


def encode(width: int, height: int, seed: int, label: Sequence[str] = (), grain: int = 1) -> bytes:
    """Return a PNG of exactly this size; the same seed and label give the same bytes.

    Args:
        width: Pixels.
        height: Pixels.
        seed: Decides on the gradient and the discs.
        label: Lines of text on a dark band below; left out where there is no room for them.
        grain: Pixels that a square of one color is wide and high, as in an image on the way.

    Raises:
        ValueError: A side is shorter than 1 or longer than `LARGEST_SIDE` pixels.
    """
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise ValueError(
            f"a picture of {width}x{height} can't be made: each side is 1 to {LARGEST_SIDE} pixels"
        )

    header = struct.pack(">2I5B", width, height, *EIGHT_BIT_RGB)
    band = _Label.fitting(label, width, height)
    pixels = _compressed(width, height, random.Random(seed), band, grain)
    return b"".join(
        (SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(name))
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _compressed(
    width: int, height: int, chance: random.Random, label: _Label | None, grain: int
) -> bytes:
    corner = tuple(chance.randint(*DARKEST) for _ in range(CHANNELS))
    across, down = _slope(chance), _slope(chance)
    discs = _discs(width, height, chance)
    plain = _differences(width, across)
    compressor = zlib.compressobj(level=6)
    parts = []
    top = height if label is None else height - label.height
    for y in range(0, top, grain):
        row = bytearray(plain)
        for channel in range(CHANNELS):
            row[channel] = corner[channel] + down[channel] * y // height

        for disc in discs:
            _brighten(row, disc, y, width)

        row = row if grain == 1 else _coarse(row, grain)
        parts.append(compressor.compress((SUB_FILTER + row) * min(grain, top - y)))

    if label is not None:
        parts += [compressor.compress(SUB_FILTER + row) for row in label.rows(width)]

    return b"".join((*parts, compressor.flush()))


def _coarse(row: bytearray, grain: int) -> bytearray:
    """Return a row of which every `grain` pixels have the color of their first."""
    coarse = bytearray(len(row))
    for channel in range(CHANNELS):
        levels = [*accumulate(row[channel::CHANNELS])][::grain]
        steps = ((after - before) % 256 for before, after in pairwise((0, *levels)))
        coarse[channel :: CHANNELS * grain] = bytes(steps)

    return coarse


def _slope(chance: random.Random) -> Channels:
    return tuple(chance.randint(0, STEEPEST) for _ in range(CHANNELS))


def _discs(width: int, height: int, chance: random.Random) -> list[_Disc]:
    short = min(width, height)
    return [
        _Disc(
            x=chance.randrange(width),
            y=chance.randrange(height),
            radius=chance.randint(short // 12, short // 3),
            light=tuple(chance.randint(FAINTEST_DISC, BRIGHTEST_DISC) for _ in range(CHANNELS)),
        )
        for _ in range(chance.randint(LEAST_DISCS, MOST_DISCS))
    ]


def _differences(width: int, across: Channels) -> bytes:
    """Return a row that climbs by `across` from its left to its right, as differences."""
    row = bytearray(CHANNELS * width)
    for channel, climb in enumerate(across):
        levels = [climb * x // width for x in range(width)]
        steps = (after - before for before, after in pairwise(levels))
        row[CHANNELS + channel :: CHANNELS] = bytes(steps)

    return bytes(row)


def _brighten(row: bytearray, disc: _Disc, y: int, width: int) -> None:
    chord = disc.chord(y, width)
    if chord is None:
        return

    first, after = chord
    for channel, light in enumerate(disc.light):
        place = CHANNELS * first + channel
        row[place] = (row[place] + light) % 256
        place = CHANNELS * after + channel
        if place < len(row):
            row[place] = (row[place] - light) % 256
