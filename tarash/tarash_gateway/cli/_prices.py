"""`tarash models refresh --prices`: reads the prices that a provider publishes."""

from __future__ import annotations

from typing import Annotated

import typer

from .._jobs._catalogue import refresh_prices
from .._support._words import counted
from . import _terminal as terminal
from ._errors import Exit

Prices = Annotated[
    bool, typer.Option("--prices", help="Fetch prices: of fal's units, of OpenRouter's models.")
]


def show_prices(provider: str, base_url: str | None, *, as_json: bool) -> int:
    """Fetch a provider's prices and say how many there were; return the exit code."""
    read = refresh_prices(provider, base_url=base_url)
    if as_json:
        terminal.document({"provider": provider, "prices": read})
    else:
        terminal.result(f"{provider}: {counted(read, 'price')}")

    return Exit.DONE
