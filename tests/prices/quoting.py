"""What a call costs by lines and facts that a test names."""

from __future__ import annotations

from collections.abc import Sequence

from tarash.tarash_gateway import PriceLine, Quote
from tarash.tarash_gateway.catalog.prices import PriceInputs, Tariff


def quote_of(lines: Sequence[PriceLine], facts: PriceInputs, model: str) -> Quote:
    """Return it, without anything that is kept from one call to the next."""
    return Tariff(lines, facts, model).quote(facts.prompt)
