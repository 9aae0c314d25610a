"""What of the queue is due, and which jobs nobody drives; blocking, for any thread.

As in a database: a task stands beside its job (`task_rank`, `task_at`), where triggers put it, and
an index holds the tasks that are due and in nobody's hands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._facts import DueTask, DueTasks
from .._processes import now
from ._rows import JOBS, as_text, is_held, record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from .._records import JobRecord
    from ._file import File

PROMOTED = 1000
"""Scheduled tasks that are made due in one step: other processes write in between."""
PROMOTE = """
    UPDATE jobs SET task_at = NULL WHERE number IN (
        SELECT number FROM jobs INDEXED BY jobs_scheduled
        WHERE task_at <= ? ORDER BY task_at LIMIT ?
    )
"""
NEXT = """
    SELECT (julianday(task_at) - julianday(?)) * 86400 AS seconds, task_at <= ? AS is_due
    FROM jobs INDEXED BY jobs_scheduled
    WHERE task_at IS NOT NULL ORDER BY task_at LIMIT 1
"""
PROCESSES = """
    SELECT process, '' AS holder, pid, birth, place, renewed_at, lease_seconds
    FROM (SELECT DISTINCT process FROM jobs WHERE process IS NOT NULL) AS holding
    LEFT JOIN processes ON processes.id = process
"""
_TASKS = "SELECT id, task_rank, number FROM jobs"
_BEHIND = """
    task_rank IS NOT NULL AND task_at IS NULL
    AND (task_rank, number) > (?, ?) ORDER BY task_rank, number LIMIT ?
"""
# SQLite would take the index by state, and sort.
FREE = f"{_TASKS} INDEXED BY jobs_due WHERE process IS NULL AND {_BEHIND}"
LEFT = f"{_TASKS} WHERE process = ? AND {_BEHIND}"
GONE = f"{_TASKS} WHERE process = ? AND holder = ? AND {_BEHIND}"
OPEN = f"{JOBS} WHERE state = 'open' AND jobs.number > ? ORDER BY jobs.number LIMIT ?"
NUMBER = "SELECT number FROM jobs WHERE id = ?"
LOWEST = -(2**31)


class Queue:
    """The queue in one file."""

    _file: File

    def due_tasks(self, limit: int, after: DueTask | None) -> DueTasks:
        """Return the first tasks that are due; see `_records.QueueLedger.due_tasks`."""
        place = (LOWEST, -1, limit) if after is None else (-after.priority, after.number, limit)
        due = self._read_due(place)
        while after is None and due.next_in == 0:
            with self._file.write() as connection:
                connection.execute(PROMOTE, (as_text(now()), PROMOTED))

            due = self._read_due(place)

        return due

    def _read_due(self, place: tuple[int, int, int]) -> DueTasks:
        process, time = self._file.process, as_text(now())
        with self._file.read() as connection:
            following = connection.execute(NEXT, (time, time)).fetchone()
            rows = connection.execute(FREE, place).fetchall()
            for owner in connection.execute(PROCESSES).fetchall():
                if not is_held(owner, process):
                    rows += connection.execute(LEFT, (owner["process"], *place)).fetchall()

            for holder in list(process.gone):
                rows += connection.execute(GONE, (process.id, holder, *place)).fetchall()

        order = sorted({(row["task_rank"], row["number"], row["id"]) for row in rows})[: place[2]]
        tasks = tuple(DueTask(name, -rank, number) for rank, number, name in order)
        if following is None:
            return DueTasks(tasks, None)

        seconds = 0.0 if following["is_due"] else max(0.001, following["seconds"])
        return DueTasks(tasks, seconds)

    def unfinished(self, after: str | None, limit: int) -> list[JobRecord]:
        """Return open jobs that nobody drives; see `_records.PagedLedger.unfinished`."""
        with self._file.read() as connection:
            return list(self._unfinished(connection, after, limit))

    def _unfinished(
        self, connection: sqlite3.Connection, after: str | None, limit: int
    ) -> Iterable[JobRecord]:
        last = -1
        if after is not None:
            row = connection.execute(NUMBER, (after,)).fetchone()
            if row is None:
                return

            last = row["number"]

        left = limit
        for row in connection.execute(OPEN, (last, -1)):
            if not left:
                return

            if not is_held(row, self._file.process):
                entries = connection.execute(
                    "SELECT * FROM intents WHERE job = ? ORDER BY number", (row["id"],)
                )
                yield record(row, entries, self._file.process)
                left -= 1
