"""What Replicate says that a prediction took: seconds of a machine, whose price is the model's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._data._money import Reported, exact
from .._facts import mapping

if TYPE_CHECKING:
    from ..._data._types import Billing


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the seconds of computing of a prediction that has ended.

    They are what is billed where the model's page has a price by the second of its hardware; where
    it has one by the output, they are a fact, and no price.
    """
    seconds = exact(mapping(mapping(body).get("metrics")).get("predict_time"))
    return Reported(quantity=seconds, unit="gpu_second") if seconds else None


def billing_of(body: Any) -> Billing | None:
    """Return what a cancelled prediction costs: the time that it ran, so none if it did not."""
    prediction = mapping(body)
    if prediction.get("status") == "aborted":
        return "none"  # ended before it had begun

    has_run = prediction.get("started_at", "") is not None or mapping(prediction.get("metrics"))
    return "none" if prediction.get("status") == "canceled" and not has_run else None
