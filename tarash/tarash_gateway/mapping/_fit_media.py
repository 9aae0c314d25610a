"""Finds a place for each image, video and mask of a request; refuses what has none. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from .._data._hints import give_parameter, use_model
from ..exceptions import ValidationError
from ..models import Adjustment
from ._field_mapper import FieldMapper, described
from ._joint import check_together
from ._limits import shown
from ._slots import Slot, allocate

if TYPE_CHECKING:
    from .._data._hints import Hint
    from ..catalog import ModelSpec
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest


def takes_media(request: Request, spec: ModelSpec) -> bool:
    """Tell whether a model takes the images, the video and the mask of a request, as they are."""
    try:
        fit_media(request, spec)
    except ValidationError:
        return False

    return True


def fit_media(request: Request, spec: ModelSpec) -> tuple[Request, list[Adjustment]]:
    """Check that each image, video and mask has a place; move a lone reference to the one place."""
    for name in ("video", "mask_image"):
        if vars(request).get(name) is not None and not reading(spec, name):
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
    slots = reading(spec, "image_list")
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


def reading(spec: ModelSpec, name: str) -> list[FieldMapper]:
    """Return the mappers that read a field of the request."""
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

    slots = reading(spec, "image_list")
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
