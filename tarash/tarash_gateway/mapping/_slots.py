"""Derives which parameters take images, videos and masks, and which image goes where. Pure.

Judged by the words of the name first, then by form, then by the provider's own description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._data._types import ImageRole, Kind
from ._field_mapper import FieldMapper
from ._files import frame_index, inner_part, to_wire, writer_of
from ._schema import Shape

IMAGE = frozenset({"image", "images", "img", "imgs", "photo", "photos", "picture", "pictures"})
IMAGE |= {"frame", "keyframe", "portrait", "selfie"}
VIDEO = frozenset({"video", "videos", "clip", "clips", "footage"})
LAST = frozenset({"end", "tail", "last", "final", "ending", "finish", "closing"})
FIRST = frozenset(
    {"start", "first", "initial", "begin", "beginning", "starting", "opening", "head"}
)
REFERENCE = frozenset(
    {"reference", "references", "ref", "refs", "subject", "subjects", "character", "characters"}
    | {"element", "elements", "identity", "face", "faces", "person", "product", "garment", "object"}
    | {"clothing", "ingredient", "ingredients", "asset", "assets", "human", "avatar", "objects"}
)
BARE = frozenset({"reference", "references", "ref", "refs", "ingredient", "ingredients"})
STYLE = frozenset({"style", "styles"})
NAMED_ROLES: Sequence[tuple[frozenset[str], ImageRole]] = (
    (STYLE, "style"),
    (LAST, "last_frame"),
    (FIRST, "first_frame"),
)
PLAIN = frozenset(
    {"url", "urls", "uri", "uris", "input", "inputs", "source", "src", "base", "main", "original"}
    | {"list", "data", "init", "in", "to", "edit", "file", "files", "the"}
)
# What a picture steers, rather than what it shows; only a required one is filled, as a reference.
STEERING = frozenset(
    {"control", "canny", "depth", "pose", "openpose", "normal", "segmentation", "edge", "edges"}
    | {"lineart", "scribble", "teed", "change", "map", "guide", "structure", "composition", "light"}
    | {"background", "bg", "motion", "driving", "driven", "sketch"}
)
LEADING = frozenset({"driving", "driven", "motion", "guide"})
NOT_MEDIA = frozenset(
    {"mask", "masks", "archive", "zip", "thumbnail", "audio", "size", "format", "quality", "width"}
    | {"height", "strength", "scale", "count", "num", "number", "weight", "type", "mode", "prompt"}
    | {"path", "encoder", "name", "id", "ids", "fps", "rate", "output", "watermark", "logo"}
)
SHOWS_START = re.compile(
    r"first frame|start(ing)? (frame|image)|initial (frame|image)|opening frame|animate"
    r"|image[- ]to[- ]video|begin|bring .* to life|starting point|to be used for the video"
)
UP_TO = re.compile(
    r"(?:up to|max(?:imum)?(?: of)?|at most|supports?|limit(?:ed)?(?: to| of)?:?) "
    r"(\d{1,2})\b(?!\s*(?:mb|px|s\b|sec|x))"
)
INNER = ("image_url", "frontal_image_url", "url", "image", "image_urls", "image_uri", "uri")
INNER_VIDEO = ("video_url", "url", "video", "uri")


@dataclass(frozen=True, slots=True)
class Slot:
    """One parameter that takes images.

    Attributes:
        parameter: Its name.
        roles: The roles that it takes, its own first.
        most: How many; None for any number.
        least: How many there must be, where there are any.
        required: Whether the provider refuses a request without it.
        write: Makes the value for the wire of images, as text, with their roles.
    """

    parameter: str
    roles: tuple[ImageRole, ...]
    most: int | None
    least: int
    required: bool
    write: Callable[[Sequence[tuple[str, ImageRole]]], Any]


def allocate(
    slots: Sequence[Slot], images: Sequence[Any]
) -> tuple[dict[str, list[Any]], list[Any]]:
    """Return the images of each parameter, and those without a place.

    An image goes where its role is at home before it goes where it is only possible; what is
    required is filled first.

    Args:
        slots: The model's parameters for images.
        images: The request's images, in their order.
    """
    placed: dict[str, list[Any]] = {slot.parameter: [] for slot in slots}
    ordered = sorted(slots, key=lambda slot: not slot.required)
    left: list[Any] = []
    for image in images:
        role = image.get("type", "reference")
        homes = [slot for slot in ordered if slot.roles[0] == role]
        others = [slot for slot in ordered if role in slot.roles[1:]]
        for slot in (*homes, *others):
            if slot.most is None or len(placed[slot.parameter]) < slot.most:
                placed[slot.parameter].append(image)
                break
        else:
            left.append(image)

    return placed, left


def derive_images(
    shapes: Mapping[str, Shape], kind: Kind, hint: str = ""
) -> dict[str, FieldMapper]:
    """Return the mappers of the parameters that take images.

    Args:
        shapes: The model's parameters.
        kind: What is made.
        hint: The model's id and category, for names that leave the role open.
    """
    pictures = [shape for shape in shapes.values() if _takes_images(shape)]
    roles = {shape.name: _roles(shape, pictures, shapes, kind, hint) for shape in pictures}
    slots: list[Slot] = []
    for shape in pictures:
        own = roles[shape.name]
        slot = _slot(shape, own) if own else None
        if slot is not None:
            slots.append(slot)

    slots = _steering(pictures, slots)
    return {slot.parameter: _mapper(slot, slots) for slot in slots}


def _mapper(slot: Slot, slots: list[Slot]) -> FieldMapper:
    def convert(_request: object, images: Sequence[Any] | None) -> Any:
        placed, _ = allocate(slots, images or ())
        mine = [
            (to_wire(image["image"]), image.get("type", "reference"))
            for image in placed[slot.parameter]
        ]
        return slot.write(mine) if mine else None

    return FieldMapper(
        "image_list", convert, slot.required, roles=slot.roles, most=slot.most, slot=slot
    )


def _takes_images(shape: Shape) -> bool:
    words = set(shape.words)
    if shape.deprecated or words & NOT_MEDIA or (words & VIDEO and not words & IMAGE):
        return False

    if "zip" in shape.described or "archive" in shape.described:
        return False

    pictured = words & IMAGE or (words & (REFERENCE | STYLE) and _speaks_of_images(shape))
    pictured = pictured or _is_bare_reference(shape, words)
    return bool(pictured) and _holds_media(shape)


def _is_bare_reference(shape: Shape, words: set[str]) -> bool:
    """Tell whether `references` or `style_reference_url` take pictures, for want of other words."""
    filed = bool(words & {"url", "urls", "uri", "uris"}) or "array" in shape.kinds
    other = re.search(r"video|audio|voice|lora|text", shape.described)
    return bool(filed and words & BARE and not words - BARE - STYLE - PLAIN and not other)


def _speaks_of_images(shape: Shape) -> bool:
    whole = shape.item or shape
    return "image" in shape.described or any(
        set(part.words) & IMAGE for part in whole.parts.values()
    )


def _holds_media(shape: Shape) -> bool:
    """Tell whether a parameter can hold a file: a URL, a list of them, or objects with one."""
    if "array" in shape.kinds:
        item = shape.item
        return item is not None and item.name == shape.name and _holds_media(item)

    if "object" in shape.kinds and not shape.is_free_text:
        return inner_part(shape, (*INNER, *INNER_VIDEO)) is not None

    return shape.is_free_text and not shape.values


# ------------------------------------------------------------------------------------------- roles
def _roles(
    shape: Shape, images: list[Shape], shapes: Mapping[str, Shape], kind: Kind, hint: str
) -> tuple[ImageRole, ...]:
    """Return the roles that a parameter takes; none where nothing says what it shows."""
    named = {word for word in shape.words if not word.isdigit()}
    if named & STEERING:
        return ()

    if kind == "image" and not named & STYLE:
        return _image_roles(shape, named)

    for words, role in NAMED_ROLES:
        if named & words:
            return (role,)

    if named & REFERENCE:
        return _reference_roles(shape, images)

    if named - IMAGE - PLAIN:
        return ("reference", "asset") if shape.required else ()

    return _plain_roles(shape, images, shapes, hint)


def _image_roles(shape: Shape, words: set[str]) -> tuple[ImageRole, ...]:
    if words & REFERENCE:
        return ("reference", "asset")

    known = IMAGE | PLAIN | FIRST | LAST | {"second", "third", "fourth"}
    return ("reference", "asset") if not words - known or shape.required else ()


def _reference_roles(shape: Shape, images: list[Shape]) -> tuple[ImageRole, ...]:
    """Return `asset` for objects beside a plain list of references, else both."""
    beside = [
        image
        for image in images
        if image is not shape
        and "array" in image.kinds
        and _is_text_list(image)
        and not _is_steering(image)
    ]
    return ("asset",) if beside and not _is_text_list(shape) else ("reference", "asset")


def _is_text_list(shape: Shape) -> bool:
    return shape.item is not None and shape.item.is_free_text


def _is_steering(shape: Shape) -> bool:
    return bool(set(shape.words) & (STEERING | STYLE))


def _plain_roles(
    shape: Shape, images: list[Shape], shapes: Mapping[str, Shape], hint: str
) -> tuple[ImageRole, ...]:
    """Return the roles of `image_url` and the like of a video model, whose name leaves it open."""
    if any(word.isdigit() for word in shape.words):
        return ("reference", "asset")  # one of several of its kind

    if "array" in shape.kinds:
        indexed = shape.item is not None and frame_index(shape.item) is not None
        return ("first_frame", "reference") if indexed else ("reference", "asset")

    others = [image for image in images if image is not shape]
    started = any(set(other.words) & FIRST and not set(other.words) & STEERING for other in others)
    video = any(shape.required and _is_source_video(shape) for shape in shapes.values())
    starts = bool(SHOWS_START.search(shape.described))
    if started or (video and not starts) or "reference-to" in hint:
        return ("reference", "asset") if not starts or started else ("first_frame", "reference")

    referenced = any(set(other.words) & REFERENCE and _takes_images(other) for other in others)
    listed = any("array" in other.kinds and not _is_steering(other) for other in others)
    clear = starts or "image-to-video" in hint or "i2v" in hint or referenced or listed
    return ("first_frame",) if clear else ("first_frame", "reference", "asset")


def _is_source_video(shape: Shape) -> bool:
    words = set(shape.words)
    return bool(words & VIDEO) and not words & NOT_MEDIA and _holds_media(shape)


def _steering(images: list[Shape], slots: list[Slot]) -> list[Slot]:
    """Add a required picture that steers, where it is the only one: nobody can do without it."""
    if slots:
        return slots

    needed = [shape for shape in images if shape.required and set(shape.words) & STEERING]
    added = [_slot(shape, ("reference", "asset")) for shape in needed[:1]]
    return [slot for slot in added if slot is not None]


# -------------------------------------------------------------------------------------------- form
def _slot(shape: Shape, roles: tuple[ImageRole, ...]) -> Slot | None:
    required = shape.required and shape.default is None
    listed = "array" in shape.kinds
    write = writer_of((shape.item if listed else None) or shape, INNER)
    if write is None:
        return None

    write_one = write

    def write_all(images: Sequence[tuple[str, ImageRole]]) -> Any:
        written = [write_one(text, role, place) for place, (text, role) in enumerate(images)]
        return written if listed else written[0]

    most = _most(shape) if listed else 1
    return Slot(shape.name, roles, most, max(shape.least, 1), required, write_all)


def _most(shape: Shape) -> int | None:
    if shape.most is not None:
        return shape.most

    match = UP_TO.search(shape.described)
    return int(match[1]) if match and int(match[1]) >= max(shape.least, 1) else None


# ---------------------------------------------------------------------------------- video and mask
def derive_video(shapes: Mapping[str, Shape]) -> dict[str, FieldMapper]:
    """Return the mapper of the parameter that takes the source video; empty if none does."""
    sources = [
        shape for shape in shapes.values() if _is_source_video(shape) and not shape.deprecated
    ]
    sources = [shape for shape in sources if not set(shape.words) & IMAGE]
    plain = [shape for shape in sources if not set(shape.words) - VIDEO - PLAIN]
    other = [
        shape
        for shape in sources
        if set(shape.words) & (REFERENCE | LEADING) or (shape.required and shape not in plain)
    ]
    for shape in (*sorted(plain, key=lambda shape: not shape.required), *other):
        write = writer_of(shape.item or shape, INNER_VIDEO)
        if write is not None:
            return {shape.name: _media_mapper("video", shape, write)}

    return {}


def derive_mask(shapes: Mapping[str, Shape]) -> dict[str, FieldMapper]:
    """Return the mapper of the parameter that takes the mask; empty if none does."""
    plain = {"mask", "masks", "inpaint", "inpainting", *IMAGE, *PLAIN}
    for shape in sorted(shapes.values(), key=lambda shape: not shape.required):
        words = set(shape.words)
        if "mask" in words and not words - plain and not shape.deprecated:
            holds = shape.is_free_text or "array" in shape.kinds
            write = writer_of(shape.item or shape, ("mask_url", "url", "mask")) if holds else None
            if write is not None and not shape.values:
                return {shape.name: _media_mapper("mask_image", shape, write)}

    return {}


def _media_mapper(
    source: str, shape: Shape, write: Callable[[str, ImageRole, int], Any]
) -> FieldMapper:
    def convert(_request: object, media: Any) -> Any:
        if media is None:
            return None

        written = write(to_wire(media), "reference", 0)
        return [written] if "array" in shape.kinds else written

    return FieldMapper(source, convert, shape.required and shape.default is None)
