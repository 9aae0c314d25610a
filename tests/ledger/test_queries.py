"""Looking a job up takes as long in a ledger of many as in one of few: an index finds it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest

from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import BudgetWindow, OverBudgetError
from tarash.tarash_gateway.ledger._sql._costs import LEFT
from tarash.tarash_gateway.ledger._sql._rows import (
    BY_ID,
    BY_KEY,
    BY_OPERATION,
    ENTRIES,
    by_state,
)
from tarash.tarash_gateway.ledger._sql._store import HELD, PRUNED
from tarash.tarash_gateway.ledger.postgres._spending import FOLDED_EACH
from tarash.tarash_gateway.ledger.sqlite._dialect import in_sqlite, taught
from tarash.tarash_gateway.ledger.sqlite._spending import SPENT
from tests.ledger.makers import HOLDER, begin, make_intent

QUOTE = {"low": "0.5", "high": "0.5", "currency": "USD"}

QUERIES: dict[str, tuple[str, tuple[str | None, ...]]] = {
    "its id": (BY_ID, ("job-1",)),
    "its key": (BY_KEY, ("order",)),
    "an operation of a provider": (BY_OPERATION, ("op", "fal", "fal", "", "")),
    "an operation of anybody": (BY_OPERATION, ("op", None, None, "", "")),
    "an operation on one host": (BY_OPERATION, ("op", "fal", "fal", "https://a", "https://a")),
    "its submits": (ENTRIES, ('["job-1"]',)),
    "who holds it": (HELD, ('["job-1"]',)),
    "those that are pruned": (PRUNED, ('["job-1"]',)),
    "what it leaves behind": (LEFT, ('["job-1"]',)),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_no_table_is_read_through_to_find_one_job(name: str, sqlite: SqliteLedger) -> None:
    await begin(sqlite, idempotency_key="order")
    query, arguments = QUERIES[name]
    with closing(taught(sqlite3.connect(sqlite.path))) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {in_sqlite(query)}", arguments).fetchall()

    plan = [str(row[3]) for row in rows]
    assert [step for step in plan if step.startswith("SCAN") and "json_each" not in step] == []
    assert any(step.startswith("SEARCH") for step in plan)


@pytest.mark.parametrize("path", [(), ("user",), ("user", "42")])
async def test_a_budget_of_a_file_reads_its_totals_only(
    sqlite: SqliteLedger, path: tuple[str, ...]
) -> None:
    await begin(sqlite)
    query = SPENT.format(path=", ".join("?" for _ in path))
    with closing(sqlite3.connect(sqlite.path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {query}", (*path, "2026")).fetchall()

    (step,) = [str(row[3]) for row in rows]
    assert step == "SEARCH spending_totals USING PRIMARY KEY (whose=? AND hour>?)"


async def test_a_budget_of_a_database_makes_one_row_of_many_changes(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    import psycopg

    job = await begin(postgres)
    whole = BudgetWindow(Decimal(100), "a budget")
    wanted = [
        make_intent(job, number, quote=QUOTE, labels={"user": "42"}, budgets=(whole,))
        for number in (1, 2)
    ]
    assert await postgres.intend(wanted[0], HOLDER)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO tarash.spending_totals
            SELECT whose, hour, n % 2 * 2 - 1
            FROM tarash.spending_totals, generate_series(1, 400) AS n
            """
        )
        assert await postgres.intend(wanted[1], HOLDER)
        rows = connection.execute(
            "SELECT whose, count(*), sum(amount) FROM tarash.spending_totals GROUP BY whose"
        ).fetchall()

    found = {whose: (number, amount) for whose, number, amount in rows}
    assert {amount for _, amount in found.values()} == {Decimal(1)}
    assert found[""][0] < 5
    assert found['"user"'][0] > 400  # of which nobody asks


async def test_the_first_budget_after_many_submits_finds_few_rows_and_counts_them_all(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    """Whoever has no budget yet makes one row of many changes, too, now and then."""
    import psycopg

    job = await begin(postgres)
    labels = {"user": "42"}
    due = next(n for n in range(10_000) if not crc32(f"i{n}".encode()) % FOLDED_EACH)
    first = replace(make_intent(job, 1, quote=QUOTE, labels=labels), id="first")
    later = replace(make_intent(job, 2, quote=QUOTE, labels=labels), id=f"i{due}")
    assert await postgres.intend(first, HOLDER)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO tarash.spending_totals
            SELECT whose, hour, 0.01 FROM tarash.spending_totals, generate_series(1, 400)
            """
        )
        assert await postgres.intend(later, HOLDER)
        rows = connection.execute(
            "SELECT count(*), sum(amount) FROM tarash.spending_totals GROUP BY whose"
        ).fetchall()

    assert len(rows) == 3  # of all, of whoever has a label, of its value
    assert {amount for _, amount in rows} == {Decimal(5)}
    assert all(number < 5 for number, _ in rows)
    for label in (None, ("user", "42")):
        window = BudgetWindow(Decimal("5.4"), "a budget", label=label)
        wanted = make_intent(job, 3, quote=QUOTE, labels=labels, budgets=(window,))
        with pytest.raises(OverBudgetError) as caught:
            await postgres.intend(wanted, HOLDER)

        assert caught.value.spent == 5


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("states", [("open", "unknown"), ()])
async def test_a_page_of_a_file_sorts_no_more_than_it_returns(
    sqlite: SqliteLedger, states: tuple[Any, ...], oldest_first: bool
) -> None:
    await begin(sqlite)
    query, values = by_state(states, 99, 10, oldest_first=oldest_first)
    with closing(taught(sqlite3.connect(sqlite.path))) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {in_sqlite(query)}", values).fetchall()

    plan = [str(row[3]) for row in rows]
    assert [one for one in plan if one.startswith(("SCAN jobs", "SCAN other"))] == []
    assert [one for one in plan if "B-TREE" in one and "ORDER BY" in one] == []


async def test_a_page_of_a_database_reads_no_more_than_it_returns(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    import psycopg

    await begin(postgres)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(
            """
            INSERT INTO tarash.jobs (id, kind, chain, request, fingerprint, created_at, state)
            SELECT 'many-' || n, 'video', '[]', '{}', '', now(),
                CASE WHEN n % 1000 = 0 THEN 'open' ELSE 'completed' END
            FROM generate_series(1, 20000) AS n
            """
        )
        connection.execute("ANALYZE tarash.jobs")
        for states in (("open", "unknown"), ()):
            for oldest_first in (False, True):
                query, values = by_state(states, 15_000, 5, oldest_first=oldest_first)
                explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".encode()
                found = connection.execute(explain, values).fetchone()
                assert found is not None
                assert rows_read(found[0][0]["Plan"]) < 100, json.dumps(found)

    jobs = await postgres.jobs(states=("open", "unknown"), limit=5, before="many-15000")
    assert [one.id for one in jobs] == [f"many-{n}000" for n in range(14, 9, -1)]
    jobs = await postgres.oldest(states=("open", "unknown"), limit=3, after="many-15000")
    assert [one.id for one in jobs] == [f"many-{n}000" for n in range(16, 19)]


def rows_read(plan: dict[str, Any]) -> float:
    gone = plan.get("Rows Removed by Filter", 0)
    own = (plan["Actual Rows"] + gone) * plan["Actual Loops"]
    return float(own) + sum(rows_read(one) for one in plan.get("Plans", ()))
