"""What a database says of itself; within a transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .._examined import Examined
from ._queue import PROCESSES
from ._rows import is_held
from ._schema import MIGRATIONS

if TYPE_CHECKING:
    from .._processes import Process
    from ._database import Transaction

FACTS = """
    SELECT (SELECT version FROM tarash.meta) AS version,
        (SELECT COALESCE(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint FROM pg_class
            WHERE relnamespace = 'tarash'::regnamespace AND relkind = 'r') AS size,
        clock_timestamp() AS now
"""


def examine(transaction: Transaction, reader: Process) -> Examined:
    """Return what there is to say; who of the holders is alive is seen by the reader."""
    begun = datetime.now(UTC)
    (row,) = transaction.all(FACTS)
    between = begun + (datetime.now(UTC) - begun) / 2
    holders = transaction.all(PROCESSES)
    return Examined(
        version=row["version"],
        newest=len(MIGRATIONS),
        size=row["size"],
        holders=len(holders),
        alive=sum(is_held(holder, reader) for holder in holders),
        clock_offset=(row["now"] - between).total_seconds(),
    )
