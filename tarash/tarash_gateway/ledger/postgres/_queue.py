"""What of the queue is due, and which jobs nobody drives; blocking, for any thread.

A task stands beside its job (`task_rank`, `task_at`), where triggers put it. An index holds the
tasks that are due and in nobody's hands: neither what has ended nor what is driven or scheduled is
read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._facts import DueTask, DueTasks
from ._rows import JOBS, NUMBER, entries_of, is_held, records

if TYPE_CHECKING:
    from ..._data._types import JsonObject
    from .._facts import JobRecord
    from .._processes import Process
    from ._database import Database, Row, Transaction
    from ._rows import Entries

PROMOTED = 1000
"""Scheduled tasks that are made due in one step."""
PROMOTE = """
    UPDATE tarash.jobs SET task_at = NULL WHERE number IN (
        SELECT number FROM tarash.jobs
        WHERE task_at <= statement_timestamp()
        ORDER BY task_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
NEXT = """
    SELECT extract(epoch FROM task_at - statement_timestamp())::float8 AS seconds FROM tarash.jobs
    WHERE task_at IS NOT NULL ORDER BY task_at LIMIT 1
"""
PROCESSES = """
    SELECT process, '' AS holder, pid, birth, place, lease_seconds,
        extract(epoch FROM clock_timestamp() - renewed_at)::float8 AS age
    FROM (SELECT DISTINCT process FROM tarash.jobs WHERE process IS NOT NULL) AS holding
    LEFT JOIN tarash.processes ON processes.id = process
"""
_TASKS = "SELECT id, task_rank, number FROM tarash.jobs"
_BEHIND = """
    task_rank IS NOT NULL AND task_at IS NULL
    AND (task_rank, number) > (%s, %s) ORDER BY task_rank, number LIMIT %s
"""
FREE = f"{_TASKS} WHERE process IS NULL AND {_BEHIND}"
LEFT = f"""
    {_TASKS} WHERE (process = ANY(%s) OR process = %s AND holder = ANY(%s)) AND {_BEHIND}
"""
OPEN = f"{JOBS} WHERE state = 'open' AND jobs.number > %s ORDER BY jobs.number LIMIT %s"
LOWEST = -(2**31)


class Queue:
    """The queue in one database."""

    _database: Database
    process: Process

    def due_tasks(self, limit: int, after: DueTask | None) -> DueTasks:
        """Return the first tasks that are due; see `_records.QueueLedger.due_tasks`."""
        place = (LOWEST, -1, limit) if after is None else (-after.priority, after.number, limit)

        def work(transaction: Transaction) -> DueTasks:
            following = transaction.first(NEXT)
            rows = transaction.all(FREE, *place)
            holding = transaction.all(PROCESSES)
            dead = [one["process"] for one in holding if not is_held(one, self.process)]
            gone = list(self.process.gone)
            if dead or gone:
                rows += transaction.all(LEFT, dead, self.process.id, gone, *place)

            rows.sort(key=lambda row: (row["task_rank"], row["number"]))
            due = [DueTask(row["id"], -row["task_rank"], row["number"]) for row in rows[:limit]]
            seconds = None if following is None else max(0.0, following["seconds"])
            return DueTasks(tuple(due), seconds)

        due = self._database.read(work)
        # What others lock at this moment is made due by them, or at the next reading.
        while after is None and due.next_in == 0 and self._database.write(_promote):
            due = self._database.read(work)

        return due

    def unfinished(self, after: str | None, limit: int) -> list[JobRecord]:
        """Return open jobs that nobody drives; see `_records.PagedLedger.unfinished`."""

        def work(transaction: Transaction) -> tuple[list[Row], Entries]:
            row = {"number": -1} if after is None else transaction.first(NUMBER, after)
            undriven: list[Row] = []
            while row is not None and len(undriven) < limit:
                rows = transaction.all(OPEN, row["number"], limit)
                undriven += [one for one in rows if not is_held(one, self.process)]
                row = rows[-1] if len(rows) == limit else None

            return undriven[:limit], entries_of(transaction, undriven[:limit])

        return records(*self._database.read(work), self.process)


def _promote(transaction: Transaction) -> int:
    return transaction.run(PROMOTE, PROMOTED)


def task_columns(task: JsonObject) -> tuple[int, str | None]:
    """Return what stands of a task beside its job."""
    return -int(task.get("priority") or 0), task.get("at")
