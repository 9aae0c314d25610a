"""How long a video will be, by what is sent, and by what the model does where nothing is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ...mapping import Span

if TYPE_CHECKING:
    from ..._data._exchange import Request
    from ...mapping import Frames
    from .._spec import ModelSpec

Possible = frozenset[Any]
"""Values that a fact may have, as `plain` makes them."""
Between = tuple[Decimal, Decimal]
"""The least and the greatest that a quantity may be."""

SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(?:s|sec|seconds)?", re.IGNORECASE)


def between(possible: Iterable[Any] | None, form: re.Pattern[str] | None = None) -> Between | None:
    """Return the least and the greatest of values that are all numbers; else None."""
    numbers = []
    for value in possible or ():
        if isinstance(value, Decimal):
            numbers.append(value)
        elif form is not None and isinstance(value, str) and (match := form.fullmatch(value)):
            numbers.append(Decimal(match[1]))
        else:
            return None

    return (min(numbers), max(numbers)) if numbers else None


def seconds_of(
    spec: ModelSpec, request: Request, values: Mapping[str, Possible | None]
) -> Between | None:
    """Return the seconds of one video; None where nobody knows.

    Args:
        spec: What the model takes.
        request: The request, adapted to the model.
        values: Possible values of what is sent, or left to the provider.
    """
    wished = getattr(request, "duration_seconds", None)
    mappers = {
        n: value for n, value in spec.mappers.items() if value.source_field == "duration_seconds"
    }
    for name, mapper in mappers.items():
        if mapper.frames is not None:
            return _of_frames(mapper.frames, request, values, values.get(name.rpartition(".")[2]))

    seconds = values.get("seconds") or next(
        (values[name] for name in ("duration", "seconds") if values.get(name)), None
    )
    known = between(seconds, SECONDS)
    if known is not None:
        return known

    if wished is not None and mappers:
        exact = Decimal(str(wished))
        return exact, exact

    return next(filter(None, (_of_span(mapper.allowed) for mapper in mappers.values())), None)


def _of_frames(
    frames: Frames,
    request: Request,
    values: Mapping[str, Possible | None],
    counts: Possible | None,
) -> Between | None:
    """Return the seconds of a model whose length is a number of frames."""
    wished = getattr(request, "duration_seconds", None)
    if wished is not None:
        exact = Decimal(str(frames.seconds(request, wished)))
        return exact, exact

    rate = between(values.get(frames.parameter or "")) or (Decimal(str(frames.rate)),) * 2
    counted = between(counts)
    if counted is not None and rate[0] > 0:
        return counted[0] / rate[1], counted[1] / rate[0]

    return _of_span(frames.span)


def _of_span(allowed: Any) -> Between | None:
    if not isinstance(allowed, Span) or allowed.low is None or allowed.high is None:
        return None

    return Decimal(str(allowed.low)), Decimal(str(allowed.high))
