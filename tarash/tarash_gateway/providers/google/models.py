"""Google: hand-declared parameters of Gemini Omni, Veo, the Gemini image models and Imagen.

The SDK's types hold no limits by model, so the allowed values are those of Google's documentation;
pixel sizes, and the limits of Veo 2 and 3.0, have not been tried against the service. A
parameter's name is the one on the wire; where it stands in the body is the adapter's business.
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
    passthrough_field_mapper,
    seed_field_mapper,
    single_image_field_mapper,
    video_url_field_mapper,
)
from ...media import to_wire

Mappers = Mapping[str, FieldMapper]

WIDE_AND_TALL = ("16:9", "9:16")
# https://ai.google.dev/gemini-api/docs/image-generation: pixels of each aspect ratio, at 1K.
FLASH_25_SIZES = {
    "1024x1024": "1:1",
    "832x1248": "2:3",
    "1248x832": "3:2",
    "864x1184": "3:4",
    "1184x864": "4:3",
    "896x1152": "4:5",
    "1152x896": "5:4",
    "768x1344": "9:16",
    "1344x768": "16:9",
    "1536x672": "21:9",
}
GEMINI_3_SIZES = {
    (1024, 1024): "1:1",
    (848, 1264): "2:3",
    (1264, 848): "3:2",
    (896, 1200): "3:4",
    (1200, 896): "4:3",
    (928, 1152): "4:5",
    (1152, 928): "5:4",
    (768, 1376): "9:16",
    (1376, 768): "16:9",
    (1584, 672): "21:9",
}
SCALES = {"1K": 1, "2K": 2, "4K": 4}
IMAGEN_SIZES = {
    "1024x1024": "1:1",
    "896x1280": "3:4",
    "1280x896": "4:3",
    "768x1408": "9:16",
    "1408x768": "16:9",
}

PROMPT = {"prompt": passthrough_field_mapper("prompt", required=True)}
SEED = {"seed": seed_field_mapper(-(2**31), 2**31 - 1)}
VEO_SEED = {"seed": seed_field_mapper()}


def _image(role: ImageRole) -> FieldMapper:
    return single_image_field_mapper(image_type=role, provider="google")


def _references(roles: Sequence[ImageRole], most: int | None = None) -> FieldMapper:
    def convert(_request: object, images: Sequence[Any] | None) -> list[str] | None:
        fitting = [image for image in images or () if image.get("type", "reference") in roles]
        return [to_wire(image["image"], "google") for image in fitting] or None

    return FieldMapper("image_list", convert, roles=tuple(roles), most=most)


def _typed_references(roles: Sequence[ImageRole]) -> FieldMapper:
    """Veo: at most three, each marked as an asset or a style."""

    def convert(_request: object, images: Sequence[Any] | None) -> list[dict[str, str]] | None:
        return [
            {
                "image": to_wire(image["image"], "google"),
                "type": "style" if image.get("type") == "style" else "asset",
            }
            for image in images or ()
            if image.get("type", "reference") in roles
        ] or None

    return FieldMapper("image_list", convert, roles=tuple(roles), most=3)


# ------------------------------------------------------------------------------------------- video
def _omni(longest: int, resolutions: Sequence[str], *, last_frame: bool) -> Mappers:
    """Gemini Omni: at most 10 images in a prompt, and sound in any case."""
    return {
        **PROMPT,
        "first_frame": _image("first_frame"),
        **({"last_frame": _image("last_frame")} if last_frame else {}),
        "references": _references(("reference", "asset", "style"), 10),
        "video": video_url_field_mapper(),
        "duration": duration_field_mapper("str", range(3, longest + 1), provider="google"),
        "aspect_ratio": choice_field_mapper("aspect_ratio", WIDE_AND_TALL),
        "resolution": choice_field_mapper("resolution", resolutions),
        **SEED,
    }


def _veo(
    *resolutions: str,
    durations: Sequence[int] = (4, 6, 8),
    media: Mappers | None = None,
    audio: bool = True,
) -> Mappers:
    return {
        **PROMPT,
        "image": _image("first_frame"),
        **(media or {}),
        "durationSeconds": duration_field_mapper("int", durations, provider="google"),
        "aspectRatio": choice_field_mapper("aspect_ratio", WIDE_AND_TALL),
        "resolution": choice_field_mapper("resolution", resolutions),
        "negativePrompt": passthrough_field_mapper("negative_prompt"),
        "sampleCount": count_field_mapper("number_of_videos", 1, 4),
        "enhancePrompt": passthrough_field_mapper("enhance_prompt"),
        **({"generateAudio": passthrough_field_mapper("generate_audio")} if audio else {}),
        **VEO_SEED,
    }


VEO_3 = _veo("720p", "1080p")
VEO_31 = _veo(
    *("720p", "1080p", "4k"),
    media={
        "lastFrame": _image("last_frame"),
        "referenceImages": _typed_references(("reference", "asset")),
        "video": video_url_field_mapper(),
    },
)
VEO_2 = _veo(
    "720p",
    durations=(5, 6, 7, 8),
    media={
        "lastFrame": _image("last_frame"),
        "referenceImages": _typed_references(("reference", "asset", "style")),
        "video": video_url_field_mapper(),
    },
    audio=False,
)


# ------------------------------------------------------------------------------------------ images
def _sized(sizes: Mapping[str, tuple[str, str | None]], ratios: Sequence[str]) -> Mappers:
    """Send a size as the aspect ratio and the image size that make it; a given ratio wins."""

    def ratio(request: Any, given: str | None) -> str | None:
        return given or sizes.get(request.size or "", (None, None))[0]

    def image_size(_request: object, size: str | None) -> str | None:
        return sizes.get(size or "", (None, None))[1]

    return {
        "aspectRatio": FieldMapper("aspect_ratio", ratio, allowed=tuple(ratios), also=("size",)),
        "imageSize": FieldMapper("size", image_size, allowed=tuple(sizes)),
    }


FLASH_25 = _sized(
    {size: (ratio, None) for size, ratio in FLASH_25_SIZES.items()}, tuple(FLASH_25_SIZES.values())
)
GEMINI_3 = _sized(
    {
        f"{width * scale}x{height * scale}": (ratio, name)
        for (width, height), ratio in GEMINI_3_SIZES.items()
        for name, scale in SCALES.items()
    },
    (*GEMINI_3_SIZES.values(), "1:4", "4:1", "1:8", "8:1"),
)
INPUTS = {"images": _references(("reference", "asset", "style"))}
GEMINI_IMAGE: Mappers = {**PROMPT, **INPUTS, **GEMINI_3, **SEED}
GEMINI_25_IMAGE: Mappers = {**PROMPT, **INPUTS, **FLASH_25, **SEED}
# No seed: Imagen refuses one unless `addWatermark` is false, which is the user's to say.
IMAGEN: Mappers = {
    **PROMPT,
    **_sized(
        {size: (ratio, None) for size, ratio in IMAGEN_SIZES.items()}, tuple(IMAGEN_SIZES.values())
    ),
    "negativePrompt": passthrough_field_mapper("negative_prompt"),
    "sampleCount": count_field_mapper("n", 1, 4),
}

MODELS: Mapping[str, Mappers] = {
    "gemini-omni-1.2-flash": _omni(15, ("360p", "720p", "1080p", "4k"), last_frame=True),
    "gemini-omni-1.1-flash": _omni(10, ("360p", "720p", "1080p"), last_frame=True),
    "gemini-omni-flash-preview": _omni(10, ("720p",), last_frame=False),
    "veo-3.1": VEO_31,
    "veo-3.0": VEO_3,
    "veo-3-0": VEO_3,
    "veo-2.0": VEO_2,
    "gemini-nano-banana-2.1": GEMINI_IMAGE,
    "gemini-3": GEMINI_IMAGE,
    "nano-banana-pro": GEMINI_IMAGE,
    "gemini-2.5-flash-image": GEMINI_25_IMAGE,
    "gemini-2.0-flash-preview-image-generation": {**PROMPT, **INPUTS, **SEED},
    "imagen-": IMAGEN,
}

# https://ai.google.dev/gemini-api/docs/video: more than a plain video is made in eight seconds.
EIGHT = ("duration_seconds", (8,))
JOINTS: Mapping[str, tuple[Joint, ...]] = {
    "veo-3.1": (
        Joint("resolution", ("1080p", "4k"), *EIGHT),
        Joint("image_list", ("reference", "asset"), *EIGHT),
        # An extension is 720p, whatever it extends.
        Joint("video", (True,), "resolution", ("720p",)),
        Joint("video", (True,), *EIGHT),
    ),
    **dict.fromkeys(("veo-3.0", "veo-3-0"), (Joint("resolution", ("1080p",), *EIGHT),)),
    "veo-2.0": (Joint("image_list", ("reference", "asset", "style"), *EIGHT),),
}

# The same page: references make a video of their own, and so does one that goes on.
VEO_RULES: tuple[Rule, ...] = (
    Apart(("reference", "asset", "style"), ("first_frame", "last_frame")),
    Apart(("video",), ("first_frame", "last_frame", "reference", "asset", "style")),
    Beside(("last_frame",), ("first_frame",)),
)
RULES: Mapping[str, tuple[Rule, ...]] = {"veo-3.1": VEO_RULES, "veo-2.0": VEO_RULES}

IDS: Mapping[Kind, tuple[str, ...]] = {
    "video": (
        *("gemini-omni-1.1-flash", "gemini-omni-1.2-flash", "gemini-omni-flash-preview"),
        *("veo-2.0-generate-001", "veo-3.0-generate-001", "veo-3.0-fast-generate-001"),
        *("veo-3.0-generate-preview", "veo-3.0-fast-generate-preview"),
        *("veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001"),
        *("veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"),
        "veo-3.1-lite-generate-preview",
    ),
    "image": (
        *("gemini-2.0-flash-preview-image-generation", "gemini-2.5-flash-image"),
        *("gemini-3-pro-image", "gemini-3.1-flash-image"),
        *("gemini-3.1-flash-lite-image", "gemini-nano-banana-2.1", "nano-banana-pro-preview"),
        *("imagen-3.0-generate-002", "imagen-4.0-generate-001"),
        *("imagen-4.0-fast-generate-001", "imagen-4.0-ultra-generate-001"),
    ),
}
"""From the types of google-genai 3.4 and from Google's lists of models and of their ends."""

