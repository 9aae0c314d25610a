"""Turns the schema of a Runway model at one endpoint into field mappers. Pure.

By the names of the parameters, which all models share; what differs is their forms and limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._data._types import ImageRole, Kind
from ...exceptions import ValidationError
from ...mapping import (
    FieldMapper,
    Shapes,
    choice_field_mapper,
    duration_field_mapper,
    mask_image_field_mapper,
    nearest_lines,
    passthrough_field_mapper,
    requestable,
    seed_field_mapper,
    single_image_field_mapper,
    video_url_field_mapper,
)
from ...media import to_wire

Schema = Mapping[str, Any]
Mappers = dict[str, FieldMapper]

REFERENCE_ROLES: tuple[ImageRole, ...] = ("reference", "asset")
FRAMES: Mapping[str, ImageRole] = {"first": "first_frame", "last": "last_frame"}
DURATION = 5
"""Seconds to ask for where Runway wants a duration and the request names none."""


def mappers_of(schema: Schema, kind: Kind, *, edits: bool) -> Mappers:
    """Return the mappers of one model at one endpoint.

    Args:
        schema: Its parameters there.
        kind: What it makes.
        edits: Whether the model takes source videos, at this endpoint or another; where it
            doesn't, one may still serve as a reference.
    """
    required = set(schema["required"])
    mappers: Mappers = {}
    for name, shape in schema["properties"].items():
        make = MAKERS.get(name)
        mapper = make(shape, name in required, kind) if make is not None else None
        if mapper is not None:
            mappers[name] = mapper

    return mappers if edits else {**mappers, **_reference_videos(schema)}


def alternative(shape: Schema, kind: str) -> Schema:
    """Return the alternative of a parameter that is of a type; empty if there is none."""
    shapes: Sequence[Schema] = shape.get("anyOf", [shape])
    return next((shape for shape in shapes if shape.get("type") == kind), {})


def listed(shape: Schema) -> list[Any]:
    """Return the values that a parameter lists, also where it takes others too."""
    return [value for option in shape.get("anyOf", [shape]) for value in option.get("enum", ())]


# -------------------------------------------------------------------------------------------- text
def _prompt(shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    longest = shape.get("maxLength", math.inf)

    def convert(_request: object, prompt: str | None) -> str | None:
        # Runway counts as JavaScript does.
        length = len((prompt or "").encode("utf-16-le")) // 2
        if length > longest:
            raise ValidationError(
                f"the prompt has {length} characters (UTF-16), and this model takes {longest}; "
                f"shorten it by {length - longest}"
            )

        return prompt

    return FieldMapper("prompt", convert, required)


def _plain(source_field: str) -> Callable[[Schema, bool, Kind], FieldMapper]:
    def make(_shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
        return passthrough_field_mapper(source_field, required)

    return make


def _word(source_field: str) -> Callable[[Schema, bool, Kind], FieldMapper]:
    def make(shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
        return choice_field_mapper(source_field, shape["enum"], required)

    return make


def _expansion(_shape: Schema, _required: bool, _kind: Kind) -> FieldMapper:
    words = {True: "balanced", False: "disabled", None: None}
    return FieldMapper("enhance_prompt", lambda _request, enhanced: words[enhanced])


# ----------------------------------------------------------------------------------------- numbers
def numbers_of(shape: Schema) -> tuple[int, ...] | None:
    """Return the whole numbers that a parameter takes; None where nobody names its limits."""
    whole = alternative(shape, "integer")
    if "minimum" in whole:
        return tuple(range(whole["minimum"], whole["maximum"] + 1))

    return tuple(value for value in listed(shape) if isinstance(value, int)) or None


def _duration(shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    allowed = numbers_of(shape)
    mapper = duration_field_mapper("int", allowed, provider="runway")

    def convert(request: object, seconds: float | None) -> Any:
        if seconds is None:
            return DURATION if required else None

        # A tie goes up, as in the fit.
        return mapper.converter(request, math.floor(seconds + 0.5))

    return FieldMapper("duration_seconds", convert, allowed=allowed)


def _count(shape: Schema, _required: bool, _kind: Kind) -> FieldMapper:
    return FieldMapper(
        "n", lambda _request, count: None if count == 1 else count, allowed=numbers_of(shape)
    )


# ----------------------------------------------------------------------------------------- picture
def _ratio(shape: Schema, required: bool, kind: Kind) -> FieldMapper | None:
    values = listed(shape)
    return ratio_mapper(Shapes.of(values, kind, required=required)) if values else None


def ratio_mapper(shapes: Shapes) -> FieldMapper:
    """Return the mapper of `ratio`: the shape of a picture, and its resolution where it has one."""

    def convert(request: Any, _value: object) -> str | None:
        return shapes.choose(request)

    if shapes.kind == "image":
        sizes = tuple(f"{size.width}x{size.height}" for size in shapes.sizes)
        return FieldMapper("size", convert, allowed=sizes, also=("aspect_ratio",))

    if not shapes.sizes:
        return FieldMapper("resolution", convert)

    also = ("resolution",) if shapes.in_pixels else ()
    return FieldMapper("aspect_ratio", convert, allowed=shapes.names, also=also)


def _resolution(shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    words: list[str] = listed(shape)
    if requestable(words):
        return choice_field_mapper("resolution", words, required)

    return FieldMapper(
        "resolution",
        lambda _request, value: None if value is None else nearest_lines(words, value),
        required,
    )


# ------------------------------------------------------------------------------------------- media
def _uri(media: Any) -> str:
    return to_wire(media, "runway")


def _prompt_image(shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    """Send frames with their positions, or references without: never both."""
    item = alternative(shape, "array").get("items", {})
    positions = item.get("properties", {}).get("position", {}).get("enum", ["first"])
    frames = {FRAMES[position]: position for position in positions}
    loose = "position" not in item.get("required", ["position"])
    roles = (*frames, *(REFERENCE_ROLES if loose else ()))

    def convert(_request: object, images: Sequence[Any] | None) -> Any:
        taken = [image for image in images or () if image["type"] in roles]
        placed = [image for image in taken if image["type"] in frames]
        if not taken:
            return None

        if not placed:
            return [{"uri": _uri(image["image"])} for image in taken]

        _check_frames([image["type"] for image in taken], frames, loose=loose)
        if len(placed) == 1 and placed[0]["type"] == "first_frame":
            return _uri(placed[0]["image"])

        return [
            {"uri": _uri(image["image"]), "position": frames[image["type"]]}
            for image in sorted(placed, key=lambda image: image["type"])  # the first frame first
        ]

    most = None if loose else 1
    return FieldMapper("image_list", convert, required, roles=roles, most=most)


def _check_frames(given: Sequence[str], frames: Mapping[ImageRole, str], *, loose: bool) -> None:
    if len(set(given) - frames.keys()) > 0:
        raise ValidationError(
            "this model takes first and last frames or references in 'image_list', not both; "
            "remove one kind"
        )

    if len(given) != len(set(given)):
        raise ValidationError("there are several images for one frame in 'image_list'; remove one")

    if not loose and "first_frame" not in given:
        raise ValidationError(
            "this model takes a last frame only with a first one; add an image of type "
            "'first_frame' to 'image_list'"
        )


def _references(shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    def convert(_request: object, images: Sequence[Any] | None) -> Any:
        taken = [image for image in images or () if image["type"] in REFERENCE_ROLES]
        return [{"uri": _uri(image["image"])} for image in taken] or None

    most = alternative(shape, "array").get("maxItems")
    return FieldMapper("image_list", convert, required, roles=REFERENCE_ROLES, most=most)


def _keyframes(_shape: Schema, _required: bool, _kind: Kind) -> FieldMapper:
    """Pin images to the ends of the source video; anywhere else by `extra_params`."""
    places: Mapping[str, Mapping[str, float]] = {
        "first_frame": {"seconds": 0},
        "last_frame": {"at": 1},
    }

    def convert(_request: object, images: Sequence[Any] | None) -> Any:
        taken = [image for image in images or () if image["type"] in places]
        return [{**places[image["type"]], "uri": _uri(image["image"])} for image in taken] or None

    return FieldMapper("image_list", convert, roles=("first_frame", "last_frame"), most=1)


def _character(_shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    inner = single_image_field_mapper(required, "reference", provider="runway")

    def convert(request: object, images: Any) -> Any:
        uri = inner.converter(request, images)
        return None if uri is None else {"type": "image", "uri": uri}

    return FieldMapper("image_list", convert, required, roles=("reference",), most=1)


def _performance(_shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    def convert(_request: object, video: Any) -> Any:
        return None if video is None else {"type": "video", "uri": _uri(video)}

    return FieldMapper("video", convert, required)


def _reference_videos(schema: Schema) -> Mappers:
    """Take the source video as a reference, where a model has no other place for one."""
    item = schema["properties"].get("referenceVideos", {}).get("items", {})
    if "uri" not in item.get("properties", {}):
        return {}

    kind = {"type": "video"} if "type" in item["properties"] else {}

    def convert(_request: object, video: Any) -> Any:
        return None if video is None else [{**kind, "uri": _uri(video)}]

    return {"referenceVideos": FieldMapper("video", convert)}


def _source_video(_shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    return video_url_field_mapper(required)


def _mask(_shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    return mask_image_field_mapper(required)


def _image(_shape: Schema, required: bool, _kind: Kind) -> FieldMapper:
    return single_image_field_mapper(required, "reference", provider="runway")


MAKERS: Mapping[str, Callable[[Schema, bool, Kind], FieldMapper | None]] = {
    "promptText": _prompt,
    "negativePrompt": _plain("negative_prompt"),
    "promptExpansionMode": _expansion,
    "promptImage": _prompt_image,
    "references": _references,
    "referenceImages": _references,
    "keyframes": _keyframes,
    "character": _character,
    "imageUri": _image,
    "maskUri": _mask,
    "videoUri": _source_video,
    "promptVideo": _source_video,
    "reference": _performance,
    "duration": _duration,
    "ratio": _ratio,
    "targetAspectRatio": _ratio,
    "resolution": _resolution,
    "quality": _word("quality"),
    "audio": _plain("generate_audio"),
    "outputCount": _count,
    "seed": lambda _shape, _required, _kind: seed_field_mapper(),
}
