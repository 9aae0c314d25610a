"""Slots of accounts in the ledger's file; blocking, for any thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .._memory_slots import may_run
from .._processes import now
from .._rows import as_json
from .._slots import SlotAnswer, SlotRecord, SlotRequest, decided
from ._errors import DamagedError
from ._rows import as_text

if TYPE_CHECKING:
    import sqlite3

    from ._file import File

LINE = """
    SELECT slots.*, intents.id AS intent, submission, outcome,
        processes.pid, processes.birth, processes.place
    FROM slots LEFT JOIN intents
        ON intents.id = substr(slots.id, 1, instr(slots.id || ' ', ' ') - 1)
    LEFT JOIN processes ON processes.id = slots.process
    WHERE ? IS NULL OR line = ? ORDER BY slots.number
"""


class Slots:
    """The slots in one file."""

    _file: File
    _lease_seconds: float

    def seek_slots(
        self, line: str, requests: Sequence[SlotRequest], held: Sequence[str]
    ) -> SlotAnswer:
        """Ask for slots, and keep those that are held; see `_records.SlotLedger.seek_slots`."""
        with self._file.write("not_sent") as connection:
            changes = decided(self._line(connection, line), requests, held)
            time, process = as_text(now()), self._file.process.id
            connection.executemany(
                "DELETE FROM slots WHERE id = ?", [(name,) for name in changes.drop]
            )
            connection.executemany(
                "INSERT INTO slots (id, line, request, process, renewed_at) VALUES (?, ?, ?, ?, ?)",
                [(one.id, line, _kept(one), process, time) for one in changes.insert],
            )
            asked = {request.id: _kept(request) for request in requests}
            connection.executemany(
                """
                UPDATE slots SET process = ?, renewed_at = ?, request = COALESCE(?, request)
                WHERE id = ?
                """,
                [(process, time, asked.get(name), name) for name in changes.touch],
            )
            connection.executemany(
                "UPDATE slots SET turn = ?, taken_at = ? WHERE id = ?",
                [(turn, time, name) for name, turn in changes.take.items()],
            )
            self._say(connection)
            return changes.answer

    def free_slot(self, slot_id: str, may_still_run: bool) -> None:
        """Leave the line, or end a slot; see `_records.SlotLedger.free_slot`."""
        with self._file.write() as connection:
            connection.execute("DELETE FROM slots WHERE id = ? AND turn IS NULL", (slot_id,))
            if not may_still_run:
                connection.execute("UPDATE slots SET is_free = 1 WHERE id = ?", (slot_id,))

    def list_slots(self, line: str | None) -> list[SlotRecord]:
        """Return those who wait, and the jobs in flight; see `_records.SlotLedger.list_slots`."""
        with self._file.read() as connection:
            records = self._line(connection, line)

        return [record for record in records if record.turn is None or record.counts]

    def _line(self, connection: sqlite3.Connection, line: str | None) -> list[SlotRecord]:
        return [self._slot(row) for row in connection.execute(LINE, (line, line))]

    def _slot(self, row: sqlite3.Row) -> SlotRecord:
        try:
            request = SlotRequest(**json.loads(row["request"]))
            silent = _seconds_since(row["renewed_at"])
            taken = row["taken_at"]
            return SlotRecord(
                request,
                row["number"],
                row["turn"],
                None if taken is None else _seconds_since(taken),
                silent,
                bool(row["is_free"]),
                self._is_alive(row),
                row["intent"] is not None and may_run(row["submission"], row["outcome"]),
            )
        except (ValueError, TypeError) as error:
            raise DamagedError(f"the slot {row['id']!r} is unreadable") from error

    def _is_alive(self, row: sqlite3.Row) -> bool:
        """Tell whether a slot's holder is; by its own lease, which an event loop renews."""
        if row["pid"] is None:
            return 0 <= _seconds_since(row["renewed_at"]) < self._lease_seconds

        holder = {"id": row["process"], "holder": row["id"], "lease_seconds": self._lease_seconds}
        return self._file.process.sees({**dict(row), **holder}, _seconds_since(row["renewed_at"]))

    def _say(self, connection: sqlite3.Connection) -> None:
        raise NotImplementedError(connection)


def _kept(request: SlotRequest) -> str | None:
    return as_json(asdict(request))


def _seconds_since(text: Any) -> float:
    return (now() - datetime.fromisoformat(text)).total_seconds()
