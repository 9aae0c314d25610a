"""What a value may be, listed or in a range, and what is nearest to a requested one. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .._support._resolutions import lines_of

ROUNDED = 9
"""Decimals that distances are compared in."""


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`, both included, in steps where there are any.

    Attributes:
        low: The least number; None for none.
        high: The greatest number; None for none.
        step: Numbers are multiples of it; None for any.
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None

    def nearest(self, requested: float) -> int | float:
        """Return the number of the range that is nearest to a requested one; a tie goes up."""
        # Whole numbers stay whole: above 2**53 a float is another number.
        closest = plain(self._within(requested))
        if self.step:
            step = plain(self.step)
            closest = _multiples(2 * closest + step, 2 * step) * step
            if self.high is not None and closest > self.high:
                closest = _multiples(plain(self.high), step) * step
            if self.low is not None and closest < self.low:
                closest = -_multiples(-plain(self.low), step) * step

        return plain(self._within(closest))

    def _within(self, number: float) -> float:
        if self.low is not None:
            number = max(number, self.low)

        return number if self.high is None else min(number, self.high)

    def __contains__(self, requested: object) -> bool:
        if isinstance(requested, bool) or not isinstance(requested, int | float):
            return False

        return bool(self.nearest(requested) == requested)

    def __str__(self) -> str:
        if self.low is None and self.high is None:
            return "any number" if not self.step else f"multiples of {self.step:g}"

        ends = f"{_end(self.low)} to {_end(self.high)}" if self.high is not None else ""
        whole = ends or f"{_end(self.low)} or more"
        return f"{whole} in steps of {self.step:g}" if self.step and self.step != 1 else whole


def _multiples(number: float, step: float) -> int:
    """Return how often a step fits into a number, rounded down."""
    if isinstance(number, int) and isinstance(step, int):
        return number // step

    # As they are written: 0.3 has three steps of 0.1, and by floats it has two.
    return math.floor(_exact(number) / _exact(step))


def _exact(number: float) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(str(number))


def _end(value: float | None) -> str:
    return "any" if value is None else f"{plain(value)}"


Allowed = Sequence[Any] | Span


def plain(value: float) -> int | float:
    """Return a whole number as an integer."""
    return int(value) if isinstance(value, int) or value.is_integer() else value


def shown(allowed: Allowed) -> str:
    """Return allowed values as an error message shows them."""
    if isinstance(allowed, range) and len(allowed):
        return f"{allowed[0]} to {allowed[-1]}"

    return str(allowed) if isinstance(allowed, Span) else str(list(allowed))


def nearest(name: str, requested: Any, allowed: Allowed) -> Any:
    """Return the allowed value nearest to a requested one, of two the larger; None for none.

    Durations and counts by difference, aspect ratios and sizes by their proportions (sizes then by
    area), resolutions by their lines, words by equality but for case, else by what they mean
    (`hd` is a high quality).

    Args:
        name: The request field.
        requested: What was asked for.
        allowed: What is possible.
    """
    if isinstance(allowed, Span):
        return allowed.nearest(requested)

    measure = MEASURES.get(name)
    if measure is None:
        return _nearest_word(requested, allowed)

    target = measure(requested)
    measured = [(value, extent) for value in allowed if (extent := measure(value)) is not None]
    if target is None or not measured:
        return None

    def distance(pair: tuple[Any, tuple[float, ...]]) -> tuple[Any, ...]:
        apart = tuple(
            round(abs(extent - other), ROUNDED)
            for extent, other in zip(pair[1], target, strict=True)
        )
        return (*apart, *(-part for part in pair[1]))

    return min(measured, key=distance)[0]


def _number(value: Any) -> tuple[float, ...] | None:
    # As a float, a large seed would be another one.
    return (value if isinstance(value, int) else float(value),)


def ratio_of(value: Any) -> float | None:
    """Return width by height of `16:9`, `2.35:1`, `16x9`, `landscape_16_9`; None for `auto`."""
    text = str(value).lower()
    match = _RATIO.search(text)
    if match:
        width, height = float(match[1]), float(match[2])
        if not (width and height):
            return None

        turned = "portrait" in text and width > height
        return height / width if turned else width / height

    for word, ratio in _NAMED_RATIOS.items():
        if word in text:
            return ratio

    return None


_RATIO = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*(?:[:x/_]|\u00d7|by)+\s*(\d+(?:\.\d+)?)(?![\d.])")
_NAMED_RATIOS = {"square": 1.0, "landscape": 16 / 9, "portrait": 9 / 16, "vertical": 9 / 16}
_NAMED_RATIOS |= {"horizontal": 16 / 9, "widescreen": 16 / 9, "ultrawide": 21 / 9}


def _proportion(value: Any) -> tuple[float, ...] | None:
    ratio = ratio_of(value)
    return None if ratio is None else (math.log(ratio),)


def pixels_of(value: Any) -> tuple[int, int] | None:
    """Return width and height of `1024x768`, `1024*768`, `1024:768`; None for anything else."""
    match = re.fullmatch(r"\s*(\d{2,5})\s*[x*:\u00d7]\s*(\d{2,5})\s*", str(value).lower())
    if not match or min(int(match[1]), int(match[2])) < 64:  # noqa: PLR2004  (a ratio, not pixels)
        return None

    return int(match[1]), int(match[2])


def _extent(value: Any) -> tuple[float, ...] | None:
    pixels = pixels_of(value)
    if pixels is None:
        return None

    width, height = pixels
    return (math.log(width / height), math.log(width * height))


def within_area(
    width: float, height: float, area: tuple[float, float], step: int
) -> tuple[float, float]:
    """Return sides of the same proportion whose pixels are neither too few nor too many."""
    pixels, (least, most) = width * height, area
    scale = math.sqrt(min(max(pixels, least), most) / pixels)
    towards = math.ceil if scale > 1 else math.floor
    wide, high = (towards(side * scale / step) * step for side in (width, height))
    return (width, height) if scale == 1 else (wide, high)


def side_of(value: Any) -> float | None:
    """Return the side of the square with the area of an image of `1K`, `4MP` or `1080p`."""
    text = str(value).strip().lower()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(k|mp|megapixels?)", text)
    if match:
        number = float(match[1])
        return number * 1024 if match[2] == "k" else math.sqrt(number * 1e6)

    lines = lines_of(value)
    if lines is None:
        return None

    return lines if isinstance(value, int | float) else math.sqrt(lines * lines * 16 / 9)


def _lines(value: Any) -> tuple[float, ...] | None:
    lines = lines_of(value)
    return None if lines is None else (lines,)


RANKS = {
    "draft": 0, "turbo": 0, "fast": 0, "lightning": 0, "speed": 0, "low": 0,
    "medium": 1, "standard": 1, "balanced": 1, "default": 1, "normal": 1, "regular": 1,
    "high": 2, "hd": 2, "quality": 2, "best": 2, "premium": 2,
    "ultra": 3, "max": 3, "maximum": 3,
}  # fmt: skip


def _nearest_word(requested: Any, allowed: Sequence[Any]) -> Any:
    letters = _letters(requested)
    for value in allowed:
        if _letters(value) == letters:
            return value

    rank = RANKS.get(letters)
    same = (value for value in allowed if rank is not None and RANKS.get(_letters(value)) == rank)
    return next(same, None)


def _letters(value: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(value).lower())


MEASURES: dict[str, Callable[[Any], tuple[float, ...] | None]] = {
    "duration_seconds": _number,
    "n": _number,
    "number_of_videos": _number,
    "seed": _number,
    "aspect_ratio": _proportion,
    "size": _extent,
    "resolution": _lines,
}
