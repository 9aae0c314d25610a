"""What each call of the ledger does to the file; blocking, for any thread.

The rules of the protocol stand here as statements that any SQL database takes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ...exceptions import TarashException, ValidationError
from .._examined import Examined
from .._processes import SAID_IN_LEASE, now
from .._records import IS_NAME, QUEUE, JobState
from ._file import File
from ._lists import JOBS, by_state
from ._rows import as_json, as_text, is_held, record
from ._schema import MIGRATIONS
from ._spending import leave, spendings
from ._states import insert
from ._submits import Submits, is_there

if TYPE_CHECKING:
    from ..._data._types import JsonObject
    from .._records import JobRecord, Spending

BY_ID = f"{JOBS} WHERE jobs.id = ?"
BY_KEY = f"{JOBS} WHERE idempotency_key = ? AND key_is_free = 0"
BY_OPERATION = f"""
    {JOBS} JOIN intents ON intents.job = jobs.id
    WHERE operation_id = ? AND (? IS NULL OR operation_provider = ?)
        AND (? = '' OR COALESCE(host, '') IN ('', ?))
    ORDER BY intents.number DESC LIMIT 1
"""
NUMBER = "SELECT number FROM jobs WHERE id = ?"
BEYOND = 2**63 - 1
"""Before which all numbers are."""
HOLDERS = """
    SELECT processes.*, id AS process, '' AS holder FROM processes
    WHERE id IN (SELECT process FROM jobs WHERE process IS NOT NULL)
"""
DROP_TASK = "DELETE FROM states WHERE space = ? AND name = ?"
HELD = """
    SELECT jobs.id, process, holder, pid, birth, place, renewed_at, lease_seconds
    FROM json_each(?) CROSS JOIN jobs ON jobs.id = json_each.value
    JOIN processes ON processes.id = jobs.process
