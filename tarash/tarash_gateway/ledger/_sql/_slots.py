"""Slots of accounts in a ledger's database; blocking, for any thread."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING

from .._slots import SlotAnswer, SlotChanges, SlotRecord, SlotRequest, allocate_slots, may_run
from ._base import Base
from ._rows import as_json, intact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._base import Row, Transaction

LINE = """
    SELECT slots.*, intents.id AS intent, submission, outcome,
        processes.pid, processes.birth, processes.place,
        extract(epoch FROM clock_timestamp() - slots.renewed_at)::float8 AS silent,
        extract(epoch FROM clock_timestamp() - slots.taken_at)::float8 AS taken_ago
    FROM tarash.slots
    LEFT JOIN tarash.intents ON intents.id = split_part(slots.id, ' ', 1)
    LEFT JOIN tarash.processes ON processes.id = slots.process
    WHERE %s::text IS NULL OR line = %s::text ORDER BY slots.number
"""
INSERT = """
    INSERT INTO tarash.slots (id, line, request, process, renewed_at)
    VALUES (%s, %s, %s, %s, clock_timestamp())
"""
TOUCH = """
    UPDATE tarash.slots SET process = %s, renewed_at = clock_timestamp(),
        request = COALESCE(%s, request)
    WHERE id = %s
"""
TAKE = "UPDATE tarash.slots SET turn = %s, taken_at = clock_timestamp() WHERE id = %s"


class Slots(Base):
    """The slots in one database."""

    def seek_slots(
        self, line: str, requests: Sequence[SlotRequest], held: Sequence[str]
    ) -> SlotAnswer:
        """Ask for slots, and keep those that are held; see `_contract.SlotLedger.seek_slots`."""

        def work(transaction: Transaction) -> SlotAnswer:
            transaction.lock("tarash slots", line)
            changes = allocate_slots(self._line(transaction, line), requests, held)
            self._change(transaction, line, changes, requests)
            self._say_if_due(transaction)
            return changes.answer

        return self._write(work, "not_sent")

    def _change(
        self,
        transaction: Transaction,
        line: str,
        changes: SlotChanges,
        requests: Sequence[SlotRequest],
    ) -> None:
        if changes.drop:
            transaction.run("DELETE FROM tarash.slots WHERE id = ANY(%s)", [*changes.drop])

        for request in changes.insert:
            transaction.run(INSERT, request.id, line, _kept(request), self.process.id)

        asked = {request.id: _kept(request) for request in requests}
        for name in changes.touch:
            transaction.run(TOUCH, self.process.id, asked.get(name), name)

        for name, turn in changes.take.items():
            transaction.run(TAKE, turn, name)

    def free_slot(self, slot_id: str, may_still_run: bool) -> None:
        """Leave the line, or end a slot; see `_contract.SlotLedger.free_slot`."""

        def work(transaction: Transaction) -> None:
            transaction.run("DELETE FROM tarash.slots WHERE id = %s AND turn IS NULL", slot_id)
            if not may_still_run:
                transaction.run("UPDATE tarash.slots SET is_free = true WHERE id = %s", slot_id)

        self._write(work)

    def list_slots(self, line: str | None) -> list[SlotRecord]:
        """Return those who wait, and the jobs in flight; see `_contract.SlotLedger.list_slots`."""
        records = self._read(lambda transaction: self._line(transaction, line))
        return [record for record in records if record.turn is None or record.counts]

    def _line(self, transaction: Transaction, line: str | None) -> list[SlotRecord]:
        return [self._slot(row) for row in transaction.all(LINE, line, line)]

    def _slot(self, row: Row) -> SlotRecord:
        with intact(f"slot {row['id']!r}"):
            return SlotRecord(
                SlotRequest(**json.loads(row["request"])),
                row["number"],
                row["turn"],
                row["taken_ago"],
                row["silent"],
                bool(row["is_free"]),
                self._is_alive(row),
                row["intent"] is not None and may_run(row["submission"], row["outcome"]),
            )

    def _is_alive(self, row: Row) -> bool:
        """Tell whether a slot's holder is; by its own lease, which an event loop renews."""
        if row["pid"] is None:
            return bool(-self._lease_seconds <= row["silent"] < self._lease_seconds)

        holder = {"id": row["process"], "holder": row["id"], "lease_seconds": self._lease_seconds}
        return self.process.sees({**row, **holder}, row["silent"])

    @abstractmethod
    def _say_if_due(self, transaction: Transaction) -> None:
        """Write down that this process is alive, where it is time to."""


def _kept(request: SlotRequest) -> str | None:
    return as_json(asdict(request))
