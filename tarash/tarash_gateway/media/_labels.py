"""What media are called, held against what their bytes say. Fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._http._kinds import sniff
from .._support._mime import ending_of, type_of_file
from ._formats import MEDIA
from ._local_media import LocalMedia, NoMedium, locate

if TYPE_CHECKING:
    from .._data._exchange import Response
    from .._data._types import MediaType

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
            labelled = tuple(_relabelled(one) for one in (held if several else (held,)))
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
