"""Compares what was made with what was asked for. Pure: facts in, differences out.

A requested value that was adjusted counts as adjusted: the response lists it already. Within these
tolerances two values are the same, since models count in frames and in blocks of pixels:

- length: half a second, or 5 % of what was asked for where that is more;
- aspect ratio: 5 %, and 4:3 is 6 % away from 5:4;
- resolution and size: 10 %, by the shorter side or by the number of pixels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._data._media_info import MediaInfo, Mismatch
from .._support._resolutions import lines_of

if TYPE_CHECKING:
    from .._data._exchange import Request, Response

SECONDS = 0.5
SECONDS_SHARE = 0.05
RATIO_SHARE = 0.05
SIZE_SHARE = 0.10
NAMED_BY_LINES = re.compile(r"\d{3,4}p|4k", re.IGNORECASE)
WIDE = 16 / 9
"""The shape that the names of resolutions have in mind."""


def expected(request: Request, response: Response) -> Mapping[str, Any]:
    """Return what was asked for in the end, by the request's fields; values left out are left out.

    Args:
        request: As the user made it.
        response: Lists the adjustments.
    """
    wishes = {name: getattr(request, name) for name in type(request).model_fields}
    for adjustment in response.adjustments:
        if adjustment.field in wishes:
            wishes[adjustment.field] = adjustment.sent

    return {name: value for name, value in wishes.items() if value is not None}


def compare_count(asked: Mapping[str, Any], count: int) -> list[Mismatch]:
    """Return a difference where there are fewer results than were asked for."""
    name = "number_of_videos" if "number_of_videos" in asked else "n"
    wanted = asked.get(name)
    if not isinstance(wanted, int) or count >= wanted:
        return []

    return [Mismatch(field=name, requested=wanted, found=count, index=count)]


def compare(
    asked: Mapping[str, Any], info: MediaInfo, index: int, *, has_sound: bool = False
) -> Sequence[Mismatch]:
    """Return where one result differs from what was asked for.

    Args:
        asked: What `expected` says.
        info: What the result is.
        index: Which one, from 1.
        has_sound: Whether there is a sound track in a file of its own.
    """
    pairs = (
        _duration(asked.get("duration_seconds"), info),
        _audio(asked.get("generate_audio"), info, has_sound=has_sound),
        _ratio(asked.get("aspect_ratio"), info),
        _resolution(asked.get("resolution"), info),
        _size(asked.get("size"), info),
    )
    fields = ("duration_seconds", "generate_audio", "aspect_ratio", "resolution", "size")
    return [
        Mismatch(field=name, requested=asked[name], found=measured, index=index)
        for name, measured in zip(fields, pairs, strict=True)
        if measured is not None
    ]


def sentence(mismatch: Mismatch) -> str:
    """Return a difference as a user reads it."""
    return f"{mismatch.field}: asked {_plain(mismatch.requested)}, got {_plain(mismatch.found)}"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _duration(asked: Any, info: MediaInfo) -> float | None:
    seconds = _number(asked)
    if seconds is None or info.duration is None:
        return None

    tolerance = max(SECONDS, SECONDS_SHARE * seconds)
    return info.duration if abs(info.duration - seconds) > tolerance else None


def _audio(asked: Any, info: MediaInfo, *, has_sound: bool) -> bool | None:
    if not isinstance(asked, bool) or info.has_audio is None:
        return None

    heard = info.has_audio or has_sound
    return heard if heard != asked else None


def _ratio(asked: Any, info: MediaInfo) -> str | None:
    pair = _pair(asked, ":")
    if pair is None or not info.width or not info.height:
        return None

    off = abs(math.log(info.width / info.height) - math.log(pair[0] / pair[1]))
    return f"{info.width}x{info.height}" if off > math.log1p(RATIO_SHARE) else None


def _resolution(asked: Any, info: MediaInfo) -> str | None:
    if not isinstance(asked, str) or not info.width or not info.height:
        return None

    lines = lines_of(asked) if NAMED_BY_LINES.fullmatch(asked) else None
    if not lines:
        return None

    # 720p may be a square of 720 pixels a side, or of as many pixels as 1280 times 720.
    by_side = min(info.width, info.height) / lines
    by_area = math.sqrt(info.width * info.height / WIDE) / lines
    near = any(abs(math.log(ratio)) <= math.log1p(SIZE_SHARE) for ratio in (by_side, by_area))
    return None if near else f"{info.width}x{info.height}"


def _size(asked: Any, info: MediaInfo) -> str | None:
    pair = _pair(asked, "x")
    if pair is None or not info.width or not info.height:
        return None

    sides = ((info.width, pair[0]), (info.height, pair[1]))
    near = all(
        abs(math.log(measured / wanted)) <= math.log1p(SIZE_SHARE) for measured, wanted in sides
    )
    return None if near else f"{info.width}x{info.height}"


def _pair(text: Any, separator: str) -> tuple[int, int] | None:
    match = (
        re.fullmatch(rf"(\d{{1,5}}){separator}(\d{{1,5}})", text) if isinstance(text, str) else None
    )
    pair = (int(match[1]), int(match[2])) if match else (0, 0)
    return pair if all(pair) else None


def _number(value: Any) -> float | None:
    """Return seconds, also where an adjustment tells them as they are sent: `8s`."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)s?", value)
        return float(match[1]) if match else None

    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
