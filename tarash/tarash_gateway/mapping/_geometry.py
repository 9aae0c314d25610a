"""What a picture's shape becomes: aspect ratio, lines or size, in a parameter's own format. Pure.

The three fields `aspect_ratio`, `resolution` and `size` are one thing said in three ways, and a
model may take any of them; so they are read together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .._support._resolutions import lines_of
from ._limits import pixels_of, ratio_of, within_area

SHAPE_FIELDS = ("resolution", "aspect_ratio", "size")
SAME = 0.02  # relative difference of two proportions or sides that nobody sees
NEAR_AREA = 1.5
"""How many times as many pixels, or as few, still pass for `1k` and its like."""
GRID = 8
USUAL_RATIO = 16 / 9
USUAL_AREA = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """What a request asks for: any of these, None where it doesn't say."""

    ratio: float | None = None
    lines: float | None = None
    pixels: tuple[int, int] | None = None

    @classmethod
    def of(cls, request: Any) -> Target:
        """Read the three fields of a request."""
        size = getattr(request, "size", None)
        ratio = getattr(request, "aspect_ratio", None)
        resolution = getattr(request, "resolution", None)
        pixels = None if size is None else pixels_of(size)
        return cls(
            ratio=None if ratio is None else ratio_of(ratio),
            lines=None if resolution is None else lines_of(resolution),
            pixels=pixels,
        )

    @property
    def shape(self) -> float | None:
        """Width by height, from whichever field says it."""
        if self.pixels is not None:
            return self.pixels[0] / self.pixels[1]

        return self.ratio

    @property
    def side(self) -> float | None:
        """The side of the square of the same area, where the area is known."""
        return None if self.pixels is None else math.sqrt(self.pixels[0] * self.pixels[1])


def apart(one: float, other: float) -> float:
    """Return how far two proportions or sides are apart, as a logarithm."""
    return round(abs(math.log(one / other)), 9)


@dataclass(frozen=True, slots=True)
class Ratios:
    """A parameter that takes an aspect ratio.

    Attributes:
        values: What is sent for each proportion; empty where any ratio can be written.
        key: The part of an object that holds it; None where it stands alone.
        reads_size: Whether a requested size says the proportion too.
    """

    values: Mapping[float, Any] = field(default_factory=dict)
    key: str | None = None
    reads_size: bool = True

    @property
    def named(self) -> tuple[Any, ...]:
        """The values that it lists."""
        return tuple(self.values.values())

    def choose(self, request: Any, target: Target) -> Any:
        """Return what to send, or None."""
        requested = target.ratio
        if requested is None and self.reads_size:
            requested = target.shape

        if requested is None:
            return None

        if not self.values:
            sent: Any = getattr(request, "aspect_ratio", None) or written_ratio(requested)
        else:
            sent = self.values[
                min(self.values, key=lambda ratio: (apart(ratio, requested), -ratio))
            ]

        return sent if self.key is None else {self.key: sent}


def written_ratio(ratio: float) -> str:
    """Return a proportion as the simplest `W:H` that nobody can tell from it."""
    for height in range(1, 33):
        width = round(ratio * height)
        if width and abs(width / height - ratio) / ratio < SAME / 4:
            return f"{width}:{height}"

    return f"{round(ratio * 100)}:100"


