"""What the calls of the ledger do to PostgreSQL alone; `_sql` says what they do to any database."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from ...exceptions import ValidationError
from .._record_types import Examined
from .._sql._queue import PROCESSES
from .._sql._rows import DamagedError, as_json, is_held
from .._sql._store import Store
from ._errors import storage_error
from ._schema import MIGRATIONS
from ._spending import DatabaseCosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from ..._data._types import JsonObject, Submission
    from .._processes import Process
    from .._sql._base import Result, Transaction
    from .._write_batching import Enqueued
    from ._database import Database

OLD = """
    SELECT id FROM tarash.jobs WHERE closed_at < clock_timestamp() - %s AND state != 'open'
    ORDER BY closed_at LIMIT 500 FOR UPDATE SKIP LOCKED
"""
PUT_STATE = """
    INSERT INTO tarash.states (space, name, value, version, until)
    VALUES (%s, %s, %s, nextval('tarash.versions'), %s)
    ON CONFLICT (space, name) DO UPDATE
    SET value = excluded.value, version = excluded.version, until = excluded.until
    RETURNING version
"""
DROP_EXPIRED = """
    DELETE FROM tarash.states WHERE (space, name) IN (
        SELECT space, name FROM tarash.states WHERE until <= clock_timestamp()
        LIMIT 100 FOR UPDATE SKIP LOCKED
    )
"""
KEEP_CONTENT = """
    INSERT INTO tarash.contents (sha256, content) VALUES (%s, %b) ON CONFLICT (sha256) DO NOTHING
"""
KEEP_MEDIUM = "INSERT INTO tarash.media (sha256, job) VALUES (%s, %s) ON CONFLICT DO NOTHING"
DROP_CONTENT = """
    DELETE FROM tarash.contents WHERE sha256 = %s AND NOT EXISTS (
        SELECT 1 FROM tarash.media WHERE media.sha256 = contents.sha256
    )
"""
FACTS = """
    SELECT (SELECT version FROM tarash.meta) AS version,
        (SELECT COALESCE(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint FROM pg_class
            WHERE relnamespace = 'tarash'::regnamespace AND relkind = 'r') AS size,
        clock_timestamp() AS now
"""


class DatabaseStore(DatabaseCosts, Store):
    """The jobs in one database, and the process that this one is to the others."""

    FORGET_PROCESSES = """
        DELETE FROM tarash.processes WHERE id IN (
            SELECT id FROM tarash.processes AS old
            WHERE renewed_at < clock_timestamp() - interval '1 day'
                AND NOT EXISTS (SELECT 1 FROM tarash.jobs WHERE jobs.process = old.id)
            FOR UPDATE SKIP LOCKED
        )
    """

    def __init__(self, database: Database, lease_seconds: float, max_media_bytes: int) -> None:
        """Take the database.

        Args:
            database: The database.
            lease_seconds: How long a process may be silent.
            max_media_bytes: Bytes that each input may have that is kept for a job.
        """
        super().__init__(lease_seconds)
        self._database = database
        self._max_media_bytes = max_media_bytes

    @property
    def process(self) -> Process:
        """The process that this one is to the others; another one in a forked child."""
        return self._database.process

    def _write(
        self,
        work: Callable[[Transaction], Result],
        submission: Submission | None = None,
        *,
        in_doubt: Submission | None = None,
    ) -> Result:
        return self._database.write(work, submission, in_doubt=in_doubt)

    def _read(
        self, work: Callable[[Transaction], Result], submission: Submission | None = None
    ) -> Result:
        return self._database.read(work, submission)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except DamagedError as error:
            raise storage_error(self._database.address, error, None) from error

    def _in_order(self, some: Sequence[Enqueued]) -> Sequence[Enqueued]:
        # By their keys: who writes the same ones elsewhere waits, and no two wait for each other.
        return sorted(some, key=lambda enqueued: enqueued.job.idempotency_key or "")

    # ------------------------------------------------------------------- media: rows of their own
    @contextmanager
    def _prepared(
        self, media: Mapping[str, bytes], submission: Submission | None
    ) -> Iterator[Callable[[Transaction, str], None]]:
        del submission
        yield partial(_put_media, media)

    def _drop_media(self, transaction: Transaction, job_id: str) -> None:
        query = "SELECT sha256 FROM tarash.media WHERE job = %s ORDER BY sha256"
        rows = transaction.all(query, job_id)
        transaction.run("DELETE FROM tarash.media WHERE job = %s", job_id)
        for row in rows:
            transaction.lock("tarash media", row["sha256"])
            transaction.run(DROP_CONTENT, row["sha256"])

    def _check_media(self, media: Mapping[str, bytes]) -> None:
        super()._check_media(media)
        for content in media.values():
            if len(content) > self._max_media_bytes:
                raise ValidationError(
                    f"An input has {len(content):,} bytes, and this ledger keeps at most "
                    f"{self._max_media_bytes:,} of each; upload it, and give its URL instead",
                    submission="not_sent",
                )

    def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to; raise KeyError for others."""
        query = "SELECT content FROM tarash.contents WHERE sha256 = %s"
        row = self._database.read(lambda transaction: transaction.first(query, sha256))
        if row is None:
            raise KeyError(sha256)

        return bytes(row["content"])

    # --------------------------------------------------------------------------------------- rest
    def _put_state(
        self,
        transaction: Transaction,
        space: str,
        name: str,
        value: JsonObject,
        until: datetime | None = None,
    ) -> int:
        row = transaction.first(PUT_STATE, space, name, as_json(value), until)
        if until is not None:
            transaction.run(DROP_EXPIRED)

        return 0 if row is None else int(row["version"])

    def _closed_before(self, transaction: Transaction, older_than: timedelta) -> list[str]:
        return [row["id"] for row in transaction.all(OLD, older_than)]

    def examine(self) -> Examined:
        """Return what the database says of itself."""
        return self._database.read(self._examined)

    def _examined(self, transaction: Transaction) -> Examined:
        begun = datetime.now(UTC)
        (row,) = transaction.all(FACTS)
        between = begun + (datetime.now(UTC) - begun) / 2
        holders = transaction.all(PROCESSES)
        return Examined(
            version=row["version"],
            newest=len(MIGRATIONS),
            size=row["size"],
            holders=len(holders),
            alive=sum(is_held(holder, self.process) for holder in holders),
            clock_offset=(row["now"] - between).total_seconds(),
        )

    def let_go(self) -> None:
        """Close the connections; the next call makes new ones."""
        self._database.pool.close()


def _put_media(media: Mapping[str, bytes], transaction: Transaction, job_id: str) -> None:
    """Keep bytes for a job: each once, whoever else needs or drops the same at this moment."""
    for name in sorted(media):
        transaction.lock("tarash media", name)
        transaction.run(KEEP_CONTENT, name, media[name])
        transaction.run(KEEP_MEDIUM, name, job_id)
