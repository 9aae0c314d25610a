"""What each call of the ledger does to the database; blocking, for any thread."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING

from ...exceptions import ValidationError
from .._record_types import QUEUE, JobState
from ._costs import leave
from ._opening import Opening
from ._rows import (
    BEYOND,
    BY_ID,
    BY_OPERATION,
    JOBS,
    NUMBER,
    as_json,
    by_state,
    entries_of,
    is_held,
    records,
)
from ._states import DROP as DROP_STATE
from ._submits import notify_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..._data._types import JsonObject
    from .._record_types import Examined, JobRecord
    from ._base import Row, Transaction
    from ._rows import Entries

LET_GO = """
    UPDATE tarash.jobs SET process = NULL, holder = NULL, key_is_free = key_is_free OR %s
    WHERE id = %s
"""
END = """
    UPDATE tarash.jobs SET state = %s, result = %s, closed_at = clock_timestamp(),
        task_rank = NULL, task_at = NULL
    WHERE id = %s
"""
KEEP = """
    UPDATE tarash.jobs SET process = NULL, holder = NULL, state = 'open', result = %s,
        closed_at = NULL
    WHERE id = %s
"""
HELD = """
    SELECT jobs.id, process, holder, pid, birth, place, lease_seconds,
        extract(epoch FROM clock_timestamp() - renewed_at)::float8 AS age
    FROM tarash.jobs JOIN tarash.processes ON processes.id = jobs.process
    WHERE jobs.id = ANY(%s)
