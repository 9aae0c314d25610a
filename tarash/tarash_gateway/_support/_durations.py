"""How long generations took in this process, by provider and model: what an ETA is read from."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

KEPT = 20
"""Durations of one model; the oldest makes room."""
MODELS = 500
"""Models; the one that was used the longest ago makes room."""

_seen: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
_lock = threading.Lock()


def record_duration(provider: str, model: str, seconds: float) -> None:
    """Remember how long a generation took that was watched from its start to its end."""
    with _lock:
        _seen.setdefault((provider, model), deque(maxlen=KEPT)).append(seconds)
        _seen.move_to_end((provider, model))
        while len(_seen) > MODELS:
            _seen.popitem(last=False)


def typical(provider: str | None, model: str | None) -> float | None:
    """Return the median of what was seen, in seconds; None where nothing was."""
    with _lock:
        seen = sorted(_seen.get((provider or "", model or ""), ()))

    if not seen:
        return None

    from statistics import median  # which takes a few milliseconds to import

    return median(seen)
