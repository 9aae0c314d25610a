"""What a ledger says of itself to whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Examined:
    """A ledger that can be read, as it is at one moment."""

    version: int
    """Of its tables."""
    newest: int
    """The version of the tables that this process knows."""
    size: int
    """Bytes."""
    holders: int
    """Processes that hold jobs, alive or not."""
    alive: int
    """Those among them that have said so within their lease."""
    clock_offset: float | None = None
    """Seconds by which its clock is ahead of this machine's; None where it has none of its own."""
