"""Says what a media file is from its headers: size, duration, frames, sound, codec.

A reader of our own, because none of the small libraries serves: those that are well kept read the
size of an image and nothing of a video, or the tags of music; those that read video bring ffmpeg or
MediaInfo's native code along, want a whole file on the disk, and promise no bound on time or memory
for a file that somebody broke on purpose. What is needed stands in a few headers, which the readers
here ask for piece by piece, so that a URL is probed with two or three range requests.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator

from ..._data._media_info import MediaInfo
from ..._http._sniff import sniff
from .._formats import HEAD_BYTES
from ._boxes import boxes
from ._images import gif, jpeg, png, webp
from ._media_facts import EndOfFile, Malformed, MediaFacts, Request, Walk
from ._webm import webm

__all__ = ["BLOCK_BYTES", "Unknown", "inspect"]

BLOCK_BYTES = 64 * 1024
"""Bytes that are read at least; readers ask for a few at a time."""
MOST_STEPS = 20_000
"""Requests of one reader: a file that takes more is answered for with what is known by then."""
MOST_BYTES = 64 * 1024 * 1024
READERS: dict[str, Callable[[MediaFacts, int | None], Walk]] = {
    "image/avif": boxes,
    "image/gif": gif,
    "image/heic": boxes,
    "image/heif": boxes,
    "image/jpeg": jpeg,
    "image/png": png,
    "image/webp": webp,
    "video/mp4": boxes,
    "video/quicktime": boxes,
    "video/webm": webm,
    "video/x-matroska": webm,
}


class Unknown(Exception):  # noqa: N818  (translated before users see it)
    """The file is of no kind that is read here, or breaks off before it says anything."""


def inspect(size: Callable[[], int | None]) -> Generator[Request, bytes, MediaInfo]:
    """Return what a file is; yields which bytes to read, and is sent them.

    Args:
        size: Tells how many bytes the file has, once something was read of it.

    Raises:
        Unknown: It is not known what it is.
    """
    head = yield 0, BLOCK_BYTES
    reader = READERS.get(sniff(head[:HEAD_BYTES]) or "")
    if reader is None:
        raise Unknown("no video or image of a known kind" if head else "empty")

    read = MediaFacts()
    yield from _bounded(reader(read, size()), read, head)
    if read.width is None and read.duration is None and not read.has_audio:
        raise Unknown(f"its header can't be read: a broken {read.container} file")

    return MediaInfo(
        container=read.container,
        content_type=read.content_type,
        size=size(),
        width=read.width or None,
        height=read.height or None,
        duration=_rounded(read.duration),
        fps=_rounded(read.fps),
        has_audio=read.has_audio,
        codec=read.codec,
        audio_codec=read.audio_codec,
        truncated=read.truncated,
    )


def _rounded(value: float | None) -> float | None:
    """Return a number without the noise of its division."""
    return None if value is None else round(value, 6)


def _bounded(walk: Walk, facts: MediaFacts, block: bytes) -> Walk:
    """Run a reader within bounds, on blocks that are larger than what it asks for."""
    at, left = 0, MOST_BYTES
    try:
        offset, length = next(walk)
        for _ in range(MOST_STEPS):
            if not at <= offset <= offset + length <= at + len(block):
                wanted = max(length, BLOCK_BYTES)
                left -= wanted
                if left < 0:
                    break

                at, block = offset, (yield offset, wanted)

            offset, length = walk.send(block[offset - at : offset - at + length])
    except StopIteration:
        return
    except EndOfFile:
        facts.truncated = True
    except (Malformed, struct.error):
        return  # what was read before stands

    walk.close()
