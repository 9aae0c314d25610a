"""What is known of one call that a price may depend on: read from what would be sent. Pure.

Each fact is the set of its possible values: one where it is certain, all that the model allows
where the request leaves it to the provider, None where nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..._data._media_info import Measures
from ..._support._resolutions import NAMED
from ...mapping import Span
from ._lengths import Between, Possible, between, seconds_of

if TYPE_CHECKING:
    from ..._data._exchange import Request
    from .._spec import ModelSpec

SIZE = re.compile(r"(\d{2,5})\s*[x:*]\s*(\d{2,5})", re.IGNORECASE)
SMALLEST_SIDE = 100
"""Pixels: fewer are a proportion."""
LINES = re.compile(r"(\d{3,4})p", re.IGNORECASE)
SHAPES = ("size", "resolution", "aspect_ratio")
# fal's own names for sizes, and those that its endpoints share with other vendors.
NAMED_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
HEIGHTS = {name: int(lines) for name, lines in NAMED.items() if name != "1k"}
"""Of what names lines; `1k` is a size of images."""
# What prices call a fact, and what models call the parameter that says it.
ALIASES = {
    "audio": ("generate_audio", "generateAudio", "audio", "enable_audio", "sound", "with_audio"),
    "fps": ("fps", "frames_per_second", "frame_rate", "framerate"),
    "frames": ("num_frames", "frames", "number_of_frames"),
    "tier": ("service_tier", "tier"),
}
SOURCES = {
    "generate_audio": "audio",
    "duration_seconds": "seconds",
    "number_of_videos": "count",
    "n": "count",
}
SOUND: Mapping[Any, bool] = {"native": True, "off": False, "on": True}
"""Words for whether there is sound."""
AUTOMATIC = frozenset({"auto", "automatic", "adaptive", "default", Decimal(-1), None})
"""What leaves a choice to the provider: any of the model's values may come of it."""
UNMEASURED = Measures()
USUALLY = {"tier": "standard", "cached": False}
"""What holds where neither the call nor the model says anything."""


@dataclass(frozen=True, slots=True)
class PriceInputs:
    """The facts of one call.

    Attributes:
        values: Possible values by name: canonical names and the provider's own parameters.
        seconds: Of one video.
        count: Videos or images.
        width: Pixels.
        height: Pixels.
        frames: Of one video, where the request says them.
        fps: Frames per second, where known.
        input_images: How many the request has.
        has_video: Whether it has a source video.
        input_pixels: Width and height of each input image; None of one that nobody has seen.
        video_seconds: Of the source video; None where nobody knows.
        prompt: Its length in characters, and in bytes as UTF-8.
    """

    values: Mapping[str, Possible | None] = field(default_factory=dict)
    seconds: Between | None = None
    count: Between = (Decimal(1), Decimal(1))
    width: Between | None = None
    height: Between | None = None
    frames: Between | None = None
    fps: Between | None = None
    input_images: int = 0
    has_video: bool = False
    input_pixels: tuple[tuple[int, int] | None, ...] = ()
    video_seconds: Decimal | None = None
    prompt: tuple[int, int] = (0, 0)


def plain(value: Any) -> Any:
    """Return a value as it is compared: words in lower case, numbers as decimals.

    No price depends on what a medium holds: only the beginning of such a text is looked at.
    """
    if isinstance(value, bool) or value is None:
        return value

    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))

    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"

    text = value[:LONGEST_TEXT] if isinstance(value, str) else str(value)
    return _of_word(text) if len(text) <= LONGEST_WORD else text.strip().lower()


LONGEST_WORD = 40
"""Characters of what may be a number, or a name that comes again."""
LONGEST_TEXT = 1024
"""Characters of what may be compared: a medium has hundreds of megabytes of them."""


@lru_cache(maxsize=4096)
def _of_word(value: str) -> Any:
    text = value.strip().lower()
    if text in {"true", "false"}:
        return text == "true"

    try:
        return Decimal(text) if text and text[0].isdigit() else text
    except InvalidOperation:
        return text


