"""What fal says that a request was counted as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._data._money import Reported, exact


def reported_cost(_body: Any, metadata: Mapping[str, Any]) -> Reported | None:
    """Return the billable units of a result; what one costs is the endpoint's own price."""
    units = exact(metadata.get("billable_units"))
    return None if units is None else Reported(quantity=units, unit="fal_unit")
