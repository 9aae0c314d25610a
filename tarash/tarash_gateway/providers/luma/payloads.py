"""Puts what Luma's two products take into their forms, and refuses what they would. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...exceptions import ValidationError

NESTED = ("keyframes", "video")
"""Objects that are made of mapped values and of `extra_params` at once."""
FRAMES = frozenset({"frame0", "frame1", "start_frame", "end_frame", "keyframes"})
SAME_AS_SOURCE = {
    "media": ("duration", "resolution", "aspect_ratio"),
    "source": ("video.duration",),
}
"""What an edited video has from its source, so that nothing else can be asked for."""
USUAL_MODE = "flex_1"
"""How freely a source video is changed, where the user doesn't say."""


def check_urls(value: Any) -> None:
    """Refuse bytes, which stand in a plan too, where only URLs are taken.

    Raises:
        ValidationError: There are some.
    """
    if isinstance(value, Mapping) and "media_type" in value and "url" not in value:
        raise ValidationError(
            "Luma's Dream Machine API takes media by public URL only; put the file where Luma can "
            "fetch it, and give its URL"
        )

    inner = value.values() if isinstance(value, Mapping) else value
    for part in inner if isinstance(value, Mapping | list) else ():
        check_urls(part)


def check_source(mapped: Mapping[str, Any]) -> None:
    """Refuse values that an edit of a source video can't have.

    Raises:
        ValidationError: There are some; the message names them.
    """
    for source, taken in SAME_AS_SOURCE.items():
        asked = [name.rpartition(".")[2] for name in taken if name in mapped]
        if source in mapped and asked:
            raise ValidationError(
                f"an edited video has the {' and '.join(asked)} of its source; leave that out, or "
                "leave 'video' out"
            )


def modification(mapped: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters for changing a source video.

    Raises:
        ValidationError: There is a last frame.
    """
    frames = mapped.get("keyframes", {})
    if "frame1" in frames:
        raise ValidationError(
            "an edited video takes no last_frame; give a first_frame, or leave 'video' out"
        )

    kept = {name: value for name, value in mapped.items() if name != "keyframes"}
    first = {"first_frame": {"url": frames["frame0"]["url"]}} if frames else {}
    return {"generation_type": "modify_video", "mode": USUAL_MODE, **kept, **first}


def nested(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Put each `video.<name>` into the object `video`."""
    flat = {name: value for name, value in parameters.items() if not name.startswith("video.")}
    inner = {name[6:]: value for name, value in parameters.items() if name.startswith("video.")}
    given = flat.get("video", {})
    return {**flat, "video": {**given, **inner}} if inner and isinstance(given, dict) else flat


def merged(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Let the user's own parameters win, inside the objects that both of us fill too.

    Raises:
        ValidationError: A frame comes from both.
    """
    both = {**body, **extra}
    for name in NESTED:
        ours, theirs = body.get(name), extra.get(name)
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            continue

        twice = FRAMES & ours.keys() & theirs.keys()
        if twice:
            raise ValidationError(
                f"{name}.{min(twice)} comes from 'image_list' and from extra_params; give one"
            )

        both[name] = {**ours, **theirs}

    return both
