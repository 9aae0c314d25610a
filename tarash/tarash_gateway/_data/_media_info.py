"""What media files are, as read from them, and where a result is not what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ._base import Data


class MediaInfo(Data):
    """What a video or an image is, read from its own bytes.

    What the file does not say is None.

    Attributes:
        container: `mp4`, `mov`, `webm`, `mkv`, `png`, `jpeg`, `webp`, `gif`, `avif` or `heic`.
        content_type: MIME type, such as `video/mp4`.
        size: Bytes, where known.
        width: Pixels, as shown: a quarter turn that the file asks for is taken into account.
        height: Pixels, as width.
        duration: Seconds; None for a still image.
        fps: Frames a second, on average; None for a still image.
        has_audio: Whether there is a sound track.
        codec: Of the pictures, by the usual short name: `h264`, `hevc`, `av1`, `vp9`, `png`.
        audio_codec: Of the sound track: `aac`, `opus`, `mp3`.
        truncated: Whether the file ends before it should; the rest is then what could be read.
    """

    container: str
    content_type: str
    size: int | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    fps: float | None = None
    has_audio: bool | None = None
    codec: str | None = None
    audio_codec: str | None = None
    truncated: bool = False


class Mismatch(Data):
    """Where a result is not what was asked for.

    Attributes:
        field: The request's field, such as `duration_seconds`; `media` where a result could not be
            looked at.
        requested: What was asked for, after the adjustments that the response tells of.
        found: What the result is.
        index: Which result, from 1.
    """

    field: str
    requested: Any
    found: Any
    index: int = 1


Pixels = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of the media of one request.

    Attributes:
        images: Width and height of each image; None of one that is not here, or can't be read.
        video_seconds: Length of the source video; None where nobody knows it.
    """

    images: tuple[Pixels | None, ...] = ()
    video_seconds: Decimal | None = None
