"""Real media without a provider: bundled clips, and pictures made on the spot.

The mock and the simulator take their media from here. The clips were rendered by
`tools/render_samples.py` of the source repository; they have no sound track until they are
given one, of silence. Nothing here knows a request, and nothing is downloaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from .._support._resolutions import lines_of
from .._support._shipped import shipped
from . import _png
from ._sound import with_sound

HERE = "tarash.tarash_gateway.media"
FOLDER = Path(__file__).parent / "_samples"
VIDEO_TYPE = "video/mp4"
IMAGE_TYPE = "image/png"

DEFAULT_RATIO = "16:9"
DEFAULT_LINES = 720
DEFAULT_IMAGE_SIDE = 1024
IMAGE_GRID = 16
"""Pixels: sides are multiples of it where the ratio allows, as models like them."""

LARGEST_IMAGE_SIDE = _png.LARGEST_SIDE


@dataclass(frozen=True, slots=True)
class Sample:
    """A bundled clip: H.264 in MP4, playable in every browser.

    Attributes:
        name: The file's name.
        path: Where it lies; no file, where the package is in a zip archive.
        aspect_ratio: Such as `16:9`.
        width: Pixels.
        height: Pixels.
        duration: Seconds.
        fps: Frames a second.
        frames: How many frames it has.
        has_audio: Whether it has a sound track.
        content_type: `video/mp4`.
    """

    name: str
    path: Path
    aspect_ratio: str
    width: int
    height: int
    duration: float
    fps: int
    frames: int
    has_audio: bool
    content_type: str = VIDEO_TYPE

    @property
    def resolution(self) -> str:
        """The shorter side, as resolutions are named: `720p`."""
        return f"{min(self.width, self.height)}p"

    def read(self, *, sound: bool = False) -> bytes:
        """Return the file's bytes; with `sound`, a silent sound track among them."""
        content = shipped(HERE, f"_samples/{self.name}")
        return with_sound(content) if sound else content


@cache
def videos() -> tuple[Sample, ...]:
    """Return all bundled clips."""
    entries = json.loads(shipped(HERE, "_samples/manifest.json"))
    return tuple(Sample(path=FOLDER / entry["name"], **entry) for entry in entries)


def pick_video(
    aspect_ratio: str | None = None,
    resolution: str | None = None,
    duration_seconds: float | None = None,
) -> Sample:
    """Return the clip that is nearest by aspect ratio, then by duration, then by resolution.

    Args:
        aspect_ratio: `W:H`; 16:9 without it. Of two that are as near, the one of the same
            orientation is taken.
        resolution: `720p`, `1080p`, `4k` and the like; 720p without it.
        duration_seconds: The shortest clip without it. Of two that are as near, the longer one.

    Raises:
        ValueError: The ratio or the resolution isn't written like that.
    """
    wanted = parse_ratio(aspect_ratio or DEFAULT_RATIO)
    lines = _lines(resolution)

    def distance(sample: Sample) -> tuple[float, ...]:
        ratio = Fraction(sample.width, sample.height)
        seconds = duration_seconds or 0.0
        return (
            # 3:4 is as far from 1:1 as from 9:16, but for the last digit of a float.
            round(abs(math.log(ratio / wanted)), 9),
            (ratio > 1) != (wanted > 1),
            abs(sample.duration - seconds),
            -sample.duration,
            abs(min(sample.width, sample.height) - lines),
        )

    return min(videos(), key=distance)


def make_png(
    width: int, height: int, seed: int = 0, label: Sequence[str] = (), grain: int = 1
) -> bytes:
    """Return a PNG of exactly this size: a gradient with discs, the same for the same seed.

    Args:
        width: Pixels.
        height: Pixels.
        seed: Decides on what is drawn.
        label: Lines of text on a band at the bottom, where there is room for them.
        grain: Pixels a side of the squares that it is made of: above 1 it is coarse, as images on
            the way are.

    Raises:
        ValueError: A side is shorter than 1 or longer than 8192 pixels.
    """
    return _png.encode(width, height, seed, label, grain)


def image_size(size: str | None = None, aspect_ratio: str | None = None) -> tuple[int, int]:
    """Return width and height in pixels: as asked, else about one megapixel of the aspect ratio.

    Args:
        size: `WxH`; wins over the ratio.
        aspect_ratio: `W:H`; a square without it. The ratio is met exactly unless a side would be
            longer than 8192 pixels.

    Raises:
        ValueError: The size or the ratio isn't written like that.
    """
    if size is not None:
        return _pair(size, "x", "a size is written widthxheight, such as '1024x1024'")

    ratio = parse_ratio(aspect_ratio or "1:1")
    width, height = ratio.numerator, ratio.denominator
    longest = max(width, height)
    if longest > LARGEST_IMAGE_SIDE:
        factor = Fraction(LARGEST_IMAGE_SIDE, longest)
        return max(1, round(width * factor)), max(1, round(height * factor))

    times = math.isqrt(DEFAULT_IMAGE_SIDE**2 // (width * height))
    times = min(times, LARGEST_IMAGE_SIDE // longest)
    if times >= IMAGE_GRID:
        times -= times % IMAGE_GRID

    return width * max(1, times), height * max(1, times)


def parse_ratio(text: str) -> Fraction:
    """Return `W:H` as a fraction.

    Raises:
        ValueError: It isn't written like that.
    """
    return Fraction(*_pair(text, ":", "an aspect ratio is written width:height, such as '16:9'"))


def _pair(text: str, separator: str, rule: str) -> tuple[int, int]:
    first, separated, second = text.partition(separator)
    if separated and first.isdecimal() and second.isdecimal() and int(first) and int(second):
        return int(first), int(second)

    raise ValueError(f"{rule}; not {text!r}")


def _lines(resolution: str | None) -> int:
    if resolution is None:
        return DEFAULT_LINES

    lines = lines_of(resolution) if resolution[-1:].lower() in ("p", "k") else None
    if lines is not None:
        return int(lines)

    raise ValueError(f"a resolution is written '720p' or '4k', not {resolution!r}")
