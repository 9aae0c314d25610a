"""What a budget costs each submit in a ledger with a long past; prints figures.

`python -m tests.benchmarks.budgets [--rows 100000] [--postgres URL]`. A submit is refused or let go
within one write, in which the ledger sums up what was spent: the figures are milliseconds of one
`intend`, the median of many, with no budget, with one of everything, and with one of a label.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import BudgetWindow
from tarash.tarash_gateway.ledger.postgres._spending import RESERVE as RESERVE_IN_POSTGRES
from tarash.tarash_gateway.ledger.sqlite._spending import RESERVE
from tests.ledger.makers import HOLDER, begin, make_intent

CALLS = 31
USERS = 500
QUOTE = {"low": "0.5", "high": "0.5", "currency": "USD"}


def _facts(number: int) -> tuple[Any, ...]:
    at = datetime.now(UTC) - timedelta(seconds=number)
    return (f"past-{number}", f"job-{number}", "video", "fal", "fal-ai/veo3.1", at)


def _fill_file(ledger: Any, rows: int) -> None:
    with ledger._store._file.write() as connection:  # noqa: SLF001  (no submit is that fast)
        connection.executemany(
            RESERVE,
            [
                (*_facts(n)[:5], _facts(n)[5].isoformat(timespec="microseconds"), 500_000_000,
                 "USD", f'{{"user":"{n % USERS}","team":"{n % 7}"}}')
                for n in range(rows)
            ],
        )  # fmt: skip
        connection.execute("ANALYZE")


def _fill_database(ledger: Any, rows: int) -> None:
    def work(transaction: Any) -> None:
        for n in range(rows):
            pairs = [f'["user", "{n % USERS}"]', f'["team", "{n % 7}"]']
            transaction.run(
                RESERVE_IN_POSTGRES, *_facts(n), Decimal("0.5"), "USD", ['"user"', '"team"'], pairs
            )
        transaction.run("ANALYZE tarash.spending")

    ledger._database.write(work)  # noqa: SLF001


async def _measure(ledger: Any, name: str, database: str | None = None) -> None:
    job = await begin(ledger)
    since = datetime.now(UTC) - timedelta(days=30)
    much = Decimal(10**9)
    budgets = {
        "no budget": (),
        "all of 30 days": (BudgetWindow(much, "month", since),),
        "one user of 500": (BudgetWindow(much, "user", since, label=("user", "42")),),
        "one team of 7": (BudgetWindow(much, "team", since, label=("team", "3")),),
        "whoever has no user": (BudgetWindow(much, "user", since, label=("user", "")),),
    }
    for what, windows in budgets.items():
        times = []
        for number in range(CALLS + 1):
            if number == 1 and database is not None:
                # Whoever is first makes few rows of many, which are vacuumed within a minute.
                with psycopg.connect(database, autocommit=True) as connection:
                    connection.execute("VACUUM ANALYZE tarash.spending_totals")

            made = replace(
                make_intent(job, number, budgets=windows, quote=QUOTE, labels={"user": "42"}),
                id=f"{name}-{what}-{number}",
            )
            start = time.perf_counter()
            assert await ledger.intend(made, HOLDER)
            times.append(1000 * (time.perf_counter() - start))

        del times[0]
        print(f"{name}: intend with {what}: {statistics.median(times):.2f} ms")


async def main() -> None:
    """Fill and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--postgres", help="the URL of a database that may be written into")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = SqliteLedger(Path(folder) / "jobs.db", lease_seconds=3600)
        await file.get("none")
        _fill_file(file, asked.rows)
        await _measure(file, f"file, {asked.rows:,} submits")
        await file.aclose()

    if asked.postgres:
        database = PostgresLedger(asked.postgres, lease_seconds=3600, answer_seconds=600)
        await database.get("none")
        _fill_database(database, asked.rows)
        await _measure(database, f"PostgreSQL, {asked.rows:,} submits", asked.postgres)
        await database.aclose()


if __name__ == "__main__":
    asyncio.run(main())
