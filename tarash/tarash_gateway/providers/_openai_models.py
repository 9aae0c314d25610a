"""OpenAI: hand-declared parameters of the GPT image models, DALL·E and Sora 2; and their dates.

Allowed values as in the types and docstrings of openai-python 3.52. The SDK's types say nothing per
model, so nothing here is derived from them; a test holds the payloads against them. Compatible
servers have models of their own: the fallbacks send what the wire has, as it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import sqrt
from typing import Any

from .._data._types import Kind
from .._support._resolutions import lines_of
from ..catalog import Lifecycle, ends
from ..exceptions import ValidationError
from ..mapping import (
    Apart,
    FieldMapper,
    Joint,
    Rule,
    choice_field_mapper,
    count_field_mapper,
    duration_field_mapper,
    nearest,
    passthrough_field_mapper,
    quality_field_mapper,
    size_field_mapper,
)

Mappers = Mapping[str, FieldMapper]

GRID = 16
WIDEST = 3
LONGEST_SIDE = 3840
PIXELS = (655_360, 8_294_400)
USUAL_PIXELS = 1024 * 1024
MOST_IMAGES = 16
LARGEST_MASK = 4 * 1024 * 1024
DEFAULT_LINES = "720p"
DEFAULT_RATIO = "9:16"
"""What the videos endpoint makes when no size is given."""


def _pair(value: str, separator: str) -> tuple[int, int]:
    width, _, height = value.partition(separator)
    return int(width), int(height)


class FreeSizes(tuple[str, ...]):
    """The usual sizes; every other one that follows the rule of GPT Image 2 and later is in it too.

    Sides are multiples of 16 and at most 3840, no more than 3:1, 655,360 to 8,294,400 pixels:
    https://learn.microsoft.com/azure/ai-foundry/openai/how-to/dall-e, and the SDK's docstring.
    """

    __slots__ = ()

    def __contains__(self, size: object) -> bool:
        width, height = _pair(str(size), "x")
        return (
            width % GRID == height % GRID == 0
            and max(width, height) <= LONGEST_SIDE
            and max(width, height) <= WIDEST * min(width, height)
            and PIXELS[0] <= width * height <= PIXELS[1]
        )


class FreeRatios(tuple[str, ...]):
    """The usual aspect ratios; every other one from 1:3 to 3:1 is in it too."""

    __slots__ = ()

    def __contains__(self, ratio: object) -> bool:
        width, height = _pair(str(ratio), ":")
        return max(width, height) <= WIDEST * min(width, height)


FREE_SIZES = FreeSizes(
    (
        *("1024x1024", "2048x2048", "1536x1024", "1024x1536", "1280x720", "720x1280"),
        *("1536x864", "864x1536", "2048x1152", "1152x2048", "2560x1440", "1440x2560"),
        *("3840x2160", "2160x3840", "1152x864", "864x1152"),
    )
)
FREE_RATIOS = FreeRatios(("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "3:1", "1:3"))


def _adapted(name: str, requested: str, allowed: tuple[str, ...]) -> str:
    return requested if requested in allowed else nearest(name, requested, allowed) or allowed[0]


def _shape(
    sizes: tuple[str, ...], ratios: tuple[str, ...], size_of: Callable[[str], str]
) -> dict[str, FieldMapper]:
    """Return the mapper of `size`, which an aspect ratio may say as well."""

    def convert(request: Any, size: str | None) -> str | None:
        if size is not None:
            return _adapted("size", size, sizes)

        ratio = request.aspect_ratio
        return None if ratio is None else size_of(_adapted("aspect_ratio", ratio, ratios))

    return {
        "size": FieldMapper("size", convert, allowed=sizes, also=("aspect_ratio",)),
        "aspect_ratio": _unsent("aspect_ratio", ratios),
    }


def _unsent(source_field: str, allowed: tuple[Any, ...]) -> FieldMapper:
    """Return a mapper that only says what is possible; another parameter carries the value."""
    return FieldMapper(source_field, lambda _request, _value: None, allowed=allowed)


def _sized_by_ratio(sizes: Iterable[str]) -> dict[str, str]:
    """Return sizes by the ratios that they have, exactly."""
    sizes_by_ratio = {}
    for size in sizes:
        ratio = Fraction(*_pair(size, "x"))
        sizes_by_ratio[f"{ratio.numerator}:{ratio.denominator}"] = size

    return sizes_by_ratio


EXACT_SIZES = _sized_by_ratio(
    ("1024x1024", "1536x1024", "1024x1536", "1536x864", "864x1536", "1152x864", "864x1152")
)


def _free_size(ratio: str) -> str:
    """Return a size of a ratio with about the usual number of pixels, on the grid."""
    if ratio in EXACT_SIZES:
        return EXACT_SIZES[ratio]

    width, height = _pair(ratio, ":")
    scale = sqrt(USUAL_PIXELS / (width * height))
    sides = [round(side * scale / GRID) * GRID for side in (width, height)]
    # Rounding may step over 3:1.
    sides = [min(side, WIDEST * min(sides)) for side in sides]
    return f"{sides[0]}x{sides[1]}"


def _fixed_shape(*sizes: str) -> dict[str, FieldMapper]:
    by_ratio = _sized_by_ratio(sizes)
    return _shape(sizes, tuple(by_ratio), by_ratio.__getitem__)


# ------------------------------------------------------------------------------------------- media
def _image_parts(_request: Any, images: Any) -> list[Any] | None:
    """Return images as the parts of a form: bytes with their type, as they were made ready."""
    return [image["image"] for image in images] or None


def _one_image_part(_request: Any, images: Any) -> Any:
    if len(images) > 1:
        raise ValidationError(
            f"the model takes one image, and there are {len(images)} in 'image_list'; remove "
            f"{len(images) - 1}"
        )

    return images[0]["image"] if images else None


def _mask_part(request: Any, mask: Any) -> Any:
    if mask is not None and not request.image_list and "image" not in request.extra_params:
        raise ValidationError("'mask_image' says where to change an image; give one in image_list")

    if isinstance(mask, Mapping):
        is_png = mask["content_type"] == "image/png"
        if not is_png or len(mask["content"]) > LARGEST_MASK:
            raise ValidationError(f"'mask_image' has to be a PNG of at most {LARGEST_MASK} bytes")

    return mask


PROMPT = {"prompt": passthrough_field_mapper("prompt", required=True)}
EDITS = {
    "image": FieldMapper(
        "image_list", _image_parts, roles=("reference", "asset"), most=MOST_IMAGES
    ),
    "mask": FieldMapper("mask_image", _mask_part),
}
COUNT = {"n": count_field_mapper("n", 1, 10)}
MOST_PARTIAL = 3


def _partial(request: Any, count: int | None) -> int | None:
    """Return how many images on the way are asked for; an event doesn't say of which of several."""
    return min(count, MOST_PARTIAL) if count and request.n == 1 else None


