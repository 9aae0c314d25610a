"""Tells what bends where several wishes, or none of a model's parameters, decide. Pure.

The fit compares one wish with one parameter; a `ratio` that is shape and resolution at once, or a
resolution called `768p`, it can't judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...mapping import FieldMapper, nearest
from ...models import Adjustment
from .shape import ALIKE, LINES, REQUEST_WORDS, Shapes, apart, nearest_lines, ratio_of

Found = tuple[str, Any, str]
"""The wish, what is sent instead, and why."""


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
    found: list[Found | None] = []
    if "promptText" not in table:
        found.append(("prompt", None, "has no prompt"))

    if shapes is not None and "ratio" not in request.extra_params:
        found.append(_aspect_ratio(shapes, request))
        found.append(None if words else _pixels(shapes, request))

    if "resolution" not in request.extra_params:
        found.append(_lines(words, request))

    if "duration" not in request.extra_params:
        found.append(_whole_seconds(table, request))

    return [
        Adjustment(
            field=field, requested=getattr(request, field), sent=sent, reason=f"{model} {reason}"
        )
        for field, sent, reason in filter(None, found)
    ]


def _aspect_ratio(shapes: Shapes, request: Any) -> Found | None:
    """Images only: their mapper is known to the fit by the size."""
    if shapes.kind != "image" or request.aspect_ratio is None or not shapes.sizes:
        return None

    size = shapes.told(shapes.choose(request))
    if size is None or apart(size.ratio, ratio_of(request.aspect_ratio)) <= ALIKE:
        return None

    return "aspect_ratio", size.name, f"takes {', '.join(shapes.names)}"


def _pixels(shapes: Shapes, request: Any) -> Found | None:
    wish = getattr(request, "resolution", None)
    if wish is None or not shapes.in_pixels:
        return None

    aspect_ratio = request.aspect_ratio
    if aspect_ratio is not None and shapes.sizes and aspect_ratio not in shapes.names:
        # As the fit will have bent it.
        aspect_ratio = nearest("aspect_ratio", aspect_ratio, shapes.names)

    wire = shapes.choose(request.model_copy(update={"aspect_ratio": aspect_ratio}))
    size, lines = shapes.told(wire), shapes.lines(wire)
    same = size.is_of(LINES[wish]) if size is not None else lines == LINES[wish]
    if same:
        return None

    return "resolution", size.resolution if size is not None else wire, f"makes {wire}"


def _lines(words: Sequence[str], request: Any) -> Found | None:
    wish = getattr(request, "resolution", None)
    if wish is None or REQUEST_WORDS.issuperset(words):
        return None

    sent = nearest_lines(words, wish)
    same = LINES[sent] == LINES[wish]
    return None if same else ("resolution", sent, f"takes {', '.join(words)}")


def _whole_seconds(table: Mapping[str, FieldMapper], request: Any) -> Found | None:
    """Only where nobody names the limits: else the fit finds the nearest number itself."""
    mapper = table.get("duration")
    wish = getattr(request, "duration_seconds", None)
    if mapper is None or mapper.allowed is not None or wish is None or wish == int(wish):
        return None

    return "duration_seconds", mapper.converter(request, wish), "takes whole seconds"
