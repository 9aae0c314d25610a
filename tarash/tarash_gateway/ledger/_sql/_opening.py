"""What is written down of new jobs, one or several at once; blocking, for any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exceptions import StorageError, ValidationError
from .._record_types import IS_NAME
from .._write_batching import alone
from ._rows import BY_KEY, NUMBER, as_json, as_time, first
from ._submits import Submits, notify_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..._data._types import JsonObject
    from .._record_types import JobRecord
    from .._write_batching import Enqueued
    from ._base import Transaction

    Put = Callable[[Transaction, str], None]
    """Keeps what was made ready for a job."""

INSERT = """
    INSERT INTO tarash.jobs (
        id, kind, chain, request, fingerprint, idempotency_key, created_at, labels, state, process,
        holder, task_rank, task_at
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'open', %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""


class Opening(Submits):
    """The new jobs in one database."""

    def open(self, job: JobRecord, owner_id: str, media: Mapping[str, bytes]) -> JobRecord | None:
        """Write down a new job, or return the one that has its idempotency key."""
        return self._written(
            job, media, lambda transaction, put: self._opened(transaction, job, owner_id, put)
        )

    def enqueue(self, enqueued: Enqueued) -> JobRecord | None:
        """Write down a new job that nobody holds, and its task, in one transaction."""

        def work(transaction: Transaction, put: Put) -> JobRecord | None:
            existing = self._enqueued(transaction, enqueued, put)
            if existing is None:
                notify_waiting(transaction, enqueued.space)

            return existing

        return self._written(enqueued.job, enqueued.media, work)

    def enqueue_all(self, some: Sequence[Enqueued]) -> list[JobRecord | Exception | None]:
        """Write down several without media, in one transaction; return what came of each."""
        if len(some) == 1:
            return [self.enqueue(some[0])]

        def work(transaction: Transaction) -> list[JobRecord | Exception | None]:
            outcomes: dict[str, JobRecord | Exception | None] = {}
            for enqueued in self._in_order(some):
                try:
                    outcomes[enqueued.job.id] = self._enqueued(transaction, enqueued, put_nothing)
                except StorageError as error:
                    outcomes[enqueued.job.id] = error

            for space in {enqueued.space for enqueued in some}:
                notify_waiting(transaction, space)

            return [outcomes[enqueued.job.id] for enqueued in some]

        try:
            return self._write(work, "not_sent", in_doubt="unknown")
        except ValidationError:  # one of them has what can't be written, and so nothing was
            return [alone(self.enqueue, enqueued) for enqueued in some]

    def _in_order(self, some: Sequence[Enqueued]) -> Sequence[Enqueued]:
        """Return new jobs in the order in which they are written down: that of their coming."""
        return some

    def _written(
        self,
        job: JobRecord,
        media: Mapping[str, bytes],
        work: Callable[[Transaction, Put], JobRecord | None],
    ) -> JobRecord | None:
        self._check_media(media)
        key = job.idempotency_key
        # Before megabytes are sent for nothing.
        if key is not None and media and (known := self.one(BY_KEY, key)) is not None:
            self._put_back(known, media)
            return known

        with self._prepared(media, "not_sent") as put:
            return self._write(
                lambda transaction: work(transaction, put), "not_sent", in_doubt="unknown"
            )

    def _enqueued(self, transaction: Transaction, enqueued: Enqueued, put: Put) -> JobRecord | None:
        job = enqueued.job
        # Where an answer was lost, both are there, and the job may have ended since.
        if transaction.in_doubt and transaction.first(NUMBER, job.id) is not None:
            return None

        existing = self._opened(transaction, job, None, put, _task_columns(enqueued.task))
        if existing is None:
            self._put_state(transaction, enqueued.space, job.id, enqueued.task)

        return existing

    def _opened(
        self,
        transaction: Transaction,
        job: JobRecord,
        owner_id: str | None,
        put: Put,
        task: tuple[int | None, str | None] = (None, None),
    ) -> JobRecord | None:
        """Write a new job down, held or not; return the one that has its idempotency key."""
        key = job.idempotency_key
        process = None if owner_id is None else self.process.id
        done = transaction.run(
            INSERT, job.id, job.kind, as_json(job.chain), as_json(job.request), job.fingerprint,
            key, as_time(job.created_at), as_json(dict(job.labels)) if job.labels else None,
            process, owner_id, *task,
        )  # fmt: skip
        if not done:
            known = None if key is None else first(transaction, self.process, BY_KEY, key)
            if known is not None:
                # Our own, where the answer was lost.
                return None if transaction.in_doubt and known.id == job.id else known

            if transaction.in_doubt:
                return None

            raise StorageError(
                f"The job {job.id} is in the ledger already; ids are never used twice",
                submission="not_sent",
            )

        put(transaction, job.id)
        if owner_id is not None:
            self._say_if_due(transaction)
            transaction.after.append(lambda: self._took(job.id, owner_id))

        return None

    def _took(self, job_id: str, owner_id: str) -> None:
        """Know that a holder of this process has a job from now on."""
        del job_id
        self.process.gone.discard(owner_id)

    def one(self, query: str, *values: str | None) -> JobRecord | None:
        """Return the job that a query finds; None where it finds none."""
        return self._read(
            lambda transaction: first(transaction, self.process, query, *values), "not_sent"
        )

    def _check_media(self, media: Mapping[str, bytes]) -> None:
        wrong = [name for name in media if not IS_NAME(name)]
        if wrong:
            raise ValidationError(
                f"Media are named by their SHA-256 in hexadecimal, not {wrong[0]!r}"
            )

    def _put_back(self, job: JobRecord, media: Mapping[str, bytes]) -> None:
        """Put media of a job back that were lost beside the database, where that may be."""


def put_nothing(transaction: Transaction, job_id: str) -> None:
    """Keep nothing for a job without media."""
    del transaction, job_id


def _task_columns(task: JsonObject) -> tuple[int, str | None]:
    """Return what stands of a task beside its job."""
    return -int(task.get("priority") or 0), task.get("at")
