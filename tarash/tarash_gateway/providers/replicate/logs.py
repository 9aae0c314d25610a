"""What a prediction says beside its output: in the logs of its model, and of its costs. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..._data._money import Reported, exact
from .._finding import moment
from .._result_facts import mapping, text

if TYPE_CHECKING:
    from ..._data._types import Billing

KEPT = timedelta(hours=1)
"""Inputs and outputs of predictions by API are deleted after that."""

# Models print tqdm's bar; there is no other progress.
PERCENT = re.compile(r"(\d{1,3})%\s*\|")
SEED = re.compile(r"[Uu]sing seed:?\s*(\d{1,20})")
KEPT_BACK = re.compile(r"NSFW content (?:was |has been )?detected[^\n]{0,80}", re.IGNORECASE)


def progress_in(prediction: Mapping[str, Any]) -> float | None:
    """Return the last percent that was printed."""
    percents = PERCENT.findall(_logs(prediction))
    return float(percents[-1]) if percents else None


def seed_in(prediction: Mapping[str, Any]) -> int | None:
    """Return the seed that was used."""
    seed = SEED.search(_logs(prediction))
    return int(seed[1]) if seed else None


def filter_in(body: Any) -> str | None:
    """Return the words by which a model says that its filter kept the output."""
    words = KEPT_BACK.search(_logs(body))
    return words[0] if words else None


def beside_of(body: Any) -> dict[str, Any]:
    """Return seconds billed, the seed, and until when the output is kept."""
    beside = {name: body[name] for name in ("model", "version", "metrics") if body.get(name)}
    seed = seed_in(body)
    if seed is not None:
        beside["seed"] = seed

    completed = moment(body.get("completed_at"))
    if completed is None:
        return beside

    try:
        return {**beside, "expires_at": (completed + KEPT).isoformat()}
    except OverflowError:
        return beside


def _logs(prediction: Mapping[str, Any]) -> str:
    return text(prediction.get("logs")) or ""


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
