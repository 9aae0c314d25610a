"""Says what is wrong with a ledger's file, and what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...exceptions import StorageError, ValidationError
from .._sql._rows import DamagedError

if TYPE_CHECKING:
    from ..._data._types import Submission

BUSY_SECONDS = 10.0
"""How long a call waits for another process that is writing."""


class Trouble(NamedTuple):
    """What may be wrong with a file."""

    what: str
    todo: str


FULL = Trouble(
    "the disk is full, or a quota is used up", "Free some space, or keep the ledger elsewhere."
)
FORBIDDEN = Trouble(
    "it can't be written",
    "Give this user write access to the file and to its folder (SQLite makes files beside it), "
    "or keep the ledger elsewhere.",
)
DAMAGED = Trouble(
    "it is damaged, or no ledger at all",
    "It was left as it is. Restore a copy, or move it away with the files beside it to begin anew "
    "(`sqlite3 FILE .recover` may save what is in it). Jobs in it may still run: look at your "
    "providers' lists before you submit them again.",
)
MISPLACED = Trouble("it can't be opened", "Check its path, its folder, and who may write there.")
BUSY = Trouble(
    f"another process has kept it locked for {BUSY_SECONDS:g} seconds",
    "See who else has it open: a process that was suspended in the middle of a write keeps it "
    "locked until it goes on or ends, and loses nothing by either. Keep it on a local disk, not on "
    "a network drive.",
)
CONTRADICTORY = Trouble(
    "what is to be written contradicts what is there",
    "Ids are never used twice: look for a job that is written down a second time.",
)
UNREADABLE = Trouble(
    "it could not be read or written",
    "Check the disk: is it full, over a quota, failing, or a network drive?",
)

BY_CODE = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: FORBIDDEN,
    sqlite3.SQLITE_PERM: FORBIDDEN,
    sqlite3.SQLITE_AUTH: FORBIDDEN,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FORMAT: DAMAGED,
    sqlite3.SQLITE_CANTOPEN: MISPLACED,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_PROTOCOL: BUSY,
    sqlite3.SQLITE_CONSTRAINT: CONTRADICTORY,
}
BY_ERRNO = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.EROFS: FORBIDDEN,
    errno.ENOTDIR: MISPLACED,
    errno.EISDIR: MISPLACED,
    errno.EEXIST: MISPLACED,
    errno.ENAMETOOLONG: MISPLACED,
    errno.ELOOP: MISPLACED,
}


def is_busy(error: BaseException) -> bool:
    """Tell whether another process was merely in the way."""
    return isinstance(error, sqlite3.Error) and _trouble(error) is BUSY


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, DamagedError):
        return DAMAGED

    if isinstance(error, OSError):
        return BY_ERRNO.get(error.errno or 0, UNREADABLE)

    # The lowest byte says what, the others where.
    code = getattr(error, "sqlite_errorcode", None)
    return UNREADABLE if code is None else BY_CODE.get(code & 0xFF, UNREADABLE)


def refused(
    path: Path, what: str, todo: str, submission: Submission | None = "not_sent"
) -> StorageError:
    """Return the error for a file that can't serve as a ledger."""
    return StorageError(f"The ledger {path} can't be used: {what}. {todo}", submission=submission)


@contextmanager
def translated(path: Path, submission: Submission | None) -> Iterator[None]:
    """Turn what SQLite and the system say into an error that says what to do.

    Args:
        path: The ledger's file.
        submission: What a failure means for the submit that the call is about.
    """
    try:
        yield
    except (sqlite3.Error, OSError, DamagedError) as error:
        what, todo = _trouble(error)
        raise refused(path, f"{what} ({error})", todo, submission) from error
    except UnicodeEncodeError:
        # Not as the cause: it carries the whole text.
        raise ValidationError(
            "An id or an idempotency_key holds half of a character (a lone surrogate); only whole "
            "ones can be written down",
            submission=submission,
        ) from None
