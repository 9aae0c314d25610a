"""What each call of the ledger does to the database; blocking, for any thread."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...exceptions import ValidationError
from .._facts import Examined, JobState
from .._records import QUEUE
from .._rows import as_json
from ._opening import Opening
from ._queue import PROCESSES
from ._rows import (
    BEYOND,
    BY_ID,
    BY_OPERATION,
    JOBS,
    NUMBER,
    by_state,
    entries_of,
    first,
    is_held,
    records,
)
from ._schema import MIGRATIONS
from ._spending import leave, spendings, spendings_of
from ._submits import drop_media, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..._data._types import JsonObject
    from .._facts import JobRecord, Spending
    from .._processes import Process
    from ._database import Row, Transaction
    from ._rows import Entries

FACTS = """
    SELECT (SELECT version FROM tarash.meta) AS version,
        (SELECT COALESCE(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint FROM pg_class
            WHERE relnamespace = 'tarash'::regnamespace AND relkind = 'r') AS size,
        clock_timestamp() AS now
"""


def examine(transaction: Transaction, reader: Process) -> Examined:
    """Return what there is to say; who of the holders is alive is seen by the reader."""
    begun = datetime.now(UTC)
    (row,) = transaction.all(FACTS)
    between = begun + (datetime.now(UTC) - begun) / 2
    holders = transaction.all(PROCESSES)
    return Examined(
        version=row["version"],
        newest=len(MIGRATIONS),
        size=row["size"],
        holders=len(holders),
        alive=sum(is_held(holder, reader) for holder in holders),
        clock_offset=(row["now"] - between).total_seconds(),
    )


OLD = """
    SELECT id FROM tarash.jobs WHERE closed_at < clock_timestamp() - %s AND state != 'open'
    ORDER BY closed_at LIMIT 500 FOR UPDATE SKIP LOCKED
"""
DROP_TASK = "DELETE FROM tarash.states WHERE space = %s AND name = %s"
HELD = """
    SELECT jobs.id, process, holder, pid, birth, place, lease_seconds,
        extract(epoch FROM clock_timestamp() - renewed_at)::float8 AS age
    FROM tarash.jobs JOIN tarash.processes ON processes.id = jobs.process
    WHERE jobs.id = ANY(%s)
"""
PRUNED = f"{JOBS} WHERE jobs.id = ANY(%s) AND state != 'open'"


def _locked(transaction: Transaction, job_id: str) -> Row | None:
    """Lock a job, and return it as it is from then on.

    In two statements: one that has waited for the lock sees the job anew, and beside it the holder
    that it had before.
    """
    transaction.first("SELECT 1 AS found FROM tarash.jobs WHERE id = %s FOR UPDATE", job_id)
    return transaction.first(BY_ID, job_id)


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
        """Write down how a job ended; see `_records.Ledger.close`."""

        def work(transaction: Transaction) -> bool | None:
            held = self._holds(transaction, job_id, owner_id)
            if not held:
                return self._was_let_go(transaction, job_id, state) or held

            transaction.run(
                """
                UPDATE tarash.jobs SET process = NULL, holder = NULL,
                    key_is_free = key_is_free OR %s
                WHERE id = %s
                """,
                free_key,
                job_id,
            )
            if state != "open":
                transaction.run(
                    """
                    UPDATE tarash.jobs SET state = %s, result = %s, closed_at = clock_timestamp(),
                        task_rank = NULL, task_at = NULL
                    WHERE id = %s
                    """,
                    state,
                    as_json(result),
                    job_id,
                )
                drop_media(transaction, job_id)
                transaction.run(DROP_TASK, QUEUE, job_id)

            tell(transaction, job_id)
            return True

        return self._letting_go(owner_id, work)

    def keep(self, job_id: str, owner_id: str, result: JsonObject | None) -> bool | None:
        """Write down that a job is open, whatever it was before, and let go of it."""

        def work(transaction: Transaction) -> bool | None:
            held = self._holds(transaction, job_id, owner_id)
            if not held:
                return self._was_let_go(transaction, job_id, "open") or held

            transaction.run(
                """
                UPDATE tarash.jobs SET process = NULL, holder = NULL, state = 'open', result = %s,
                    closed_at = NULL
                WHERE id = %s
                """,
                as_json(result),
                job_id,
            )
            tell(transaction, job_id)
            return True

        return self._letting_go(owner_id, work)

    def _letting_go(self, owner_id: str, work: Callable[[Transaction], bool | None]) -> bool | None:
        try:
            return self._database.write(work)
        except BaseException:
            # Whoever comes next in this process must not wait for a holder that has gone.
            self.process.gone.add(owner_id)
            raise

    @staticmethod
    def _was_let_go(transaction: Transaction, job_id: str, state: JobState) -> bool:
        """Tell whether a try whose answer was lost has written a job's end down already."""
        if not transaction.in_doubt:
            return False

        row = transaction.first("SELECT state, process FROM tarash.jobs WHERE id = %s", job_id)
        return row is not None and row["process"] is None and state in ("open", row["state"])

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
            transaction.after.append(lambda: self.process.gone.discard(owner_id))
            return True

        return self._database.write(work, "not_sent")

    def one(self, query: str, *values: str | None) -> JobRecord | None:
        """Return the job that a query finds; None where it finds none."""
        return self._database.read(
            lambda transaction: first(transaction, self.process, query, *values), "not_sent"
        )

    def by_id(self, job_id: str) -> JobRecord | None:
        """Return a job; None where it is not known."""
        return self.one(BY_ID, job_id)

    def by_operation(self, provider: str | None, operation_id: str, host: str) -> JobRecord | None:
        """Return the job that an operation belongs to; None where it is not known."""
        return self.one(BY_OPERATION, operation_id, provider, provider, host, host)

    def spendings(self, since: datetime | None, until: datetime | None) -> list[Spending]:
        """Return what was spent in a time, oldest first."""
        return self._database.read(lambda transaction: spendings(transaction, since, until))

    def spendings_of(self, provider: str, operation_id: str, host: str) -> list[Spending]:
        """Return what was spent on an operation whose job is forgotten."""
        return self._database.read(lambda one: spendings_of(one, provider, operation_id, host))

    def jobs(
        self,
        states: tuple[JobState, ...],
        limit: int,
        last_id: str | None,
        *,
        oldest_first: bool = False,
    ) -> list[JobRecord]:
        """Return jobs behind one, newest or oldest first: those in one of the states, or all."""

        def work(transaction: Transaction) -> tuple[list[Row], Entries]:
            last = -1 if oldest_first else BEYOND
            if last_id is not None:
                row = transaction.first(NUMBER, last_id)
                if row is None:
                    return [], {}

                last = row["number"]

            query, values = by_state(set(states), last, limit, oldest_first=oldest_first)
            rows = transaction.all(query, *values)
            return rows, entries_of(transaction, rows)

        return records(*self._database.read(work), self.process)

    def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to."""
        row = self._database.read(
            lambda transaction: transaction.first(
                "SELECT content FROM tarash.contents WHERE sha256 = %s", sha256
            )
        )
        if row is None:
            raise KeyError(sha256)

        return bytes(row["content"])

    def forget(self, job_id: str) -> bool:
        """Drop a job with its media; False where a living holder drives it, or nobody knows it."""

        def work(transaction: Transaction) -> bool:
            row = _locked(transaction, job_id)
            if row is None:
                return transaction.in_doubt

            if is_held(row, self.process):
                return False

            drop_media(transaction, job_id)
            leave(transaction, [job_id])
            transaction.run(DROP_TASK, QUEUE, job_id)
            transaction.run("DELETE FROM tarash.jobs WHERE id = %s", job_id)
            return True

        return self._database.write(work)

    def prune(self, older_than: timedelta) -> int:
        """Forget jobs that were closed longer ago than this; return how many."""
        if older_than < timedelta(0):
            raise ValidationError(
                f"older_than is {older_than}, but nothing was closed in the future"
            )

        def work(transaction: Transaction) -> tuple[int, int]:
            # As in `_locked`: held or not is seen after the lock.
            old = [row["id"] for row in transaction.all(OLD, older_than)]
            rows = transaction.all(PRUNED, old)
            gone = [row["id"] for row in rows if not is_held(row, self.process)]
            leave(transaction, gone)
            transaction.run("DELETE FROM tarash.jobs WHERE id = ANY(%s)", gone)
            return len(gone), len(rows)

        if older_than > timedelta(days=365_000):
            return 0  # before all times that the database knows

        pruned = 0
        while True:
            gone, seen = self._database.write(work)
            pruned += gone
            if not gone or not seen:
                return pruned

    def held_among(self, job_ids: tuple[str, ...]) -> set[str]:
        """Return which of these jobs a living holder drives."""
        rows = self._database.read(lambda transaction: transaction.all(HELD, list(job_ids)))
        return {row["id"] for row in rows if is_held(row, self.process)}

    def examine(self) -> Examined:
        """Return what the database says of itself."""
        return self._database.read(lambda transaction: examine(transaction, self.process))

    def let_go(self) -> None:
        """Close the connections; the next call makes new ones."""
        self._database.pool.close()