def price_inputs_of(
    spec: ModelSpec,
    request: Request,
    parameters: Mapping[str, Any],
    measures: Measures = UNMEASURED,
    region: str | None = None,
) -> PriceInputs:
    """Return what is known of a call.

    Args:
        spec: What the model takes.
        request: The request, adapted to the model.
        parameters: What would be sent.
        measures: How large the media are, as far as that is known.
        region: Where the call goes; None where nobody knows.
    """
    sent = sent_of(parameters)
    values = values_of(spec, request, sent)
    images = getattr(request, "image_list", ())
    has_video = getattr(request, "video", None) is not None
    mode = "video" if has_video else "image" if images else "text"
    values["input_video"] = frozenset({has_video})
    values["input_images"] = frozenset({Decimal(len(images))})
    values.setdefault("mode", frozenset({mode}))
    for name, usual in USUALLY.items():
        values.setdefault(name, frozenset({usual}))

    if region is not None:
        values["region"] = frozenset({plain(region)})

    width, height = _pixels(spec, request, sent, values)
    _say_lines(values, width, height)
    prompt = request.prompt
    return PriceInputs(
        values=values,
        seconds=seconds_of(spec, request, values),
        count=between(values.get("count")) or _requested_count(request),
        width=width,
        height=height,
        frames=between(values.get("frames")),
        fps=between(values.get("fps")),
        input_images=len(images),
        has_video=has_video,
        input_pixels=measures.images,
        video_seconds=measures.video_seconds,
        prompt=(len(prompt), len(prompt.encode())),
    )


def sent_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values that leave no choice, by the last part of their names."""
    return {name: value for name, value in _leaves(parameters) if plain(value) not in AUTOMATIC}


def values_of(
    spec: ModelSpec, request: Request, sent: Mapping[str, Any]
) -> dict[str, Possible | None]:
    """Return the provider's own parameters, and what of them has a name that all share."""
    values: dict[str, Possible | None] = {name: frozenset({plain(v)}) for name, v in sent.items()}
    for name, possible in _left_out(spec, sent):
        values.setdefault(name, possible)

    for name, mapper in spec.mappers.items():
        known = SOURCES.get(mapper.source_field, mapper.source_field)
        if (known in SHAPES and known in values) or mapper.frames is not None:
            continue  # frames are no seconds

        allowed = values.get(name.rpartition(".")[2]) or _allowed(mapper.allowed)
        if allowed is not None:
            values.setdefault(known, allowed)

    if not spec.mappers:
        values |= _as_requested(request)

    for known, names in ALIASES.items():
        value = next((values[name] for name in names if values.get(name) is not None), None)
        if value is not None:
            values.setdefault(known, value)

    if values.get("audio"):
        values["audio"] = frozenset(SOUND.get(sound, sound) for sound in values["audio"] or ())

    return values


def _as_requested(request: Request) -> dict[str, Possible | None]:
    """Return what a request says, for a provider of which nothing else is known."""
    names = {"resolution": "resolution", "quality": "quality", "size": "size", **SOURCES}
    requested = {known: getattr(request, name, None) for name, known in names.items()}
    return {
        known: frozenset({plain(value)}) for known, value in requested.items() if value is not None
    }


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the plain values of a payload by the last part of their names."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, Mapping):
                yield from _leaves(inner, name)
    elif isinstance(value, str | int | float | bool):
        yield name, value


def _left_out(spec: ModelSpec, sent: Mapping[str, Any]) -> Iterator[tuple[str, Possible | None]]:
    """Yield what the provider makes of parameters that are not sent, as its schema says."""
    properties = (spec.schema or {}).get("properties", {})
    for name, shape in properties.items():
        if name in sent or not isinstance(shape, Mapping):
            continue

        default = shape.get("default")
        choices = [choice for choice in shape.get("enum") or () if plain(choice) not in AUTOMATIC]
        if isinstance(default, str | int | float | bool) and plain(default) not in AUTOMATIC:
            yield name, frozenset({plain(default)})
        elif choices:
            yield name, frozenset(plain(choice) for choice in choices)


