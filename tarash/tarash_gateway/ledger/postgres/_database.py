"""Transactions on one database: done once for certain, or said; and its tables, made and checked.

A transaction that is cut off before its COMMIT has changed nothing and is done again, on another
connection, for as long as a restart of the database takes. Where the answer to a COMMIT is lost,
it may have changed everything: the work is done again with `in_doubt`, and recognises its own
traces. It keeps no state in its session, so that a pooler may hand out connections by transaction.
"""

from __future__ import annotations

import math
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from ...exceptions import StorageError
from .._processes import Process
from .._sql._rows import DamagedError
from ._errors import GONE, LateError, is_passing, refused, storage_error, unwritable
from ._pool import LimitedConnection, Pool, close
from ._schema import LOCK, META, MIGRATIONS, OLDEST, SCHEMA

if TYPE_CHECKING:
    from ..._data._types import Submission
    from ._address import Address

Result = TypeVar("Result")
Row = dict[str, Any]

PATIENCE_SECONDS = 10.0
"""How long a call goes on trying while the database is away or restarts."""
PAUSES = (0.02, 0.5)
"""Seconds between two tries: at first, and at most."""
READING_SECONDS = 300.0
"""How long who reads may be busy with what it has read before it asks for more: it holds nobody up,
and 100,000 jobs take a crowded machine longer than a call may wait for an answer."""
MIGRATION_SECONDS = 600.0
"""How long one step of a migration may take."""
NOTIFY_FULL = "54000"
"""What a COMMIT says whose notifications have no room in the cluster's queue: since another
application listens and does not read, say. Some other limits have the same code."""
SILENT_SECONDS = 30.0
"""How long nobody is notified after that."""
LOCK_SECONDS = 2.0
"""How long a migration waits for a table while everybody else waits for it."""
WRITE = "READ COMMITTED READ WRITE"
READ = "REPEATABLE READ READ ONLY"
BEGIN = """
    BEGIN ISOLATION LEVEL {mode};
    SET LOCAL lock_timeout = {patience};
    SET LOCAL idle_in_transaction_session_timeout = {idle};
    SET LOCAL DateStyle = 'ISO';
    SELECT set_config('synchronous_commit', 'on', true)
        WHERE current_setting('synchronous_commit') = 'off'
"""
"""What is set holds for this transaction only. One that writes ends before its client, who may only
have lost the connection, tries again; what is answered survives a crash; and times are
written in the one way that the driver reads, whatever is set for the database or the user."""


@dataclass
class Transaction:
    """What may be done in one transaction."""

    connection: LimitedConnection
    in_doubt: bool = False
    """Whether the same was tried before, and may have been done."""
    after: list[Callable[[], Any]] = field(default_factory=list)
    """What to do once it is done."""
    is_silent: bool = False
    """Whether nobody is to be notified, since that would undo what is written."""

    def all(self, query: str, *values: Any) -> list[Row]:
        """Return the rows of a query."""
        return self._execute(query, values).fetchall()

    def first(self, query: str, *values: Any) -> Row | None:
        """Return the first row of a query; None where there is none."""
        return self._execute(query, values).fetchone()

    def run(self, query: str, *values: Any) -> int:
        """Change something; return in how many rows."""
        return self._execute(query, values).rowcount

    def lock(self, *words: str) -> None:
        """Let nobody else who asks for a lock of this name go on until the transaction ends."""
        self.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", "\n".join(words))

    def _execute(self, query: str, values: Sequence[Any]) -> psycopg.Cursor[Row]:
        return self.connection.execute(query, values or None)


