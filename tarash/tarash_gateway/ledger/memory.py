"""The ledger that lives as long as the process: every promise holds until then, none after."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._contract import Intent, Operation
    from .._types import Submission

LARGEST_HISTORY = 1000
"""Settled entries kept for looking back; open ones are never dropped."""


@dataclass(slots=True)
class Entry:
    """What is known of one submit."""

    intent: Intent
    operation: Operation | None = None
    submission: Submission | None = None
    outcome: str | None = None
    """None while it is open."""


class MemoryLedger:
    """Keeps intents and operations in memory. Safe to use from several threads and loops."""

    def __init__(self) -> None:
        self._open: dict[str, Entry] = {}
        self._settled: OrderedDict[str, Entry] = OrderedDict()
        self._lock = threading.Lock()

    async def intend(self, intent: Intent) -> None:
        """Write down a submit before it leaves."""
        with self._lock:
            self._open[intent.id] = Entry(intent)

    async def accept(self, intent_id: str, operation: Operation) -> None:
        """Write down the job that came of it."""
        with self._lock:
            entry = self._open[intent_id]
            entry.operation = operation
            entry.submission = "accepted"

    async def settle(self, intent_id: str, submission: Submission | None, outcome: str) -> None:
        """Write down how it ended; see `_contract.Ledger.settle` for the outcomes."""
        with self._lock:
            entry = self._open.pop(intent_id)
            entry.submission = submission
            entry.outcome = outcome
            self._settled[intent_id] = entry
            while len(self._settled) > LARGEST_HISTORY:
                self._settled.popitem(last=False)

    def entries(self) -> list[Entry]:
        """Return what is known: settled entries oldest first, then the open ones."""
        with self._lock:
            return [*self._settled.values(), *self._open.values()]
