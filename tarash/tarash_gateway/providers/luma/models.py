"""Luma: the models of the Dream Machine API (ray-2, photon) and of the Agents API (ray-3, uni-1).

From lumaai 1.21's types and the Agents API's documentation. A parameter called `video.<name>` goes
into the object `video`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..._data._types import ImageRole, Kind
from ..._support._mime import type_by_name
from ...exceptions import ValidationError
from ...mapping import (
    Apart,
    FieldMapper,
    Joint,
    Rule,
    choice_field_mapper,
    duration_field_mapper,
    own,
    passthrough_field_mapper,
    style_field_mapper,
)
from ...media import to_wire
from ...media._forms import DATA_URI

Mappers = Mapping[str, FieldMapper]

DREAM_MACHINE_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21")
RAY_3_RATIOS = ("9:16", "3:4", "1:1", "4:3", "16:9", "21:9")
UNI_RATIOS = (
    *("3:1", "2:1", "21:9", "16:9", "4:3", "3:2"),
    *("1:1", "3:4", "2:3", "9:16", "1:2", "1:3"),
)
FRAME_ROLES: tuple[ImageRole, ...] = ("first_frame", "last_frame")
PLANNED = re.compile(r"<(?P<type>[\w.+-]+/[\w.+-]+), \d+ bytes>")
"""What stands for bytes in a plan."""
LONG_SECONDS = 10
FRAMES_PER_SECOND = 24
"""The grid on which keyframes are numbered."""


def _reference(image: Mapping[str, Any]) -> dict[str, str]:
    return _inline(to_wire(image["image"], "luma"))


def _inline(text: str) -> dict[str, str]:
    """Return media by URL, or as the Agents API takes them inline."""
    found = DATA_URI.match(text)
    if found is not None:
        return {"data": text[found.end() :], "media_type": found["type"]}

    planned = PLANNED.fullmatch(text)
    return {"url": text} if planned is None else {"data": text, "media_type": planned["type"]}


def _frames(images: Sequence[Mapping[str, Any]] | None) -> dict[str, dict[str, str]]:
    """Return the first and the last frame, by role; `fit` lets at most one of each through."""
    found = {image.get("type"): image for image in images or ()}
    return {role: _reference(found[role]) for role in FRAME_ROLES if role in found}


def _keyframes(request: Any, images: Sequence[Any] | None) -> dict[str, Any] | None:
    names: dict[str, str] = dict(zip(FRAME_ROLES, ("frame0", "frame1"), strict=True))
    frames = _frames(images)
    source = request.continue_from
    if source is not None and "first_frame" in frames:
        raise ValidationError(
            "a video that goes on from another begins with its end; leave the first_frame out, or "
            "continue_from",
            field="continue_from",
        )

    start = {} if source is None else {"frame0": {"type": "generation", "id": source.id}}
    images_by_name = {names[role]: {"type": "image", **one} for role, one in frames.items()}
    return {**start, **images_by_name} or None


def _video_frames(request: Any, images: Sequence[Any] | None) -> dict[str, Any] | None:
    """Return the frames as ray-3 takes them: by place; by number for ten seconds, and for HDR.

    Raises:
        ValidationError: The last frame's number depends on a duration that nobody gave.
    """
    frames = _frames(images)
    seconds = _seconds(request)
    if frames and (seconds == LONG_SECONDS or own(request, "video.hdr")):
        if "last_frame" in frames and seconds is None:
            raise ValidationError(
                "with HDR, ray-3 takes a last_frame by its number; say duration_seconds, 5 or 10"
            )

        last = int((seconds or 0) * FRAMES_PER_SECOND)
        places: dict[str, int] = dict(zip(FRAME_ROLES, (0, last), strict=True))
        return {
            "keyframes": list(frames.values()),
            "keyframe_indexes": [places[role] for role in frames],
        }

    names: dict[str, str] = dict(zip(FRAME_ROLES, ("start_frame", "end_frame"), strict=True))
    return {names[role]: image for role, image in frames.items()} or None


def _seconds(request: Any) -> float | None:
    """Return how long the video becomes; None where that is left to Luma."""
    given = str(own(request, "video.duration") or "").removesuffix("s")
    asked: float | None = getattr(request, "duration_seconds", None)
    return float(given) if given.isdecimal() else asked


def _source(_request: object, video: Any) -> dict[str, str] | None:
    if video is None:
        return None

    source = _inline(to_wire(video, "luma"))
    kind = type_by_name(source.get("url", "")) or ""
    usual = {"media_type": kind if kind.startswith("video/") else "video/mp4"}
    return {**usual, **source}


def _media(_request: object, video: Any) -> dict[str, str] | None:
    return None if video is None else {"url": to_wire(video, "luma")}


def _references(*roles: ImageRole, most: int) -> FieldMapper:
    def convert(_request: object, images: Sequence[Any] | None) -> list[dict[str, str]] | None:
        mine = [image for image in images or () if image.get("type", "reference") in roles]
        return [_reference(image) for image in mine] or None

    return FieldMapper("image_list", convert, roles=roles, most=most)


def _ratio(allowed: Sequence[str]) -> Mappers:
    return {"aspect_ratio": choice_field_mapper("aspect_ratio", allowed)}


PROMPT = {"prompt": passthrough_field_mapper("prompt", required=True)}

RAY_2: Mappers = {
    **PROMPT,
    "keyframes": FieldMapper(
        "image_list", _keyframes, roles=FRAME_ROLES, most=1, also=("continue_from",)
    ),
    "media": FieldMapper("video", _media),
    "duration": duration_field_mapper("str", (5, 9), provider="luma"),
    "resolution": choice_field_mapper("resolution", ("540p", "720p", "1080p", "4k")),
    **_ratio(DREAM_MACHINE_RATIOS),
}
PHOTON: Mappers = {
    **PROMPT,
    "image_ref": _references("reference", "asset", most=4),
    "style_ref": _references("style", most=1),
    **_ratio(DREAM_MACHINE_RATIOS),
}
RAY_3: Mappers = {
    **PROMPT,
    "video": FieldMapper("image_list", _video_frames, roles=FRAME_ROLES, most=1),
    "source": FieldMapper("video", _source),
    "video.duration": duration_field_mapper("str", (5, 10), provider="luma"),
    "video.resolution": choice_field_mapper("resolution", ("360p", "540p", "720p", "1080p")),
    **_ratio(RAY_3_RATIOS),
}
UNI: Mappers = {
    **PROMPT,
    "image_ref": _references("reference", "asset", most=9),
    "style": style_field_mapper(("auto", "manga")),
    **_ratio(UNI_RATIOS),
}

# The Agents API's documentation of its parameters.
JOINTS: Mapping[str, tuple[Joint, ...]] = {
    "ray-3": (
        Joint("video.loop", (True,), "duration_seconds", (5,)),
        # 360p is a draft, and has no HDR.
        Joint("video.hdr", (True,), "resolution", ("540p", "720p", "1080p")),
    )
}
RULES: Mapping[str, tuple[Rule, ...]] = {
    "ray-3": (
        Apart(("video",), ("video.loop", "video.keyframes")),
        Apart(("video.loop",), ("video.hdr", "video.keyframes")),
        Apart(("first_frame", "last_frame"), ("video.keyframes",)),
    )
}

VIDEO_FALLBACK: Mappers = RAY_2
IMAGE_FALLBACK: Mappers = PHOTON

AGENTS_MODELS = ("ray-3", "uni-")
"""Everything else goes to the Dream Machine API."""

IDS: Mapping[Kind, tuple[str, ...]] = {
    "video": ("ray-2", "ray-3.2", "ray-flash-2"),
    "image": ("photon-1", "photon-flash-1", "uni-1", "uni-1-max"),
}
"""From lumaai 1.21's types and the Agents API's documentation."""

MODELS: Mapping[str, Mappers] = {
    "ray-2": RAY_2,
    "ray-flash-2": RAY_2,
    "photon": PHOTON,
    "ray-3": RAY_3,
    "uni-": UNI,
}
