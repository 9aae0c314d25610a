"""How large the media of a request are, as far as that is seen without fetching anything."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._data._media_info import Measures
from ..exceptions import ProbeError

if TYPE_CHECKING:
    from .._data._exchange import Request
    from .._data._media_info import MediaInfo, Pixels
    from ._inputs import Rules


def measures_of(request: Request, rules: Rules) -> Measures:
    """Return how large the media of a request are. May block; fetches nothing.

    Args:
        request: The request, before its media are made ready to be sent.
        rules: What the config says of input media: who may name no file is not measured by one.
    """
    by_path = rules.allow_private_urls and not rules.untrusted
    images = tuple(_pixels(_seen(image["image"], by_path=by_path)) for image in request.image_list)
    video = getattr(request, "video", None)
    seen = None if video is None else _seen(video, by_path=by_path)
    length = None if seen is None or seen.truncated else seen.duration
    return Measures(images, None if length is None else Decimal(str(length)))


def _pixels(seen: MediaInfo | None) -> Pixels | None:
    if seen is None or seen.width is None or seen.height is None:
        return None

    return seen.width, seen.height


def _seen(media: Any, *, by_path: bool) -> MediaInfo | None:
    """Return what a medium is that is on this machine; None for what is not, or is unreadable."""
    from ._local_media import LocalMedia, NoMedium, locate
    from ._probe import probe_here
    from ._probing import Unknown

    try:
        if isinstance(media, Path):
            # What a pipe gives is there once, and nothing may ever come.
            medium: str | LocalMedia = LocalMedia(_regular(media))
        else:
            medium = locate(media, paths=by_path)

        return probe_here(medium) if isinstance(medium, LocalMedia) else None
    except (NoMedium, ProbeError, Unknown):
        return None  # what can't be sent is refused where it is made ready


def _regular(path: Path) -> Path:
    """Return the path of a regular file, as it is opened.

    Raises:
        NoMedium: It is none, or can't be looked at.
    """
    from ._local_media import NoMedium

    try:
        expanded = path.expanduser()
        if expanded.is_file():
            return expanded
    except (OSError, RuntimeError, ValueError) as error:  # no home, a NUL, no right
        raise NoMedium(str(error)) from error

    raise NoMedium(f"{str(path)!r} is no file")
