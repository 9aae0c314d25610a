"""Small states in a ledger's database; blocking, for any thread."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING

from .._record_types import StateRecord
from ._base import Base
from ._rows import as_time, intact

if TYPE_CHECKING:
    from datetime import datetime

    from ..._data._types import JsonObject
    from ._base import Row, Transaction

READ = """
    SELECT * FROM tarash.states
    WHERE space = %s AND name = %s AND (until IS NULL OR until > clock_timestamp())
"""
LIST = """
    SELECT * FROM tarash.states
    WHERE space = %s AND name > %s AND (until IS NULL OR until > clock_timestamp())
    ORDER BY name LIMIT %s
"""
DROP = "DELETE FROM tarash.states WHERE space = %s AND name = %s"


class States(Base):
    """The states in one database."""

    def read_state(self, space: str, name: str) -> StateRecord | None:
        """Return a state; None where there is none."""
        row = self._read(lambda transaction: transaction.first(READ, space, name))
        with self._readable():
            return None if row is None else _state(row)

    def write_state(
        self,
        space: str,
        name: str,
        value: JsonObject | None,
        expected: int | None,
        until: datetime | None,
    ) -> int | None:
        """Write or delete a state; see `_contract.StateLedger.write_state`."""
        end = None if until is None else as_time(until)
        versions: list[int] = []

        def work(transaction: Transaction) -> int | None:
            transaction.lock("tarash state", space, name)
            row = transaction.first(READ, space, name)
            stored = 0 if row is None else row["version"]
            if stored in versions:
                return int(stored)  # the answer to our own COMMIT was lost

            if expected not in (None, stored):
                # Deleted by us, where the answer was lost; or by others, which is as good.
                gone = transaction.in_doubt and value is None and row is None
                return 0 if gone else None

            if value is None:
                transaction.run(DROP, space, name)
                return 0

            versions.append(self._put_state(transaction, space, name, value, end))
            return versions[-1]

        return self._write(work)

    def list_states(self, space: str, after: str, limit: int) -> list[StateRecord]:
        """Return the states of a space by name, the first of those behind `after`."""
        rows = self._read(lambda transaction: transaction.all(LIST, space, after, limit))
        with self._readable():
            return [_state(row) for row in rows]

    @abstractmethod
    def _put_state(
        self,
        transaction: Transaction,
        space: str,
        name: str,
        value: JsonObject,
        until: datetime | None = None,
    ) -> int:
        """Write a state, whatever is there; return its version, which no other one ever has."""


def _state(row: Row) -> StateRecord:
    with intact(f"state {row['name']!r}"):
        return StateRecord(
            space=row["space"],
            name=row["name"],
            value=json.loads(row["value"]),
            version=row["version"],
            until=None if row["until"] is None else as_time(row["until"]),
        )
