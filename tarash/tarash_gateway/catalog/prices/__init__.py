"""Prices as data, and what a call will cost by them. Knows no provider by name."""

from __future__ import annotations

from ._book import PriceBook, line_of, reason_of, shipped, taken
from ._facts import Facts, facts_of
from ._prices import Prices, keep, prices
from ._quantities import is_by_media, is_for
from ._quote import free, quote_of
from ._usual import usual_seconds

__all__ = [
    "Facts",
    "PriceBook",
    "Prices",
    "facts_of",
    "free",
    "is_by_media",
    "is_for",
    "keep",
    "line_of",
    "prices",
    "quote_of",
    "reason_of",
    "shipped",
    "taken",
    "usual_seconds",
]
