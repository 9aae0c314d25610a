"""Prices as data, and what a call will cost by them. Knows no provider by name."""

from __future__ import annotations

from ._book import PriceBook, line_of, reason_of, shipped, taken
from ._price_inputs import PriceInputs, price_inputs_of
from ._prices import Prices, keep, prices
from ._quantities import is_by_media
from ._quote import Tariff, free
from ._tariffs import priced
from ._usual import usual_seconds

__all__ = [
    "PriceBook",
    "PriceInputs",
    "Prices",
    "Tariff",
    "free",
    "is_by_media",
    "keep",
    "line_of",
    "price_inputs_of",
    "priced",
    "prices",
    "reason_of",
    "shipped",
    "taken",
    "usual_seconds",
]
