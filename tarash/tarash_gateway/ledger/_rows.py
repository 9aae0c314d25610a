"""Turns rows into jobs and submits, and what goes into them into text; of any database. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, get_args

from .._data._exchange import Operation
from ._facts import ADJUSTED, Intent, JobRecord, JobState, SubmissionRecord

if TYPE_CHECKING:
    from .._data._types import JsonObject

ReadTime = Callable[[Any], datetime]
"""Returns a time as a database keeps it, with its zone."""
OF_STATE = """
    SELECT * FROM (
        SELECT number FROM {table} WHERE state = {mark} AND number {beyond} {mark}
        ORDER BY number {direction} LIMIT {mark}
    ) AS part
"""
STATES: tuple[JobState, ...] = get_args(JobState)


class Row(Protocol):
    """A row of any database: its columns by name."""

    def __getitem__(self, name: str, /) -> Any: ...


def as_json(value: Any) -> str | None:
    """Return JSON, and nothing for nothing; ASCII, in which NUL and half characters are escaped."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def parsed(text: str | None) -> Any:
    """Return what `as_json` was given."""
    return None if text is None else json.loads(text)


def as_heard(text: str | None) -> JsonObject:
    """Return what was noted of a submit before."""
    return parsed(text) or {}


def job_in(row: Row, entries: Iterable[Row], time: ReadTime, *, held: bool) -> JobRecord:
    """Return a job.

    Args:
        row: Of `jobs`.
        entries: The job's of `intents`.
        time: Reads a time.
        held: Whether somebody who is alive drives it.
    """
    return JobRecord(
        id=row["id"],
        kind=row["kind"],
        chain=tuple(parsed(row["chain"])),
        request=parsed(row["request"]),
        fingerprint=row["fingerprint"],
        idempotency_key=row["idempotency_key"],
        labels=parsed(row["labels"]) or {},
        created_at=time(row["created_at"]),
        state=row["state"],
        entries=tuple(submission_in(entry, time) for entry in entries),
        result=parsed(row["result"]),
        held=held,
    )


def submission_in(row: Row, time: ReadTime) -> SubmissionRecord:
    """Return a submit, for a row of `intents`."""
    heard = as_heard(row["heard"])
    intent = Intent(
        id=row["id"],
        kind=row["kind"],
        provider=row["provider"],
        model=row["model"],
        attempt_number=row["attempt_number"],
        job_id=row["job"],
        created_at=time(row["created_at"]),
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


@dataclass(frozen=True, slots=True)
class Listing:
    """How jobs are listed: no more rows are read than are returned.

    Attributes:
        jobs: The statement that reads jobs with their holders, without its conditions.
        table: The table of the jobs.
        mark: What stands for a value.
    """

    jobs: str
    table: str
    mark: str

    def by_state(
        self, states: Collection[str], last: int, limit: int, *, oldest_first: bool = False
    ) -> tuple[str, list[Any]]:
        """Return the statement that finds jobs, newest first, and its values.

        No more rows are read than are returned of each state: however many have ended.

        Args:
            states: Where they stand; empty for all.
            last: The number before which they are, or behind which.
            limit: The most to return.
            oldest_first: Whether to begin with the oldest.
        """
        mark, beyond = self.mark, ">" if oldest_first else "<"
        direction = "ASC" if oldest_first else "DESC"
        end = f"ORDER BY jobs.number {direction} LIMIT {mark}"
        if not states or len(set(states)) == len(STATES):
            return f"{self.jobs} WHERE jobs.number {beyond} {mark} {end}", [last, limit]

        of_state = OF_STATE.format(table=self.table, mark=mark, beyond=beyond, direction=direction)
        every = " UNION ALL ".join([of_state] * len(states))
        values = [value for state in states for value in (state, last, limit)]
        return f"{self.jobs} WHERE jobs.number IN ({every}) {end}", [*values, limit]
