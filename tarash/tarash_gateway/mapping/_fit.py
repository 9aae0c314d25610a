"""Adapts requested values to a model, and says so; refuses media that it can't take. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from .._data._hints import give_parameter, use_function, use_model
from ..exceptions import UnsupportedOperationError, ValidationError
from ..models import Adjustment
from ._doubts import doubts_of, remarks
from ._field_mapper import FieldMapper, described
from ._geometry import SHAPE_FIELDS, Lines, Ratios, effects, says_size
from ._joint import fit_joints, inexact_ratio, size_as_ratio
from ._limits import nearest, shown
from ._slots import Slot, allocate
from ._together import check_together, own, remarks_together

if TYPE_CHECKING:
    from .._data._hints import Hint
    from ..catalog import ModelSpec
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest

__all__ = ["fit", "nearest", "takes_media"]

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
    request, adjustments = _fit_media(request, spec)
    adjustments = [*spec.adjustments, *adjustments]
    request, adapted = _fit_values(request, spec)
    request, joint = fit_joints(request, spec)
    adjustments += _one_each([*adapted, *joint])
    if strict and adjustments:
        refused = "; ".join(
            f"{one.field}={one.requested!r}: {one.reason}, {_instead(one)}" for one in adjustments
        )
        what = f"strict=True allows no changes, and {spec.model} can't take {refused}"
        raise ValidationError(what, code="strict", field=adjustments[0].field)

    notes = [*remarks(request, spec), *remarks_together(request, spec.rules, spec.model)]
    return request, (*doubts_of(spec), *adjustments, *notes)


def _one_each(adjustments: Sequence[Adjustment]) -> list[Adjustment]:
    """Tell once of a field that is adapted to its own limits and then to another field's."""
    found: dict[str, Adjustment] = {}
    for one in adjustments:
        before = found.get(one.field)
        changed = {"requested": before.requested} if before is not None else {}
        found[one.field] = one.model_copy(update=changed)

    return list(found.values())


def _fit_values(request: Request, spec: ModelSpec) -> tuple[Request, list[Adjustment]]:
    """Adapt each value by itself; one of the model's own parameters may stand for another."""
    adjustments: list[Adjustment] = []
    changes: dict[str, Any] = {}
    for name in ADAPTED_FIELDS:
        adjustment = _fit_wish(name, request, spec)
        if adjustment is None:
            continue

        adjustments.append(adjustment)
        if name == "size" and adjustment.sent is not None and not _reading(spec, name):
            changes["aspect_ratio"] = adjustment.sent
        elif not _is_read_together(name, spec) and not _is_ratio(name, adjustment.sent):
            changes[name] = adjustment.sent if name not in COUNTS else adjustment.sent or 1

    return (request.model_copy(update=changes) if changes else request), adjustments


def _is_read_together(name: str, spec: ModelSpec) -> bool:
    """Tell whether a value is one of those that a geometry reads as they were asked."""
    mappers = _reading(spec, name) if name in SHAPE_FIELDS else []
    return any(mapper.geometry is not None for mapper in mappers)


def _is_ratio(name: str, sent: Any) -> bool:
    """Tell whether a ratio stands for a size, which then goes by its proportions."""
    return name == "size" and ":" in str(sent)


def takes_media(request: Request, spec: ModelSpec) -> bool:
    """Tell whether a model takes the images, the video and the mask of a request, as they are."""
    try:
        _fit_media(request, spec)
    except ValidationError:
        return False

    return True


def _check_kind(spec: ModelSpec) -> None:
    if spec.outputs and spec.kind not in spec.outputs:
        made = " and ".join(f"{one}s" if one in KINDS else one for one in spec.outputs)
        other = spec.outputs[0]
        raise UnsupportedOperationError(
            f"{spec.model} makes {made}, no {spec.kind}s",
            hints=[use_function(other)] if other in KINDS else (),
        )


def _instead(adjustment: Adjustment) -> str:
    if adjustment.sent is None:
        return "leave it out"

    return f"{adjustment.sent!r} would be sent"