@dataclass(frozen=True, slots=True)
class Lines:
    """A parameter that takes a resolution, without a shape.

    Attributes:
        values: What is sent, by lines (videos) or by the side of a square (images).
        by_side: Whether it is for images.
        low: The least number of lines, where any number can be sent.
        high: The greatest.
        suffix: What follows a free number; None where a plain number is sent.
    """

    values: Mapping[float, Any] = field(default_factory=dict)
    by_side: bool = False
    low: float | None = None
    high: float | None = None
    suffix: str | None = None

    @property
    def named(self) -> tuple[Any, ...]:
        """The values that it lists."""
        return tuple(self.values.values())

    def choose(self, _request: Any, target: Target) -> Any:
        """Return what to send, or None."""
        requested = target.side if self.by_side else target.lines
        if requested is None:
            return None

        if self.values:
            return self.values[min(self.values, key=lambda side: (apart(side, requested), -side))]

        within = max(requested, self.low or requested)
        number = round(min(within, self.high or within))
        return number if self.suffix is None else f"{number}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named or written size: what is sent, its proportion, and its area in pixels."""

    wire: Any
    ratio: float
    area: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """A parameter that takes a size: a preset, `WxH`, or an object of width and height.

    Attributes:
        presets: The named or written sizes.
        free: How any other size is written: an object, text, or not at all.
        separator: Between width and height of written sizes.
        low: Width and height, at least.
        high: Width and height, at most.
        step: What width and height must be multiples of.
        area: The least and most pixels.
        usual: The preset that the provider takes when nothing is said.
        keys: The parts of the object.
        keeps_area: Whether a ratio alone is made as large as the usual size, and no larger.
    """

    presets: tuple[Preset, ...] = ()
    free: Literal["object", "text"] | None = None
    separator: str = "x"
    low: tuple[float, float] = (1, 1)
    high: tuple[float, float] = (math.inf, math.inf)
    step: int = 1
    area: tuple[float, float] = (1, math.inf)
    usual: Preset | None = None
    keys: tuple[str, str] = ("width", "height")
    reads_ratio: bool = True
    reads_lines: bool = True
    keeps_area: bool = False

    @property
    def named(self) -> tuple[Any, ...]:
        """The values that it lists."""
        return tuple(preset.wire for preset in self.presets)

    def choose(self, _request: Any, target: Target) -> Any:
        """Return what to send, or None."""
        if target.pixels is not None:
            return self._for_pixels(*target.pixels)

        if target.lines is not None and self.reads_lines:
            return self._for_lines(target.ratio or self._usual_ratio, target.lines)

        return self._for_ratio(target.ratio) if target.ratio and self.reads_ratio else None

    @property
    def _usual_ratio(self) -> float:
        return self.usual.ratio if self.usual is not None else USUAL_RATIO

    def _for_pixels(self, width: int, height: int) -> Any:
        if self.free is not None:
            return self._write(width, height)

        return self._nearest(width / height, width * height)

    def _for_lines(self, ratio: float, lines: float) -> Any:
        width, height = (lines * ratio, lines) if ratio >= 1 else (lines, lines / ratio)
        if self.free is not None:
            return self._write(_on_grid(width, lines), _on_grid(height, lines))

        return self._nearest(ratio, width * height)

    def _for_ratio(self, ratio: float) -> Any:
        area = self.usual.area if self.usual is not None else USUAL_AREA
        same = [preset for preset in self.presets if apart(preset.ratio, ratio) <= SAME]
        if same:
            largest = max(same, key=lambda preset: (preset is self.usual, preset.area)).wire
            return self._nearest(ratio, area) if self.keeps_area else largest

        if self.free is None:
            return self._nearest(ratio, area)

        height = math.sqrt(area / ratio)
        return self._write(*(max(16, round(side / 16) * 16) for side in (height * ratio, height)))

    def _nearest(self, ratio: float, area: float) -> Any:
        """Return the preset that is nearest by proportion and then by area."""
        nearest = min(apart(preset.ratio, ratio) for preset in self.presets)
        slack = SAME * 2 if self.keeps_area else SAME / 2  # as 832x480 is called 16:9
        alike = [preset for preset in self.presets if apart(preset.ratio, ratio) <= nearest + slack]
        return min(alike, key=lambda preset: (apart(preset.area, area), -preset.area)).wire

    def _write(self, width: float, height: float) -> Any:
        width, height = within_area(width, height, self.area, self.step)
        sides = [
            self._fitting(round(side), low, high)
            for side, low, high in zip((width, height), self.low, self.high, strict=True)
        ]
        written = f"{sides[0]}{self.separator}{sides[1]}"
        for preset in self.presets:
            if preset.wire == written:
                return preset.wire

        return written if self.free == "text" else dict(zip(self.keys, sides, strict=True))

    def _fitting(self, side: int, low: float, high: float) -> int:
        fitting = math.floor(side / self.step + 0.5) * self.step
        if fitting > high:
            fitting = math.floor(high / self.step) * self.step
        if fitting < low:
            fitting = math.ceil(low / self.step) * self.step

        return int(fitting)

    def meant(self, wire: Any) -> tuple[float, float] | None:
        """Return proportion and area of what is sent."""
        if isinstance(wire, Mapping):
            width, height = (wire[key] for key in self.keys)
            return width / height, width * height

        for preset in self.presets:
            if preset.wire == wire:
                return preset.ratio, preset.area

        pixels = pixels_of(str(wire).replace(self.separator, "x"))
        return None if pixels is None else (pixels[0] / pixels[1], pixels[0] * pixels[1])


