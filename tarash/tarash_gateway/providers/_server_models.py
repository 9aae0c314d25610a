"""What self-hosted servers of videos and images take, as data: their models have ids of their own.

Read from the sources of vLLM-Omni 0.30, SGLang 0.5.23 and LocalAI (August 2026). What a model
makes of it is its own affair, so a request's values go out as they are; what else a server takes
(`num_frames`, `fps`, `guidance_scale`, `num_inference_steps`, ...) goes there as `extra_params`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._data._types import ImageRole
from .._support._resolutions import lines_of
from ..mapping import (
    FieldMapper,
    Span,
    n_images_field_mapper,
    passthrough_field_mapper,
    seed_field_mapper,
)

Mappers = Mapping[str, FieldMapper]

GRID = 16
"""Pixels; what the models' latent images are multiples of."""
DEFAULT_RATIO, DEFAULT_LINES = "16:9", "720p"
USUAL_SIDE = 1024
LARGEST_SEED = 2**63 - 1
MOST_OUTPUTS = 10
FRAMES: tuple[ImageRole, ...] = ("first_frame", "reference")


def _sides(ratio: str) -> tuple[int, int]:
    width, _, height = ratio.partition(":")
    return int(width), int(height)


def video_size(request: Any) -> tuple[int, int] | None:
    """Return the pixels of a ratio and a resolution: its lines are the shorter side. Pure."""
    if request.aspect_ratio is None and request.resolution is None:
        return None

    sides = _sides(request.aspect_ratio or DEFAULT_RATIO)
    shorter = int(lines_of(request.resolution or DEFAULT_LINES) or 0)
    is_square = sides[0] == sides[1]
    longer = shorter if is_square else round(shorter * max(sides) / min(sides) / GRID) * GRID
    return (longer, shorter) if sides[0] >= sides[1] else (shorter, longer)


def image_size(request: Any) -> str | None:
    """Return the size of an image: as it was asked for, or a ratio of a usual area. Pure."""
    if request.size is not None or request.aspect_ratio is None:
        size: str | None = request.size
        return size

    width, height = _sides(request.aspect_ratio)
    scale = USUAL_SIDE / (width * height) ** 0.5
    return "x".join(str(max(1, round(side * scale / GRID)) * GRID) for side in (width, height))


def _written(request: Any, _value: Any) -> str | None:
    size = video_size(request)
    return None if size is None else f"{size[0]}x{size[1]}"


def whole_seconds(convert: Callable[[float], Any]) -> FieldMapper:
    """Return a mapper of a duration: the wire has whole seconds only."""
    return FieldMapper(
        "duration_seconds",
        lambda _request, value: None if value is None else convert(value),
        allowed=Span(1, None, 1),
    )


def one_image(*roles: ImageRole) -> FieldMapper:
    """Return a mapper of the first image of these roles."""

    def convert(_request: object, images: Any) -> Any:
        fitting = [image["image"] for image in images if image.get("type") in roles]
        return fitting[0] if fitting else None

    return FieldMapper("image_list", convert, roles=roles, most=1)


def all_images(*roles: ImageRole) -> FieldMapper:
    """Return a mapper of all images of these roles."""

    def convert(_request: object, images: Any) -> list[Any] | None:
        return [image["image"] for image in images if image.get("type") in roles] or None

    return FieldMapper("image_list", convert, roles=roles)


COMMON: Mappers = {
    "prompt": passthrough_field_mapper("prompt", required=True),
    "negative_prompt": passthrough_field_mapper("negative_prompt"),
    "seed": seed_field_mapper(high=LARGEST_SEED),
}
SIZE: Mappers = {"size": FieldMapper("aspect_ratio", _written, also=("resolution",))}
VIDEO: Mappers = {
    **COMMON,
    **SIZE,
    "seconds": whole_seconds(lambda value: str(int(value))),
    "input_reference": one_image(*FRAMES),
}


IMAGE: Mappers = {
    **COMMON,
    "n": n_images_field_mapper(max_value=MOST_OUTPUTS),
    "size": FieldMapper("size", lambda request, _size: image_size(request), also=("aspect_ratio",)),
    "image": all_images("reference", "asset"),
}
EDITED: Mappers = {
    **IMAGE,
    "mask": passthrough_field_mapper("mask_image"),
    "quality": passthrough_field_mapper("quality"),
    "style": passthrough_field_mapper("style"),
}
