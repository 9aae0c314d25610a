"""What is written down of new jobs, one or several at once; blocking, for any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exceptions import StorageError, ValidationError
from .._records import IS_NAME
from .._rows import as_json
from .._together import alone
from ._queue import task_columns
from ._rows import BY_KEY, NUMBER, as_time, first
from ._states import put_state
from ._submits import Submits, put_media, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .._facts import JobRecord
    from .._together import Enqueued
    from ._database import Transaction

INSERT = """
    INSERT INTO tarash.jobs (
        id, kind, chain, request, fingerprint, idempotency_key, created_at, labels, state, process,
        holder, task_rank, task_at
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'open', %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""


class Opening(Submits):
    """The new jobs in one database."""

    max_media_bytes = 0

    def open(self, job: JobRecord, owner_id: str, media: Mapping[str, bytes]) -> JobRecord | None:
        """Write down a new job, or return the one that has its idempotency key."""
        self._check_media(media)
        key = job.idempotency_key
        # Before megabytes are sent for nothing.
        if key is not None and media and (known := self.by_key(key)) is not None:
            return known

        return self._database.write(
            lambda transaction: self.opened(transaction, job, owner_id, media),
            "not_sent",
            in_doubt="unknown",
        )

    def enqueue(self, one: Enqueued) -> JobRecord | None:
        """Write down a new job that nobody holds, and its task, in one transaction."""
        self._check_media(one.media)

        def work(transaction: Transaction) -> JobRecord | None:
            existing = self._enqueued(transaction, one)
            if existing is None:
                tell(transaction, one.space)

            return existing

        return self._database.write(work, "not_sent", in_doubt="unknown")

    def enqueue_all(self, some: Sequence[Enqueued]) -> list[JobRecord | Exception | None]:
        """Write down several without media, in one transaction; return what came of each."""
        if len(some) == 1:
            return [self.enqueue(some[0])]

        def work(transaction: Transaction) -> list[JobRecord | Exception | None]:
            outcomes: dict[str, JobRecord | Exception | None] = {}
            # In the order of their keys: who writes the same ones elsewhere waits, and no two do.
            for one in sorted(some, key=lambda one: one.job.idempotency_key or ""):
                try:
                    outcomes[one.job.id] = self._enqueued(transaction, one)
                except StorageError as error:
                    outcomes[one.job.id] = error

            for space in {one.space for one in some}:
                tell(transaction, space)

            return [outcomes[one.job.id] for one in some]

        try:
            return self._database.write(work, "not_sent", in_doubt="unknown")
        except ValidationError:  # one of them has what can't be written, and so nothing was
            return [alone(self.enqueue, one) for one in some]

    def _enqueued(self, transaction: Transaction, one: Enqueued) -> JobRecord | None:
        job = one.job
        # Where an answer was lost, both are there, and the job may have ended since.
        if transaction.in_doubt and transaction.first(NUMBER, job.id) is not None:
            return None

        existing = self.opened(transaction, job, None, one.media, task_columns(one.task))
        if existing is None:
            put_state(transaction, one.space, job.id, one.task)

        return existing

    def opened(
        self,
        transaction: Transaction,
        job: JobRecord,
        owner_id: str | None,
        media: Mapping[str, bytes],
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
            if (
                key is not None
                and (known := first(transaction, self.process, BY_KEY, key)) is not None
            ):
                # Our own, where the answer was lost.
                return None if transaction.in_doubt and known.id == job.id else known

            if transaction.in_doubt:
                return None

            raise StorageError(
                f"The job {job.id} is in the ledger already; ids are never used twice",
                submission="not_sent",
            )

        put_media(transaction, job.id, media)
        if owner_id is not None:
            self._say_if_due(transaction)

        return None

    def by_key(self, key: str) -> JobRecord | None:
        """Return the job that has an idempotency key."""
        return self._database.read(
            lambda transaction: first(transaction, self.process, BY_KEY, key), "not_sent"
        )

    def _check_media(self, media: Mapping[str, bytes]) -> None:
        for name, content in media.items():
            if not IS_NAME(name):
                raise ValidationError(
                    f"Media are named by their SHA-256 in hexadecimal, not {name!r}"
                )

            if len(content) > self.max_media_bytes:
                raise ValidationError(
                    f"An input has {len(content):,} bytes, and this ledger keeps at most "
                    f"{self.max_media_bytes:,} of each; upload it, and give its URL instead",
                    submission="not_sent",
                )