# ------------------------------------------------------------------------------------------ values
def _fit_wish(name: str, request: Request, spec: ModelSpec) -> Adjustment | None:
    requested = getattr(request, name, None)
    if requested is None or (name in COUNTS and requested == 1):
        return None

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
    different = [one for one in sent if one != requested]
    if sent and not different:
        return None

    made = " and ".join(dict.fromkeys(map(str, different))) or None
    reason = f"{spec.model} has nothing like it"
    if made is not None:
        reason = f"{spec.model} takes {_possible(mappers)}"

    return Adjustment(field=name, requested=requested, sent=made, reason=reason)


def _in_two_parts(request: Request, mappers: Sequence[FieldMapper]) -> bool:
    """Tell whether an aspect ratio and a resolution are sent that make up the requested size."""
    ratios = [one.geometry for one in mappers if isinstance(one.geometry, Ratios)]
    lines = [one.geometry for one in mappers if isinstance(one.geometry, Lines)]
    return bool(ratios and lines) and says_size(ratios[0], lines[0], request)


def _possible(mappers: Sequence[FieldMapper]) -> str:
    values = [
        str(value)
        for mapper in mappers
        if mapper.geometry is not None
        for value in mapper.geometry.named
    ]
    return ", ".join(dict.fromkeys(values)) or "other sizes"


# ------------------------------------------------------------------------------------------- media
def _fit_media(request: Request, spec: ModelSpec) -> tuple[Request, list[Adjustment]]:
    """Check that each image, video and mask has a place; move a lone reference to the one place."""
    for name in ("video", "mask_image"):
        if getattr(request, name, None) is not None and not _reading(spec, name):
            raise ValidationError(
                f"{spec.model} can't take {name!r}",
                code="unsupported_input",
                field=name,
                hints=_elsewhere(spec, name, request),
            )

    if not request.image_list:
        check_together(request, spec.rules, spec.model)
        _check_required(request, spec, {})
        return request, []

    request, adjustments = _move_lone_reference(request, spec)
    slots = _reading(spec, "image_list")
    _check_roles(request, spec, slots)
    check_together(request, spec.rules, spec.model)
    _check_required(request, spec, _placed(request, spec, slots))
    return request, adjustments


def _check_roles(request: Request, spec: ModelSpec, slots: Sequence[FieldMapper]) -> None:
    for role in dict.fromkeys(image.get("type", "reference") for image in request.image_list):
        count = sum(image.get("type", "reference") == role for image in request.image_list)
        taking = [mapper for mapper in slots if not mapper.roles or role in mapper.roles]
        if not taking:
            raise ValidationError(
                f"{spec.model} can't take an image of type {role!r}: it takes "
                f"{_possible_roles(slots)}",
                code="unsupported_input",
                field="image_list",
                hints=_elsewhere(spec, role, request),
            )

        most = _most(taking)
        if most is not None and count > most:
            what = f"takes {most} image(s) of type {role!r}, and there are {count}"
            raise _too_many(f"{spec.model} {what} in 'image_list'; remove {count - most}")


def _too_many(message: str) -> ValidationError:
    return ValidationError(message, code="too_many_images", field="image_list")


def _placed(
    request: Request, spec: ModelSpec, mappers: Sequence[FieldMapper]
) -> Mapping[str, list[Any]]:
    """Return the images of each parameter of a model with a schema.

    Raises:
        ValidationError: There are too many or too few for one.
    """
    slots = [mapper.slot for mapper in mappers if mapper.slot is not None]
    placed, left = allocate(slots, request.image_list)
    if slots and left and len(slots) == len(mappers):
        roles = ", ".join(sorted({repr(image.get("type", "reference")) for image in left}))
        what = f"has no place for {len(left)} more image(s) of type {roles}"
        raise _too_many(f"{spec.model} {what} in 'image_list'; remove {len(left)}")

    for slot in slots:
        given = len(placed[slot.parameter])
        if 0 < given < slot.least and slot.parameter not in request.extra_params:
            raise ValidationError(
                f"{spec.model} needs at least {slot.least} images for {slot.parameter!r}, and "
                f"there are {given} in 'image_list'; add {slot.least - given}",
                code="too_few_images",
                field="image_list",
            )

    return placed


