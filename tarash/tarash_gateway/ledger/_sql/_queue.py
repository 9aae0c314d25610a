"""What of the queue is due, and which jobs nobody drives; blocking, for any thread.

A task stands beside its job (`task_rank`, `task_at`), where triggers put it. An index holds the
tasks that are due and in nobody's hands: neither what has ended nor what is driven or scheduled is
read. A hint names the index for SQLite: it would take the one by state, and sort.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._record_types import DueTask, DueTasks
from ._base import Base
from ._rows import JOBS, NUMBER, entries_of, is_held, records

if TYPE_CHECKING:
    from .._record_types import JobRecord
    from ._base import Row, Transaction
    from ._rows import Entries

PROMOTED = 1000
"""Scheduled tasks that are made due in one step: other processes write in between."""
PROMOTE = """
    UPDATE tarash.jobs SET task_at = NULL WHERE number IN (
        SELECT number FROM tarash.jobs /* sqlite: INDEXED BY jobs_scheduled */
        WHERE task_at <= statement_timestamp()
        ORDER BY task_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
NEXT = """
    SELECT -extract(epoch FROM statement_timestamp() - task_at)::float8 AS seconds
    FROM tarash.jobs /* sqlite: INDEXED BY jobs_scheduled */
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
FREE = f"{_TASKS} /* sqlite: INDEXED BY jobs_due */ WHERE process IS NULL AND {_BEHIND}"
LEFT = f"""
    {_TASKS} WHERE process = ANY(%s) AND (process = ANY(%s) OR holder = ANY(%s)) AND {_BEHIND}
"""
OPEN = f"{JOBS} WHERE state = 'open' AND jobs.number > %s ORDER BY jobs.number LIMIT %s"
LOWEST = -(2**31)


class Queue(Base):
    """The queue in one database."""

    def due_tasks(self, limit: int, after: DueTask | None) -> DueTasks:
        """Return the first tasks that are due; see `_contract.QueueLedger.due_tasks`."""
        place = (LOWEST, -1, limit) if after is None else (-after.priority, after.number, limit)

        def work(transaction: Transaction) -> DueTasks:
            following = transaction.first(NEXT)
            rows = [*transaction.all(FREE, *place), *self._left(transaction, place)]
            rows.sort(key=lambda row: (row["task_rank"], row["number"]))
            due = [DueTask(row["id"], -row["task_rank"], row["number"]) for row in rows[:limit]]
            seconds = None if following is None else max(0.0, following["seconds"])
            return DueTasks(tuple(due), seconds)

        due = self._read(work)
        # What others lock at this moment is made due by them, or at the next reading.
        while after is None and due.next_in == 0 and self._write(_promote):
            due = self._read(work)

        return due

    def _left(self, transaction: Transaction, place: tuple[int, int, int]) -> list[Row]:
        """Return the tasks of those who hold jobs, and have gone."""
        holding = transaction.all(PROCESSES)
        dead = [row["process"] for row in holding if not is_held(row, self.process)]
        gone = list(self.process.gone)
        if not dead and not gone:
            return []

        return [*transaction.all(LEFT, [*dead, self.process.id], dead, gone, *place)]

    def unfinished(self, after: str | None, limit: int) -> list[JobRecord]:
        """Return open jobs that nobody drives; see `_contract.PagedLedger.unfinished`."""

        def work(transaction: Transaction) -> tuple[list[Row], Entries]:
            row = None if after is None else transaction.first(NUMBER, after)
            if after is not None and row is None:
                return [], {}

            last = -1 if row is None else row["number"]
            undriven: list[Row] = []
            while len(undriven) < limit:
                rows = transaction.all(OPEN, last, limit)
                undriven += [row for row in rows if not is_held(row, self.process)]
                if len(rows) < limit:
                    break

                last = rows[-1]["number"]

            return undriven[:limit], entries_of(transaction, undriven[:limit])

        rows, entries = self._read(work)
        with self._readable():
            return records(rows, entries, self.process)


def _promote(transaction: Transaction) -> int:
    return transaction.run(PROMOTE, PROMOTED)
