"""Turns rows into jobs and entries, and what goes into them into text."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from ..._data._exchange import Operation
from .._facts import ADJUSTED, Intent, JobRecord, JobState, SubmissionRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ..._data._types import JsonObject
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
NEWEST = f"{JOBS} WHERE jobs.number < %s ORDER BY jobs.number DESC LIMIT %s"
NUMBER = "SELECT number FROM tarash.jobs WHERE id = %s"
OLDEST = f"{JOBS} WHERE jobs.number > %s ORDER BY jobs.number LIMIT %s"
OF_STATE = "(SELECT number FROM tarash.jobs WHERE state = %s AND number {behind} LIMIT %s)"
BEYOND = 2**63 - 1
"""Before which all numbers are."""


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
    if not states or set(states) == set(get_args(JobState)):
        return OLDEST if oldest_first else NEWEST, [last, limit]

    direction = "ASC" if oldest_first else "DESC"
    behind = f"{'>' if oldest_first else '<'} %s ORDER BY number {direction}"
    every = " UNION ALL ".join([OF_STATE.format(behind=behind)] * len(states))
    values = [value for state in states for value in (state, last, limit)]
    return f"{JOBS} WHERE jobs.number IN ({every}) ORDER BY jobs.number {direction} LIMIT %s", [
        *values,
        limit,
    ]


def as_json(value: Any) -> str | None:
    """Return JSON, and nothing for nothing; ASCII, in which NUL and half characters are escaped."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def as_time(time: datetime) -> datetime:
    """Return a time with its zone; one without is this machine's."""
    return time.astimezone(UTC)


def parsed(text: str | None) -> Any:
    """Return what `as_json` was given."""
    return None if text is None else json.loads(text)


Entries = dict[str, list["Row"]]
"""Rows of submits, by their jobs."""


def entries_of(transaction: Transaction, rows: Sequence[Row]) -> Entries:
    """Return the submits of jobs."""
    entries: Entries = defaultdict(list)
    found = transaction.all(
        "SELECT * FROM tarash.intents WHERE job = ANY(%s) ORDER BY number",
        [row["id"] for row in rows],
    )
    for entry in found:
        entries[entry["job"]].append(entry)

    return entries


def records(rows: Sequence[Row], entries: Entries, reader: Process) -> list[JobRecord]:
    """Return jobs with their submits: of many behind the transaction, which may not stand idle.

    Args:
        rows: Of `jobs`, with their holder's of `processes` beside them.
        entries: Their submits.
        reader: Who wants to know whether the holders are alive.
    """
    return [_record(row, entries[row["id"]], reader) for row in rows]


def first(transaction: Transaction, reader: Process, query: str, *values: Any) -> JobRecord | None:
    """Return the job that a query finds; None where it finds none."""
    row = transaction.first(query, *values)
    if row is None:
        return None

    return records([row], entries_of(transaction, [row]), reader)[0]


def _record(row: Row, entries: Iterable[Row], reader: Process) -> JobRecord:
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
        entries=tuple(_entry(entry) for entry in entries),
        result=parsed(row["result"]),
        held=is_held(row, reader),
    )


def is_held(row: Mapping[str, Any], reader: Process) -> bool:
    """Tell whether a living process holds a job; for a row as `JOBS` has it."""
    if row["process"] is None or row["age"] is None:
        return False

    return reader.sees({**row, "id": row["process"]}, row["age"])


def as_heard(text: str | None) -> JsonObject:
    """Return what was noted of a submit before."""
    return parsed(text) or {}


def _entry(row: Row) -> SubmissionRecord:
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
        host=row["host"],
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
