"""What happens to attempts, for those who observe them: `Gateway(observers=[...])`."""

from __future__ import annotations

from ._data._events import (
    Accepted,
    Adopted,
    AttemptEvent,
    AttemptStarted,
    CancelAnswered,
    CancelAsked,
    ErrorFacts,
    Polled,
    Rejected,
    Settled,
    Submitting,
    Unknown,
)
from ._data._policies import Observer

__all__ = [
    "Accepted",
    "Adopted",
    "AttemptEvent",
    "AttemptStarted",
    "CancelAnswered",
    "CancelAsked",
    "ErrorFacts",
    "Observer",
    "Polled",
    "Rejected",
    "Settled",
    "Submitting",
    "Unknown",
]
