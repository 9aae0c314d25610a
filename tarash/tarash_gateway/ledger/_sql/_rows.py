"""Turns rows into jobs and submits, and what goes into them into text; of any database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from ..._data._exchange import Operation
from .._record_types import ADJUSTED, Intent, JobRecord, JobState, SubmissionRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ..._data._types import JsonObject
    from .._processes import Process
    from ._base import Row, Transaction

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
        AND (%s::text = '' OR COALESCE(host, '') IN ('', %s::text))
    ORDER BY intents.number DESC LIMIT 1
"""
NUMBER = "SELECT number FROM tarash.jobs WHERE id = %s"
BEYOND = 2**63 - 1
"""Before which all numbers are."""
ENTRIES = "SELECT * FROM tarash.intents WHERE job = ANY(%s) ORDER BY job, number"
OF_STATE = """
    SELECT * FROM (
        SELECT number FROM tarash.jobs WHERE state = %s AND number {beyond} %s
        ORDER BY number {direction} LIMIT %s
    ) AS part
"""
STATES: tuple[JobState, ...] = get_args(JobState)
Entries = dict[str, list["Row"]]
"""Rows of submits, by their jobs."""


class DamagedError(Exception):
    """A row that can't be what was written."""


@contextmanager
def intact(what: str) -> Iterator[None]:
    """Make a record of a row; raise `DamagedError` where that is nothing that we have written."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"the {what} is unreadable") from error


def as_json(value: Any) -> str | None:
    """Return JSON, and nothing for nothing; ASCII, in which NUL and half characters are escaped."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def parsed(text: str | None) -> Any:
    """Return what `as_json` was given."""
    return None if text is None else json.loads(text)


def as_heard(text: str | None) -> JsonObject:
    """Return what was noted of a submit before."""
    return parsed(text) or {}


def as_time(time: datetime | str) -> datetime:
    """Return a time with its zone, however a database gives it; without a zone, this machine's."""
    return (datetime.fromisoformat(time) if isinstance(time, str) else time).astimezone(UTC)


def is_held(row: Mapping[str, Any] | Row, reader: Process) -> bool:
    """Tell whether a living process holds a job; for a row as `JOBS` has it."""
    if row["process"] is None or row["age"] is None:
        return False

    try:
        return reader.sees({**row, "id": row["process"]}, row["age"])
    except (ValueError, TypeError) as error:
        name = dict(row).get("id", row["process"])
        raise DamagedError(f"the holder of the job {name!r} is unreadable") from error


def entries_of(transaction: Transaction, rows: Sequence[Row]) -> Entries:
    """Return the submits of jobs."""
    entries: Entries = defaultdict(list)
    for entry in transaction.all(ENTRIES, [row["id"] for row in rows]) if rows else ():
        entries[entry["job"]].append(entry)

    return entries


def records(rows: Sequence[Row], entries: Entries, reader: Process) -> list[JobRecord]:
    """Return jobs with their submits: of many behind the transaction, which may not stand idle.

    Args:
        rows: Of `jobs`, with their holder's of `processes` beside them.
        entries: Their submits.
        reader: Who wants to know whether the holders are alive.

    Raises:
        DamagedError: One of them is nothing that we have written.
    """
    return [_record(row, entries[row["id"]], reader) for row in rows]


def first(transaction: Transaction, reader: Process, query: str, *values: Any) -> JobRecord | None:
    """Return the job that a query finds; None where it finds none."""
    row = transaction.first(query, *values)
    return None if row is None else records([row], entries_of(transaction, [row]), reader)[0]


def _record(row: Row, entries: Iterable[Row], reader: Process) -> JobRecord:
    held = is_held(row, reader)
    with intact(f"job {row['id']!r}"):
        return JobRecord(
            id=row["id"],
            kind=row["kind"],
            chain=tuple(parsed(row["chain"])),
            request=parsed(row["request"]),
            fingerprint=row["fingerprint"],
            idempotency_key=row["idempotency_key"],
            labels=parsed(row["labels"]) or {},
            created_at=as_time(row["created_at"]),
            state=row["state"],
            entries=tuple(_submission(entry) for entry in entries),
            result=parsed(row["result"]),
            held=held,
        )


def _submission(row: Row) -> SubmissionRecord:
    heard = as_heard(row["heard"])
    intent = Intent(
        id=row["id"],
        kind=row["kind"],
        provider=row["provider"],
        model=row["model"],
        attempt_number=row["attempt_number"],
        job_id=row["job"],
        created_at=as_time(row["created_at"]),
        payload=parsed(row["payload"]),
        host=row["host"] or "",
        quote=parsed(row["quote"]),
        adjustments=tuple(heard.get(ADJUSTED, ())),
    )
    operation = parsed(row["operation"])
    return SubmissionRecord(
        intent,
        None if operation is None else Operation.from_json(operation),
        row["submission"],
        row["outcome"],
        heard,
    )


def by_state(
    states: Collection[str], last: int, limit: int, *, oldest_first: bool = False
) -> tuple[str, list[Any]]:
    """Return the statement that finds jobs, newest first, and its values.

    No more rows are read than are returned of each state: however many have ended.

    Args:
        states: Where they stand; empty for all.
        last: The number before which they are, or behind which.
        limit: The most to return.
        oldest_first: Whether to begin with the oldest.
    """
    beyond, direction = (">", "ASC") if oldest_first else ("<", "DESC")
    end = f"ORDER BY jobs.number {direction} LIMIT %s"
    if not states or len(set(states)) == len(STATES):
        return f"{JOBS} WHERE jobs.number {beyond} %s {end}", [last, limit]

    of_state = OF_STATE.format(beyond=beyond, direction=direction)
    every = " UNION ALL ".join([of_state] * len(states))
    values = [value for state in states for value in (state, last, limit)]
    return f"{JOBS} WHERE jobs.number IN ({every}) {end}", [*values, limit]
