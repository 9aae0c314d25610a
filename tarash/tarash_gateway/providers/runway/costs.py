"""What Runway says that a task cost, whether it succeeded or failed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..._data._money import Reported, exact
from .._facts import mapping, number

if TYPE_CHECKING:
    from ..._data._types import Billing

CREDIT = Decimal("0.01")
"""Dollars, by Runway's pricing page."""


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the cost of a task that has ended: credits, of which some may come back later."""
    spent = exact(mapping(mapping(body).get("cost")).get("credits"))
    if spent is None:
        return None

    return Reported(amount=spent * CREDIT, final=False, quantity=spent, unit="runway_credit")


def billing_of(task: Any) -> Billing | None:
    """Return what a failed task costs: Runway states the credits that it kept.

    Where it does not: those of a refused input are not given back.
    """
    fields = mapping(task)
    spent = number(mapping(fields.get("cost")).get("credits"))
    if spent is None:
        return "certain" if str(fields.get("failureCode")).startswith("SAFETY.INPUT") else None

    return "certain" if spent else "none"
