"""What Runway says that a task cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ..._data._money import Reported, exact
from .._facts import mapping

CREDIT = Decimal("0.01")
"""Dollars, by Runway's pricing page."""


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the cost of a task that has ended: credits, of which some may come back later."""
    spent = exact(mapping(mapping(body).get("cost")).get("credits"))
    if spent is None:
        return None

    return Reported(amount=spent * CREDIT, final=False, quantity=spent, unit="runway_credit")
