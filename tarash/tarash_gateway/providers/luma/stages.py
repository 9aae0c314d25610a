"""What the declaration of Luma can't say: numbered frames, and edits as long as their source."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...exceptions import ValidationError
from ...mapping import own

if TYPE_CHECKING:
    from ..._data._exchange import Call, Payload
    from ...catalog import ModelSpec

LONG = "10s"
FRAMES_PER_SECOND = 24
"""The grid on which keyframes are numbered."""


def build(adapter: Any, call: Call, spec: ModelSpec) -> Payload:
    """Return the body; the Agents API takes frames of ten seconds, and of HDR, by their numbers.

    Raises:
        ValidationError: The last frame's number depends on a duration that nobody gave; or an edit
            is to have another duration than its source.
    """
    request: Any = call.request
    if "source" in spec.mappers and request.video is not None and request.duration_seconds:
        raise ValidationError(
            "an edited video has the duration of its source; leave that out, or leave 'video' out",
            field="duration_seconds",
        )

    payload: Payload = type(adapter).build(adapter, call, spec)
    video = payload.body.get("video")
    if not isinstance(video, dict) or not (video.get("duration") == LONG or video.get("hdr")):
        return payload

    ours = [
        name
        for name in ("start_frame", "end_frame")
        if name in video and own(request, f"video.{name}") is None
    ]
    seconds = str(video.get("duration", "")).removesuffix("s")
    if "end_frame" in ours and not seconds.isdecimal():
        raise ValidationError(
            "with HDR, ray-3 takes a last_frame by its number; say duration_seconds, 5 or 10"
        )

    if not ours:
        return payload

    numbers = {"start_frame": 0, "end_frame": int(seconds or 0) * FRAMES_PER_SECOND}
    rest = {name: value for name, value in video.items() if name not in ours}
    keyed = {
        "keyframes": [video[name] for name in ours],
        "keyframe_indexes": [numbers[name] for name in ours],
    }
    return replace(payload, body={**payload.body, "video": {**rest, **keyed}})
