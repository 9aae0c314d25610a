"""What may observe attempts; apart from the events, which a mere import does not need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._events import AttemptEvent

    Observer = Callable[[AttemptEvent], object]
else:
    Observer = Callable[[Any], object]

NOTED = "observer."
"""Begins the names of labels that an observer, and not the user, has written down with a job."""


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the user's own labels of a job."""
    return {name: value for name, value in labels.items() if not name.startswith(NOTED)}
