"""Limits across fields as data: what one wish leaves possible of another, and how it bends. Pure.

Each limit is the provider's: a 1080p video that is made in eight seconds only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..models import Adjustment
from ._field_mapper import FieldMapper
from ._geometry import SAME, apart, written_ratio
from ._limits import nearest, ratio_of, shown

if TYPE_CHECKING:
    from ..catalog import ModelSpec
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest


@dataclass(frozen=True, slots=True)
class Joint:
    """One limit across fields.

    Attributes:
        field: The field that decides; `image_list` by the roles of its images.
        values: Where it has one of these, the limit holds.
        limits: The field that is limited.
        to: What it may be then.
    """

    field: str
    values: tuple[Any, ...]
    limits: str
    to: tuple[Any, ...]


def fit_joints(request: Request, spec: ModelSpec) -> tuple[Request, list[Adjustment]]:
    """Return the request within the limits across its fields, and what had to bend.

    What the request leaves to the provider stays with the provider, and so does what the user gave
    as the provider's own parameter.
    """
    adjustments: list[Adjustment] = []
    for joint in spec.joints:
        found = [one for one in _values(joint.field, request, spec) if one in joint.values]
        wish = getattr(request, joint.limits, None)
        if not found or wish is None or wish in joint.to or _is_own(joint.limits, request, spec):
            continue

        sent = nearest(joint.limits, wish, joint.to)
        reason = f"{spec.model} takes {shown(joint.to)} with {joint.field} {found[0]!r}"
        adjustments.append(Adjustment(field=joint.limits, requested=wish, sent=sent, reason=reason))
        request = request.model_copy(update={joint.limits: sent})

    return request, adjustments


def _values(name: str, request: Request, spec: ModelSpec) -> list[Any]:
    if name == "image_list":
        return [image.get("type", "reference") for image in request.image_list]

    own = [request.extra_params[one] for one in _reading(name, spec) if one in request.extra_params]
    wish = getattr(request, name, None)
    return own or ([] if wish is None else [True if name == "video" else wish])


def _is_own(name: str, request: Request, spec: ModelSpec) -> bool:
    return any(parameter in request.extra_params for parameter in _reading(name, spec))


def _reading(name: str, spec: ModelSpec) -> list[str]:
    return [parameter for parameter, one in spec.mappers.items() if name in one.sources]


# ------------------------------------------------------------------------------ a size as a ratio
def size_as_ratio(request: Request, spec: ModelSpec) -> str | None:
    """Return the aspect ratio that stands for a wished size; None where none can.

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

    wished = ratio_of(size)
    if wished is None:
        return None

    allowed = taking[0].allowed
    written = written_ratio(wished)
    found: str | None = written if allowed is None else nearest("aspect_ratio", written, allowed)
    return found


def inexact_ratio(request: Request, mappers: Mapping[str, FieldMapper]) -> str | None:
    """Return the ratio that is sent for a wished size which has another one; else None."""
    if request.aspect_ratio is not None:
        return None

    for mapper in mappers.values():
        if mapper.source_field == "aspect_ratio" and "size" in mapper.also:
            sent = mapper.converter(request, None)
            wished, made = ratio_of(getattr(request, "size", "")), ratio_of(sent)
            if wished and made and apart(made, wished) > SAME:
                return str(sent)

    return None
