"""What OpenAI and Azure OpenAI say of images: the tokens of prompt, input images and output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._data._money import Reported, exact
from ._facts import mapping


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the tokens of an answer; None where it has none, as of videos."""
    events = body if isinstance(body, list) else [body]  # of a stream, the last one says it
    usage = next(
        (one for event in reversed(events) if (one := mapping(mapping(event).get("usage")))), {}
    )
    details = mapping(usage.get("input_tokens_details"))
    counts = {
        "prompt": exact(details.get("text_tokens")),
        "input_image": exact(details.get("image_tokens")),
        "output": exact(usage.get("output_tokens")),
    }
    parts = {name: count for name, count in counts.items() if count is not None}
    if "output" not in parts or "prompt" not in parts:
        return None

    return Reported(quantity=exact(usage.get("total_tokens")), unit="token", parts=parts)
