"""Small states in the ledger's file; blocking, for any thread."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .._facts import StateRecord
from .._processes import now
from .._rows import as_json
from ._errors import DamagedError
from ._rows import as_text

if TYPE_CHECKING:
    import sqlite3

    from ..._data._types import JsonObject
    from ._file import File

READ = "SELECT * FROM states WHERE space = ? AND name = ? AND (until IS NULL OR until > ?)"
LIST = """
    SELECT * FROM states
    WHERE space = ? AND name > ? AND (until IS NULL OR until > ?) ORDER BY name LIMIT ?
"""


class States:
    """The states in one file."""

    _file: File

    def read_state(self, space: str, name: str) -> StateRecord | None:
        """Return a state; None where there is none."""
        with self._file.read() as connection:
            row = connection.execute(READ, (space, name, as_text(now()))).fetchone()

        return None if row is None else _state(row)

    def write_state(
        self,
        space: str,
        name: str,
        value: JsonObject | None,
        expected: int | None,
        until: datetime | None,
    ) -> int | None:
        """Write or delete a state; see `_records.StateLedger.write_state`."""
        time = as_text(now())
        with self._file.write() as connection:
            row = connection.execute(READ, (space, name, time)).fetchone()
            if expected not in (None, 0 if row is None else row["version"]):
                return None

            # With it goes what has expired, which nobody can read any more.
            connection.execute(
                "DELETE FROM states WHERE space = ? AND name = ? OR until <= ?", (space, name, time)
            )
            if value is None:
                return 0

            return insert(connection, space, name, value, until)

    def list_states(self, space: str, after: str, limit: int) -> list[StateRecord]:
        """Return the states of a space by name, the first of those behind `after`."""
        with self._file.read() as connection:
            rows = connection.execute(LIST, (space, after, as_text(now()), limit)).fetchall()

        return [_state(row) for row in rows]


def insert(
    connection: sqlite3.Connection,
    space: str,
    name: str,
    value: JsonObject,
    until: datetime | None = None,
) -> int:
    """Write a state that is not there; return its version."""
    # The number of a row that AUTOINCREMENT gives is never given again.
    done = connection.execute(
        "INSERT INTO states (space, name, value, until) VALUES (?, ?, ?, ?)",
        (space, name, as_json(value), None if until is None else as_text(until)),
    )
    return done.lastrowid or 0


def _state(row: Any) -> StateRecord:
    try:
        return StateRecord(
            space=row["space"],
            name=row["name"],
            value=json.loads(row["value"]),
            version=row["version"],
            until=None if row["until"] is None else datetime.fromisoformat(row["until"]),
        )
    except (ValueError, TypeError) as error:
        raise DamagedError(f"the state {row['name']!r} is unreadable") from error
