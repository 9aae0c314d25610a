"""What the first bytes of a file say that it is, how its name should end, and what it is called.

Reads nothing but the head of what is on this machine; fetches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._http._sniff import VAGUE, canonical, sniff
from .._support._mime import ending_of, type_by_name, type_of_file
from ._local_media import LocalMedia, NoMedium, locate

if TYPE_CHECKING:
    from .._data._exchange import Response
    from .._data._types import MediaType

HEAD_BYTES = 64
"""So many of the first bytes are enough to tell."""

SCRIPTABLE = frozenset({"image/svg+xml"})
"""Media that may hold a program: a browser runs it for the site that it is opened from."""
ARCHIVE = "application/zip"
"""Of frames, as some models return them."""
MEDIA = ("image/", "video/", "audio/")
PAGES = ("text/", "application/json", "application/problem+json", "application/xml")
PAGE = re.compile(
    rb"\s*+(?:\xef\xbb\xbf)?\s*+(?:<!doctype|<html|<\?xml|<error|\{|\[\s*+\{)", re.IGNORECASE
)
"""Takes blanks once: a file may have nothing else, and reading its first bytes must end."""


def is_page(head: bytes, declared: str | None) -> bool:
    """Tell whether this is a page or a message in the place of media.

    Args:
        head: The first bytes.
        declared: The MIME type that the server states.
    """
    if sniff(head) is not None:
        return False

    declared = declared or ""
    if declared.startswith(PAGES):
        return True

    # Drawings are text themselves; no other media begin like a page, whatever the server calls it.
    return declared not in SCRIPTABLE and PAGE.match(head) is not None


def type_of(head: bytes, declared: str | None, name: str = "") -> str | None:
    """Return the MIME type: by the bytes, else as declared, else by the name or the URL.

    Only ever one of media that hold no program, or of their archive: servers choose what they
    declare, and what their URLs end in.
    """
    if declared in VAGUE:
        declared = None

    kind = sniff(head) or canonical(declared or type_by_name(name) or "")
    allowed = kind.startswith(MEDIA) and kind not in SCRIPTABLE
    return kind if allowed or kind == ARCHIVE else None


def extension(content_type: str | None) -> str:
    """Return how the name of a file of this type ends, without the dot: as media do, or `bin`."""
    return (ending_of(content_type) if content_type not in SCRIPTABLE else None) or "bin"


ALIKE = (
    frozenset({"video/mp4", "video/quicktime", "video/3gpp", "audio/mp4"}),
    frozenset({"video/webm", "video/x-matroska", "audio/webm"}),
    frozenset({"video/ogg", "audio/ogg"}),
    frozenset({"image/heic", "image/heif"}),
)
"""Types of one container: whatever plays the one plays what is named as another."""
FIELDS = ("video", "videos", "images")


def relabelled(response: Response) -> Response:
    """Return a response whose types are those of the bytes that it holds.

    Providers state the type that was asked for, and some send another.
    """
    changes: dict[str, Any] = {}
    for name in FIELDS:
        held = vars(response).get(name)
        if held:
            several = isinstance(held, tuple)
            labelled = tuple(_relabelled(medium) for medium in (held if several else (held,)))
            if any(kind is not None for _, kind in labelled):
                media = tuple(medium for medium, _ in labelled)
                changes[name] = media if several else media[0]
                changes["content_type"] = labelled[0][1] or response.content_type

    return response.model_copy(update=changes) if changes else response


def _relabelled(medium: MediaType) -> tuple[MediaType, str | None]:
    """Return a medium under its right type; its type is None where its bytes don't tell it."""
    try:
        located = locate(medium, paths=False)
        kind = sniff(located.head()) if isinstance(located, LocalMedia) else None
    except NoMedium:
        return medium, None

    if kind is None or not kind.startswith(MEDIA):
        return medium, None

    if isinstance(medium, Mapping) and medium.get("content_type") != kind:
        return {**medium, "content_type": kind}, kind

    return medium, kind


def misnamed(place: Path | str, content_type: str | None) -> str | None:
    """Say that a file's name promises another type than the file has; None where it doesn't."""
    promised = type_of_file(str(place))
    if promised is None or content_type is None or promised == content_type:
        return None

    if any({promised, content_type} <= alike for alike in ALIKE):
        return None

    ending = ending_of(content_type)
    advice = "" if ending is None else f"; rename it to end in .{ending}, or leave the ending out"
    return f"{str(place)!r} is named as {promised}, and what it holds is {content_type}{advice}"