# Where a model lacks a place for an image, a video or a mask: one that has it.
VEO_WITH_ALL = dict.fromkeys(("last_frame", "reference", "asset", "video"), "veo-3.1-generate-001")
SIBLINGS: Mapping[str, Mapping[str, str]] = {
    "gemini-omni-flash-preview": {"last_frame": "gemini-omni-1.2-flash"},
    "veo-3.0": VEO_WITH_ALL,
    "veo-3-0": VEO_WITH_ALL,
    "imagen-": dict.fromkeys(("reference", "asset", "style"), "gemini-3.1-flash-image"),
}

# What all video models of today's API agree on, and all image models.
VIDEO_FALLBACK: Mappers = {
    **PROMPT,
    "first_frame": _image("first_frame"),
    "last_frame": _image("last_frame"),
    "references": _references(("reference", "asset", "style")),
    "video": video_url_field_mapper(),
    "duration": duration_field_mapper("str", provider="google"),
    "aspect_ratio": passthrough_field_mapper("aspect_ratio"),
    "resolution": passthrough_field_mapper("resolution"),
    **SEED,
}
IMAGE_FALLBACK: Mappers = {
    **PROMPT,
    **INPUTS,
    "aspectRatio": passthrough_field_mapper("aspect_ratio"),
    **SEED,
}

