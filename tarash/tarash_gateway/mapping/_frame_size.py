"""Derives which parameters take aspect ratio, resolution and size, by form first, then by name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._data._types import Kind
from .._support._resolutions import lines_of
from ._field_mapper import FieldMapper
from ._geometry import Geometry, Lines, Preset, Ratios, Side, Sizes, Target
from ._limits import pixels_of, ratio_of, side_of
from ._schema import Shape

AROUND = frozenset(
    {"video", "image", "output", "target", "generated", "generation", "frame", "input", "final"}
)
NOT_OUTPUT = frozenset(
    {"face", "texture", "tile", "model", "detect", "detection", "preview", "crop"}
)
NOT_OUTPUT |= {
    "max",
    "min",
    "mask",
    "control",
    "reference",
    "processing",
    "id",
    "camera",
    "upscale",
}
# The area of a named size, in pixels, by the words in its name; the first that fits.
AREAS = (("uhd", 2048 * 2048), ("4k", 4096 * 4096), ("3k", 3072 * 3072), ("2k", 2048 * 2048))
PLAIN_SQUARE = 512 * 512
NAMED_LONG_SIDE = 1024
HD_LONG_SIDE = 1280


def derive_frame(shapes: Mapping[str, Shape], kind: Kind) -> dict[str, FieldMapper]:
    """Return the mappers of the parameters that say how the picture is shaped.

    Args:
        shapes: The model's parameters.
        kind: What is made; images have a `size` and videos a `resolution`.
    """
    usable = [shape for shape in shapes.values() if not shape.deprecated and _is_output(shape)]
    ratio = _first(usable, _ratios, _is_ratio_name)
    rest = [shape for shape in usable if ratio is None or shape is not ratio[0]]
    size = _first(rest, _sizes, _is_size_name) or _sides(rest)
    rest = [shape for shape in rest if size is None or shape is not size[0]]
    lines = _first(rest, lambda shape: _lines(shape, kind), _is_resolution_name)
    if size is not None:
        size = _without(size, ratio is not None, lines is not None)

    mappers: dict[str, FieldMapper] = {}
    if ratio is not None:
        ratios = replace(ratio[1], reads_size=size is None)
        mappers[ratio[0].name] = _mapper(ratio[0], ratios, kind)
    if lines is not None and not (kind == "image" and size is not None):
        mappers[lines[0].name] = _mapper(lines[0], lines[1], kind)
    if size is not None:
        mappers |= _size_mappers(size, shapes, kind)

    return mappers


def _first(shapes: Iterable[Shape], read: Any, named: Any) -> tuple[Shape, Any] | None:
    """Return the parameter that has the form, those with the usual name before others."""
    pairs = [(shape, geometry) for shape in shapes if (geometry := read(shape)) is not None]
    pairs.sort(key=lambda pair: not named(pair[0]))
    return pairs[0] if pairs else None


def _is_output(shape: Shape) -> bool:
    return not set(shape.words) & NOT_OUTPUT


def _is_ratio_name(shape: Shape) -> bool:
    return set(shape.words) - AROUND in (
        {"aspect", "ratio"},
        {"ratio"},
        {"aspect"},
        {"orientation"},
    )


def _is_size_name(shape: Shape) -> bool:
    return set(shape.words) - AROUND in ({"size"}, {"dimensions"}, {"dimension"}, {"resolution"})


def _is_resolution_name(shape: Shape) -> bool:
    return set(shape.words) - AROUND in ({"resolution"}, {"resolutions"}, {"definition"})


# ------------------------------------------------------------------------------------------- ratio
def _ratios(shape: Shape) -> Ratios | None:
    named = _is_ratio_name(shape)
    if "object" in shape.kinds and not shape.values:
        inner = [_ratios(part) for part in shape.parts.values()]
        if named and len(inner) == 1 and inner[0] is not None and inner[0].key is None:
            return Ratios(inner[0].values, next(iter(shape.parts)))

        return None

    values = {
        ratio: value
        for value in reversed(shape.values)
        if _is_ratio(value, named=named) and (ratio := ratio_of(value)) is not None
    }
    if values and (named or len(values) >= 2):  # noqa: PLR2004
        return Ratios(dict(reversed(values.items())))

    free = named and shape.is_free_text and not shape.values and pixels_of(shape.default) is None
    free = free and "orientation" not in shape.words
    return Ratios() if free else None


def _is_ratio(value: Any, *, named: bool) -> bool:
    """Tell a proportion from a size: `16:9` from `1024x1024` and from `landscape_16_9`."""
    text = str(value)
    if pixels_of(text) is not None:
        return False

    return named or bool(re.fullmatch(r"\d+(\.\d+)?\s*[:/]\s*\d+(\.\d+)?(\s*\(.*\))?", text))


# ------------------------------------------------------------------------------------------- lines
def _lines(shape: Shape, kind: Kind) -> Lines | None:
    named = _is_resolution_name(shape)
    measure = side_of if kind == "image" else lines_of
    values = {
        lines: value
        for value in reversed(shape.values)
        if _is_lines(value, named=named) and (lines := measure(value)) is not None and lines > 0
    }
    if values:
        return (
            Lines(dict(reversed(values.items())), kind == "image") if named or _all(shape) else None
        )

    if not named or shape.closed:
        return None

    if shape.is_number:
        return Lines({}, kind == "image", shape.low, shape.high)

    match = (
        re.fullmatch(r"\d+(p?)", str(shape.default or "").lower()) if shape.is_free_text else None
    )
    return Lines({}, suffix=match[1]) if match and kind == "video" else None


def _is_lines(value: Any, *, named: bool) -> bool:
    if named:
        return pixels_of(value) is None

    return bool(re.fullmatch(r"\d{3,4}p|[1248]k", str(value).lower()))


def _all(shape: Shape) -> bool:
    """Tell whether most of the values are resolutions, whatever the parameter is called."""
    matching = [value for value in shape.values if _is_lines(value, named=False)]
    return len(matching) * 2 > len(shape.values)


# -------------------------------------------------------------------------------------------- size
def _sizes(shape: Shape) -> Sizes | None:
    is_size = _is_size_name(shape) or _is_ratio_name(shape)
    presets = tuple(preset for value in shape.values if (preset := _preset(value)) is not None)
    names = {
        part
        for part in shape.parts
        if set(shape.parts[part].words) <= {"width", "height", "w", "h"}
    }
    sides = _keys(names)
    free: Any = None
    limits: dict[str, Any] = {}
    if sides is not None and is_size and set(shape.needed) <= set(sides):
        free = "object"
        width, height = (shape.parts[side] for side in sides)
        limits = _side_limits(width, height) | {"keys": sides}
    elif is_size and shape.is_free_text and pixels_of(shape.default) is not None:
        free = "text"
        limits["separator"] = re.sub(r"[\d\s]", "", str(shape.default))

    if not presets and free is None:
        return None

    wires = [preset.wire for preset in presets]
    if not is_size and not (len(wires) >= 2 and all(map(pixels_of, wires))):  # noqa: PLR2004
        return None

    usual = next((preset for preset in presets if preset.wire == shape.default), None)
    if usual is None and isinstance(shape.default, Mapping):
        usual = _from_object(shape.default, sides)

    return Sizes(presets, free, usual=usual, **limits)


def _keys(names: set[str]) -> tuple[str, str] | None:
    for keys in (("width", "height"), ("w", "h")):
        if set(keys) <= names:
            return keys

    return None


def _from_object(default: Mapping[str, Any], sides: tuple[str, str] | None) -> Preset | None:
    lengths = [
        length
        for side in sides or ()
        if isinstance(length := default.get(side), int) and length > 0
    ]
    if len(lengths) != 2:  # noqa: PLR2004  (a width and a height)
        return None

    width, height = lengths
    return Preset(default, width / height, width * height)


def _preset(value: Any) -> Preset | None:
    pixels = pixels_of(value)
    if pixels is not None:
        return Preset(value, pixels[0] / pixels[1], pixels[0] * pixels[1])

    text = str(value).lower()
    ratio = ratio_of(value) if re.match(r"square|landscape|portrait", text) else None
    if ratio is None:
        return None

    area: float
    for word, area in AREAS:
        if word in text:
            return Preset(value, ratio, area)

    if text.startswith("square"):
        return Preset(value, ratio, PLAIN_SQUARE * 4 if "hd" in text else PLAIN_SQUARE)

    long_side = HD_LONG_SIDE if "hd" in text else NAMED_LONG_SIDE
    return Preset(value, ratio, long_side * long_side / max(ratio, 1 / ratio))


def _side_limits(width: Shape, height: Shape) -> dict[str, Any]:
    steps = [int(side.step) for side in (width, height) if side.step]
    return {
        "low": tuple(1 if side.low is None else side.low for side in (width, height)),
        "high": tuple(math.inf if side.high is None else side.high for side in (width, height)),
        "step": max(steps, default=1),
    }


def _sides(shapes: list[Shape]) -> tuple[Shape, Any] | None:
    """Return width and height as one where they are two parameters."""
    numbers = {shape.name: shape for shape in shapes if shape.is_number and not shape.closed}
    for name, width in numbers.items():
        if set(width.words) - AROUND == {"width"}:
            height = numbers.get(name.replace("width", "height"))
            if height is not None:
                keys = (name, height.name)
                default = {name: width.default, height.name: height.default}
                usual = _from_object(default, keys)
                return width, Sizes(
                    (), "object", usual=usual, keys=keys, **_side_limits(width, height)
                )

    return None


# ---------------------------------------------------------------------------------------- together
def _without(size: tuple[Shape, Sizes], ratio: bool, lines: bool) -> tuple[Shape, Sizes]:
    """Return a size that leaves to other parameters what those say."""
    shape, sizes = size
    return shape, replace(sizes, reads_ratio=not ratio, reads_lines=not lines)


def _size_mappers(
    size: tuple[Shape, Sizes], shapes: Mapping[str, Shape], kind: Kind
) -> dict[str, FieldMapper]:
    shape, sizes = size
    if sizes.keys[0] != shape.name:
        return {shape.name: _mapper(shape, sizes, kind)}

    return {key: _mapper(shapes[key], Side(sizes, key), kind) for key in sizes.keys}


def _mapper(shape: Shape, geometry: Geometry, kind: Kind) -> FieldMapper:
    def convert(request: Any, _value: Any) -> Any:
        return geometry.choose(request, Target.of(request))

    fields = _fields(geometry, kind)
    required = shape.required and shape.default is None
    return FieldMapper(fields[0], convert, required, also=fields[1:], geometry=geometry)


def _fields(geometry: Geometry, kind: Kind) -> tuple[str, ...]:
    if isinstance(geometry, Ratios):
        reads_size = kind == "image" and geometry.reads_size
        return ("aspect_ratio", "size") if reads_size else ("aspect_ratio",)

    if isinstance(geometry, Lines):
        return ("size",) if kind == "image" else ("resolution",)

    sizes = geometry.sizes if isinstance(geometry, Side) else geometry
    first = ["size"] if kind == "image" else ["resolution"] if sizes.reads_lines else []
    return (*first, *(["aspect_ratio"] if sizes.reads_ratio else [])) or ("size",)
