"""Slots of accounts in memory: for all calls of one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._slots import SlotAnswer, SlotRecord, SlotRequest, allocate_slots, may_run

if TYPE_CHECKING:
    from ._record_types import SubmissionRecord

LEASE_SECONDS = 15
"""How long a slot may be without a word of the event loop that holds it: it may have ended."""


@dataclass(slots=True)
class _Row:
    request: SlotRequest
    number: int
    renewed: float
    turn: int | None = None
    taken: float | None = None
    is_free: bool = False


class MemorySlots:
    """Keeps slots; a part of `MemoryLedger`."""

    keeps_slots = True

    _lock: threading.Lock

    def __init__(self) -> None:
        super().__init__()
        self._slots: dict[str, _Row] = {}
        self._slot_number = 0

    async def seek_slots(
        self, line: str, requests: Sequence[SlotRequest], held: Sequence[str] = ()
    ) -> SlotAnswer:
        """Ask for slots, and keep those that are held; see `_contract.SlotLedger.seek_slots`."""
        with self._lock:
            now = time.monotonic()
            changes = allocate_slots(self._line(line, now), requests, held)
            for name in changes.drop:
                self._slots.pop(name, None)

            for request in changes.insert:
                self._slot_number += 1
                self._slots[request.id] = _Row(request, self._slot_number, now)

            asked: Mapping[str, SlotRequest] = {request.id: request for request in requests}
            for name in changes.touch:
                row = self._slots[name]
                row.renewed, row.request = now, asked.get(name, row.request)

            for name, turn in changes.take.items():
                self._slots[name].turn, self._slots[name].taken = turn, now

            return changes.answer

    async def free_slot(self, slot_id: str, *, may_still_run: bool = False) -> None:
        """Leave the line, or end a slot; see `_contract.SlotLedger.free_slot`."""
        with self._lock:
            row = self._slots.get(slot_id)
            if row is None:
                return

            if row.turn is None:
                del self._slots[slot_id]
            elif not may_still_run:
                row.is_free = True

    async def list_slots(self, line: str | None = None) -> list[SlotRecord]:
        """Return those who wait, and the jobs in flight; see `_contract.SlotLedger.list_slots`."""
        with self._lock:
            records = self._line(line, time.monotonic())
            return [record for record in records if record.turn is None or record.counts]

    def _line(self, line: str | None, now: float) -> list[SlotRecord]:
        rows = (slot for slot in self._slots.values() if line is None or slot.request.line == line)
        return [self._record(row, now) for row in sorted(rows, key=lambda row: row.number)]

    def _record(self, row: _Row, now: float) -> SlotRecord:
        entry = self._entry(row.request.intent_id)
        silent = now - row.renewed
        return SlotRecord(
            row.request,
            row.number,
            row.turn,
            None if row.taken is None else now - row.taken,
            silent,
            row.is_free,
            silent < LEASE_SECONDS,
            entry is not None and may_run(entry.submission, entry.outcome),
        )

    def _entry(self, intent_id: str) -> SubmissionRecord | None:
        raise NotImplementedError(intent_id)
