"""What is written down of new jobs, one or several at once; blocking, for any thread."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ...exceptions import TarashException, ValidationError
from .._records import IS_NAME
from .._rows import as_json
from .._together import alone
from ._rows import JOBS, as_text, record
from ._states import insert
from ._submits import Submits, is_there

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..._data._types import JsonObject
    from .._facts import JobRecord
    from .._together import Enqueued

BY_KEY = f"{JOBS} WHERE idempotency_key = ? AND key_is_free = 0"
INSERT = """
    INSERT INTO jobs (
        id, kind, chain, request, fingerprint, idempotency_key, created_at, labels, state, process,
        holder
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)
"""

_ALONE: Final = Exception("is written by itself")
"""In the place of what came of one that could not be written with the others."""


class Opening(Submits):
    """The new jobs in one file."""

    def enqueue(self, one: Enqueued) -> JobRecord | None:
        """Write down a new job that nobody holds, and its task, in one transaction."""
        return self.open(one.job, None, one.media, (one.space, one.task))

    def enqueue_all(self, some: Sequence[Enqueued]) -> list[JobRecord | Exception | None]:
        """Write down several without media, in one transaction; return what came of each."""
        if len(some) == 1:
            return [self.enqueue(some[0])]

        try:
            with self._file.write("not_sent") as connection:
                outcomes = [self._enqueued(connection, one) for one in some]
        except ValidationError:  # one of them has what can't be written, and so nothing was
            outcomes = [_ALONE] * len(some)

        return [
            alone(self.enqueue, one) if came is _ALONE else came
            for one, came in zip(some, outcomes, strict=True)
        ]

    def _enqueued(
        self, connection: sqlite3.Connection, one: Enqueued
    ) -> JobRecord | Exception | None:
        key = one.job.idempotency_key
        if key is not None and (known := self._first(connection, BY_KEY, key)) is not None:
            return known

        connection.execute("SAVEPOINT one")
        try:
            self._insert(connection, one.job, None)
            insert(connection, one.space, one.job.id, one.task)
        except sqlite3.IntegrityError:  # its id is there; alone, it says so
            connection.execute("ROLLBACK TO one")
            return _ALONE

        connection.execute("RELEASE one")
        return None

    def open(
        self,
        job: JobRecord,
        owner_id: str | None,
        media: Mapping[str, bytes],
        task: tuple[str, JsonObject] | None = None,
    ) -> JobRecord | None:
        """Write down a new job, or return the one that has its idempotency key.

        One without an owner is held by nobody; its task is written down as a state of a space.
        """
        wrong = [name for name in media if not IS_NAME(name)]
        if wrong:
            raise ValidationError(
                f"Media are named by their SHA-256 in hexadecimal, not {wrong[0]!r}"
            )

        key = job.idempotency_key
        # Before megabytes are written for nothing, or beside what is no ledger.
        if (key is not None or media) and (known := self.one(BY_KEY, key)) is not None:
            self._put_back(known, media)
            return known

        with (
            self._file.prepared(media, "not_sent") as prepared,
            self._file.write("not_sent") as connection,
        ):
            # Looked for again: another process may have been faster.
            if key is not None and (known := self._first(connection, BY_KEY, key)) is not None:
                return known

            self._insert(connection, job, owner_id)
            connection.executemany(
                "INSERT INTO media (sha256, job) VALUES (?, ?)", [(name, job.id) for name in media]
            )
            if task is not None:
                insert(connection, task[0], job.id, task[1])

            if owner_id is not None:
                self._say(connection)

            prepared.put()

        if owner_id is not None:
            self._file.driven.add(job.id)

        return None

    def _insert(self, connection: sqlite3.Connection, job: JobRecord, owner_id: str | None) -> None:
        connection.execute(
            INSERT,
            (
                job.id, job.kind, as_json(job.chain), as_json(job.request), job.fingerprint,
                job.idempotency_key, as_text(job.created_at),
                as_json(dict(job.labels)) if job.labels else None,
                owner_id and self._file.process.id, owner_id,
            ),
        )  # fmt: skip

    def _put_back(self, job: JobRecord, media: Mapping[str, bytes]) -> None:
        """Put media back that were lost with the folder beside the file, and that a job needs."""
        lost = {name: value for name, value in media.items() if self._file.media.is_lost(name)}
        if not lost or job.state not in ("open", "unknown"):
            return

        # Whoever has them in hand goes on without the ledger's.
        with (
            suppress(TarashException),
            self._file.prepared(lost, "not_sent") as prepared,
            self._file.write() as connection,
        ):
            sql = "SELECT 1 FROM media WHERE sha256 = ? AND job = ? LIMIT 1"
            if all(is_there(connection, sql, name, job.id) for name in lost):
                prepared.put()

    def one(self, query: str, *arguments: str | None) -> JobRecord | None:
        """Return the job that a query finds; None where it finds none."""
        with self._file.read("not_sent") as connection:
            return self._first(connection, query, *arguments)

    def _first(
        self, connection: sqlite3.Connection, query: str, *arguments: str | None
    ) -> JobRecord | None:
        row = connection.execute(query, arguments).fetchone()
        return None if row is None else self._record(connection, row)

    def _record(self, connection: sqlite3.Connection, row: sqlite3.Row) -> JobRecord:
        entries = connection.execute(
            "SELECT * FROM intents WHERE job = ? ORDER BY number", (row["id"],)
        )
        return record(row, entries, self._file.process)
