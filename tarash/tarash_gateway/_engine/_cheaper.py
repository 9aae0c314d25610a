"""The nearest request that costs no more than it may: for the error of one that would."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..exceptions import ValidationError
from ..mapping import Span, fit, pixels_of
from ._fitting import checked_payload
from ._quoting import quoted

if TYPE_CHECKING:
    from decimal import Decimal

    from .._data._exchange import Call, Payload, Request
    from .._data._media_info import Measures
    from .._data._money import Quote
    from ..catalog import ModelSpec
    from ..providers._contract import Adapter
    from ._attempt import Attempt

RESOLUTIONS = ("4k", "1440p", "1080p", "720p", "540p", "480p", "360p")
QUALITIES = ("ultra", "high", "hd", "medium", "standard", "low")
MEDIA = frozenset({"image_list", "video", "mask_image", "continue_from"})
"""Fields whose values are as they will be sent, and not as the user gave them."""
MOST_LENGTHS = 60
ALIKE = 0.02
"""By so much two aspect ratios may differ that count as one."""


def cheaper(
    attempt: Attempt, call: Call, adapter: Adapter | None, spec: ModelSpec, limit: Decimal | None
) -> str:
    """Return the nearest requests that fit, in words; nothing where nobody can tell.

    Args:
        attempt: The attempt, with the call as the user made it.
        call: The call, adapted to the model.
        adapter: Who builds what would be sent; None for a registered handler.
        spec: What the model takes.
        limit: The dollars that it may cost.
    """
    if adapter is None or limit is None:
        return ""

    asked = _as_asked(attempt.call, call)
    offers = []
    for field, values in _choices(asked, spec).items():
        for value in values:  # the first is the nearest
            quote = _quote_of(asked, field, value, adapter, spec, attempt.money.measures)
            if quote is not None and quote.high is not None and quote.high <= limit:
                offers.append(f"{field}={value!r} costs {quote}")
                break

    return f"; {', '.join(offers)}" if offers else "; give a larger max_cost, or another model"


def _as_asked(given: Call, call: Call) -> Call:
    """Return a call with the values that the user asked for, and the media as they will be sent."""
    names = set(type(call.request).model_fields) - MEDIA
    values = {name: getattr(given.request, name) for name in names}
    return replace(call, request=call.request.model_copy(update=values))


def _choices(call: Call, spec: ModelSpec) -> dict[str, Iterator[Any]]:
    """Return smaller values by field, from the nearest on."""
    request = call.request
    choices: dict[str, Iterator[Any]] = {}
    if call.kind == "video":
        choices["duration_seconds"] = _lengths(request, spec)
        choices["resolution"] = _resolutions(request)
        silent = getattr(request, "generate_audio", None) is not False
        choices["generate_audio"] = iter([False] if silent else [])
    else:
        choices["quality"] = _qualities(request, spec)
        choices["size"] = _sizes(request, spec)

    count = "n" if call.kind == "image" else "number_of_videos"
    choices[count] = iter(range(getattr(request, count) - 1, 0, -1))
    return choices


def _allowed(field: str, spec: ModelSpec) -> Any:
    mappers = spec.mappers.values()
    return next((mapper.allowed for mapper in mappers if mapper.source_field == field), None)


def _lengths(request: Request, spec: ModelSpec) -> Iterator[int]:
    seconds = getattr(request, "duration_seconds", None)
    allowed = _allowed("duration_seconds", spec)
    if isinstance(allowed, tuple):
        for one in sorted(allowed, reverse=True):
            if seconds is None or one < seconds:
                yield one
    elif isinstance(allowed, Span) and allowed.high is not None:
        ends = [allowed.high] if seconds is None else [allowed.high, math.ceil(seconds) - 1]
        longest, shortest = math.floor(min(ends)), math.ceil(allowed.low or 1)
        for one in range(longest, max(shortest, longest - MOST_LENGTHS) - 1, -1):
            if one in allowed:
                yield one


def _resolutions(request: Request) -> Iterator[str]:
    lines = getattr(request, "resolution", None)
    first = RESOLUTIONS.index(lines) + 1 if lines in RESOLUTIONS else 0
    yield from RESOLUTIONS[first:]


def _qualities(request: Request, spec: ModelSpec) -> Iterator[str]:
    allowed = _allowed("quality", spec)
    quality = getattr(request, "quality", None)
    if isinstance(allowed, tuple):
        first = QUALITIES.index(quality) + 1 if quality in QUALITIES else 0
        yield from (one for one in QUALITIES[first:] if one in allowed)


def _sizes(request: Request, spec: ModelSpec) -> Iterator[str]:
    """Yield smaller sizes of the same shape."""
    allowed, size = _allowed("size", spec), getattr(request, "size", None)
    width, height = (None, None) if size is None else pixels_of(size) or (None, None)
    if not isinstance(allowed, tuple) or width is None or height is None:
        return

    known = {one: sides for one in allowed if (sides := pixels_of(str(one))) is not None}
    for one, (wide, high) in sorted(known.items(), key=lambda pair: -pair[1][0] * pair[1][1]):
        is_alike = abs(wide / high - width / height) <= ALIKE
        if is_alike and wide * high < width * height:
            yield one


def _quote_of(  # noqa: PLR0913, PLR0917  (what a quote is made of)
    asked: Call,
    field: str,
    value: Any,
    adapter: Adapter,
    spec: ModelSpec,
    measures: Measures | None,
) -> Quote | None:
    """Return what a changed request costs; None where the model would not make it so."""
    changed = replace(asked, request=asked.request.model_copy(update={field: value}))
    try:
        request, adjustments = fit(changed.request, spec)
        if any(adjustment.field == field for adjustment in adjustments):
            return None

        payload: Payload = checked_payload(adapter, replace(changed, request=request), spec)
    except ValidationError:
        return None

    return quoted(replace(changed, request=request), spec, payload, measures)
