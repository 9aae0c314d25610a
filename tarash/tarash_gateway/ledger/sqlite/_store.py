"""What the calls of the ledger do to a file alone; `_sql` says what they do to any database."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...exceptions import TarashException
from .._processes import now
from .._record_types import Examined
from .._sql._queue import PROCESSES
from .._sql._rows import as_json, is_held
from .._sql._store import Store
from ._dialect import FileTransaction
from ._errors import translated
from ._file import File
from ._schema import MIGRATIONS
from ._spending import FileCosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta

    from ..._data._types import JsonObject, Submission
    from .._processes import Process
    from .._record_types import JobRecord
    from .._sql._base import Result, Transaction

KEEP_MEDIUM = "INSERT INTO media (sha256, job) VALUES (?, ?) ON CONFLICT DO NOTHING"
NEEDED = "SELECT 1 FROM media WHERE sha256 = ? AND job = ? LIMIT 1"
MEDIA_OF = "SELECT sha256 FROM media WHERE job = ?"
# With it goes what has expired, which nobody can read any more.
REPLACED = """
    DELETE FROM states WHERE space = ? AND name = ? OR until <= (SELECT clock_timestamp())
"""
OLD = "SELECT id FROM jobs WHERE state != 'open' AND closed_at < ?"


class FileStore(FileCosts, Store):
    """The jobs in one file, and the process that this one is to the others."""

    FORGET_PROCESSES = """
        DELETE FROM processes WHERE seconds_since(renewed_at) > 86400
            AND id NOT IN (SELECT process FROM jobs WHERE process IS NOT NULL)
    """

    def __init__(self, path: Path, lease_seconds: float) -> None:
        """Note where the file is, and how long a process may be silent, in seconds."""
        super().__init__(lease_seconds)
        self._file = File(path)

    @property
    def process(self) -> Process:
        """The process that this one is to the others; another one in a forked child."""
        return self._file.process

    @property
    def generation(self) -> int:
        """Grows when the file was found to be removed or replaced while it was open."""
        return self._file.generation

    def _write(
        self,
        work: Callable[[Transaction], Result],
        submission: Submission | None = None,
        *,
        in_doubt: Submission | None = None,
    ) -> Result:
        del in_doubt  # a file's COMMIT is answered
        with self._file.write(submission) as connection:
            transaction = FileTransaction(connection)
            result = work(transaction)

        for then in transaction.after:
            then()

        return result

    def _read(
        self, work: Callable[[Transaction], Result], submission: Submission | None = None
    ) -> Result:
        with self._file.read(submission) as connection:
            return work(FileTransaction(connection))

    def _readable(self) -> AbstractContextManager[None]:
        return translated(self._file.path, None)

    # --------------------------------------------------------------- jobs that this process drives
    def _say_if_due(self, transaction: Transaction) -> None:
        self._say(transaction)  # with what it does, at no cost; and the file may be another one

    def _took(self, job_id: str, owner_id: str) -> None:
        super()._took(job_id, owner_id)
        self._file.driven.add(job_id)

    def _letting_go(
        self, job_id: str, owner_id: str, work: Callable[[Transaction], bool | None]
    ) -> bool | None:
        try:
            return super()._letting_go(job_id, owner_id, work)
        finally:
            self._file.driven.discard(job_id)

    # --------------------------------------------------------------- media: files beside the rows
    @contextmanager
    def _prepared(
        self, media: Mapping[str, bytes], submission: Submission | None
    ) -> Iterator[Callable[[Transaction, str], None]]:
        with self._file.prepared(media, submission) as prepared:

            def put(transaction: Transaction, job_id: str) -> None:
                for name in media:
                    transaction.run(KEEP_MEDIUM, name, job_id)

                # On disk before the rows that refer to them are.
                prepared.put()

            yield put

    def _put_back(self, job: JobRecord, media: Mapping[str, bytes]) -> None:
        lost = {name: value for name, value in media.items() if self._file.media.is_lost(name)}
        if not lost or job.state not in ("open", "unknown"):
            return

        # Whoever has them in hand goes on without the ledger's.
        with (
            suppress(TarashException),
            self._file.prepared(lost, "not_sent") as prepared,
            self._file.write() as connection,
        ):
            transaction = FileTransaction(connection)
            if all(transaction.first(NEEDED, name, job.id) is not None for name in lost):
                prepared.put()

    def _drop_media(self, transaction: Transaction, job_id: str) -> None:
        media = [row["sha256"] for row in transaction.all(MEDIA_OF, job_id)]
        if media:
            transaction.run("DELETE FROM media WHERE job = ?", job_id)
            # Not before the job is closed for certain.
            transaction.after.append(lambda: self._remove(media))

    def _remove(self, media: list[str]) -> None:
        # What can't be removed harms nobody.
        with suppress(TarashException), self._file.write() as connection:
            self._file.media.drop(connection, media)

    def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to; raise KeyError for others."""
        content = None
        with self._file.read() as connection:
            query = "SELECT 1 FROM media WHERE sha256 = ? LIMIT 1"
            if connection.execute(query, (sha256,)).fetchone() is not None:
                content = self._file.media.read(sha256)

        if content is None:
            raise KeyError(sha256)

        return content

    # --------------------------------------------------------------------------------------- rest
    def _put_state(
        self,
        transaction: Transaction,
        space: str,
        name: str,
        value: JsonObject,
        until: datetime | None = None,
    ) -> int:
        transaction.run(REPLACED, space, name)
        # The number of a row that AUTOINCREMENT gives is never given again.
        transaction.run(
            "INSERT INTO states (space, name, value, until) VALUES (?, ?, ?, ?)",
            space,
            name,
            as_json(value),
            until,
        )
        row = transaction.first("SELECT last_insert_rowid() AS version")
        return 0 if row is None else int(row["version"])

    def _closed_before(self, transaction: Transaction, older_than: timedelta) -> list[str]:
        try:
            cutoff = now() - older_than
        except OverflowError:
            return []

        return [row["id"] for row in transaction.all(OLD, cutoff)]

    def examine(self) -> Examined:
        """Return what the file says of itself."""
        with self._file.read() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            holders = FileTransaction(connection).all(PROCESSES)
            alive = sum(is_held(holder, self.process) for holder in holders)

        names = (self._file.path, Path(f"{self._file.path}-wal"))
        return Examined(
            version=version,
            newest=len(MIGRATIONS),
            size=sum(name.stat().st_size for name in names if name.exists()),
            holders=len(holders),
            alive=alive,
        )

    def let_go(self) -> None:
        """Close the file; the next call opens it again."""
        self._file.close()