def _reading(spec: ModelSpec, name: str) -> list[FieldMapper]:
    return [mapper for mapper in spec.mappers.values() if name in mapper.sources]


def _most(mappers: Sequence[FieldMapper]) -> int | None:
    limits = [mapper.most for mapper in mappers]
    return None if None in limits else sum(limit for limit in limits if limit is not None)


def _elsewhere(spec: ModelSpec, need: str, request: Request) -> list[Hint]:
    """Return the advice to ask the model of the same provider that takes what is needed."""
    sibling = spec.alternatives.get(need)
    if spec.variant is not None:
        sibling = spec.variant(request) or sibling

    return [use_model(spec.provider, sibling)] if sibling else []


def _possible_roles(slots: Sequence[FieldMapper]) -> str:
    roles = sorted({role for mapper in slots for role in mapper.roles})
    return f"those of type {', '.join(map(repr, roles))}" if roles else "no images"


def _move_lone_reference(request: Request, spec: ModelSpec) -> tuple[Request, list[Adjustment]]:
    """Use the one image given, of the role that images have by default, where only one fits."""
    images = request.image_list
    if len(images) != 1 or images[0].get("type", "reference") != "reference":
        return request, []

    slots = _reading(spec, "image_list")
    if not slots or any(not mapper.roles or "reference" in mapper.roles for mapper in slots):
        return request, []

    needed = [mapper for mapper in slots if mapper.required] or _starting(slots) or slots
    if len(needed) != 1:
        return request, []

    role = needed[0].roles[0]
    adjustment = Adjustment(
        field="image_list[0].type",
        requested="reference",
        sent=role,
        reason=f"{spec.model} takes one image, as its {role}",
    )
    moved = {**images[0], "type": role}
    return request.model_copy(update={"image_list": (moved,)}), [adjustment]


def _starting(slots: Sequence[FieldMapper]) -> list[FieldMapper]:
    return [mapper for mapper in slots if mapper.roles[:1] == ("first_frame",)]


def _check_required(request: Request, spec: ModelSpec, placed: Mapping[str, list[Any]]) -> None:
    given = {image.get("type", "reference") for image in request.image_list}
    for parameter, mapper in spec.mappers.items():
        if not mapper.required or parameter in request.extra_params:
            continue

        if mapper.source_field == "extra_params":
            raise _demand(parameter, mapper, spec)

        if mapper.slot is not None:
            missing = not placed.get(parameter)
        elif mapper.source_field == "image_list":
            missing = not (given & set(mapper.roles) if mapper.roles else given)
        else:
            missing = all(getattr(request, name, None) is None for name in mapper.sources)

        if missing:
            raise _missing(parameter, mapper, request, spec)


def _missing(
    parameter: str, mapper: FieldMapper, request: Request, spec: ModelSpec
) -> ValidationError:
    slot: Slot | None = mapper.slot
    media = mapper.source_field in {"image_list", "video", "mask_image"}
    at_least = f", at least {slot.least}" if slot is not None and slot.least > 1 else ""
    return ValidationError(
        f"{spec.model} needs {described(mapper)} (its {parameter!r}{at_least})",
        code="missing_field",
        field=mapper.source_field,
        hints=_elsewhere(spec, "text", request) if media else (),
    )


def _demand(parameter: str, mapper: FieldMapper, spec: ModelSpec) -> ValidationError:
    allowed = f" (allowed: {shown(mapper.allowed)})" if mapper.allowed else ""
    return ValidationError(
        f"{spec.model} needs its own parameter {parameter!r}{allowed}",
        code="missing_parameter",
        field=f"extra_params.{parameter}",
        hints=[give_parameter(parameter)],
    )
