"""Says what is wrong with a ledger's database, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...exceptions import StorageError, ValidationError
from .._sql._rows import DamagedError

if TYPE_CHECKING:
    import psycopg

    from ..._data._types import Submission
    from ._address import Address


class Trouble(NamedTuple):
    """What may be wrong with a database."""

    what: str
    todo: str


FULL = Trouble("its disk is full", "Free some space on the database's machine.")
FORBIDDEN = Trouble(
    "its user may not do that",
    "Let a user who may create tables run `tarash ledger migrate`, and grant this one USAGE on the "
    "schema `tarash`, and SELECT, INSERT, UPDATE, DELETE on its tables and USAGE on its sequences.",
)
REFUSED = Trouble("it lets nobody in", "Check the user, the password, the database's name and TLS.")
GONE = Trouble(
    "its tables are gone or are others than they were",
    "Restore a backup, or run `tarash ledger migrate` to begin anew. Jobs in it may still run: see "
    "your providers' lists before you submit them again.",
)
UNREACHABLE = Trouble(
    "it can't be reached", "Check that it runs, its host and port, and the network between."
)
BUSY = Trouble(
    "others have kept it locked for too long",
    "See pg_stat_activity for a transaction that does not end.",
)
CONTRADICTORY = Trouble(
    "what is to be written contradicts what is there",
    "Ids are never used twice: search for a job that is written down a second time.",
)
UNUSABLE = Trouble("it refuses", "Read what it says, and the database's log.")

STANDBY = Trouble(
    "it is read-only, as a standby is",
    "Name the primary, or both with target_session_attrs=read-write in the URL.",
)
DAMAGED = Trouble(
    "a row of it is damaged",
    "It was left as it is. Restore that row from a backup. A job in it may still run: see your "
    "providers' lists before you submit it again.",
)
BY_CLASS = {
    "08": UNREACHABLE,
    "23": CONTRADICTORY,
    "28": REFUSED,
    "3D": REFUSED,
    "3F": GONE,
    "40": BUSY,
    "42": GONE,
    "53": FULL,
    "57": UNREACHABLE,
}
BY_CODE = {
    "22P05": Trouble(
        "its encoding has no room for one of the characters",
        "Keep the ledger in a database that was made with ENCODING 'UTF8'.",
    ),
    "42501": FORBIDDEN,
    "0A000": STANDBY,  # no transaction there may be one that writes
    "25006": STANDBY,
    "53300": Trouble("it takes no more connections", "Raise max_connections, or use pgbouncer."),
    "55P03": BUSY,
    "57014": BUSY,
    "25P03": UNREACHABLE,
}
PASSING = frozenset({"08", "40", "57"})
"""Classes of what is over soon: nothing was written down, and the same may be tried again."""
PASSING_CODES = frozenset({"0A000", "25006", "25P03", "53300", "55P03", "57014"})
HOPELESS = (
    "authentication failed", "does not exist", "no password supplied", "pg_hba.conf",
    "could not translate host name", "root certificate", "SSL", "no such user", "no such database",
)  # fmt: skip
"""In what libpq says of a connection that was refused, where it gives no code."""


class LateError(Exception):
    """The database has not answered in time, or all connections to it are busy."""


def is_passing(error: BaseException) -> bool:
    """Tell whether the same may succeed in a moment, on another connection."""
    if isinstance(error, LateError):
        return True

    import psycopg

    if not isinstance(error, psycopg.Error):
        return False

    code = error.sqlstate
    if code is not None:
        return code[:2] in PASSING or code in PASSING_CODES

    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False

    return not any(words in str(error) for words in HOPELESS)


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, DamagedError):
        return DAMAGED

    code = getattr(error, "sqlstate", None)
    if code is None:
        return UNREACHABLE if is_passing(error) else REFUSED

    return BY_CODE.get(code) or BY_CLASS.get(code[:2], UNUSABLE)


def refused(
    address: Address, what: str, todo: str, submission: Submission | None = "not_sent"
) -> StorageError:
    """Return the error for a database that can't serve as a ledger."""
    return StorageError(
        f"The ledger {address} can't be used: {what}. {todo}", submission=submission
    )


def storage_error(
    address: Address, error: psycopg.Error | LateError | DamagedError, submission: Submission | None
) -> StorageError:
    """Return what a driver's error says of the ledger, and what to do about it.

    Args:
        address: The ledger's.
        error: The driver's error.
        submission: What it means for the submit that the call is about.
    """
    what, todo = _trouble(error)
    reason = address.clean(str(error))
    return refused(address, f"{what} ({reason})", todo, submission)


def unwritable(submission: Submission | None) -> ValidationError:
    """Return the error for text that the database has no room for."""
    return ValidationError(
        "An id, an idempotency_key or a name holds half of a character (a lone surrogate) or a "
        "NUL; PostgreSQL can't write that down",
        submission=submission,
    )
