"""What xAI says that a job cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ..._data._money import Reported
from .errors import ticks_of

TICK = Decimal("1e-10")
"""Dollars."""


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the cost: dollars in ticks, also of moderated output."""
    ticks = ticks_of(body)
    if ticks is None:
        return None

    return Reported(amount=ticks * TICK, quantity=Decimal(ticks), unit="usd_tick")
