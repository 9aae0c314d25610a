"""Looking a job up takes as long in a ledger of many as in one of few: an index finds it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger.sqlite._spending import LABELLED
from tarash.tarash_gateway.ledger.sqlite._store import BY_ID, BY_KEY, BY_OPERATION
from tests.ledger.makers import begin

QUERIES: dict[str, tuple[str, tuple[str | None, ...]]] = {
    "its id": (BY_ID, ("job-1",)),
    "its key": (BY_KEY, ("order",)),
    "an operation of a provider": (BY_OPERATION, ("op", "fal", "fal", "", "")),
    "an operation of anybody": (BY_OPERATION, ("op", None, None, "", "")),
    "an operation on one host": (BY_OPERATION, ("op", "fal", "fal", "https://a", "https://a")),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_no_table_is_read_through_to_find_one_job(name: str, sqlite: SqliteLedger) -> None:
    await begin(sqlite, idempotency_key="order")
    query, arguments = QUERIES[name]
    with closing(sqlite3.connect(sqlite.path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {query}", arguments).fetchall()

    plan = [str(row[3]) for row in rows]
    assert [step for step in plan if step.startswith("SCAN")] == []
    assert any(step.startswith("SEARCH") for step in plan)


async def test_a_budget_of_a_label_reads_the_label_only(sqlite: SqliteLedger) -> None:
    await begin(sqlite)
    with closing(sqlite3.connect(sqlite.path)) as connection:
        rows = connection.execute(
            f"EXPLAIN QUERY PLAN {LABELLED} AND value = ?", ("", "intent", "user", "42")
        ).fetchall()

    plan = [str(row[3]) for row in rows]
    assert plan[0].startswith("SEARCH label USING PRIMARY KEY (name=? AND value=? AND at>?)")
    assert plan[1].startswith("SEARCH spending")
