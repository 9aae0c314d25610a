"""What a call will cost, by what would be sent. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalog import schema_source
from ..catalog.prices import facts_of, free, prices, quote_of

if TYPE_CHECKING:
    from .._data._exchange import Call, Payload
    from .._data._money import Quote
    from ..catalog import ModelSpec


def quoted(call: Call, spec: ModelSpec, payload: Payload | None) -> Quote:
    """Return what a call will cost.

    Args:
        call: The call, adapted to its model.
        spec: What the model takes.
        payload: What would be sent; None for a handler that the application has registered.
    """
    if call.mocked:
        return free()

    parameters: Any = {}
    if payload is not None:
        parameters = payload.body if payload.inside is None else payload.body[payload.inside]

    with schema_source(call.config.base_url):
        lines = prices.lines(spec.provider, spec.model)

    facts = facts_of(spec, call.config, call.request, parameters)
    return quote_of(lines, facts, f"{spec.provider} {spec.model}")
