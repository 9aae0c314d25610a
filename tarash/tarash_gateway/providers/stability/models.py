"""Stability AI: parameters of its v2beta image endpoints, declared by hand.

A model is a model of `generate/*`, or an endpoint below `stable-image/` by its path, such as
`edit/inpaint`. The API lists neither models nor schemas; its form fields stand here, from its
reference (recorded 2026-11-20). Media are the parts of a form, so they stay bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._data._types import ImageRole, Kind, MediaType
from ...catalog import Lifecycle, ends
from ...mapping import (
    FieldMapper,
    aspect_ratio_field_mapper,
    extra_params_field_mapper,
    passthrough_field_mapper,
    seed_field_mapper,
    style_field_mapper,
)

Mappers = Mapping[str, FieldMapper]

RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
STYLES = (
    *("3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance"),
    *("fantasy-art", "isometric", "line-art", "low-poly", "modeling-compound", "neon-punk"),
    *("origami", "photographic", "pixel-art", "tile-texture"),
)


def _image(*roles: ImageRole, required: bool = False) -> FieldMapper:
    def convert(_request: object, images: Any) -> MediaType | None:
        fitting = [image["image"] for image in images if image.get("type") in roles]
        return fitting[0] if fitting else None

    return FieldMapper("image_list", convert, required, roles=roles, most=1)


PROMPT: Mappers = {"prompt": passthrough_field_mapper("prompt", required=True)}
NEGATIVE: Mappers = {"negative_prompt": passthrough_field_mapper("negative_prompt")}
SEED: Mappers = {"seed": seed_field_mapper(high=2**32 - 2)}
STYLE: Mappers = {"style_preset": style_field_mapper(STYLES)}
RATIO: Mappers = {"aspect_ratio": aspect_ratio_field_mapper(RATIOS)}
SOURCE: Mappers = {"image": _image("reference", required=True)}
MASK: Mappers = {"mask": passthrough_field_mapper("mask_image")}

CORE: Mappers = {**PROMPT, **NEGATIVE, **RATIO, **SEED, **STYLE}
ULTRA: Mappers = {**CORE, "image": _image("reference")}
SD3_TURBO: Mappers = {**PROMPT, "image": _image("reference"), **RATIO, **SEED, **STYLE}
SD3: Mappers = {**SD3_TURBO, **NEGATIVE}
EDIT: Mappers = {**SOURCE, **PROMPT, **NEGATIVE, **SEED, **STYLE}

MODELS: Mapping[str, Mappers] = {
    "sd3": SD3,
    # The distilled models work without guidance, so a negative prompt does nothing.
    **{f"sd3{version}-large-turbo": SD3_TURBO for version in ("", ".5")},
    "sd3.5-flash": SD3_TURBO,
    **{f"sd3{version}-{size}": SD3 for version in ("", ".5") for size in ("large", "medium")},
    "stable-image-ultra": ULTRA,
    "stable-image-core": CORE,
    "edit/inpaint": {**EDIT, **MASK},
    "edit/erase": {**SOURCE, **MASK, **SEED},
    "edit/outpaint": EDIT,
    "edit/search-and-replace": {
        **EDIT,
        "search_prompt": extra_params_field_mapper("search_prompt", required=True),
    },
    "edit/search-and-recolor": {
        **EDIT,
        "select_prompt": extra_params_field_mapper("select_prompt", required=True),
    },
    "control/sketch": EDIT,
    "control/structure": EDIT,
    "control/style": {**EDIT, **RATIO, "image": _image("style", "reference", required=True)},
    "upscale/conservative": {**SOURCE, **PROMPT, **NEGATIVE, **SEED},
    "upscale/creative": EDIT,
}

IDS: Mapping[Kind, tuple[str, ...]] = {"image": tuple(model for model in MODELS if model != "sd3")}
"""All but the endpoint that the models of one family share."""

SD3_FROM_IMAGE_LACKS = "aspect_ratio"
"""An image keeps its own proportions with the SD3 models."""

_MASKED = {"mask_image": "edit/inpaint", "style": "control/style"}
SIBLINGS: Mapping[str, Mapping[str, str]] = {
    **{model: _MASKED for model in MODELS if model.startswith("sd3")},
    "stable-image-ultra": _MASKED,
    "stable-image-core": {**_MASKED, "reference": "stable-image-ultra"},
    "edit/inpaint": {"text": "stable-image-core"},
    "edit/erase": {"text": "stable-image-core"},
}

# What all endpoints agree on.
IMAGE_FALLBACK: Mappers = {**SD3, **MASK}
VIDEO_FALLBACK: Mappers = PROMPT

REROUTED = "Stability's documentation (rerouted since then)"
ENDS: Mapping[str, Lifecycle] = {
    "sd3-large": ends("2025-04-17", "sd3.5-large", REROUTED),
    "sd3-large-turbo": ends("2025-04-17", "sd3.5-large-turbo", REROUTED),
    "sd3-medium": ends("2025-04-17", "sd3.5-medium", REROUTED),
}
