"""Small states in the ledger's database; blocking, for any thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .._facts import StateRecord
from .._rows import as_json
from ._rows import as_time

if TYPE_CHECKING:
    from datetime import datetime

    from ..._data._types import JsonObject
    from ._database import Database, Row, Transaction

READ = """
    SELECT * FROM tarash.states
    WHERE space = %s AND name = %s AND (until IS NULL OR until > clock_timestamp())
"""
LIST = """
    SELECT * FROM tarash.states
    WHERE space = %s AND name > %s AND (until IS NULL OR until > clock_timestamp())
    ORDER BY name LIMIT %s
"""
WRITE = """
    INSERT INTO tarash.states (space, name, value, version, until) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (space, name) DO UPDATE
    SET value = excluded.value, version = excluded.version, until = excluded.until
"""
PUT = """
    INSERT INTO tarash.states (space, name, value, version, until)
    VALUES (%s, %s, %s, nextval('tarash.versions'), NULL)
    ON CONFLICT (space, name) DO UPDATE
    SET value = excluded.value, version = excluded.version, until = excluded.until
"""
DROP_EXPIRED = """
    DELETE FROM tarash.states WHERE (space, name) IN (
        SELECT space, name FROM tarash.states WHERE until <= clock_timestamp()
        LIMIT 100 FOR UPDATE SKIP LOCKED
    )
"""


class States:
    """The states in one database."""

    _database: Database

    def read_state(self, space: str, name: str) -> StateRecord | None:
        """Return a state; None where there is none."""
        row = self._database.read(lambda transaction: transaction.first(READ, space, name))
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
        end = None if until is None else as_time(until)
        versions: list[int] = []

        def work(transaction: Transaction) -> int | None:
            transaction.lock("tarash state", space, name)
            row = transaction.first(READ, space, name)
            stored = 0 if row is None else row["version"]
            if stored in versions:
                return stored  # the answer to our own COMMIT was lost

            if expected not in (None, stored):
                # Deleted by us, where the answer was lost; or by others, which is as good.
                gone = transaction.in_doubt and value is None and row is None
                return 0 if gone else None

            if value is None:
                transaction.run(
                    "DELETE FROM tarash.states WHERE space = %s AND name = %s", space, name
                )
                return 0

            next_one = transaction.first("SELECT nextval('tarash.versions') AS version")
            version = 0 if next_one is None else int(next_one["version"])
            versions.append(version)
            transaction.run(WRITE, space, name, as_json(value), version, end)
            if end is not None:
                transaction.run(DROP_EXPIRED)

            return version

        return self._database.write(work)

    def list_states(self, space: str, after: str, limit: int) -> list[StateRecord]:
        """Return the states of a space by name, the first of those behind `after`."""
        rows = self._database.read(lambda transaction: transaction.all(LIST, space, after, limit))
        return [_state(row) for row in rows]


def put_state(transaction: Transaction, space: str, name: str, value: JsonObject) -> None:
    """Write a state that does not expire, whatever is there."""
    transaction.run(PUT, space, name, as_json(value))


def _state(row: Row) -> StateRecord:
    return StateRecord(
        space=row["space"],
        name=row["name"],
        value=json.loads(row["value"]),
        version=row["version"],
        until=None if row["until"] is None else as_time(row["until"]),
    )
