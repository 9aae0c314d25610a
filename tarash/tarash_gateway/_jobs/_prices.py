"""The public functions on prices: those that quotes go by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from .._http._backend import check_loop
from .._support._secrets import Key
from ..catalog.prices import prices, taken
from ..models import PriceLine

__all__ = ["list_prices", "refresh_prices", "refresh_prices_async", "register_prices"]


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


async def refresh_prices_async(
    provider: str = "fal", *, base_url: str | None = None, api_key: str | None = None
) -> int:
    """Fetch what a provider publishes of its prices and keep it in your cache directory.

    From fal these are the prices of its units, which turn what a job was counted as into money;
    from OpenRouter, the prices of its models. They go before those that ship, and after your own.

    Args:
        provider: The provider's name.
        base_url: Replaces the provider's host, as `TARASH_<PROVIDER>_BASE_URL` does.
        api_key: The provider's key; by default that of its environment variable.

    Returns:
        How many price lines were read.

    Raises:
        ValidationError: The provider publishes no prices that are read here.
        HTTPError: The provider answered with an error status; nothing was changed.
        HTTPConnectionError: No answer came; nothing was changed.
        StorageError: The cache directory can't be written.
    """
    from ..catalog._refresh_prices import fetch_prices

    check_loop()
    key = Key.taken(api_key)
    del api_key  # errors' frames are shown
    count, _ = await fetch_prices(provider, base_url, key)
    return count


def refresh_prices(
    provider: str = "fal", *, base_url: str | None = None, api_key: str | None = None
) -> int:
    """Blocking form of `refresh_prices_async`."""
    from .._support import _portal

    key = Key.taken(api_key)
    del api_key
    return _portal.call(
        lambda _caller: refresh_prices_async(provider, base_url=base_url, api_key=key)
    )


def list_prices(provider: str, model: str) -> list[PriceLine]:
    """Return the price lines that quotes of a model go by today; empty where none is known."""
    return prices.lines(provider, model)
