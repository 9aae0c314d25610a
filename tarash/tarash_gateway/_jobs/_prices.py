"""The public functions on prices: those that quotes go by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..catalog.prices import prices, taken
from ..models import PriceLine

__all__ = ["list_prices", "register_prices"]


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
    return list(prices.lines(provider, model))
