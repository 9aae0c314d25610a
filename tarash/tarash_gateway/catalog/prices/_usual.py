"""How long a model's video is where nobody says it: for what stands in for a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._data._requests import VideoGenerationRequest
from ._lengths import seconds_of
from ._price_inputs import sent_of, values_of

if TYPE_CHECKING:
    from .._spec import ModelSpec

FAMILIES = {"veo": 8.0, "hailuo": 6.0}
"""Seconds by a word of the model's id. Source: the schemas that fal publishes, and MiniMax's
reference; other hosts of the same models publish what is possible, and not what is usual."""


def usual_seconds(spec: ModelSpec, sent: Mapping[str, Any]) -> float | None:
    """Return the seconds of one video that is ordered without a length; None where nobody knows.

    Args:
        spec: What the model takes.
        sent: The parameters that are sent.
    """
    request = VideoGenerationRequest(prompt="any")
    possible = seconds_of(spec, request, values_of(spec, request, sent_of(sent)))
    if possible is not None and possible[0] == possible[1]:
        return float(possible[0])

    for family, seconds in FAMILIES.items():
        if family in spec.model.lower() and (
            possible is None or possible[0] <= seconds <= possible[1]
        ):
            return seconds

    return None
