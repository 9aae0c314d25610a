"""What a database says of itself; within a transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .._examined import Examined
from ._schema import MIGRATIONS

if TYPE_CHECKING:
    from ._database import Transaction

FACTS = """
    SELECT (SELECT version FROM tarash.meta) AS version,
        (SELECT COALESCE(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint FROM pg_class
            WHERE relnamespace = 'tarash'::regnamespace AND relkind = 'r') AS size,
        clock_timestamp() AS now,
        count(*) AS holders,
        count(*) FILTER (WHERE clock_timestamp() - renewed_at
            < make_interval(secs => lease_seconds)) AS alive
    FROM tarash.processes WHERE id IN (SELECT process FROM tarash.jobs WHERE process IS NOT NULL)
"""


def examine(transaction: Transaction) -> Examined:
    """Return what there is to say."""
    begun = datetime.now(UTC)
    (row,) = transaction.all(FACTS)
    between = begun + (datetime.now(UTC) - begun) / 2
    return Examined(
        version=row["version"],
        newest=len(MIGRATIONS),
        size=row["size"],
        holders=row["holders"],
        alive=row["alive"],
        clock_offset=(row["now"] - between).total_seconds(),
    )
