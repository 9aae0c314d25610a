"""Statements that list jobs: no more rows are read than are returned. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args

from .._records import JobState

JOBS = """
    SELECT jobs.*, processes.pid, processes.birth, processes.place, processes.renewed_at,
        processes.lease_seconds
    FROM jobs LEFT JOIN processes ON processes.id = jobs.process
"""
STATES: tuple[JobState, ...] = get_args(JobState)
NEWEST = f"{JOBS} WHERE jobs.number < ? ORDER BY jobs.number DESC LIMIT ?"
OF_STATE = (
    "SELECT * FROM (SELECT number FROM jobs WHERE state = ? AND number < ? ORDER BY number DESC "
    "LIMIT ?)"
)


def by_state(states: Collection[JobState], last: int, limit: int) -> tuple[str, list[Any]]:
    """Return the statement that finds jobs, newest first, and its values.

    No more rows are read than are returned of each state: however many have ended.

    Args:
        states: Where they stand; empty for all.
        last: The number before which they are.
        limit: The most to return.
    """
    if not states or len(states) == len(STATES):
        return NEWEST, [last, limit]

    every = " UNION ALL ".join([OF_STATE] * len(states))
    values = [value for state in states for value in (state, last, limit)]
    return f"{JOBS} WHERE jobs.number IN ({every}) ORDER BY jobs.number DESC LIMIT ?", [
        *values,
        limit,
    ]