"""
PRUNED = f"{JOBS} WHERE jobs.id = ANY(%s) AND state != 'open'"


class Store(Opening):
    """The jobs in one database, and the process that this one is to the others."""

    def close(
        self,
        job_id: str,
        owner_id: str,
        state: JobState,
        result: JsonObject | None,
        free_key: bool,
    ) -> bool | None:
        """Write down how a job ended; see `_contract.Ledger.close`."""

        def work(transaction: Transaction) -> bool | None:
            held = self._holds(transaction, job_id, owner_id)
            if not held:
                return _was_let_go(transaction, job_id, state) or held

            transaction.run(LET_GO, free_key, job_id)
            if state != "open":
                transaction.run(END, state, as_json(result), job_id)
                self._drop_media(transaction, job_id)
                transaction.run(DROP_STATE, QUEUE, job_id)

            notify_waiting(transaction, job_id)
            return True

        return self._letting_go(job_id, owner_id, work)

    def keep(self, job_id: str, owner_id: str, result: JsonObject | None) -> bool | None:
        """Write down that a job is open, whatever it was before, and let go of it."""

        def work(transaction: Transaction) -> bool | None:
            held = self._holds(transaction, job_id, owner_id)
            if not held:
                return _was_let_go(transaction, job_id, "open") or held

            transaction.run(KEEP, as_json(result), job_id)
            notify_waiting(transaction, job_id)
            return True

        return self._letting_go(job_id, owner_id, work)

    def _letting_go(
        self, job_id: str, owner_id: str, work: Callable[[Transaction], bool | None]
    ) -> bool | None:
        del job_id
        try:
            return self._write(work)
        except BaseException:
            # Whoever comes next in this process must not wait for a holder that has gone.
            self.process.gone.add(owner_id)
            raise

    def claim(self, job_id: str, owner_id: str) -> bool | None:
        """Hold a job; False where another living holder does, None where it is not known."""

        def work(transaction: Transaction) -> bool | None:
            row = _locked(transaction, job_id)
            if row is None:
                return None

            is_mine = (row["process"], row["holder"]) == (self.process.id, owner_id)
            if not is_mine and is_held(row, self.process):
                return False

            transaction.run(
                "UPDATE tarash.jobs SET process = %s, holder = %s WHERE id = %s",
                self.process.id,
                owner_id,
                job_id,
            )
            self._say_if_due(transaction)
            transaction.after.append(lambda: self._took(job_id, owner_id))
            return True

        return self._write(work, "not_sent")

    def by_id(self, job_id: str) -> JobRecord | None:
        """Return a job; None where it is not known."""
        return self.one(BY_ID, job_id)

    def by_operation(self, provider: str | None, operation_id: str, host: str) -> JobRecord | None:
        """Return the job that an operation belongs to; None where it is not known."""
        return self.one(BY_OPERATION, operation_id, provider, provider, host, host)

    def jobs(
        self,
        states: tuple[JobState, ...],
        limit: int,
        last_id: str | None,
        *,
        oldest_first: bool = False,
    ) -> list[JobRecord]:
        """Return jobs behind one, newest or oldest first: those in one of the states, or all."""

        def work(transaction: Transaction) -> tuple[Sequence[Row], Entries]:
            last = -1 if oldest_first else BEYOND
            if last_id is not None:
                row = transaction.first(NUMBER, last_id)
                if row is None:
                    return [], {}

                last = row["number"]

            query, values = by_state(set(states), last, limit, oldest_first=oldest_first)
            rows = transaction.all(query, *values)
            return rows, entries_of(transaction, rows)

        rows, entries = self._read(work)
        with self._readable():
            return records(rows, entries, self.process)

    def forget(self, job_id: str) -> bool:
        """Drop a job with its media; False where a living holder drives it, or nobody knows it."""

        def work(transaction: Transaction) -> bool:
            row = _locked(transaction, job_id)
            if row is None:
                return transaction.in_doubt

            if is_held(row, self.process):
                return False

            self._drop_media(transaction, job_id)
            leave(transaction, [job_id])
            transaction.run(DROP_STATE, QUEUE, job_id)
            transaction.run("DELETE FROM tarash.jobs WHERE id = %s", job_id)
            return True

        return self._write(work)

    def prune(self, older_than: timedelta) -> int:
        """Forget jobs that were closed longer ago than this; return how many."""
        if older_than < timedelta(0):
            raise ValidationError(
                f"older_than is {older_than}, but nothing was closed in the future"
            )

        def work(transaction: Transaction) -> tuple[int, int]:
            # As in `_locked`: held or not is seen after the lock.
            rows = transaction.all(PRUNED, self._closed_before(transaction, older_than))
            gone = [row["id"] for row in rows if not is_held(row, self.process)]
            leave(transaction, gone)
            transaction.run("DELETE FROM tarash.jobs WHERE id = ANY(%s)", gone)
            return len(gone), len(rows)

        if older_than > timedelta(days=365_000):
            return 0  # before all times that a database knows

        pruned = 0
        while True:
            gone, seen = self._write(work)
            pruned += gone
            if not gone or not seen:
                return pruned

    @abstractmethod
    def _closed_before(self, transaction: Transaction, older_than: timedelta) -> list[str]:
        """Lock jobs that were closed longer ago than this, the oldest first; return some ids."""

    @abstractmethod
    def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to; raise KeyError for others."""

    def held_among(self, job_ids: tuple[str, ...]) -> set[str]:
        """Return which of these jobs a living holder drives."""
        rows = self._read(lambda transaction: transaction.all(HELD, list(job_ids)))
        with self._readable():
            return {row["id"] for row in rows if is_held(row, self.process)}

    @abstractmethod
    def examine(self) -> Examined:
        """Return what the database says of itself."""

    @abstractmethod
    def let_go(self) -> None:
        """Close files and connections; the next call opens them again."""


def _locked(transaction: Transaction, job_id: str) -> Row | None:
    """Lock a job, and return it as it is from then on.

    In two statements: one that has waited for the lock sees the job anew, and beside it the holder
    that it had before.
    """
    transaction.first("SELECT 1 AS found FROM tarash.jobs WHERE id = %s FOR UPDATE", job_id)
    return transaction.first(BY_ID, job_id)


def _was_let_go(transaction: Transaction, job_id: str, state: JobState) -> bool:
    """Tell whether a try whose answer was lost has written a job's end down already."""
    if not transaction.in_doubt:
        return False

    row = transaction.first("SELECT state, process FROM tarash.jobs WHERE id = %s", job_id)
    return row is not None and row["process"] is None and state in ("open", row["state"])
