"""What rows of the database are: jobs with their submits, who holds them, and times."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .._rows import Listing, job_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .._facts import JobRecord
    from .._processes import Process
    from ._database import Row, Transaction

JOBS = """
    SELECT jobs.*, processes.pid, processes.birth, processes.place, processes.lease_seconds,
        extract(epoch FROM clock_timestamp() - processes.renewed_at)::float8 AS age
    FROM tarash.jobs LEFT JOIN tarash.processes ON processes.id = jobs.process
"""
BY_ID = f"{JOBS} WHERE jobs.id = %s"
BY_KEY = f"{JOBS} WHERE idempotency_key = %s AND NOT key_is_free"
BY_OPERATION = f"""
    {JOBS} JOIN tarash.intents ON intents.job = jobs.id
    WHERE operation_id = %s AND (%s::text IS NULL OR operation_provider = %s::text)
        AND (%s::text = '' OR host IN ('', %s::text))
    ORDER BY intents.number DESC LIMIT 1
"""
NUMBER = "SELECT number FROM tarash.jobs WHERE id = %s"
BEYOND = 2**63 - 1
"""Before which all numbers are."""
by_state = Listing(JOBS, "tarash.jobs", "%s").by_state


def as_time(time: datetime) -> datetime:
    """Return a time with its zone; one without is this machine's."""
    return time.astimezone(UTC)


Entries = dict[str, list["Row"]]
"""Rows of submits, by their jobs."""


def entries_of(transaction: Transaction, rows: Sequence[Row]) -> Entries:
    """Return the submits of jobs."""
    entries: Entries = defaultdict(list)
    intents = transaction.all(
        "SELECT * FROM tarash.intents WHERE job = ANY(%s) ORDER BY number",
        [row["id"] for row in rows],
    )
    for entry in intents:
        entries[entry["job"]].append(entry)

    return entries


def records(rows: Sequence[Row], entries: Entries, reader: Process) -> list[JobRecord]:
    """Return jobs with their submits: of many behind the transaction, which may not stand idle.

    Args:
        rows: Of `jobs`, with their holder's of `processes` beside them.
        entries: Their submits.
        reader: Who wants to know whether the holders are alive.
    """
    return [job_in(row, entries[row["id"]], as_time, held=is_held(row, reader)) for row in rows]


def first(transaction: Transaction, reader: Process, query: str, *values: Any) -> JobRecord | None:
    """Return the job that a query finds; None where it finds none."""
    row = transaction.first(query, *values)
    if row is None:
        return None

    return records([row], entries_of(transaction, [row]), reader)[0]


def is_held(row: Mapping[str, Any], reader: Process) -> bool:
    """Tell whether a living process holds a job; for a row as `JOBS` has it."""
    if row["process"] is None or row["age"] is None:
        return False

    return reader.sees({**row, "id": row["process"]}, row["age"])