GEMINI = "deprecations and changelog of ai.google.dev"
SECOND_HAND = "reports by others of ai.google.dev"
VERTEX = "reports by others of Vertex AI's model lifecycle"
OMNI = "gemini-omni-1.2-flash"
NANO_BANANA = "gemini-3.1-flash-image"
NOT_FOUND = "reports by others that it is not found"
ENDS: Mapping[str, Lifecycle] = {
    "gemini-2.0-flash-exp-image-generation": ends(None, NANO_BANANA, NOT_FOUND),
    "gemini-2.0-flash-preview-image-generation": ends(None, NANO_BANANA, NOT_FOUND),
    "gemini-2.5-flash-image": ends("2026-10-02", NANO_BANANA, SECOND_HAND),
    "gemini-2.5-flash-image-preview": ends("2026-01-15", NANO_BANANA, SECOND_HAND),
    "gemini-3-pro-image-preview": ends("2026-06-25", "gemini-3-pro-image", SECOND_HAND),
    "gemini-3.1-flash-image-preview": ends("2026-06-25", NANO_BANANA, SECOND_HAND),
    "gemini-omni-1.1-flash": ends("2026-12-03", OMNI, SECOND_HAND),
    "gemini-omni-flash-preview": ends("2026-09-30", OMNI, SECOND_HAND),
    "imagegeneration@*": ends("2026-06-30", NANO_BANANA, VERTEX),
    "imagen-3.0-*": ends("2026-06-30", NANO_BANANA, VERTEX),
    "imagen-3.0-generate-002": ends("2025-11-10", NANO_BANANA, SECOND_HAND),
    "imagen-4.0-*": ends("2026-08-17", NANO_BANANA, GEMINI),
    "imagetext@*": ends("2026-06-30", NANO_BANANA, VERTEX),
    "veo-2.0-*": ends("2026-06-30", OMNI, GEMINI),
    "veo-3-0-*": ends("2026-06-30", OMNI, GEMINI),
    "veo-3.0-*": ends("2026-06-30", OMNI, GEMINI),
    "veo-3.1-fast-generate-001": ends("2026-11-17", OMNI, VERTEX),
    "veo-3.1-fast-generate-preview": ends("2026-10-22", OMNI, GEMINI),
    "veo-3.1-generate-001": ends("2026-11-17", OMNI, VERTEX),
    "veo-3.1-generate-preview": ends("2026-10-22", OMNI, GEMINI),
    "veo-3.1-lite-generate-preview": ends("2026-10-22", OMNI, GEMINI),
}
"""On the Gemini API; Vertex AI keeps some of them longer. Google names a successor for Veo 3.1
only; the others are today's models for the same work."""
