"""Limits across fields as data: what goes together, and what one leaves possible of another. Pure.

Each limit is the provider's: a 1080p video that is made in eight seconds only. Images, videos and
masks are never dropped, so a request that takes what excludes each other is refused; what stands on
both sides in `extra_params` is the user's own, and is sent with a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..exceptions import ValidationError
from ..models import Adjustment
from ._field_mapper import FieldMapper
from ._geometry import NEAR_AREA, SAME, apart, written_ratio
from ._limits import nearest, pixels_of, ratio_of, shown, side_of

if TYPE_CHECKING:
    from ..catalog import ModelSpec
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest

MEDIA_FIELDS = ("video", "mask_image")
FIELDS = frozenset(MEDIA_FIELDS)
ROLES = frozenset({"first_frame", "last_frame", "reference", "asset", "style"})


@dataclass(frozen=True, slots=True)
class Apart:
    """Things that a model doesn't take together.

    Each is a role of images, `video`, `mask_image`, or one of the provider's own parameters, such
    as `markup` or `video.loop`.

    Attributes:
        these: What excludes the others.
        those: What is excluded.
    """

    these: tuple[str, ...]
    those: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """Things that a model takes only beside one of others; named as in `Apart`.

    Attributes:
        these: What needs company.
        those: What will do.
    """

    these: tuple[str, ...]
    those: tuple[str, ...]


Rule: TypeAlias = Apart | Beside


def own(request: Request, parameter: str) -> Any:
    """Return what the user gave as one of the provider's own parameters; None where nothing.

    A parameter `video.loop` may stand under that name, or as `loop` in an object `video`.
    """
    extra = request.extra_params
    if parameter in extra:
        return extra[parameter]

    outer, _, inner = parameter.partition(".")
    holder = extra.get(outer) if inner else None
    return holder.get(inner) if isinstance(holder, Mapping) else None


def check_together(request: Request, rules: Iterable[Rule], model: str) -> None:
    """Refuse media that a model doesn't take with what else is asked.

    Raises:
        ValidationError: Something is there that excludes another, or that needs another; the
            message names what to change.
    """
    for rule in rules:
        these = _given(request, rule.these)
        if not these:
            continue

        those = _given(request, rule.those)
        if isinstance(rule, Beside) and not those:
            if _is_own(these[0]):
                continue

            wanted = " or ".join(_written(name) for name in rule.those if not _is_own(name))
            raise ValidationError(
                f"{model} takes {_written(these[0])} only beside {wanted}; add {wanted}, or leave "
                f"the {these[0]} out"
            )

        if isinstance(rule, Apart) and those and not (_is_own(these[0]) and _is_own(those[0])):
            raise ValidationError(
                f"{model} takes either {_written(these[0])} or {_written(those[0])}, not both; "
                f"leave the {these[0]} or the {those[0]} out"
            )


def remarks_together(request: Request, rules: Iterable[Rule], model: str) -> list[Adjustment]:
    """Say which of the provider's own parameters it is likely to refuse together."""
    adjustments = []
    for rule in rules:
        these = _given(request, rule.these) if isinstance(rule, Apart) else []
        those = _given(request, rule.those) if these else []
        if those:
            value = own(request, those[0])
            reason = f"{model} may refuse it: it takes either {these[0]!r} or {those[0]!r}"
            field = f"extra_params.{those[0]}"
            adjustments.append(Adjustment(field=field, requested=value, sent=value, reason=reason))

    return adjustments


def _given(request: Request, names: Sequence[str]) -> list[str]:
    """Return which of the names are in a request, media first."""
    roles = {image.get("type", "reference") for image in request.image_list}
    fields = {name for name in MEDIA_FIELDS if vars(request).get(name) is not None}
    media = [name for name in names if name in roles or name in fields]
    # A parameter that is switched off excludes nothing.
    return media + [name for name in names if _is_own(name) and own(request, name)]


def _is_own(name: str) -> bool:
    return name not in ROLES and name not in FIELDS


def _written(name: str) -> str:
    if name in ROLES:
        return f"{'an' if name == 'asset' else 'a'} {name}"

    return repr(name) if name in FIELDS else f"its own parameter {name!r}"


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
            or _own(joint.limits, request, spec)
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
        left = tuple(value for value in allowed if value != int(match["seconds"]))
        joints.append(_seconds_at(match["lines"], left))

    for match in LONGER.finditer(description):
        long, lines = _numbers(match["seconds"]), (match["lines"],)
        joints.append(Joint("duration_seconds", long, "resolution", lines))

    return tuple(joints)


def _seconds_at(lines: str, seconds: tuple[int, ...]) -> Joint:
    return Joint("resolution", (lines,), "duration_seconds", seconds)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in NUMBER.findall(text))


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
            words = [mapper.converter(request, size) for mapper in _sized(mappers)]
            same = made is not None and apart(made, requested[0] / requested[1]) <= SAME
            if not same or not any(_has_area(word, requested) for word in words):
                return " ".join(str(word) for word in (sent, *words) if word is not None)

    return None


def _sized(mappers: Mapping[str, FieldMapper]) -> list[FieldMapper]:
    return [mapper for mapper in mappers.values() if mapper.source_field == "size"]


def _has_area(word: Any, requested: tuple[int, int]) -> bool:
    side = side_of(word)
    area = requested[0] * requested[1]
    return side is not None and 1 / NEAR_AREA < side * side / area < NEAR_AREA
