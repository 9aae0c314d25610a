"""Limits across fields as data: what one leaves possible of another, and what that becomes. Pure.

Each limit is the provider's: a 1080p video that is made in eight seconds only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..models import Adjustment
from ._field_mapper import FieldMapper
from ._geometry import NEAR_AREA, SAME, apart, written_ratio
from ._limits import nearest, pixels_of, ratio_of, shown, side_of
from ._together import own

if TYPE_CHECKING:
    from ..catalog import ModelSpec
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest


@dataclass(frozen=True, slots=True)
class Joint:
    """One limit across fields.

    Attributes:
        field: The field that decides; `image_list` by the roles of its images; or one of the
            provider's own parameters.
        values: Where it has one of these, the limit holds.
        limits: The field that is limited.
        to: What it may be then; empty where it has no effect and is left out.
    """

    field: str
    values: tuple[Any, ...]
    limits: str
    to: tuple[Any, ...]


def fit_joints(request: Request, spec: ModelSpec) -> tuple[Request, list[Adjustment]]:
    """Return the request within the limits across its fields, and what was adapted.

    What the request leaves to the provider stays with the provider, and so does what the user gave
    as the provider's own parameter.
    """
    adjustments: list[Adjustment] = []
    for joint in spec.joints:
        values = [value for value in _values(joint.field, request, spec) if value in joint.values]
        requested = getattr(request, joint.limits, None)
        if (
            not values
            or requested is None
            or requested in joint.to
            or _is_own(joint.limits, request, spec)
        ):
            continue

        sent = nearest(joint.limits, requested, joint.to) if joint.to else None
        takes = shown(joint.to) if joint.to else f"no {joint.limits}"
        reason = f"{spec.model} takes {takes} with {joint.field} {values[0]!r}"
        adjustments.append(
            Adjustment(field=joint.limits, requested=requested, sent=sent, reason=reason)
        )
        request = request.model_copy(update={joint.limits: sent})

    return request, adjustments


def _values(name: str, request: Request, spec: ModelSpec) -> list[Any]:
    if name == "image_list":
        return [image.get("type", "reference") for image in request.image_list]

    mine = _own(name, request, spec)
    requested = getattr(request, name, None)
    return mine or ([] if requested is None else [True if name == "video" else requested])


def _is_own(name: str, request: Request, spec: ModelSpec) -> bool:
    return bool(_own(name, request, spec))


def _own(name: str, request: Request, spec: ModelSpec) -> list[Any]:
    given = [own(request, parameter) for parameter in (*_reading(name, spec), name)]
    return [value for value in given if value is not None]


def _reading(name: str, spec: ModelSpec) -> list[str]:
    return [parameter for parameter, value in spec.mappers.items() if name in value.sources]


# ------------------------------------------------------------------------- limits that are stated
LIMITED = re.compile(r"(?P<lines>\d{3,4}p) videos are limited to (?P<seconds>\d+(?: or \d+)*) sec")
EXCLUDED = re.compile(r"(?P<seconds>\d+) seconds videos are not supported for (?P<lines>\d{3,4}p)")
LONGER = re.compile(
    r"longer than \d+ seconds \((?P<seconds>[\d, ]+)\) are only supported with "
    r".*?(?P<lines>\d{3,4}p)"
)
NUMBER = re.compile(r"\d+")


def stated_joints(schema: Mapping[str, Any]) -> tuple[Joint, ...]:
    """Return the limits between duration and resolution that a schema has in words only."""
    properties = schema.get("properties") or {}
    duration, resolution = properties.get("duration") or {}, properties.get("resolution")
    description = str(duration.get("description") or "")
    allowed = _numbers(" ".join(map(str, duration.get("enum") or ())))
    if not description or not allowed or not resolution:
        return ()

    joints = [
        _seconds_at(match["lines"], _numbers(match["seconds"]))
        for match in LIMITED.finditer(description)
    ]
    for match in EXCLUDED.finditer(description):
        left = tuple(one for one in allowed if one != int(match["seconds"]))
        joints.append(_seconds_at(match["lines"], left))

    for match in LONGER.finditer(description):
        long, lines = _numbers(match["seconds"]), (match["lines"],)
        joints.append(Joint("duration_seconds", long, "resolution", lines))

    return tuple(joints)


def _seconds_at(lines: str, seconds: tuple[int, ...]) -> Joint:
    return Joint("resolution", (lines,), "duration_seconds", seconds)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in NUMBER.findall(text))


# ------------------------------------------------------------------------------ a size as a ratio
def size_as_ratio(request: Request, spec: ModelSpec) -> str | None:
    """Return the aspect ratio that stands for a requested size; None where none can.

    For models that take a ratio and no size.
    """
    size, ratio = getattr(request, "size", None), request.aspect_ratio
    taking = [
        mapper
        for parameter, mapper in spec.mappers.items()
        if mapper.source_field == "aspect_ratio" and parameter not in request.extra_params
    ]
    if size is None or ratio is not None or not taking:
        return None

    requested = ratio_of(size)
    if requested is None:
        return None

    allowed = taking[0].allowed
    written = written_ratio(requested)
    chosen: str | None = written if allowed is None else nearest("aspect_ratio", written, allowed)
    return chosen


def inexact_ratio(request: Request, mappers: Mapping[str, FieldMapper]) -> str | None:
    """Return what is sent for a requested size that it does not say in full; else None.

    A ratio says nothing of how many pixels there are, unless a word such as `2k` goes with it.
    """
    size = getattr(request, "size", None)
    requested = pixels_of(size)
    if request.aspect_ratio is not None or requested is None:
        return None

    for mapper in mappers.values():
        if mapper.source_field == "aspect_ratio" and "size" in mapper.also:
            sent = mapper.converter(request, None)
            made = ratio_of(sent)
            words = [one.converter(request, size) for one in _sized(mappers)]
            same = made is not None and apart(made, requested[0] / requested[1]) <= SAME
            if not same or not any(_has_area(word, requested) for word in words):
                return " ".join(str(one) for one in (sent, *words) if one is not None)

    return None


def _sized(mappers: Mapping[str, FieldMapper]) -> list[FieldMapper]:
    return [mapper for mapper in mappers.values() if mapper.source_field == "size"]


def _has_area(word: Any, requested: tuple[int, int]) -> bool:
    side = side_of(word)
    area = requested[0] * requested[1]
    return side is not None and 1 / NEAR_AREA < side * side / area < NEAR_AREA
