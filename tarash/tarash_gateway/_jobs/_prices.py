"""The public functions on money: quotes before a purchase, and the prices that they go by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..catalog.prices import prices, taken
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    PriceLine,
    Quote,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from ._entrances import planned
from ._resources import default

__all__ = [
    "list_prices",
    "quote_image",
    "quote_image_async",
    "quote_video",
    "quote_video_async",
    "register_prices",
]


def quote_video(config: VideoGenerationConfig, request: VideoGenerationRequest) -> Quote:
    """Return what a video would cost, without a key and without touching the provider.

    It is the quote of `plan_video`: of what would really be sent, for the config itself. What each
    of its fallbacks would cost stands in the plan's `fallbacks`.

    Raises:
        ValidationError: A provider is unknown, or its model can't take the request.

    Example:
        quote_video(config, request).high
    """
    return planned(default, "video", config, request).quote


async def quote_video_async(
    config: VideoGenerationConfig, request: VideoGenerationRequest
) -> Quote:
    """Return what a video would cost; as `quote_video`."""
    return quote_video(config, request)


def quote_image(config: ImageGenerationConfig, request: ImageGenerationRequest) -> Quote:
    """Return what images would cost, all together; as `quote_video`."""
    return planned(default, "image", config, request).quote


async def quote_image_async(
    config: ImageGenerationConfig, request: ImageGenerationRequest
) -> Quote:
    """Return what images would cost, all together; as `quote_video`."""
    return quote_image(config, request)


def register_prices(
    lines: Iterable[PriceLine | Mapping[str, Any]] | str | os.PathLike[str],
) -> None:
    """Add price lines of your own: new models, negotiated rates.

    For its model and billable, a line of yours stands in place of those that ship.

    Args:
        lines: Price lines, or dicts of the same form; or a file with one JSON object a row.

    Raises:
        ValidationError: One is no price line; the message says which, and what is wrong with it.

    Example:
        register_prices([{"provider": "acme", "model": "clip-1", "unit": "second", "rate": "0.05"}])
    """
    prices.register(taken(lines))


def list_prices(provider: str, model: str) -> list[PriceLine]:
    """Return the price lines that quotes of a model go by today; empty where none is known."""
    return prices.lines(provider, model)
