"""Whether what was opened is still where it was; and saves what only an open connection still has.

SQLite goes on writing to files that have lost their names: nobody would ever read them again.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

Identity = tuple[int, int] | None
"""A file's device and number there; None where there is none of its name."""


@dataclass(frozen=True)
class FileIdentity:
    """The files of one database as they were found."""

    main: Identity
    log: Identity
    index: Identity


def file_identity_of(path: Path) -> FileIdentity:
    """Return which files are there now."""
    return FileIdentity(*(_identity(f"{path}{end}") for end in ("", "-wal", "-shm")))


def _identity(path: str) -> Identity:
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return None

    return status.st_dev, status.st_ino


def is_saved(
    connection: sqlite3.Connection, path: Path, was: FileIdentity, *, driven: bool
) -> bool:
    """Bring what the connection has back to where it belongs, as far as that harms nobody.

    Args:
        connection: To the files that were there.
        path: Where the database belongs.
        was: What was opened.
        driven: Whether jobs are under way, so that a file that was removed has to come back.

    Returns:
        Whether everything that was written down is at `path` again.
    """
    place = file_identity_of(path)
    with suppress(sqlite3.Error, OSError):
        if place.main is None:
            return driven and _restored(connection, path)

        if place.main == was.main and place.log in (None, was.log):
            return _merged(connection)

    return False


def _merged(connection: sqlite3.Connection) -> bool:
    """Write the log that was removed into the database; only where nobody else has it open."""
    return bool(connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] == "delete")


def _restored(connection: sqlite3.Connection, path: Path) -> bool:
    """Put a copy where the file was, unless something else has come there meanwhile."""
    copy = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        copied(connection, copy)
        os.link(copy, path)
    except FileExistsError:
        return False
    finally:
        copy.unlink(missing_ok=True)

    return True


def copied(connection: sqlite3.Connection, target: Path) -> None:
    """Write a copy of a database, as it is at this moment, into a file that is not there yet."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(target)) as copy:
        connection.backup(copy)
        # Whole by itself: the copy has no log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")

    descriptor = os.open(target, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
