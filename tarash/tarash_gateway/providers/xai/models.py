"""xAI: what the Grok Imagine models take, declared by hand.

xAI publishes no schema: its SDK's types name the values, its documentation the limits of each model
(recorded 2026-11-20). What a source video or references exclude stands here as data, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._data._types import ImageRole
from ...catalog import Lifecycle, ends
from ...exceptions import ValidationError
from ...mapping import (
    FieldMapper,
    aspect_ratio_field_mapper,
    choice_field_mapper,
    duration_field_mapper,
    n_images_field_mapper,
    passthrough_field_mapper,
    quality_field_mapper,
)
from ...media import to_wire

Mappers = Mapping[str, FieldMapper]

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
IMAGE_RATIOS = (*RATIOS, "1:2", "2:1", "20:9", "9:20", "19.5:9", "9:19.5", "auto")
MOST_REFERENCES = 7
STORED_FILE = "xai://"
"""Stands before the id of a file in xAI's store."""
TWO_MEGAPIXELS = 2_000_000
"""Between `1k` (about one megapixel) and `2k` (about four), in proportion."""


def _duration(longest: int) -> FieldMapper:
    return duration_field_mapper("int", range(1, longest + 1), provider="xai")


def _link(media: Any) -> dict[str, str]:
    text = to_wire(media, "xai")
    stored = text.removeprefix(STORED_FILE)
    return {"url": text} if stored == text else {"file_id": stored}


def _frame(role: ImageRole) -> FieldMapper:
    def convert(_request: object, images: Any) -> dict[str, str] | None:
        found = [image["image"] for image in images if image.get("type") == role]
        return _link(found[0]) if found else None

    return FieldMapper("image_list", convert, roles=(role,), most=1)


def _references(most: int) -> FieldMapper:
    def convert(_request: object, images: Any) -> list[dict[str, str]] | None:
        found = [image["image"] for image in images if image.get("type") in {"reference", "asset"}]
        return [_link(media) for media in found] or None

    return FieldMapper("image_list", convert, roles=("reference", "asset"), most=most)


def _video(*, required: bool = False) -> FieldMapper:
    def convert(request: Any, media: Any) -> dict[str, str] | None:
        source = request.continue_from
        if source is None:
            return _link(media) if media else None

        if source.url is None:
            raise ValidationError(
                "xAI goes on from a result by its address, and this one has none; wait for the job "
                "first, or give the video as video=",
                field="continue_from",
            )

        return {"url": source.url}

    return FieldMapper("video", convert, required, also=("continue_from",))


def _sources(most: int) -> dict[str, FieldMapper]:
    """One image to edit has a parameter of its own, several have another."""

    def items(images: Any) -> list[dict[str, str]]:
        links = [_link(image["image"]) for image in images or ()]
        return [{**link, "type": "image_url"} if "url" in link else link for link in links]

    def one(_request: object, images: Any) -> dict[str, str] | None:
        found = items(images)
        return found[0] if len(found) == 1 else None

    def several(_request: object, images: Any) -> list[dict[str, str]] | None:
        found = items(images)
        return found if len(found) > 1 else None

    roles: tuple[ImageRole, ...] = ("reference", "asset", "style")
    return {
        # Together they take `most` images.
        "image": FieldMapper("image_list", one, roles=roles, most=1),
        "images": FieldMapper("image_list", several, roles=roles, most=most - 1),
    }


def _megapixels(_request: object, size: str | None) -> str | None:
    if size is None:
        return None

    width, height = (int(side) for side in size.split("x"))
    return "2k" if width * height > TWO_MEGAPIXELS else "1k"


PROMPT: Mappers = {"prompt": passthrough_field_mapper("prompt", required=True)}
SHORT = _duration(10)
SMALL = choice_field_mapper("resolution", ("480p", "720p"))
AUDIO: Mappers = {"generate_audio": passthrough_field_mapper("generate_audio")}
LITE: Mappers = {
    **PROMPT,
    "image": _frame("first_frame"),
    "duration": _duration(15),
    "aspect_ratio": choice_field_mapper("aspect_ratio", RATIOS),
    "resolution": choice_field_mapper("resolution", ("480p", "720p", "1080p")),
}
FIRST: Mappers = {
    **LITE,
    "resolution": SMALL,
    "reference_images": _references(MOST_REFERENCES),
    "video": _video(),
}
SECOND: Mappers = {
    **LITE,
    "last_frame": _frame("last_frame"),
    "reference_images": _references(MOST_REFERENCES),
    **AUDIO,
}
EXTEND: Mappers = {**PROMPT, "video": _video(required=True), "duration": SHORT}

EDIT_TAKES = frozenset({"prompt", "video"})
"""An edit keeps duration, shape and size of its source video."""
WITH_REFERENCES: Mappers = {"duration": SHORT, "resolution": SMALL}
"""What references put limits to."""
EITHER_FRAME_OR_REFERENCES = frozenset({"grok-imagine-video"})

IMAGE: Mappers = {
    **PROMPT,
    **_sources(3),
    "n": n_images_field_mapper(),
    "aspect_ratio": aspect_ratio_field_mapper(IMAGE_RATIOS),
    "resolution": FieldMapper("size", _megapixels),
}
IMAGE_2: Mappers = {
    **IMAGE,
    **_sources(5),
    "aspect_ratio": aspect_ratio_field_mapper((*IMAGE_RATIOS, "21:9", "5:2")),
    "quality": quality_field_mapper(("low", "medium")),
}

MODELS: Mapping[str, Mappers] = {
    "grok-imagine-video": FIRST,
    "grok-imagine-video/extend": EXTEND,
    "grok-imagine-video-1.5": SECOND,
    "grok-imagine-video-1.5-lite": LITE,
    "grok-imagine-image": IMAGE,
    "grok-imagine-image-2.0": IMAGE_2,
    "grok-imagine-image-pro": IMAGE_2,
    "grok-imagine-image-quality": IMAGE_2,
}

_SECOND_TAKES = {"last_frame": "grok-imagine-video-1.5", "reference": "grok-imagine-video-1.5"}
SIBLINGS: Mapping[str, Mapping[str, str]] = {
    "grok-imagine-video": _SECOND_TAKES,
    "grok-imagine-video-1.5": {"video": "grok-imagine-video"},
    "grok-imagine-video-1.5-lite": {**_SECOND_TAKES, "video": "grok-imagine-video"},
    "grok-imagine-video/extend": {"text": "grok-imagine-video"},
}

VIDEO_FALLBACK: Mappers = {**SECOND, "video": _video()}
IMAGE_FALLBACK: Mappers = IMAGE_2

REDIRECT = "https://docs.x.ai/developers/migration/imagine-image-quality-nov-2"
ENDS: Mapping[str, Lifecycle] = {
    "grok-2-image*": ends(None, "grok-imagine-image-2.0", "absent from xai-sdk since 1.8"),
    "grok-imagine-image-pro": ends("2026-05-15", "grok-imagine-image-2.0", REDIRECT),
    "grok-imagine-image-quality": ends("2026-11-02", "grok-imagine-image-2.0", REDIRECT),
}
