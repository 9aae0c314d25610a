"""Adapts requested values to a model, and says so; `_fit_media` places the media. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from .._data._hints import use_function
from ..exceptions import UnsupportedOperationError, ValidationError
from ..models import Adjustment
from ._field_mapper import FieldMapper
from ._fit_media import fit_media, reading
from ._geometry import SHAPE_FIELDS, Lines, Ratios, effects, says_size
from ._joint import fit_joints, inexact_ratio, own, remarks_together, size_as_ratio
from ._limits import nearest, shown
from ._validate import guess_warnings, remarks

if TYPE_CHECKING:
    from ..catalog import ModelSpec
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest

ADAPTED_FIELDS = (
    "duration_seconds",
    *SHAPE_FIELDS,
    "generate_audio",
    "quality",
    "style",
    "seed",
    "negative_prompt",
    "enhance_prompt",
    "number_of_videos",
    "n",
)
COUNTS = frozenset({"number_of_videos", "n"})
KINDS = ("video", "image")


def fit(
    request: Request, spec: ModelSpec, *, strict: bool = False
) -> tuple[Request, tuple[Adjustment, ...]]:
    """Return the request as the model can take it, and what was adapted.

    Args:
        request: What the user asked for.
        spec: What the model takes.
        strict: Refuse instead of bending.

    Raises:
        ValidationError: An image, video or mask that the model can't take; something required that
            is missing; with `strict`, any value that would have to be adapted.
    """
    _check_kind(spec)
    request, adjustments = fit_media(request, spec)
    adjustments = [*spec.adjustments, *adjustments]
    request, adapted = _fit_values(request, spec)
    request, joint = fit_joints(request, spec)
    adjustments += _one_each([*adapted, *joint])
    if strict and adjustments:
        refused = "; ".join(
            f"{change.field}={_written(change.requested)}: {change.reason}, {_instead(change)}"
            for change in adjustments
        )
        what = f"strict=True allows no changes, and {spec.model} can't take {refused}"
        raise ValidationError(what, code="strict", field=adjustments[0].field)

    notes = [*remarks(request, spec), *remarks_together(request, spec.rules, spec.model)]
    return request, (*guess_warnings(spec), *adjustments, *notes)


def _one_each(adjustments: Sequence[Adjustment]) -> list[Adjustment]:
    """Tell once of a field that is adapted to its own limits and then to another field's."""
    by_field: dict[str, Adjustment] = {}
    for adjustment in adjustments:
        before = by_field.get(adjustment.field)
        changed = {"requested": before.requested} if before is not None else {}
        by_field[adjustment.field] = adjustment.model_copy(update=changed)

    return list(by_field.values())


def _fit_values(request: Request, spec: ModelSpec) -> tuple[Request, list[Adjustment]]:
    """Adapt each value by itself; one of the model's own parameters may stand for another."""
    adjustments: list[Adjustment] = []
    changes: dict[str, Any] = {}
    fields = vars(request)
    for name in ADAPTED_FIELDS:
        requested = fields.get(name)
        if requested is None or (name in COUNTS and requested == 1):
            continue

        adjustment = _adapt_value(name, requested, request, spec)
        if adjustment is None:
            continue

        adjustments.append(adjustment)
        if name == "size" and adjustment.sent is not None and not reading(spec, name):
            changes["aspect_ratio"] = adjustment.sent
        elif not _is_read_together(name, spec) and not _is_ratio(name, adjustment.sent):
            changes[name] = adjustment.sent if name not in COUNTS else adjustment.sent or 1

    return (request.model_copy(update=changes) if changes else request), adjustments


def _is_read_together(name: str, spec: ModelSpec) -> bool:
    """Tell whether a value is one of those that a geometry reads as they were asked."""
    mappers = reading(spec, name) if name in SHAPE_FIELDS else []
    return any(mapper.geometry is not None for mapper in mappers)


def _is_ratio(name: str, sent: Any) -> bool:
    """Tell whether a ratio stands for a size, which then goes by its proportions."""
    return name == "size" and ":" in str(sent)


