"""What a watch reads of operations and polls. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .._data._events import Polled
from ._limits import LONGEST_PACE

if TYPE_CHECKING:
    from .._data._exchange import Operation, Snapshot


def age_of(operation: Operation) -> float:
    """Return the seconds since a job was submitted, maybe by another process."""
    try:
        submitted = datetime.fromisoformat(operation.submitted_at)
        return max(0.0, (datetime.now(UTC) - submitted).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def polled(snapshot: Snapshot, *, final: bool = False, result_ready: bool | None = None) -> Polled:
    """Return the event of what a provider said of a job.

    Args:
        snapshot: What it said.
        final: Whether that is its last word, also where it calls the job by no end.
        result_ready: As in the event.
    """
    return Polled(
        status=snapshot.status,
        progress=snapshot.progress,
        queue_position=snapshot.queue_position,
        final=final or snapshot.status == "failed",
        billing=snapshot.billing,
        result_ready=result_ready,
        trouble=None if snapshot.trouble is None else snapshot.trouble.message,
        raw=snapshot.raw,
    )


def paced(seconds: Any) -> float | None:
    """Return the pause that a provider asks for, within reason."""
    if not isinstance(seconds, int | float) or math.isnan(seconds):
        return None

    return min(max(0.0, float(seconds)), LONGEST_PACE)
