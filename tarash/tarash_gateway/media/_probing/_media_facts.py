"""What the readers have in common: facts, and how they ask for bytes. Reads nothing itself.

A reader is a generator that yields which bytes it wants, as offset and length, and is sent them, so
that the same code reads a file, bytes and a URL. It is sent fewer where the file ends.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

Request = tuple[int, int]
"""Offset and length in bytes."""
Walk = Generator[Request, bytes, None]


class EndOfFile(Exception):  # noqa: N818  (control flow among the readers, never seen by users)
    """The file ends where it should go on."""


class Malformed(Exception):  # noqa: N818  (as above)
    """What is there can't be what it says it is."""


@dataclass(slots=True)
class MediaFacts:
    """What is known of a file so far: as much as was read before its reader had to stop."""

    container: str = ""
    content_type: str = ""
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    fps: float | None = None
    has_audio: bool | None = None
    codec: str | None = None
    audio_codec: str | None = None
    truncated: bool = False


def exactly(offset: int, length: int) -> Generator[Request, bytes, bytes]:
    """Return these bytes.

    Raises:
        EndOfFile: There are fewer.
    """
    data = yield offset, length
    if len(data) < length:
        raise EndOfFile

    return data


def positive(value: float) -> float | None:
    """Return a number that says something: above zero."""
    return value if value > 0 else None
