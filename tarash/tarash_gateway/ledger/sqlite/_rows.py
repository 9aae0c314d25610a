"""Turns rows into jobs and entries, and what goes into them into text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..._data._exchange import Operation
from .._processes import now
from .._records import ADJUSTED, Intent, JobRecord, SubmissionRecord
from ._errors import DamagedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ..._data._types import JsonObject
    from .._processes import Process


def as_text(time: datetime) -> str:
    """Return a time as text; texts sort as their times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def as_json(value: Any) -> str | None:
    """Return JSON, and nothing for nothing."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def as_heard(text: str | None) -> JsonObject:
    """Return what was noted of a submit before."""
    return _parsed(text) or {}


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
        return JobRecord(
            id=row["id"],
            kind=row["kind"],
            chain=tuple(_parsed(row["chain"])),
            request=_parsed(row["request"]),
            fingerprint=row["fingerprint"],
            idempotency_key=row["idempotency_key"],
            labels=_parsed(row["labels"]) or {},
            created_at=datetime.fromisoformat(row["created_at"]),
            state=row["state"],
            entries=tuple(_entry(entry) for entry in entries),
            result=_parsed(row["result"]),
            held=held,
        )
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


def _entry(row: sqlite3.Row) -> SubmissionRecord:
    heard = as_heard(row["heard"])
    intent = Intent(
        id=row["id"],
        kind=row["kind"],
        provider=row["provider"],
        model=row["model"],
        attempt_number=row["attempt_number"],
        job_id=row["job"],
        created_at=datetime.fromisoformat(row["created_at"]),
        payload=_parsed(row["payload"]),
        host=row["host"] or "",
        quote=_parsed(row["quote"]),
        adjustments=tuple(heard.get(ADJUSTED, ())),
    )
    operation = _parsed(row["operation"])
    return SubmissionRecord(
        intent,
        None if operation is None else Operation.from_json(operation),
        row["submission"],
        row["outcome"],
        heard,
    )
