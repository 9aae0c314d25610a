"""One ledger's file as this process has it open: made, checked, brought up to date, locked.

A connection never goes through a fork: SQLite would take the parent's locks for the child's, and
the child would write into files that the parent removes when it closes.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..._support._logging import event
from .._paths import is_missing
from .._processes import Process
from .._sql._rows import DamagedError
from ._dialect import taught
from ._errors import BUSY_SECONDS, is_busy, refused, translated
from ._file_identity import FileIdentity, file_identity_of, is_saved
from ._media import MediaFolder, Prepared, sync_folder
from ._schema import APPLICATION_ID, MIGRATIONS, empty
from ._write_lock import WriteLock

if TYPE_CHECKING:
    from ..._data._types import Submission

CHECKED_BYTES = 32 * 1024 * 1024
"""Up to this size a file is read through when it is opened: damage shows before a purchase."""
LARGEST_LOG = 16 * 1024 * 1024
"""Bytes that the write-ahead log may keep on disk."""


class File:
    """The file, its connection, and the folder of media beside it; for any thread."""

    def __init__(self, path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
        """Note the path; nothing is opened before it is needed.

        Args:
            path: Where the file is, or is to be made.
            migrations: What makes each version out of the one before.
        """
        self.path = path
        self.media = MediaFolder(path)
        self.process = Process()
        self._migrations = migrations
        self._lock = threading.Lock()
        self._turns = WriteLock(path.parent)
        self._connection: sqlite3.Connection | None = None
        self._place: FileIdentity | None = None
        self.generation = 0
        """Grows when the file was removed or replaced while it was open, or between."""
        self.driven: set[str] = set()
        """Jobs that this process drives."""
        self._is_swept = False
        with _forking:
            _files.add(self)

    @contextmanager
    def write(self, submission: Submission | None = None) -> Iterator[sqlite3.Connection]:
        """Change the file: all of it is on disk at the end of the block, or nothing.

        Raises:
            StorageError: The file can't be used; it carries `submission`.
        """
        with self._transaction(self._turns.begin, submission) as connection:
            yield connection

    @contextmanager
    def read(self, submission: Submission | None = None) -> Iterator[sqlite3.Connection]:
        """Look at the file as it is at one moment; raises what `write` does.

        One that was never made is empty, and is not made by looking.
        """
        if self._place is None and is_missing(self.path):
            with translated(self.path, submission), closing(empty()) as connection:
                yield connection

            return

        with self._transaction(_begin, submission) as connection:
            yield connection

    @contextmanager
    def prepared(
        self, media: Mapping[str, bytes], submission: Submission | None
    ) -> Iterator[Prepared]:
        """Write bytes for a job that is about to be committed; raises what `write` does."""
        prepared = Prepared(self.media.path, media)
        try:
            with self._lock, translated(self.path, submission):
                self._connected(submission)  # the folder of media is made beside the file

            with translated(self.path, submission):
                prepared.write()

            yield prepared
        finally:
            prepared.discard()

    def close(self) -> None:
        """Let go of the file; the next block opens it again."""
        with self._lock, translated(self.path, None):
            self._drop()

    @contextmanager
    def _transaction(
        self, begin: Callable[[sqlite3.Connection], None], submission: Submission | None
    ) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self.path, submission):
            connection = self._connected(submission)
            try:
                begin(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")

                if isinstance(error, sqlite3.Error | OSError) and not is_busy(error):
                    # What went wrong may be over by the next call, which begins anew.
                    self._drop()

                raise

    def _connected(self, submission: Submission | None) -> sqlite3.Connection:
        if self.process.pid != os.getpid():
            raise refused(
                self.path,
                "this process was forked around Python while the ledger was open",
                "Open the ledger in the worker processes only, or fork with os.fork.",
                submission,
            )

        if self._connection is not None:
            self._check_place(self._connection, submission)

        if self._connection is None:
            before = self._place
            self._connection = self._open(submission)
            if before is not None and self._place is not None and before.main != self._place.main:
                self._miss("it is another file than before")

            self._sweep(self._connection)

        return self._connection

    def _check_place(self, connection: sqlite3.Connection, submission: Submission | None) -> None:
        """Write nothing to files that nobody can find any more.

        Raises:
            StorageError: What was written down may be lost; or the file itself was removed, and
                something is about to be bought.
        """
        was = self._place
        place = file_identity_of(self.path)
        if was is None or place == was:
            return

        saved = is_saved(connection, self.path, was, driven=bool(self.driven))
        self._drop()
        what = "it was moved, removed or replaced while it was open"
        if place.main == was.main:
            what = "the log beside it was removed or replaced while it was open"

        self._miss(what, saved=saved)
        if saved and (place.main is not None or submission is None):
            return

        raise refused(
            self.path,
            what,
            "What was written since then may be lost. Put it back, and stop all processes that "
            "use it before you move it.",
            submission,
        )

    def _miss(self, what: str, **facts: bool) -> None:
        self.generation += 1
        if self.driven:
            event(logging.ERROR, "ledger_missed", path=str(self.path), what=what, **facts)

    def _open(self, submission: Submission | None) -> sqlite3.Connection:
        if self.path.is_dir():
            raise refused(
                self.path, "it is a folder", "Name a file, such as jobs.db in it.", submission
            )

        self._create()
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            taught(connection)
            self._check_kind(connection, submission)
            self._configure(connection, submission)
            migrate(connection, self._migrations)
            self._check_kind(connection, submission)
            self._check_pages(connection)
            self._place = file_identity_of(self.path)
        except BaseException:
            connection.close()
            raise

        return connection

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Whatever is there is not opened here: closing it would give up SQLite's own locks on it.
        with suppress(FileExistsError):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            os.close(descriptor)
            sync_folder(self.path.parent)

    def _check_kind(self, connection: sqlite3.Connection, submission: Submission | None) -> None:
        """Refuse what is not ours, before anything in it is changed."""
        connection.execute("BEGIN")  # another process may be making it
        application = _number(connection, "application_id")
        version = _number(connection, "user_version")
        is_empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
        connection.execute("COMMIT")
        if application == 0 and version == 0 and is_empty:
            return

        if application != APPLICATION_ID:
            raise refused(
                self.path,
                "it is another program's database",
                "It was left as it is: name another file.",
                submission,
            )

        if version > len(self._migrations):
            raise refused(
                self.path,
                f"a newer version of Tarash Gateway has made it (format {version}; this one knows "
                f"{len(self._migrations)})",
                "Update Tarash Gateway here, or name another file.",
                submission,
            )

    def _configure(self, connection: sqlite3.Connection, submission: Submission | None) -> None:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute(f"PRAGMA journal_size_limit = {LARGEST_LOG}")
        if _text(connection, "journal_mode") != "wal" and _switch_to_log(connection) != "wal":
            raise refused(
                self.path,
                "there is no write-ahead log in its folder",
                "Keep it on a local disk, not on a network drive.",
                submission,
            )

    def _check_pages(self, connection: sqlite3.Connection) -> None:
        if self.path.stat().st_size > CHECKED_BYTES:
            return

        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict is None or verdict[0] != "ok":
            raise DamagedError("its pages contradict each other")

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Remove media that a crash has left behind; what can't be removed harms nobody."""
        if self._is_swept:
            return

        self._is_swept = True
        with suppress(OSError, sqlite3.OperationalError):
            if self.media.orphans(connection):
                # Looked for again while nobody else can commit a job that needs them.
                connection.execute("BEGIN IMMEDIATE")
                try:
                    self.media.drop(connection, self.media.orphans(connection))
                finally:
                    connection.execute("ROLLBACK")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._turns.close()
        if connection is not None:
            connection.close()

    def freeze(self) -> None:
        """Stand still for a fork, with nothing open."""
        self._lock.acquire()
        with suppress(sqlite3.Error):
            self._drop()

    def thaw(self) -> None:
        """Go on after a fork."""
        self._lock.release()

    def begin_anew(self) -> None:
        """Go on in a forked child, which is another process."""
        self._lock = threading.Lock()
        self.driven = set()
        self.process = Process()

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        # As an argument, since an interpreter that exits has taken the module's names away.
        if getattr(self, "_connection", None) is not None and self.process.pid == getpid():
            self._drop()


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    """Bring a file to the newest version: all steps, or none."""
    if _number(connection, "user_version") >= len(migrations):
        return

    connection.execute("BEGIN IMMEDIATE")
    try:
        # Looked at again: another process may have been faster, and newer.
        version = _number(connection, "user_version")
        for steps in migrations[version:]:
            for step in steps:
                connection.execute(step)

        if version < len(migrations):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(migrations)}")

        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")

        raise


def _switch_to_log(connection: sqlite3.Connection) -> str:
    """Keep a write-ahead log from now on; SQLite itself does not wait for others to let it."""
    pause = threading.Event()
    tries = int(BUSY_SECONDS / 0.02)
    for left in reversed(range(tries)):
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if left == 0 or not is_busy(error):
                raise

        pause.wait(0.02)

    raise AssertionError


def _number(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _text(connection: sqlite3.Connection, name: str) -> str:
    return str(connection.execute(f"PRAGMA {name}").fetchone()[0])


_files: WeakSet[File] = WeakSet()
_frozen: list[File] = []
_forking = threading.Lock()


def _before() -> None:
    _forking.acquire()
    _frozen.extend(_files)
    for file in _frozen:
        file.freeze()


def _after_in_parent() -> None:
    for file in _frozen:
        file.thaw()

    _frozen.clear()
    _forking.release()


def _after_in_child() -> None:
    global _forking  # noqa: PLW0603  (the thread that held it is not in the child)
    for file in _frozen:
        file.begin_anew()

    _frozen.clear()
    _forking = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