PARTIAL = {
    "partial_images": FieldMapper("partial_images", _partial),
    "stream": FieldMapper(
        "partial_images", lambda request, count: _partial(request, count) and True
    ),
}

# ------------------------------------------------------------------------------------------ images
FIXED_SHAPE = _fixed_shape("1024x1024", "1536x1024", "1024x1536")
FREE_SHAPE = _shape(FREE_SIZES, FREE_RATIOS, _free_size)
QUALITIES = ("low", "medium", "high", "auto")
GPT_IMAGE_1 = {
    **PROMPT,
    **EDITS,
    **COUNT,
    **FIXED_SHAPE,
    **PARTIAL,
    "quality": quality_field_mapper(QUALITIES),
}
GPT_IMAGE_2 = {**GPT_IMAGE_1, **FREE_SHAPE}
GPT_IMAGE_25 = {**GPT_IMAGE_2, "quality": quality_field_mapper((*QUALITIES, "xhigh", "max"))}
DALL_E_2 = {
    **PROMPT,
    **COUNT,
    **_fixed_shape("256x256", "512x512", "1024x1024"),
    "image": FieldMapper("image_list", _one_image_part, roles=("reference", "asset"), most=1),
    "mask": FieldMapper("mask_image", _mask_part),
    "quality": quality_field_mapper(("standard",)),
}
DALL_E_3 = {
    **PROMPT,
    **_fixed_shape("1024x1024", "1792x1024", "1024x1792"),
    "n": count_field_mapper("n", 1, 1),
    "quality": quality_field_mapper(("standard", "hd")),
    "style": choice_field_mapper("style", ("vivid", "natural")),
}


# ------------------------------------------------------------------------------------------ videos
def _video_size(sizes: Mapping[str, Mapping[str, str]]) -> dict[str, FieldMapper]:
    """Return the mapper of a video's `size`, from its lines and then its aspect ratio."""
    ratios = tuple(sizes[DEFAULT_LINES])

    def convert(request: Any, ratio: str | None) -> str | None:
        if ratio is None and request.resolution is None:
            return None

        lines = _adapted("resolution", request.resolution or DEFAULT_LINES, tuple(sizes))
        return sizes[lines][_adapted("aspect_ratio", ratio or DEFAULT_RATIO, ratios)]

    return {
        "size": FieldMapper("aspect_ratio", convert, allowed=ratios, also=("resolution",)),
        "resolution": _unsent("resolution", tuple(sizes)),
    }


def _any_video_size(request: Any, ratio: str | None) -> str | None:
    """Return the size of any ratio and resolution, on an even grid; the shorter side is named."""
    if ratio is None and request.resolution is None:
        return None

    lines = request.resolution or DEFAULT_LINES
    shorter = lines_of(lines) or 0
    width, height = _pair(ratio or DEFAULT_RATIO, ":")
    scale = shorter / min(width, height)
    return "x".join(str(round(side * scale / 2) * 2) for side in (width, height))