class Database:
    """One database as this process uses it; for any thread."""

    def __init__(
        self,
        address: Address,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
        pool: Pool | None = None,
        wait_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Note the address; nothing is connected before it is needed.

        Args:
            address: Where it is.
            migrations: What makes each version of the tables out of the one before.
            pool: Its connections.
            wait_seconds: How long a call goes on trying while it is away.
        """
        self.address = address
        self.pool = pool or Pool(address)
        self.process = Process()
        self._wait_seconds = wait_seconds
        self.generation = 0
        """Grows when the database was found to be another one, or put back to an earlier time."""
        self._migrations = migrations
        self._known: tuple[str, str] | None = None
        self._checking = threading.Lock()
        self._silent_until = -math.inf

    def write(
        self,
        work: Callable[[Transaction], Result],
        submission: Submission | None = None,
        *,
        in_doubt: Submission | None = None,
    ) -> Result:
        """Do something in one transaction, which has survived the database's end on return.

        Args:
            work: What to do; done again where nobody can tell whether it was done.
            submission: How a submit ended that a failure is about.
            in_doubt: The same where nobody can tell in the end whether it was done; None for the
                same word.

        Raises:
            StorageError: The database can't be used; it carries `submission`, or `in_doubt`.
            ValidationError: It has no room for a text.
        """
        doubt: list[bool] = []
        try:
            return self._done(WRITE, work, submission, doubt)
        except StorageError as error:
            if doubt and in_doubt is not None:
                error.submission = in_doubt

            raise

    def read(
        self, work: Callable[[Transaction], Result], submission: Submission | None = None
    ) -> Result:
        """See everything as it is at one moment; raises what `write` does."""
        return self._done(READ, work, submission, [])

    def _done(
        self,
        mode: str,
        work: Callable[[Transaction], Result],
        submission: Submission | None,
        doubt: list[bool],
    ) -> Result:
        try:
            return self._tried(mode, work, submission, doubt)
        except UnicodeEncodeError:
            failure: Exception = unwritable(submission)  # its own words carry the whole text
        except psycopg.DataError as error:
            failure = (
                unwritable(submission)
                if "NUL" in str(error)
                else storage_error(self.address, error, submission)
            )
        except (psycopg.Error, LateError, DamagedError) as error:
            failure = storage_error(self.address, error, submission)

        # Not as its context: the driver's frames know the password.
        raise failure

    def _tried(
        self,
        mode: str,
        work: Callable[[Transaction], Result],
        submission: Submission | None,
        doubt: list[bool],
    ) -> Result:
        """Do it until it is done, or for as long as a call may take; note in `doubt` if it may be.

        Also where it fails in the end: the last try may have learned nothing of the one before.
        """
        until = time.monotonic() + self._wait_seconds
        pause = PAUSES[0]
        while True:
            sent: list[bool] = []
            is_silent = time.monotonic() < self._silent_until
            try:
                with self.pool.connection(until) as connection:
                    self._check(connection, submission)
                    transaction = Transaction(connection, bool(doubt), is_silent=is_silent)
                    return self._once(mode, work, transaction, sent)
            except (psycopg.Error, LateError) as error:
                doubt += sent
                if getattr(error, "sqlstate", None) == NOTIFY_FULL and not is_silent:
                    # Those who wait look for themselves; what is written must not be lost for them.
                    self._silent_until = time.monotonic() + SILENT_SECONDS
                    continue

                if not is_passing(error) or time.monotonic() + pause > until:
                    raise

            threading.Event().wait(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, PAUSES[1])

    @staticmethod
    def _once(
        mode: str,
        work: Callable[[Transaction], Result],
        transaction: Transaction,
        sent: list[bool],
    ) -> Result:
        connection = transaction.connection
        try:
            patience = max(1, int(connection.seconds * 800))  # milliseconds
            idle = int(READING_SECONDS * 1000) if mode is READ else patience
            connection.execute(BEGIN.format(mode=mode, patience=patience, idle=idle))
            result = work(transaction)
            sent.append(True)
            connection.execute("COMMIT")
        except (psycopg.Error, LateError) as error:
            # A COMMIT that the database itself refuses has changed nothing.
            if getattr(error, "sqlstate", None) is not None and not _is_cut_off(error):
                sent.clear()

            close(connection)
            raise
        except BaseException:
            with suppress(psycopg.Error, LateError):
                connection.execute("ROLLBACK")

            raise

        for then in transaction.after:
            then()

        return result

    def _check(self, connection: LimitedConnection, submission: Submission | None) -> None:
        """Make sure, once for each connection, that the tables are ours and new enough."""
        if connection.is_checked:
            return

        with self._checking:
            row = _meta(connection)
            if row is None or row["version"] < len(self._migrations):
                self.migrate(connection)
                row = _meta(connection)

        if row is None:
            raise refused(self.address, *GONE, submission)

        if row["oldest"] > len(self._migrations):
            raise refused(
                self.address,
                f"a newer version of Tarash Gateway has changed it (tables {row['version']}, for "
                f"those who know {row['oldest']}; this one knows {len(self._migrations)})",
                "Update Tarash Gateway here.",
                submission,
            )

        connection.is_checked = True
        known = (row["identity"], row["timeline"])
        if self._known not in (None, known):
            # Another database, or one that a standby or a backup has taken the place of: what was
            # written last may be missing.
            self.generation += 1

        self._known = known

    def migrate(self, connection: LimitedConnection) -> None:
        """Bring the tables to the newest version: all steps, or none; one process at a time."""
        before, connection.seconds = connection.seconds, MIGRATION_SECONDS
        until = time.monotonic() + MIGRATION_SECONDS
        try:
            while not self._is_migrated(connection, time.monotonic() > until):
                # Whoever wants to use the tables meanwhile gets in first.
                threading.Event().wait(random.uniform(0.1, 0.5))
        except BaseException:
            close(connection)
            raise
        finally:
            connection.seconds = before

    def _is_migrated(self, connection: LimitedConnection, is_last: bool) -> bool:
        """Try once; False where others use the tables for longer than everybody else may wait.

        All who come after a change that waits for a table wait behind it: for a dump that reads the
        tables for an hour, say.
        """
        try:
            connection.execute("BEGIN")
            connection.execute(f"SET LOCAL lock_timeout = {int(LOCK_SECONDS * 1000)}")
            connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
            self._make_tables(connection)
            connection.execute("COMMIT")
        except psycopg.errors.LockNotAvailable:
            if is_last:
                raise

            connection.execute("ROLLBACK")
            return False

        return True

    def _make_tables(self, connection: LimitedConnection) -> None:
        there = connection.execute("SELECT to_regnamespace(%s) AS name", (SCHEMA,)).fetchone()
        if there is None or there["name"] is None:
            connection.execute(f"CREATE SCHEMA {SCHEMA}")

        connection.execute(META)
        row = connection.execute("SELECT version FROM tarash.meta").fetchone()
        version = 0 if row is None else row["version"]
        for steps in self._migrations[version:]:
            for step in steps:
                connection.execute(step)

        newest = len(self._migrations)
        if row is None:
            connection.execute(
                "INSERT INTO tarash.meta (identity, version, oldest) VALUES (%s, %s, %s)",
                (uuid.uuid4().hex, newest, OLDEST),
            )
        elif version < newest:
            connection.execute("UPDATE tarash.meta SET version = %s, oldest = %s", (newest, OLDEST))

    def begin_anew(self) -> None:
        """Go on in a forked child, which is another process."""
        self._checking = threading.Lock()
        self.process = Process()


def _is_cut_off(error: BaseException) -> bool:
    code = getattr(error, "sqlstate", None) or ""
    return code[:2] in ("08", "57") or code == "25P03"


def _meta(connection: LimitedConnection) -> Row | None:
    there = connection.execute("SELECT to_regclass('tarash.meta') AS name").fetchone()
    if there is None or there["name"] is None:
        return None

    return connection.execute(
        """
        SELECT identity, version, oldest, CASE WHEN pg_is_in_recovery() THEN ''
            ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END AS timeline
        FROM tarash.meta
        """
    ).fetchone()
