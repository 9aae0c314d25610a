"""Writes one file into a parameter: as text, or as an object with a part for it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._data._types import ImageRole, MediaType
from ._schema import Shape

PICTURES = frozenset({"image", "images", "picture", "pictures", "photo", "photos"})
# How a provider may call what an image is for.
ROLE_WORDS: Mapping[ImageRole, frozenset[str]] = {
    "first_frame": frozenset({"first", "start", "initial"}),
    "last_frame": frozenset({"last", "end", "final", "tail"}),
    "style": frozenset({"style"}),
    "reference": frozenset({"reference", "subject", "image", "character", "element"}),
    "asset": frozenset({"asset", "object", "subject", "element"}),
}


def to_wire(media: MediaType, provider: str = "the provider") -> str:
    """Return media as a URL or a data URI; what reads media is loaded when there are some."""
    from .. import media as reading

    return reading.to_wire(media, provider)


def inner_part(shape: Shape, names: Sequence[str]) -> Shape | None:
    """Return the part of an object that holds the file, by its name."""
    return next((shape.parts[name] for name in names if name in shape.parts), None)


def writer_of(shape: Shape, names: Sequence[str]) -> Callable[[str, ImageRole, int], Any] | None:
    """Return what writes one file into a parameter; None where its object needs more than a file.

    Args:
        shape: Text, or an object with a part for the file.
        names: What that part may be called, best first.
    """
    if shape.is_free_text or not shape.parts:
        return lambda text, _role, _place: text

    inner = inner_part(shape, names)
    if inner is None:
        return None

    fillers: dict[str, Callable[[ImageRole, int], Any]] = {}
    for name in shape.parts:
        filler = None if name == inner.name else _filler(shape.parts[name], shape)
        if filler is not None:
            fillers[name] = filler

    needed = set(shape.needed) - {inner.name}
    pictures = {name for name in needed - fillers.keys() if _is_list_of_pictures(shape.parts[name])}
    if needed - fillers.keys() - pictures:
        return None

    def write(text: str, role: ImageRole, place: int) -> dict[str, Any]:
        value: Any = [text] if "array" in inner.kinds else text
        more = {name: fill(role, place) for name, fill in fillers.items()}
        return {inner.name: value, **{name: [text] for name in pictures}, **more}

    return write


def _is_list_of_pictures(shape: Shape) -> bool:
    return "array" in shape.kinds and bool(set(shape.words) & PICTURES)


def _filler(part: Shape, whole: Shape) -> Callable[[ImageRole, int], Any] | None:
    """Return what fills a further part of an object: where it belongs, its role, or its name."""
    if frame_index(whole) is part and part.is_number:
        return lambda role, _place: 0 if role == "first_frame" else part.default or 0

    roles = {role: _role_value(part, role) for role in ROLE_WORDS} if part.closed else {}
    if any(value is not None for value in roles.values()) and part.default is None:
        first = part.values[0]
        return lambda role, _place: first if roles.get(role) is None else roles[role]

    if part.name not in whole.needed:
        return None

    if part.default is not None or part.values:
        usual = part.default if part.default is not None else part.values[0]
        return lambda _role, _place: usual

    if part.is_free_text and "name" in part.words:
        return lambda _role, place: f"image{place + 1}"

    return None


def _role_value(part: Shape, role: ImageRole) -> Any:
    for value in part.values:
        if set(re.findall(r"[a-z]+", str(value).lower())) & ROLE_WORDS[role]:
            return value

    return None


def frame_index(shape: Shape) -> Shape | None:
    """Return the part of an object that says at which frame a picture belongs."""
    return next(
        (
            part
            for part in shape.parts.values()
            if "frame" in part.words and set(part.words) & {"num", "number", "index", "start"}
        ),
        None,
    )
