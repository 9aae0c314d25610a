"""What a call will cost, by what would be sent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from .._data._media_info import Measures
from .._data._money import written
from ..catalog import schema_source
from ..catalog.prices import free, is_by_media, priced, prices

if TYPE_CHECKING:
    from .._data._exchange import Call, Payload
    from .._data._money import PriceLine, Quote
    from ..catalog import ModelSpec


DOLLARS = "USD"
COMPUTING = "gpu_second"


def quoted(
    call: Call, spec: ModelSpec, payload: Payload | None, measures: Measures | None = None
) -> Quote:
    """Return what a call will cost. Blocks as long as a disk does, where its media have a price.

    Args:
        call: The call, adapted to its model.
        spec: What the model takes.
        payload: What would be sent; None for a handler that the application has registered.
        measures: How large its media are; None to look at them, where a price depends on it.
    """
    if call.mocked:
        return free()

    parameters: Any = {}
    if payload is not None:
        parameters = payload.body if payload.inside is None else payload.body[payload.inside]

    lines = _lines(call, spec)
    if measures is None and _has_media(call) and any(map(is_by_media, lines)):
        measures = _measured(call)

    region = call.region or call.config.provider_config.get("region")
    if not isinstance(region, str):
        region = None  # no name of one, or none at all

    return priced(lines, spec, call.request, parameters, measures or Measures(), region)


def with_computing(quote: Quote, call: Call, spec: ModelSpec, seconds: float | None) -> Quote:
    """Return a quote with what seconds of computing usually come to, which nobody knows before.

    No limit goes by it: a job may take longer.

    Args:
        quote: What is known of the call's price.
        call: The call, adapted to its model.
        spec: What the model takes.
        seconds: How long such jobs took; None where nobody has seen any.
    """
    if seconds is None or quote.high is not None or quote.currency not in (None, DOLLARS):
        return quote

    priced = [one for one in _lines(call, spec) if one.unit == COMPUTING and one.role is None]
    if len(priced) != 1 or priced[0].when or priced[0].currency != DOLLARS:
        return quote

    took = Decimal(f"{seconds:.3g}")
    line = priced[0]
    usual = (quote.low or Decimal(0)) + line.rate / line.per * took
    note = (
        f"{written(usual, DOLLARS)} by the {took:f} s that such jobs took here, with their time in "
        f"the queue, at {line.rate / line.per:f} a second; this one may take more or less"
    )
    estimate = {"typical": usual, "currency": DOLLARS, "notes": (*quote.notes, note)}
    return quote.model_copy(update=estimate)


async def measured(call: Call, spec: ModelSpec) -> Measures:
    """Return how large the media of a call are, before they are uploaded, where a price needs it.

    Args:
        call: The call, with the media as the user gave them.
        spec: What the model takes.
    """
    if call.mocked or not _has_media(call) or not any(map(is_by_media, _lines(call, spec))):
        return Measures()

    return await to_thread.run_sync(_measured, call)


def _measured(call: Call) -> Measures:
    from ..media import measures_of, rules_of

    return measures_of(call.request, rules_of(call.config))


def _lines(call: Call, spec: ModelSpec) -> tuple[PriceLine, ...]:
    with schema_source(call.config.base_url):
        return prices.lines(spec.provider, spec.model, kind=call.kind)


def _has_media(call: Call) -> bool:
    return bool(call.request.image_list) or vars(call.request).get("video") is not None
