"""What rows of the file are: jobs, who holds them, and times as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .._processes import now
from .._rows import Listing, job_in
from ._errors import DamagedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from .._facts import JobRecord
    from .._processes import Process

JOBS = """
    SELECT jobs.*, processes.pid, processes.birth, processes.place, processes.renewed_at,
        processes.lease_seconds
    FROM jobs LEFT JOIN processes ON processes.id = jobs.process
"""
by_state = Listing(JOBS, "jobs", "?").by_state


def as_text(time: datetime) -> str:
    """Return a time as text; texts sort as their times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def record(row: sqlite3.Row, entries: Iterable[sqlite3.Row], reader: Process) -> JobRecord:
    """Return a job.

    Args:
        row: Of `jobs`, with its holder's of `processes` beside it.
        entries: The job's of `intents`.
        reader: Who wants to know whether the holder is alive.

    Raises:
        DamagedError: That is nothing that we have written.
    """
    held = is_held(row, reader)
    try:
        return job_in(row, entries, datetime.fromisoformat, held=held)
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"the job {row['id']!r} is unreadable") from error


def is_held(row: sqlite3.Row, reader: Process) -> bool:
    """Tell whether a living process holds a job; for a row as `record` takes it."""
    if row["process"] is None or row["renewed_at"] is None:
        return False

    try:
        age = (now() - datetime.fromisoformat(row["renewed_at"])).total_seconds()
        return reader.sees({**dict(row), "id": row["process"]}, age)
    except (ValueError, TypeError) as error:
        raise DamagedError(f"the holder of the job {row['id']!r} is unreadable") from error