def _allowed(allowed: Any) -> Possible | None:
    if isinstance(allowed, Span) or allowed is None:
        return None

    return frozenset(plain(value) for value in allowed)


def _requested_count(request: Request) -> Between:
    # Where the model has no such parameter, the adapted request says one.
    wished = getattr(request, "n", None) or getattr(request, "number_of_videos", None) or 1
    return Decimal(wished), Decimal(wished)


def _pixels(
    spec: ModelSpec,
    request: Request,
    sent: Mapping[str, Any],
    values: Mapping[str, Possible | None],
) -> tuple[Between | None, Between | None]:
    """Return how wide and how high the picture is: as it is sent, else by its lines and ratio."""
    width, height = between(values.get("width")), between(values.get("height"))
    if width is not None and height is not None:
        return width, height

    names = {
        name.rpartition(".")[2]
        for name, mapper in spec.mappers.items()
        if set(mapper.sources) & set(SHAPES)
    }
    places = [*names, "size", "image_size", "ratio", "resolution"]
    for name in dict.fromkeys(places):
        possible = values.get(name)
        exact = [_size(value) for value in possible] if possible else [None]
        if all(exact):
            sizes = [size for size in exact if size is not None]
            widths, heights = [size[0] for size in sizes], [size[1] for size in sizes]
            return (min(widths), max(widths)), (min(heights), max(heights))

    return _by_lines(request, sent, values)


def _size(value: Any) -> tuple[Decimal, Decimal] | None:
    if not isinstance(value, str):
        return None

    if value in NAMED_SIZES:
        width, height = NAMED_SIZES[value]
        return Decimal(width), Decimal(height)

    match = SIZE.fullmatch(value)
    if match is None or min(int(match[1]), int(match[2])) < SMALLEST_SIDE:
        return None

    return Decimal(match[1]), Decimal(match[2])


def _by_lines(
    request: Request, sent: Mapping[str, Any], values: Mapping[str, Possible | None]
) -> tuple[Between | None, Between | None]:
    lines = [height_of(value) for value in values.get("resolution") or ()]
    ratio = next(
        (sent[name] for name in ("aspect_ratio", "aspectRatio", "ratio") if name in sent),
        getattr(request, "aspect_ratio", None),
    )
    proportion = re.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", str(ratio))
    if not lines or None in lines or proportion is None:
        return None, None

    wide, high = Decimal(proportion[1]), Decimal(proportion[2])
    sides = []
    for line in lines:
        assert line is not None  # noqa: S101  (checked above)
        long = _even(Decimal(line) * max(wide, high) / min(wide, high))
        sides.append((long, Decimal(line)) if wide >= high else (Decimal(line), long))

    widths, heights = [side[0] for side in sides], [side[1] for side in sides]
    return (min(widths), max(widths)), (min(heights), max(heights))


def _even(pixels: Decimal) -> Decimal:
    return Decimal(2 * round(pixels / 2))


def height_of(value: Any) -> int | None:
    """Return the lines that a resolution names; None for what names none."""
    text = str(value)
    if text in HEIGHTS:
        return HEIGHTS[text]

    match = LINES.fullmatch(text)
    return None if match is None else int(match[1])


def _say_lines(
    values: dict[str, Possible | None], width: Between | None, height: Between | None
) -> None:
    """Say the resolution of models that take a size, and the size, where they are certain."""
    if width is None or height is None or width[0] != width[1] or height[0] != height[1]:
        return

    resolutions = values.get("resolution")
    # A size is no resolution that a price list has.
    if resolutions is None or all(map(_size, resolutions)):
        values["resolution"] = frozenset({f"{min(width[0], height[0])}p"})

    # A name of the provider's own, such as `landscape_4_3`, is no size that a price list has.
    values["size"] = frozenset({f"{width[0]}x{height[0]}"})
