"""What a watch reads of operations and polls. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .._data._events import Polled
from ..exceptions import ValidationError
from ._timeouts import LONGEST_PACE

if TYPE_CHECKING:
    from .._data._exchange import Call, Config, Operation, Snapshot
    from ..providers._contract import Adapter


def poll_floor(adapter: Adapter, config: Config) -> float:
    """Return the seconds that two polls are apart at least: the user's word, else the provider's.

    Raises:
        ValidationError: The user's is no number of seconds.
    """
    floor = config.provider_config.get("min_poll_interval")
    if floor is None:
        return adapter.min_poll_interval

    if not isinstance(floor, int | float) or not 0 <= floor < math.inf:
        raise ValidationError(
            f"provider_config['min_poll_interval'] is {floor!r}; give seconds, 0 or more"
        )

    return float(floor)


def sort_of(call: Call, operation: Operation) -> tuple[Any, ...]:
    """Return what jobs have in common that take about the same time."""
    wishes = (getattr(call.request, name, None) for name in ("duration_seconds", "resolution"))
    return (operation.model, operation.kind, *wishes)


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


def is_plain(snapshot: Snapshot) -> bool:
    """Tell whether a snapshot says where a job stands that still runs, and nothing else."""
    has_ended = snapshot.finished is not None or snapshot.error is not None
    is_odd = snapshot.trouble is not None or snapshot.unknown is not None or snapshot.denied
    return not (has_ended or is_odd or snapshot.parts or snapshot.billing is not None)