def _on_grid(side: float, lines: float) -> int:
    return round(side) if abs(side - lines) < 1 else round(side / GRID) * GRID


@dataclass(frozen=True, slots=True)
class Side:
    """A parameter that takes the width or the height alone.

    Attributes:
        sizes: How the two sides are worked out.
        key: `width` or `height`.
    """

    sizes: Sizes
    key: str

    @property
    def named(self) -> tuple[Any, ...]:
        """The values that it lists."""
        return ()

    def choose(self, request: Any, target: Target) -> Any:
        """Return what to send, or None."""
        chosen = self.sizes.choose(request, target)
        return None if chosen is None else chosen[self.key]


Geometry = Ratios | Lines | Sizes | Side


def effects(geometry: Geometry, request: Any) -> dict[str, Any]:
    """Return what becomes of each field that a parameter takes: as requested, or what is sent.

    Args:
        geometry: How the parameter is filled.
        request: What was asked for.
    """
    target = Target.of(request)
    sent = geometry.choose(request, target)
    if sent is None:
        return {}

    if isinstance(geometry, Ratios):
        return _ratio_effects(geometry, request, target, sent)

    if isinstance(geometry, Lines):
        return _lines_effects(geometry, request, target, sent)

    sizes = geometry.sizes if isinstance(geometry, Side) else geometry
    if isinstance(geometry, Side):
        sent = sizes.choose(request, target)

    return _size_effects(sizes, request, target, sent)


def _ratio_effects(geometry: Ratios, request: Any, target: Target, sent: Any) -> dict[str, Any]:
    written = sent if geometry.key is None else sent[geometry.key]
    made = ratio_of(written)
    effects: dict[str, Any] = {}
    if target.ratio is not None:
        same = made is not None and apart(made, target.ratio) <= SAME / 2
        effects["aspect_ratio"] = request.aspect_ratio if same else written
    if target.pixels is not None and geometry.reads_size:
        effects["size"] = written

    return effects


def says_size(ratios: Ratios, lines: Lines, request: Any) -> bool:
    """Tell whether an aspect ratio and a resolution together are the size that was asked for."""
    target = Target.of(request)
    if target.pixels is None or target.shape is None or target.side is None:
        return False

    ratio, side = ratios.choose(request, target), lines.choose(request, target)
    made = ratio_of(ratio if ratios.key is None or ratio is None else ratio[ratios.key])
    area = next((number for number, value in lines.values.items() if value == side), None)
    if made is None or area is None:
        return False

    # By the side, of which the area is the square; such words name no exact size.
    return apart(made, target.shape) <= SAME and 2 * apart(area, target.side) < math.log(NEAR_AREA)


def _lines_effects(geometry: Lines, request: Any, target: Target, sent: Any) -> dict[str, Any]:
    if geometry.by_side:
        return {"size": sent}

    made = lines_of(sent)
    same = made is not None and target.lines is not None and apart(made, target.lines) <= SAME / 2
    return {"resolution": request.resolution if same else sent}


def _size_effects(sizes: Sizes, request: Any, target: Target, sent: Any) -> dict[str, Any]:
    meant = sizes.meant(sent)
    if meant is None:
        return {}

    ratio, area = meant
    written = _written(sent, sizes)
    effects: dict[str, Any] = {}
    if target.pixels is not None:
        width, height = target.pixels
        same = apart(ratio, width / height) <= SAME and apart(area, width * height) <= 2 * SAME
        effects["size"] = request.size if same else written

    if target.ratio is not None and sizes.reads_ratio:
        effects["aspect_ratio"] = (
            request.aspect_ratio if apart(ratio, target.ratio) <= SAME else written
        )
    if target.lines is not None and sizes.reads_lines:
        made = math.sqrt(area / max(ratio, 1 / ratio))
        effects["resolution"] = request.resolution if apart(made, target.lines) <= SAME else written

    return effects


def _written(sent: Any, sizes: Sizes) -> str:
    if isinstance(sent, Mapping):
        return "x".join(str(sent[key]) for key in sizes.keys)

    return str(sent)
