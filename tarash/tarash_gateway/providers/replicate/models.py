"""Replicate: parameters of the well-known official models, by id or prefix.

From the models' API pages as of September 2026. Durations are whole numbers almost everywhere, and
the names of image inputs differ from model to model, so a model that is not here gets no images:
Replicate would ignore a wrongly named one and bill the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._data._types import ImageRole, Kind
from ...catalog import Lifecycle, ends
from ...mapping import (
    Apart,
    Beside,
    FieldMapper,
    Joint,
    Rule,
    choice_field_mapper,
    count_field_mapper,
    duration_field_mapper,
    image_list_field_mapper,
    passthrough_field_mapper,
    single_image_field_mapper,
    video_url_field_mapper,
)
from ...media import to_wire

Mappers = Mapping[str, FieldMapper]

WAN_FRAMES_PER_SECOND = 16
WAN_SIZES = {
    ("16:9", "720p"): "1280*720",
    ("9:16", "720p"): "720*1280",
    ("16:9", "1080p"): "1920*1080",
    ("9:16", "1080p"): "1080*1920",
}
SORA_SHAPES = {"16:9": "landscape", "9:16": "portrait"}
LANDSCAPE_OR_PORTRAIT = ("16:9", "9:16")
FLUX_RATIOS = ("1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3")
# FLUX 1.1 [pro] takes 256 to 1440 pixels a side in steps of 32; these are the largest on that grid.
FLUX_SIZES = (
    *("512x512", "1024x1024", "1440x1440"),
    *("1024x576", "1440x960", "1280x960", "1280x1024"),
    *("576x1024", "960x1440", "960x1280", "1024x1280"),
)

IMAGE_MODELS = (
    *("black-forest-labs/", "bytedance/seedream", "google/nano-banana", "google/imagen"),
    *("minimax/image", "luma/photon"),
)
"""Everything else that is described here makes videos."""


def _image(role: ImageRole, *, required: bool = False) -> FieldMapper:
    return single_image_field_mapper(required, role, provider="replicate")


def _images(*roles: ImageRole, most: int | None = None) -> FieldMapper:
    """Send images of these roles as a list."""

    def convert(_request: object, images: Sequence[Any] | None) -> list[str] | None:
        mine = [image for image in images or () if image.get("type", "reference") in roles]
        return [to_wire(image["image"], "replicate") for image in mine] or None

    return FieldMapper("image_list", convert, roles=roles, most=most)


def _seconds(*allowed: int) -> FieldMapper:
    return duration_field_mapper("int", allowed, provider="replicate")


def _span(first: int, last: int) -> FieldMapper:
    return _seconds(*range(first, last + 1))


def _nothing(_request: object, _value: object) -> None:
    """Send nothing: the mapper only says what a field may be; another one sends it."""


def _wan_size(request: Any, ratio: str | None) -> str | None:
    resolution = getattr(request, "resolution", None)
    if ratio is None and resolution is None:
        return None

    return WAN_SIZES[ratio or "16:9", resolution or "720p"]


def _side(index: int) -> FieldMapper:
    def convert(_request: object, size: str | None) -> int | None:
        return None if size is None else int(size.split("x")[index])

    return FieldMapper("size", convert)


def _ratio_or_custom(request: Any, ratio: str | None) -> str | None:
    return "custom" if getattr(request, "size", None) is not None else ratio


def _wan_frames(_request: object, seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * WAN_FRAMES_PER_SECOND) + 1


def _sora_shape(_request: object, ratio: str | None) -> str | None:
    return None if ratio is None else SORA_SHAPES[ratio]


PROMPT = {"prompt": passthrough_field_mapper("prompt", required=True)}
SEED = {"seed": passthrough_field_mapper("seed")}
NEGATIVE = {"negative_prompt": passthrough_field_mapper("negative_prompt")}
AUDIO = {"generate_audio": passthrough_field_mapper("generate_audio")}
RATIO = {"aspect_ratio": passthrough_field_mapper("aspect_ratio")}
WIDE_OR_TALL = {"aspect_ratio": choice_field_mapper("aspect_ratio", LANDSCAPE_OR_PORTRAIT)}
OPTIMIZER = {"prompt_optimizer": passthrough_field_mapper("enhance_prompt")}


def _resolution(*allowed: str) -> Mappers:
    return {"resolution": choice_field_mapper("resolution", allowed)}


SEEDANCE_1 = {
    **PROMPT,
    "image": _image("first_frame"),
    "last_frame_image": _image("last_frame"),
    "duration": _span(2, 12),
    **_resolution("480p", "720p", "1080p"),
    **RATIO,
    **SEED,
}
SEEDANCE_2 = {
    **PROMPT,
    "image": _image("first_frame"),
    "last_frame_image": _image("last_frame"),
    "reference_images": _images("reference", "asset", most=9),
    "reference_videos": FieldMapper(
        "video", lambda _request, video: None if video is None else [to_wire(video, "replicate")]
    ),
    "duration": _span(1, 15),
    **_resolution("480p", "720p", "1080p"),
    **RATIO,
    **AUDIO,
    **SEED,
}
WAN_2_2 = {
    **PROMPT,
    "num_frames": FieldMapper("duration_seconds", _wan_frames, allowed=(5, 6)),
    **_resolution("480p", "720p"),
    **SEED,
}
WAN_2_5 = {
    **PROMPT,
    "duration": _seconds(5, 10),
    **NEGATIVE,
    "enable_prompt_expansion": passthrough_field_mapper("enhance_prompt"),
    **SEED,
}
VEO_3 = {
    **PROMPT,
    "image": _image("first_frame"),
    "duration": _seconds(4, 6, 8),
    **_resolution("720p", "1080p"),
    **WIDE_OR_TALL,
    **AUDIO,
    **NEGATIVE,
    **SEED,
}
KLING = {
    **PROMPT,
    "start_image": _image("first_frame"),
    "end_image": _image("last_frame"),
    "duration": _seconds(5, 10),
    "aspect_ratio": choice_field_mapper("aspect_ratio", ("16:9", "9:16", "1:1")),
    **NEGATIVE,
}
HAILUO = {
    **PROMPT,
    "first_frame_image": _image("first_frame"),
    "last_frame_image": _image("last_frame"),
    "duration": _seconds(6, 10),
    **OPTIMIZER,
}
LUMA_RAY = {
    **PROMPT,
    "start_image": _image("first_frame"),
    "end_image": _image("last_frame"),
    "duration": _seconds(5, 9),
    **RATIO,
}
SORA = {
    **PROMPT,
    "input_reference": _image("first_frame"),
    "seconds": _seconds(4, 8, 12),
    "aspect_ratio": FieldMapper("aspect_ratio", _sora_shape, allowed=LANDSCAPE_OR_PORTRAIT),
}
FLUX = {
    **PROMPT,
    "aspect_ratio": choice_field_mapper("aspect_ratio", (*FLUX_RATIOS, "21:9", "9:21")),
    "num_outputs": count_field_mapper("n", 1, 4),
    **SEED,
}
FLUX_PRO = {
    **PROMPT,
    "image_prompt": _image("reference"),
    "aspect_ratio": FieldMapper(
        "aspect_ratio", _ratio_or_custom, allowed=FLUX_RATIOS, also=("size",)
    ),
    "width": FieldMapper("size", _side(0).converter, allowed=FLUX_SIZES),
    "height": FieldMapper("size", _side(1).converter, allowed=FLUX_SIZES),
    **SEED,
}
KONTEXT = {**PROMPT, "input_image": _image("reference"), **RATIO, **SEED}
IMAGE_INPUTS = {**PROMPT, "image_input": image_list_field_mapper(provider="replicate"), **RATIO}

# What models agree on: words and numbers. Not images, whose parameter has a dozen names.
VIDEO_FALLBACK: Mappers = {**PROMPT, **RATIO, **NEGATIVE, **SEED}
IMAGE_FALLBACK: Mappers = VIDEO_FALLBACK

# As their schemas have it in words, and https://platform.minimax.io/docs of Hailuo's 1080p.
NOT_ALONE = Beside(("last_frame",), ("first_frame", "image", "start_image", "first_frame_image"))
FRAMES_OR_REFERENCES = Apart(("reference", "asset"), ("first_frame", "last_frame"))
RULES: Mapping[str, tuple[Rule, ...]] = {
    "bytedance/seedance-1": (NOT_ALONE,),
    "bytedance/seedance-2": (FRAMES_OR_REFERENCES, NOT_ALONE),
    "google/veo-3.1": (FRAMES_OR_REFERENCES, NOT_ALONE),
    "kwaivgi/kling": (NOT_ALONE,),
    "minimax/hailuo": (NOT_ALONE,),
}
JOINTS: Mapping[str, tuple[Joint, ...]] = {
    # With an image, its proportions are the video's.
    "bytedance/seedance-1-pro": (
        Joint("image_list", ("first_frame", "last_frame"), "aspect_ratio", ()),
    ),
    "google/veo-3.1": (
        Joint("image_list", ("reference", "asset"), "duration_seconds", (8,)),
        Joint("image_list", ("reference", "asset"), "aspect_ratio", ("16:9",)),
    ),
    "minimax/hailuo-0": (Joint("resolution", ("1080p",), "duration_seconds", (6,)),),
    "minimax/hailuo-2": (Joint("resolution", ("1080p",), "duration_seconds", (6,)),),
}

# https://developer.ideogram.ai/ideogram-api/masked-edits, and OpenAI's own; by prefix of the id.
MASKS: Mapping[str, str] = {"ideogram-ai/": "black", "openai/gpt-image": "transparent"}
IDS: Mapping[Kind, tuple[str, ...]] = {
    "video": (
        *("bytedance/seedance-1-pro", "bytedance/seedance-1.5-pro"),
        *("bytedance/seedance-2.0", "bytedance/seedance-2.0-fast"),
        *("google/veo-3", "google/veo-3-fast"),
        *("google/veo-3.1", "google/veo-3.1-fast", "google/veo-3.1-lite"),
        *("kwaivgi/kling-v2.5-turbo-pro", "kwaivgi/kling-v2.6"),
        *("kwaivgi/kling-v2.6-motion-control", "kwaivgi/kling-v3-video"),
        "kwaivgi/kling-v3-omni-video",
        *("luma/ray-2-540p", "luma/ray-2-720p", "luma/ray-flash-2-540p", "luma/ray-flash-2-720p"),
        *("minimax/hailuo-02", "minimax/hailuo-2.3", "minimax/hailuo-2.3-fast"),
        *("minimax/video-01", "minimax/video-01-live"),
        *("openai/sora-2", "openai/sora-2-pro", "runwayml/gen-4.5"),
        *("wan-video/wan-2.2-i2v-fast", "wan-video/wan-2.2-t2v-fast"),
        *("wan-video/wan-2.5-i2v", "wan-video/wan-2.5-i2v-fast"),
        *("wan-video/wan-2.5-t2v", "wan-video/wan-2.5-t2v-fast"),
    ),
    "image": (
        *("black-forest-labs/flux-1.1-pro", "black-forest-labs/flux-1.1-pro-ultra"),
        *("black-forest-labs/flux-dev", "black-forest-labs/flux-schnell"),
        *("black-forest-labs/flux-kontext-max", "black-forest-labs/flux-kontext-pro"),
        *("bytedance/seedream-4", "google/nano-banana", "google/nano-banana-pro"),
    ),
}
"""The models whose parameters are declared here; of any other Replicate is asked."""

MODELS: Mapping[str, Mappers] = {
    "bytedance/seedance-1": SEEDANCE_1,
    "bytedance/seedance-1.5": {**SEEDANCE_1, **AUDIO},
    "bytedance/seedance-2": SEEDANCE_2,
    "wan-video/": VIDEO_FALLBACK,
    "wan-video/wan-2.2-t2v": {**WAN_2_2, **WIDE_OR_TALL},
    "wan-video/wan-2.2-i2v": {**WAN_2_2, "image": _image("first_frame", required=True)},
    "wan-video/wan-2.5-t2v": {
        **WAN_2_5,
        "size": FieldMapper(
            "aspect_ratio", _wan_size, allowed=LANDSCAPE_OR_PORTRAIT, also=("resolution",)
        ),
        "resolution": FieldMapper("resolution", _nothing, allowed=("720p", "1080p")),
    },
    "wan-video/wan-2.5-i2v": {
        **WAN_2_5,
        "image": _image("first_frame", required=True),
        **_resolution("480p", "720p", "1080p"),
    },
    "google/veo-3": VEO_3,
    "google/veo-3.1": {
        **VEO_3,
        "last_frame": _image("last_frame"),
        "reference_images": _images("reference", "asset", most=3),
    },
    "google/nano-banana": IMAGE_INPUTS,
    "kwaivgi/kling": KLING,
    "kwaivgi/kling-v2.6": {**KLING, **AUDIO},
    "kwaivgi/kling-v2.6-motion-control": {
        **PROMPT,
        "image": _image("reference", required=True),
        "video": video_url_field_mapper(required=True),
        "keep_original_sound": passthrough_field_mapper("generate_audio"),
    },
    "kwaivgi/kling-v3": {**KLING, "duration": _span(3, 15), **AUDIO},
    "minimax/": {**PROMPT, "first_frame_image": _image("first_frame"), **OPTIMIZER},
    "minimax/image": IMAGE_FALLBACK,
    "minimax/video-01": {
        **PROMPT,
        "first_frame_image": _image("first_frame"),
        "subject_reference": _image("reference"),
        **OPTIMIZER,
    },
    "minimax/hailuo-02": {**HAILUO, **_resolution("512p", "768p", "1080p")},
    "minimax/hailuo-2.3": {**HAILUO, **_resolution("768p", "1080p")},
    "minimax/hailuo-2.3-fast": {
        **HAILUO,
        "first_frame_image": _image("first_frame", required=True),
        **_resolution("768p", "1080p"),
    },
    "luma/ray": LUMA_RAY,
    "luma/ray-3": {
        **LUMA_RAY,
        "duration": duration_field_mapper("int", provider="replicate"),
        "resolution": passthrough_field_mapper("resolution"),
    },
    "luma/photon": IMAGE_FALLBACK,
    "runwayml/gen-4.5": {
        **PROMPT,
        "image": _image("first_frame"),
        "duration": _span(5, 10),
        **RATIO,
        **SEED,
    },
    "openai/sora-2": SORA,
    "openai/sora-2-pro": {
        **SORA,
        "resolution": FieldMapper(
            "resolution",
            lambda _request, lines: {"720p": "standard", "1080p": "high"}.get(lines),
            allowed=("720p", "1080p"),
        ),
    },
    "black-forest-labs/flux": IMAGE_FALLBACK,
    "black-forest-labs/flux-1.1-pro": FLUX_PRO,
    "black-forest-labs/flux-1.1-pro-ultra": {
        **IMAGE_FALLBACK,
        "image_prompt": _image("reference"),
    },
    "black-forest-labs/flux-dev": {**FLUX, "image": _image("reference")},
    "black-forest-labs/flux-schnell": FLUX,
    "black-forest-labs/flux-kontext": KONTEXT,
    "bytedance/seedream-4": {
        **IMAGE_INPUTS,
        "size": FieldMapper("size", lambda _request, size: None if size is None else "custom"),
        "width": _side(0),
        "height": _side(1),
    },
}

ENDS: Mapping[str, Lifecycle] = {
    "openai/sora-2*": ends("2026-09-24", None, "the end of OpenAI's own API, which serves it")
}
