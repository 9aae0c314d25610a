"""What each call of the ledger does to the file; blocking, for any thread.

The rules of the protocol stand here as statements that any SQL database takes.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ...exceptions import TarashException, ValidationError
from .._facts import Examined
from .._processes import now
from .._records import QUEUE, JobState
from .._rows import as_json
from ._file import File
from ._opening import Opening
from ._rows import JOBS, as_text, by_state, is_held
from ._schema import MIGRATIONS
from ._spending import leave, spendings, spendings_of
from ._submits import is_there

if TYPE_CHECKING:
    from ..._data._types import JsonObject
    from .._records import JobRecord, Spending

BY_ID = f"{JOBS} WHERE jobs.id = ?"
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


class Store(Opening):
    """The jobs in one file, and the process that this one is to the others."""

    def __init__(self, path: Path, lease_seconds: float) -> None:
        """Note where the file is, and how long a process may be silent, in seconds."""
        super().__init__(File(path), lease_seconds)

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
        rows = connection.execute("SELECT sha256 FROM media WHERE job = ?", (job_id,))
        media = [row["sha256"] for row in rows]
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

    def by_id(self, job_id: str) -> JobRecord | None:
        """Return a job; None where it is not known."""
        return self.one(BY_ID, job_id)

    def by_operation(self, provider: str | None, operation_id: str, host: str) -> JobRecord | None:
        """Return the job that an operation belongs to; None where it is not known."""
        return self.one(BY_OPERATION, operation_id, provider, provider, host, host)

    def renew(self) -> None:
        """Say that this process is alive."""
        with self._file.write() as connection:
            self._say(connection)

    def spendings(self, since: datetime | None, until: datetime | None) -> list[Spending]:
        """Return what was spent in a time, oldest first."""
        with self._file.read() as connection:
            return spendings(connection, since, until)

    def spendings_of(self, provider: str, operation_id: str, host: str) -> list[Spending]:
        """Return what was spent on an operation whose job is forgotten."""
        with self._file.read() as connection:
            return spendings_of(connection, provider, operation_id, host)

    def jobs(
        self,
        states: tuple[JobState, ...],
        limit: int,
        last_id: str | None,
        *,
        oldest_first: bool = False,
    ) -> list[JobRecord]:
        """Return jobs behind one, newest or oldest first: those in one of the states, or all."""
        with self._file.read() as connection:
            last = -1 if oldest_first else BEYOND
            if last_id is not None:
                row = connection.execute(NUMBER, (last_id,)).fetchone()
                if row is None:
                    return []

                last = row["number"]

            query, values = by_state(set(states), last, limit, oldest_first=oldest_first)
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
            size=sum(name.stat().st_size for name in names if name.exists()),
            holders=len(rows),
            alive=sum(is_held(row, self._file.process) for row in rows),
        )

    def forget(self, job_id: str) -> bool:
        """Drop a job with its media; False where a living holder drives it, or nobody knows it."""
        with self._file.write() as connection:
            row = connection.execute(BY_ID, (job_id,)).fetchone()
            if row is None or is_held(row, self._file.process):
                return False

            rows = connection.execute("SELECT sha256 FROM media WHERE job = ?", (job_id,))
            media = [row["sha256"] for row in rows]
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
