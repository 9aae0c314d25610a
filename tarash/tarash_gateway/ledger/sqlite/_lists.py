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
OLDEST = f"{JOBS} WHERE jobs.number > ? ORDER BY jobs.number LIMIT ?"
OF_STATE = "SELECT * FROM (SELECT number FROM jobs WHERE state = ? AND number {behind} LIMIT ?)"


def by_state(
    states: Collection[JobState], last: int, limit: int, *, oldest_first: bool = False
) -> tuple[str, list[Any]]:
    """Return the statement that finds jobs, newest first, and its values.

    No more rows are read than are returned of each state: however many have ended.

    Args:
        states: Where they stand; empty for all.
        last: The number before which they are, or behind which.
        limit: The most to return.
        oldest_first: Whether to begin with the oldest.
    """
    if not states or len(states) == len(STATES):
        return OLDEST if oldest_first else NEWEST, [last, limit]

    direction = "ASC" if oldest_first else "DESC"
    behind = f"{'>' if oldest_first else '<'} ? ORDER BY number {direction}"
    every = " UNION ALL ".join([OF_STATE.format(behind=behind)] * len(states))
    values = [value for state in states for value in (state, last, limit)]
    return f"{JOBS} WHERE jobs.number IN ({every}) ORDER BY jobs.number {direction} LIMIT ?", [
        *values,
        limit,
    ]
