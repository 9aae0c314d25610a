"""The public functions that examine media. The async one is real; the other runs it."""

from __future__ import annotations

import os

# Not for type checkers alone: frameworks read the annotations of what users hand them.
from .._data._types import MediaType
from ..models import MediaInfo

__all__ = ["probe", "probe_async"]


async def probe_async(source: MediaType | bytes | os.PathLike[str]) -> MediaInfo:
    """Return what a video or an image is, read from its headers; nothing has to be installed.

    Reads MP4, MOV, WebM, MKV, PNG, JPEG, WebP, GIF, and the size of AVIF and HEIC.

    Args:
        source: A path, bytes, a URL (of which only the headers are fetched where its server can do
            that), a data URI, base64, or `{"content": bytes, "content_type": str}`.

    Raises:
        ProbeError: It can't be read, or is no video or image.
    """
    from ..media._probe import probe_source

    return await probe_source(source)


def probe(source: MediaType | bytes | os.PathLike[str]) -> MediaInfo:
    """Blocking form of `probe_async`."""
    from .._support import _portal

    return _portal.call(lambda _caller: probe_async(source))
