"""How SQLite says what the statements of `_sql` say in PostgreSQL's words; times are text."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from .._processes import now
from .._sql._rows import as_json

WORDS = (
    (r"/\* sqlite: (.*?) \*/", r"\1"),
    (r"%[sb]", "?"),
    (r"\btarash\.", ""),
    (r"= ANY\(\?\)", "IN (SELECT value FROM json_each(?))"),
    (r"extract\(epoch FROM \w+\(\) - ([\w.]+)\)", r"seconds_since(\1)"),
    (r"::\w+", ""),
    (r"FOR UPDATE( OF \w+)?( SKIP LOCKED)?", ""),  # a write has the whole file
    (r"NOT key_is_free", "key_is_free = 0"),
)
"""What is said differently. Functions that SQLite lacks are given to each connection."""


def as_text(time: datetime) -> str:
    """Return a time as text; texts sort as their times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


@cache
def in_sqlite(query: str) -> str:
    """Return a statement as SQLite takes it."""
    for theirs, ours in WORDS:
        query = re.sub(theirs, ours, query)

    return query


def taught(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a connection that knows the functions of the statements, and names columns."""
    connection.row_factory = sqlite3.Row
    for name in ("clock_timestamp", "statement_timestamp"):
        connection.create_function(name, 0, lambda: as_text(now()))

    connection.create_function("seconds_since", 1, _seconds_since)
    connection.create_function("split_part", 3, _part, deterministic=True)
    return connection


def _seconds_since(time: Any) -> Any:
    """Return how long ago a time was; what is no time as it is, so that who reads it says so."""
    try:
        return None if time is None else (now() - datetime.fromisoformat(time)).total_seconds()
    except (ValueError, TypeError):
        return time


def _part(text: str, separator: str, number: int) -> str:
    return text.split(separator)[number - 1]


class FileTransaction:
    """What may be done in one transaction on a file: alone, and done or not done for certain."""

    in_doubt = False
    is_silent = True
    """Nobody can be notified."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.after: list[Callable[[], Any]] = []
        """What to do once it is done."""

    def all(self, query: str, *values: Any) -> Sequence[sqlite3.Row]:
        """Return the rows of a query."""
        return self._execute(query, values).fetchall()

    def first(self, query: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query; None where there is none."""
        row: sqlite3.Row | None = self._execute(query, values).fetchone()
        return row

    def run(self, query: str, *values: Any) -> int:
        """Change something; return in how many rows."""
        return self._execute(query, values).rowcount

    def lock(self, *words: str) -> None:
        """Do nothing: whoever writes has the whole file."""

    def _execute(self, query: str, values: Sequence[Any]) -> sqlite3.Cursor:
        return self.connection.execute(in_sqlite(query), [_bound(value) for value in values])


def _bound(value: Any) -> Any:
    if isinstance(value, datetime):
        return as_text(value)

    return as_json(value) if isinstance(value, list) else value