def _check_kind(spec: ModelSpec) -> None:
    if spec.outputs and spec.kind not in spec.outputs:
        made = " and ".join(f"{output}s" if output in KINDS else output for output in spec.outputs)
        other = spec.outputs[0]
        raise UnsupportedOperationError(
            f"{spec.model} makes {made}, no {spec.kind}s",
            hints=[use_function(other)] if other in KINDS else (),
        )


def _instead(adjustment: Adjustment) -> str:
    if adjustment.sent is None:
        return "leave it out"

    return f"{_written(adjustment.sent)} would be sent"


def _written(value: object) -> str:
    """Return a value as its user has written it: seconds are kept as a float."""
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _adapt_value(name: str, requested: Any, request: Request, spec: ModelSpec) -> Adjustment | None:
    reading = {
        parameter: mapper for parameter, mapper in spec.mappers.items() if name in mapper.sources
    }
    if any(own(request, parameter) is not None for parameter in reading):
        return None  # the user set the provider's own parameter, which wins

    if not reading:
        ratio = size_as_ratio(request, spec) if name == "size" else None
        if ratio is not None:
            reason = f"{spec.model} takes an aspect ratio instead of a size"
            return Adjustment(field=name, requested=requested, sent=ratio, reason=reason)

        reason = f"{spec.model} has no such parameter"
        if spec.generic:
            reason = f"nothing is known of {spec.model}; give its own parameter in extra_params"

        return Adjustment(field=name, requested=requested, sent=None, reason=reason)

    if name in SHAPE_FIELDS and any(mapper.geometry is not None for mapper in reading.values()):
        return _fit_shape(name, requested, request, spec, list(reading.values()))

    return _nearest_value(name, requested, request, list(reading.values()), spec)


def _nearest_value(
    name: str, requested: Any, request: Request, mappers: Sequence[FieldMapper], spec: ModelSpec
) -> Adjustment | None:
    mapper = next((mapper for mapper in mappers if mapper.source_field == name), None)
    if name == "size" and (mapper is None or mapper.allowed is None):
        ratio = inexact_ratio(request, spec.mappers)
        if ratio is not None:
            reason = f"{spec.model} takes an aspect ratio instead of a size"
            return Adjustment(field=name, requested=requested, sent=ratio, reason=reason)

    if mapper is None:
        return None

    if mapper.frames is not None:
        sent: Any = mapper.frames.seconds(request, requested)
        takes = shown(mapper.frames.span)
    elif mapper.allowed is not None:
        sent = (
            requested if requested in mapper.allowed else nearest(name, requested, mapper.allowed)
        )
        takes = shown(mapper.allowed)
    else:
        return None

    if sent == requested:
        return None

    return Adjustment(
        field=name, requested=requested, sent=sent, reason=f"{spec.model} takes {takes}"
    )


def _fit_shape(
    name: str, requested: Any, request: Request, spec: ModelSpec, mappers: Sequence[FieldMapper]
) -> Adjustment | None:
    """Compare what is sent for a picture's shape with what was asked for."""
    if name == "size" and _in_two_parts(request, mappers):
        return None

    sent = [
        effect[name]
        for mapper in mappers
        if mapper.geometry is not None and name in (effect := effects(mapper.geometry, request))
    ]
    different = [value for value in sent if value != requested]
    if sent and not different:
        return None

    made = " and ".join(dict.fromkeys(map(str, different))) or None
    reason = f"{spec.model} has nothing like it"
    if made is not None:
        reason = f"{spec.model} takes {_possible(mappers)}"

    return Adjustment(field=name, requested=requested, sent=made, reason=reason)


def _in_two_parts(request: Request, mappers: Sequence[FieldMapper]) -> bool:
    """Tell whether an aspect ratio and a resolution are sent that make up the requested size."""
    ratios = [mapper.geometry for mapper in mappers if isinstance(mapper.geometry, Ratios)]
    lines = [mapper.geometry for mapper in mappers if isinstance(mapper.geometry, Lines)]
    return bool(ratios and lines) and says_size(ratios[0], lines[0], request)


def _possible(mappers: Sequence[FieldMapper]) -> str:
    values = [
        str(value)
        for mapper in mappers
        if mapper.geometry is not None
        for value in mapper.geometry.named
    ]
    return ", ".join(dict.fromkeys(values)) or "other sizes"
