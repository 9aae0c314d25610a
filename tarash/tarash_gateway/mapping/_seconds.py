"""Derives how a duration is sent: as `"8s"`, `"8"`, 8, or as frames at a frame rate. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._field_mapper import FieldMapper
from ._limits import Span, nearest, plain
from ._schema import Shape

SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|)", re.IGNORECASE)
# Best first; what is not listed is judged by its words.
NAMES = ("duration", "duration_seconds", "video_duration", "seconds", "video_length", "length")
ABOUT_LENGTH = frozenset({"duration", "seconds", "length", "secs", "sec"})
AROUND = frozenset(
    {"video", "output", "clip", "target", "total", "in", "of", "the", "num", "number", "s", "ms"}
    | {"milliseconds", "generation", "generated", "desired"}
)
RATE_NAMES = (
    {"fps"}, {"frames", "per", "second"}, {"frame", "rate"}, {"framerate"}, {"frames", "second"}
)  # fmt: skip
RATE_AROUND = frozenset({"video", "output", "export", "target"})
FRAMES_AROUND = frozenset({"num", "number", "of", "count", "total", "n", "video", "output", "nb"})
RATE_TOLD = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(?:fps|frames?[ -]per[ -]second)")


@dataclass(frozen=True, slots=True)
class Frames:
    """How seconds become a number of frames.

    Attributes:
        counts: The numbers of frames that the model takes.
        rate: Frames per second, unless the request's own parameters set them.
        parameter: Which of the provider's parameters sets them; None where none does.
        wire: What is sent for each number of frames; empty where it is the number itself.
    """

    counts: tuple[int, ...] | Span
    rate: float
    parameter: str | None = None
    wire: Mapping[int, Any] | None = None

    def _rate(self, request: Any) -> float:
        given = request.extra_params.get(self.parameter) if self.parameter else None
        number = given if isinstance(given, int | float) and not isinstance(given, bool) else 0
        return float(number) if number > 0 else self.rate

    def count(self, request: Any, seconds: float) -> int:
        """Return the number of frames that comes nearest to a duration."""
        return int(nearest("n", seconds * self._rate(request), self.counts))

    def seconds(self, request: Any, requested: float) -> float:
        """Return the duration that is possible and nearest to the requested one."""
        rate = self._rate(request)
        made = self.count(request, requested) / rate
        # What a single frame makes is no difference that anybody asked about.
        return requested if abs(made - requested) * rate <= 1 else plain(round(made, 3))

    @property
    def span(self) -> Span | tuple[float, ...]:
        """The durations in seconds."""
        if isinstance(self.counts, Span):
            low = None if self.counts.low is None else round(self.counts.low / self.rate, 2)
            high = None if self.counts.high is None else round(self.counts.high / self.rate, 2)
            return Span(low, high)

        return tuple(plain(round(count / self.rate, 2)) for count in self.counts)


def derive_duration(
    shapes: Mapping[str, Shape], frame_rate: float | None = None
) -> dict[str, FieldMapper]:
    """Return the mapper of the parameter that says how long the video is; empty if none does.

    Args:
        shapes: The model's parameters.
        frame_rate: Frames a second, where the schema doesn't say.
    """
    shape = _find(shapes)
    if shape is not None:
        mapper = _from_seconds(shape)
        if mapper is not None:
            return {shape.name: mapper}

    return _from_frames(shapes, frame_rate)


def _find(shapes: Mapping[str, Shape]) -> Shape | None:
    lengths = [shape for shape in shapes.values() if _is_length(shape)]
    lengths.sort(key=lambda shape: NAMES.index(shape.name) if shape.name in NAMES else len(NAMES))
    return lengths[0] if lengths else None


def _is_length(shape: Shape) -> bool:
    words = set(shape.words)
    if not words & ABOUT_LENGTH or words - ABOUT_LENGTH - AROUND or shape.deprecated:
        return False

    if "frames" in shape.described and "second" not in shape.described:
        return False  # a length in frames

    return bool(shape.kinds & {"string", "integer", "number"})


def _from_seconds(shape: Shape) -> FieldMapper | None:
    scale = 1000 if {"ms", "milliseconds"} & set(shape.words) else 1
    wires: dict[float, Any] = {}
    for value in shape.values:
        seconds = _seconds(value, scale)
        if seconds is not None:
            wires.setdefault(seconds, value)

    if shape.closed:
        if not wires:
            return None

        durations = tuple(sorted(wires))
        return FieldMapper(
            "duration_seconds",
            lambda _request, requested: (
                None
                if requested is None
                else wires[nearest("duration_seconds", requested, durations)]
            ),
            shape.required and shape.default is None,
            allowed=durations,
        )

    span, write = _free(shape, scale)
    return FieldMapper(
        "duration_seconds",
        lambda _request, requested: None if requested is None else write(span.nearest(requested)),
        shape.required and shape.default is None,
        allowed=span,
    )


def _seconds(value: Any, scale: float) -> float | None:
    if isinstance(value, bool):
        return None

    if isinstance(value, int | float):
        return plain(value / scale)

    match = SECONDS.fullmatch(str(value).strip())
    if not match:
        return None

    unit = 1000 if match[2].lower().startswith("m") else scale if not match[2] else 1
    return plain(float(match[1]) / unit)


def _free(shape: Shape, scale: float) -> tuple[Span, Any]:
    """Return the range of a duration that is not listed, and what writes it."""
    if shape.is_number:
        step = shape.step or (1 if shape.is_whole else None)
        span = Span(shape.low if shape.low is not None else step, shape.high, step)
        if scale == 1:
            return span, lambda seconds: seconds

        low, high = (None if end is None else end / scale for end in (shape.low, shape.high))
        seconds_span = Span(low, high, None if step is None else step / scale)
        return seconds_span, lambda seconds: plain(round(seconds * scale, 3))

    # Text without a list: as the default is written.
    match = SECONDS.fullmatch(str(shape.default or "").strip())
    suffix = str(shape.default).strip()[len(match[1]) :] if match else ""
    whole = not match or match[1].isdigit()
    return Span(1 if whole else None, None, 1 if whole else None), (
        lambda seconds: f"{plain(seconds)}{suffix}"
    )


def _from_frames(shapes: Mapping[str, Shape], frame_rate: float | None) -> dict[str, FieldMapper]:
    shape = next((shape for shape in shapes.values() if _is_frames(shape)), None)
    if shape is None:
        return {}

    rate_shape = next((shape for shape in shapes.values() if _is_rate(shape)), None)
    rate = _rate(shape, rate_shape) or frame_rate
    if rate is None:
        return {}  # nothing says how long a frame is shown

    counts: tuple[int, ...] | Span
    wire: dict[int, Any] = {}
    if shape.closed:
        wire = {int(value): value for value in shape.values if str(value).isdigit()}
        counts = tuple(sorted(wire))
    else:
        counts = Span(shape.low if shape.low is not None else 1, shape.high, shape.step or 1)

    if not counts or not (shape.is_number or wire):
        return {}

    parameter = rate_shape.name if rate_shape is not None else None
    frames = Frames(counts, rate, parameter, wire or None)

    def convert(request: Any, seconds: float | None) -> Any:
        if seconds is None:
            return None

        count = frames.count(request, seconds)
        return wire.get(count, count)

    required = shape.required and shape.default is None
    also = ("extra_params",)
    return {
        shape.name: FieldMapper("duration_seconds", convert, required, frames=frames, also=also)
    }


def _is_frames(shape: Shape) -> bool:
    words = set(shape.words)
    counted = words - FRAMES_AROUND in ({"frames"}, {"frame"})
    as_length = words - AROUND == {"length"} and "frames" in shape.described
    return (counted or as_length) and bool(shape.is_number or shape.values) and not shape.deprecated


def _is_rate(shape: Shape) -> bool:
    return set(shape.words) - RATE_AROUND in RATE_NAMES


def _rate(frames: Shape, rate: Shape | None) -> float | None:
    if rate is not None:
        for value in (rate.default, *(rate.values if len(rate.values) == 1 else ())):
            text = str(value)
            if text.replace(".", "", 1).isdigit() and float(text) > 0:
                return float(text)

    match = RATE_TOLD.search(frames.described) or (
        RATE_TOLD.search(rate.described) if rate else None
    )
    return float(match[1]) if match and math.isfinite(float(match[1])) else None
