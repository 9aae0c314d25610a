"""Reads what a run has made: the files of any node, by what they are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..._support._mime import type_of_file
from .._facts import mapping, objects, text

if TYPE_CHECKING:
    from collections.abc import Sequence

MOVING = frozenset({"image/gif", "image/webp", "image/apng"})
KEPT = ("output", "temp")
"""Where files lie, the likelier result first."""


def files_of(outputs: Any, kind: str, only: str | None) -> list[dict[str, str]]:
    """Return the files of a kind: of the saved ones, else of the previews.

    Args:
        outputs: By node, as the history has them: videos may stand under `images`.
        kind: `video` or `image`.
        only: The node whose files count; None for all.
    """
    every = list(_files(outputs, only))
    for place in KEPT:
        here = [one for one in every if (text(one.get("type")) or "output") == place]
        media = [one for one in here if _type(one).startswith(f"{kind}/") and not _moves(one)]
        if kind == "video":
            media = media or [one for one in here if _moves(one)]

        if media:
            return media

    return []


def _moves(file: Mapping[str, Any]) -> bool:
    return _type(file) in MOVING and (bool(file.get("animated")) or _type(file) == "image/gif")


def _type(file: Mapping[str, str]) -> str:
    return type_of_file(file["filename"]) or ""


def _files(outputs: Any, only: str | None) -> Iterator[dict[str, Any]]:
    for node_id, node in mapping(outputs).items():
        if only is not None and node_id != only:
            continue

        animated = any(mapping(node).get("animated") or ())
        for kind, listed in mapping(node).items():
            for item in objects(listed):
                if text(item.get("filename")):
                    yield {**item, "animated": animated or kind == "gifs"}


def address_of(file: Mapping[str, Any]) -> str:
    """Return where a file is, below the server's base URL."""
    place = {
        "filename": file["filename"],
        "subfolder": text(file.get("subfolder")) or "",
        "type": text(file.get("type")) or "output",
    }
    return f"view?{urlencode(place)}"


def type_of(files: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the MIME type of the first file, by its name."""
    return _type(files[0]) or None if files else None
