"""The adjustments that several requested values, or none of a model's parameters, decide. Pure.

The fit compares one value with one parameter; a `ratio` that is shape and resolution at once, or a
resolution called `768p`, it can't judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...mapping import (
    FieldMapper,
    Shapes,
    is_alike,
    named_lines,
    nearest,
    nearest_lines,
    proportion_of,
    requestable,
)
from ...models import Adjustment

Change = tuple[str, Any, str]
"""The field, what is sent instead, and why."""


def joint_adjustments(
    model: str,
    table: Mapping[str, FieldMapper],
    shapes: Shapes | None,
    words: Sequence[str],
    request: Any,
) -> list[Adjustment]:
    """Return the adjustments that the fit can't find.

    Args:
        model: The id that is sent.
        table: Its mappers.
        shapes: What its `ratio` may be; None where it has none.
        words: What its `resolution` may be; empty where it has none.
        request: What is asked for, before it is fitted.
    """
    changes: list[Change | None] = []
    if shapes is not None and "ratio" not in request.extra_params:
        changes.append(_aspect_ratio(shapes, request))
        changes.append(None if words else _pixels(shapes, request))

    if "resolution" not in request.extra_params:
        changes.append(_lines(words, request))

    if "duration" not in request.extra_params:
        changes.append(_whole_seconds(table, request))

    return [
        Adjustment(
            field=field, requested=getattr(request, field), sent=sent, reason=f"{model} {reason}"
        )
        for field, sent, reason in filter(None, changes)
    ]


def _aspect_ratio(shapes: Shapes, request: Any) -> Change | None:
    """Images only: their mapper is known to the fit by the size."""
    if shapes.kind != "image" or request.aspect_ratio is None or not shapes.sizes:
        return None

    size = shapes.size_of(shapes.choose(request))
    if size is None or is_alike(size.ratio, proportion_of(request.aspect_ratio)):
        return None

    return "aspect_ratio", size.name, f"takes {', '.join(shapes.names)}"


def _pixels(shapes: Shapes, request: Any) -> Change | None:
    value = getattr(request, "resolution", None)
    if value is None or not shapes.in_pixels:
        return None

    aspect_ratio = request.aspect_ratio
    if aspect_ratio is not None and shapes.sizes and aspect_ratio not in shapes.names:
        # As the fit will have adapted it.
        aspect_ratio = nearest("aspect_ratio", aspect_ratio, shapes.names)

    wire = shapes.choose(request.model_copy(update={"aspect_ratio": aspect_ratio}))
    size, lines = shapes.size_of(wire), shapes.lines(wire)
    same = size.is_of(named_lines(value)) if size is not None else lines == named_lines(value)
    if same:
        return None

    return "resolution", size.resolution if size is not None else wire, f"makes {wire}"


def _lines(words: Sequence[str], request: Any) -> Change | None:
    value = getattr(request, "resolution", None)
    if value is None or requestable(words):
        return None

    sent = nearest_lines(words, value)
    same = named_lines(sent) == named_lines(value)
    return None if same else ("resolution", sent, f"takes {', '.join(words)}")


def _whole_seconds(table: Mapping[str, FieldMapper], request: Any) -> Change | None:
    """Only where nobody names the limits: else the fit finds the nearest number itself."""
    mapper = table.get("duration")
    value = getattr(request, "duration_seconds", None)
    if mapper is None or mapper.allowed is not None or value is None or value == int(value):
        return None

    return "duration_seconds", mapper.converter(request, value), "takes whole seconds"