"""
PRUNED = f"{JOBS} WHERE state != 'open' AND closed_at < ?"


class Store(Submits):
    """The jobs in one file, and the process that this one is to the others."""

    def __init__(self, path: Path, lease_seconds: float) -> None:
        """Note where the file is, and how long a process may be silent, in seconds."""
        super().__init__(File(path), lease_seconds)

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

            connection.execute(
                """
                INSERT INTO jobs (
                    id, kind, chain, request, fingerprint, idempotency_key, created_at, labels,
                    state, process, holder
                ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)
                """,
                (
                    job.id, job.kind, as_json(job.chain), as_json(job.request), job.fingerprint,
                    key, as_text(job.created_at),
                    as_json(dict(job.labels)) if job.labels else None,
                    owner_id and self._file.process.id, owner_id,
                ),
            )  # fmt: skip
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

    def _put_back(self, job: JobRecord, media: Mapping[str, bytes]) -> None:
        """Put media back that were lost with the folder beside the file, and that a job needs."""
        lost = {name: one for name, one in media.items() if self._file.media.is_lost(name)}
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

    @property
    def generation(self) -> int:
        """Grows when the file was found to be removed or replaced while it was open."""
        return self._file.generation

    def close(
        self,
        job_id: str,
        owner_id: str,
        state: JobState,
        result: JsonObject | None,
        free_key: bool,
    ) -> bool | None:
        """Write down how a job ended; see `_records.Ledger.close`."""
        media: list[str] = []
        try:
            with self._file.write() as connection:
                if not (held := self._holds(connection, job_id, owner_id)):
                    return held

                connection.execute(
                    """
                    UPDATE jobs SET process = NULL, holder = NULL,
                        key_is_free = max(key_is_free, ?)
                    WHERE id = ?
                    """,
                    (int(free_key), job_id),
                )
                if state != "open":
                    media = self._end(connection, job_id, state, result)
        except BaseException:
            # Whoever comes next in this process must not wait for a holder that has gone.
            self._file.process.gone.add(owner_id)
            raise
        finally:
            self._file.driven.discard(job_id)

        if media:
            # Not before the job is closed for certain; what can't be removed harms nobody.
            with suppress(TarashException), self._file.write() as connection:
                self._file.media.drop(connection, media)

        return True

    @staticmethod
    def _end(
        connection: sqlite3.Connection, job_id: str, state: JobState, result: JsonObject | None
    ) -> list[str]:
        """Write down where a job stands; return the names of media that it needs no more."""
        connection.execute(
            """
            UPDATE jobs SET state = ?, result = ?, closed_at = ?, task_rank = NULL, task_at = NULL
            WHERE id = ?
            """,
            (state, as_json(result), as_text(now()), job_id),
        )
        found = connection.execute("SELECT sha256 FROM media WHERE job = ?", (job_id,))
        media = [row["sha256"] for row in found]
        connection.execute("DELETE FROM media WHERE job = ?", (job_id,))
        connection.execute(DROP_TASK, (QUEUE, job_id))
        return media

    def keep(self, job_id: str, owner_id: str, result: JsonObject | None) -> bool | None:
        """Write down that a job is open, whatever it was before, and let go of it."""
        try:
            with self._file.write() as connection:
                if not (held := self._holds(connection, job_id, owner_id)):
                    return held

                connection.execute(
                    """
                    UPDATE jobs SET process = NULL, holder = NULL, state = 'open', result = ?,
                        closed_at = NULL
                    WHERE id = ?
                    """,
                    (as_json(result), job_id),
                )
        except BaseException:
            self._file.process.gone.add(owner_id)
            raise
        finally:
            self._file.driven.discard(job_id)

        return True

    def claim(self, job_id: str, owner_id: str) -> bool | None:
        """Hold a job; False where another living holder does, None where it is not known."""
        process = self._file.process
        with self._file.write("not_sent") as connection:
            row = connection.execute(BY_ID, (job_id,)).fetchone()
            if row is None:
                return None

            is_mine = (row["process"], row["holder"]) == (process.id, owner_id)
            if not is_mine and is_held(row, process):
                return False

            connection.execute(
                "UPDATE jobs SET process = ?, holder = ? WHERE id = ?",
                (process.id, owner_id, job_id),
            )
            self._say(connection)
            process.gone.discard(owner_id)

        self._file.driven.add(job_id)
        return True

    def wants_renewal(self) -> bool:
        """Tell whether it is time to say that this process is alive; True to one who asks."""
        said = self._said
        if said is None or said[0] != self._file.process.id:
            return False  # it has held nothing

        # The time of day, as in the lease itself: it goes on while the machine sleeps.
        time = now()
        if timedelta(0) <= time - said[1] < timedelta(seconds=self._lease_seconds / SAID_IN_LEASE):
            return False

        self._said = (said[0], time)
        return True

    def renew(self) -> None:
        """Say that this process is alive."""
        with self._file.write() as connection:
            self._say(connection)

    def renewal_failed(self) -> None:
        """Let the next one who asks try again."""
        if self._said is not None:
            self._said = (self._said[0], datetime.min.replace(tzinfo=UTC))

    def one(self, query: str, *arguments: str | None) -> JobRecord | None:
        """Return the job that a query finds; None where it finds none."""
        with self._file.read("not_sent") as connection:
            return self._first(connection, query, *arguments)

    def spendings(self, since: datetime | None, until: datetime | None) -> list[Spending]:
        """Return what was spent in a time, oldest first."""
        with self._file.read() as connection:
            return spendings(connection, since, until)

    def list(self, states: tuple[JobState, ...], limit: int, before: str | None) -> list[JobRecord]:
        """Return jobs, newest first: those in one of the states, or all."""
        with self._file.read() as connection:
            last = BEYOND
            if before is not None:
                row = connection.execute(NUMBER, (before,)).fetchone()
                if row is None:
                    return []

                last = row["number"]

            query, values = by_state(set(states), last, limit)
            rows = connection.execute(query, values).fetchall()
            return [self._record(connection, row) for row in rows]

    def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to."""
        content = None
        with self._file.read() as connection:
            if is_there(connection, "SELECT 1 FROM media WHERE sha256 = ? LIMIT 1", sha256):
                content = self._file.media.read(sha256)

        if content is None:
            raise KeyError(sha256)

        return content

    def held_among(self, job_ids: tuple[str, ...]) -> set[str]:
        """Return which of these jobs a living holder drives."""
        with self._file.read() as connection:
            rows = connection.execute(HELD, (as_json(job_ids),)).fetchall()
            return {row["id"] for row in rows if is_held(row, self._file.process)}

    def examine(self) -> Examined:
        """Return what the file says of itself."""
        with self._file.read() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            rows = connection.execute(HOLDERS).fetchall()

        names = (self._file.path, Path(f"{self._file.path}-wal"))
        return Examined(
            version=version,
            newest=len(MIGRATIONS),
            size=sum(one.stat().st_size for one in names if one.exists()),
            holders=len(rows),
            alive=sum(is_held(row, self._file.process) for row in rows),
        )

    def forget(self, job_id: str) -> bool:
        """Drop a job with its media; False where a living holder drives it, or nobody knows it."""
        with self._file.write() as connection:
            row = connection.execute(BY_ID, (job_id,)).fetchone()
            if row is None or is_held(row, self._file.process):
                return False

            found = connection.execute("SELECT sha256 FROM media WHERE job = ?", (job_id,))
            media = [row["sha256"] for row in found]
            connection.execute("DELETE FROM media WHERE job = ?", (job_id,))
            leave(connection, job_id)
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

        if media:
            with suppress(TarashException), self._file.write() as connection:
                self._file.media.drop(connection, media)

        return True

    def prune(self, older_than: timedelta) -> int:
        """Forget jobs that were closed longer ago than this; return how many."""
        if older_than < timedelta(0):
            raise ValidationError(
                f"older_than is {older_than}, but nothing was closed in the future"
            )

        try:
            cutoff = as_text(now() - older_than)
        except OverflowError:
            return 0

        with self._file.write() as connection:
            rows = connection.execute(PRUNED, (cutoff,)).fetchall()
            gone = [(row["id"],) for row in rows if not is_held(row, self._file.process)]
            for (job_id,) in gone:
                leave(connection, job_id)

            connection.executemany("DELETE FROM jobs WHERE id = ?", gone)
            return len(gone)

    def let_go(self) -> None:
        """Close the file; the next call opens it again."""
        self._file.close()

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