SOURCE = {
    "input_reference": FieldMapper(
        "image_list", _one_image_part, roles=("first_frame", "reference"), most=1
    ),
    "video": passthrough_field_mapper("video"),
}
SORA = {
    **PROMPT,
    **SOURCE,
    "seconds": duration_field_mapper("str", (4, 8, 12), provider="openai", add_suffix=False),
    # It always makes a sound track, and can't be asked not to.
    "generate_audio": _unsent("generate_audio", (True,)),
}
SORA_2 = {**SORA, **_video_size({"720p": {"9:16": "720x1280", "16:9": "1280x720"}})}
SORA_2_PRO = {
    **SORA,
    **_video_size(
        {
            "720p": {"9:16": "720x1280", "16:9": "1280x720"},
            "1024p": {"9:16": "1024x1792", "16:9": "1792x1024"},
        }
    ),
}
REMIX: Mappers = {
    **PROMPT,
    "video_id": FieldMapper("continue_from", lambda _request, source: source and source.id),
}
"""What a remix takes, whatever the model: nothing else can be changed."""
EDIT: Mappers = {**PROMPT, "video": passthrough_field_mapper("video", required=True)}
"""What an edit of a source video takes."""

PLAIN: Mapping[str, Mappers] = {
    "gpt-image-1": GPT_IMAGE_1,
    "chatgpt-image": GPT_IMAGE_1,
    "gpt-image-2": GPT_IMAGE_2,
    "gpt-image-2.5": GPT_IMAGE_25,
    # Its types say nothing of xhigh and max; extra_params can try them.
    "gpt-image-2.6": GPT_IMAGE_2,
    "dall-e-2": DALL_E_2,
    "dall-e-3": DALL_E_3,
    "sora-2": SORA_2,
    "sora-2-pro": SORA_2_PRO,
}
MODELS: Mapping[str, Mappers] = {
    **PLAIN,
    **{f"openai/{model}": mappers for model, mappers in PLAIN.items()},
}

# openai-python 3.52, types/image_edit_params.py and image_generate_params.py.
NEWEST = ("gpt-image-2.5", "gpt-image-2.6", "openai/gpt-image-2.5", "openai/gpt-image-2.6")
RULES: Mapping[str, tuple[Rule, ...]] = dict.fromkeys(
    NEWEST, (Apart(("mask_image",), ("markup",)),)
)
JOINTS: Mapping[str, tuple[Joint, ...]] = dict.fromkeys(
    NEWEST, (Joint("output_format", ("svg",), "n", (1,)),)
)

MASKS: Mapping[str, Any] = {"": "transparent"}
"""Which pixels of a mask are changed, by prefix."""

IDS: Mapping[Kind, tuple[str, ...]] = {
    "video": ("sora-2", "sora-2-pro"),
    "image": (
        *("chatgpt-image-latest", "dall-e-2", "dall-e-3"),
        *("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"),
        *("gpt-image-2.5-flare", "gpt-image-2.5-sunburst"),
        *("gpt-image-2.6-flare", "gpt-image-2.6-sunburst"),
    ),
}
"""From openai-python 3.52's types, without dated snapshots."""

# Compatible servers agree on these names; what their models take is theirs to say.
VIDEO_FALLBACK: Mappers = {
    **PROMPT,
    **SOURCE,
    "seconds": duration_field_mapper("str", add_suffix=False),
    "size": FieldMapper("aspect_ratio", _any_video_size, also=("resolution",)),
}
IMAGE_FALLBACK: Mappers = {
    **PROMPT,
    **EDITS,
    "n": passthrough_field_mapper("n"),
    "size": size_field_mapper(),
    "quality": quality_field_mapper(),
}

_IMAGES = "openai-python 3.52, types/image_generate_params.py"
_VIDEOS = "openai-python 3.52, resources/videos.py"

SDK = "docstrings of the openai SDK"
LISTED = "OpenAI's deprecations"
SORA_ENDS = ends("2026-09-24", None, "docstrings of the openai SDK and the model's page")
ENDS: Mapping[str, Lifecycle] = {
    "chatgpt-image-latest": ends("2026-12-01", "gpt-image-2.6-sunburst", LISTED),
    "dall-e-2": ends("2026-05-12", "gpt-image-2", SDK),
    "dall-e-3": ends("2026-05-12", "gpt-image-2", SDK),
    "gpt-image-1": ends("2026-10-23", "gpt-image-2", SDK),
    "gpt-image-1-mini": ends("2026-12-01", "gpt-image-2.6-flare", LISTED),
    "gpt-image-1.5": ends("2026-12-01", "gpt-image-2.6-sunburst", LISTED),
    "gpt-image-1.5-2025-12-16": ends("2026-12-01", "gpt-image-2.6-sunburst", LISTED),
    "openai/sora-2*": SORA_ENDS,
    "sora-2*": SORA_ENDS,
}
