"""One parameter for the shape and the pixels of a picture, of which many requests say half. Pure.

Its values are pixels (`1280:720`), proportions (`16:9`), or tiers whose shape follows the input
(`auto_720p`, `auto_1k`, `auto`, `adaptive`), depending on the model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._data._types import Kind
from .._support._resolutions import lines_of
from ._geometry import apart
from ._limits import ratio_of

NAMES = ("360p", "480p", "540p", "720p", "768p", "1080p", "1k", "1440p", "2k", "4k")
"""Of resolutions; of two for the same, the first is written."""
REQUEST_WORDS = frozenset({"360p", "480p", "540p", "720p", "1080p", "1440p", "4k"})
"""The resolutions that a request can name."""
USUAL_RATIOS: tuple[str, ...] = (
    *("16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21", "3:2", "2:3", "5:4", "4:5"),
    *("2:1", "1:2", "4:1", "1:4", "8:1", "1:8"),
)
ALIKE = 0.05
"""Logarithm of two proportions or sides that pass for the same: encoders want multiples of 8."""
SMALLEST_SIDE = 64
"""Pixels; below this, `W:H` is a proportion."""
USUAL_AREA = {"video": 1280 * 720, "image": 1024 * 1024}
WIDE = 16 / 9


@dataclass(frozen=True, slots=True)
class Size:
    """A value that says pixels, or only a proportion: then there is no area."""

    wire: str
    width: int
    height: int

    @property
    def in_pixels(self) -> bool:
        """Whether it is more than a proportion."""
        return min(self.width, self.height) >= SMALLEST_SIDE

    @property
    def ratio(self) -> float:
        """Width by height."""
        return self.width / self.height

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height

    @property
    def name(self) -> str:
        """The aspect ratio as a request would say it."""
        near = min(USUAL_RATIOS, key=lambda name: apart(proportion_of(name), self.ratio))
        if apart(proportion_of(near), self.ratio) <= ALIKE:
            return near

        divisor = math.gcd(self.width, self.height)
        return f"{self.width // divisor}:{self.height // divisor}"

    @property
    def resolution(self) -> str:
        """The resolution as a request would say it: that of the same area."""
        return min(NAMES, key=lambda name: apart(area_of(named_lines(name)), self.area))

    def is_of(self, lines: float) -> bool:
        """Tell whether somebody who asks for so many lines gets them, by the side or the area."""
        short = min(self.width, self.height)
        return apart(short, lines) <= ALIKE or apart(area_of(lines), self.area) <= 2 * ALIKE


def named_lines(word: str) -> float:
    """Return the lines of a resolution that is one.

    Raises:
        ValueError: It is none.
    """
    lines = lines_of(word)
    if lines is None:
        raise ValueError(f"{word!r} is no resolution")

    return lines


def proportion_of(written: str) -> float:
    """Return width by height of `W:H`; 1 where it says none."""
    return ratio_of(written) or 1.0


def is_alike(one: float, other: float) -> bool:
    """Tell whether two proportions pass for the same."""
    return apart(one, other) <= ALIKE


def requestable(words: Sequence[str]) -> bool:
    """Tell whether all of a parameter's words are resolutions that a request can name."""
    return REQUEST_WORDS.issuperset(words)


def area_of(lines: float) -> float:
    """Return the pixels of a wide picture with so many lines."""
    return lines * lines * WIDE


def nearest_lines(words: Sequence[str], value: str) -> str:
    """Return the word for a resolution that is nearest to the requested one."""
    return min(words, key=lambda word: apart(named_lines(word), named_lines(value)))


@dataclass(frozen=True, slots=True)
class Shapes:
    """What one model's `ratio` may be.

    Attributes:
        sizes: Pixels or proportions.
        tiers: Values whose shape follows the input, or is left to the model.
        names: The aspect ratios that can be asked for by it.
        kind: What is made.
        required: Whether there must be one.
        usual: Width by height of what is made where nobody asks for a shape; None for wide videos
            and square images.
    """

    sizes: tuple[Size, ...]
    tiers: tuple[str, ...]
    names: tuple[str, ...]
    kind: Kind
    required: bool = False
    usual: float | None = None

    @classmethod
    def of(cls, values: Sequence[str], kind: Kind, *, required: bool = False) -> Shapes:
        """Sort the values that a schema lists."""
        parts = {value: re.fullmatch(r"(\d+):(\d+)", value) for value in values}
        sizes = [Size(value, int(part[1]), int(part[2])) for value, part in parts.items() if part]
        tiers = [value for value, part in parts.items() if not part]
        names = dict.fromkeys(size.name for size in sizes)
        return cls(tuple(sizes), tuple(tiers), tuple(names), kind, required)

    @property
    def in_pixels(self) -> bool:
        """Whether a resolution can be asked for by it."""
        return any(size.in_pixels for size in self.sizes) or bool(self._tier_lines())

    def without_sizes(self) -> Shapes:
        """Return what is left where the shape must follow the input."""
        return Shapes((), self.tiers, (), self.kind, self.required)

    def choose(self, request: Any) -> str | None:
        """Return what to send for a request, or None to leave it to the provider."""
        size = getattr(request, "size", None)
        lines = lines_of(getattr(request, "resolution", None) or "")
        if size is not None and self.sizes:
            width, _, height = size.partition("x")
            return self._nearest(int(width) / int(height), int(width) * int(height)).wire

        if request.aspect_ratio is not None and self.sizes:
            return self._nearest(proportion_of(request.aspect_ratio), self._area(lines)).wire

        return self._for_lines(lines) if lines is not None else self._default()

    def size_of(self, wire: str | None) -> Size | None:
        """Return the size behind what is sent; None for a tier."""
        return next((size for size in self.sizes if size.wire == wire), None)

    def lines(self, wire: str | None) -> float | None:
        """Return the lines of a tier that is sent."""
        return self._tier_lines().get(wire or "")

    def _area(self, lines: float | None) -> float:
        return USUAL_AREA[self.kind] if lines is None else area_of(lines)

    def _nearest(self, ratio: float, area: float) -> Size:
        """Return the size that is nearest by proportion and then by area; of two, the larger."""
        nearest = min(apart(size.ratio, ratio) for size in self.sizes)
        alike = [size for size in self.sizes if apart(size.ratio, ratio) <= nearest + ALIKE / 2]
        return min(alike, key=lambda size: (apart(size.area, area), -size.area))

    def _for_lines(self, lines: float) -> str | None:
        tiers = self._tier_lines()
        if tiers:
            return min(tiers, key=lambda wire: apart(tiers[wire], lines))

        if any(size.in_pixels for size in self.sizes):
            return self._nearest(self._usual(), area_of(lines)).wire

        return self._default()

    def _tier_lines(self) -> dict[str, float]:
        named = {wire: wire.partition("_")[2] for wire in self.tiers}
        return {wire: named_lines(name) for wire, name in named.items() if name in NAMES}

    def _default(self) -> str | None:
        """Return what to send where a value is required and none is requested."""
        if not self.required:
            return None

        if self.tiers:
            return self.tiers[0]

        return self._nearest(self._usual(), USUAL_AREA[self.kind]).wire

    def _usual(self) -> float:
        return self.usual or (WIDE if self.kind == "video" else 1.0)
