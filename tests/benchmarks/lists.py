"""Lists of jobs beside a reading of all of them, in one ledger; prints a table.

    python -m tests.benchmarks.lists [--postgres URL] [--jobs 100000]

Of the jobs one in a hundred is unfinished, and the others have ended. A database must be empty:
tables are made in it, and left. What carries over are the ratios of one run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.cli import _jobs
from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger

OPEN_EVERY = 100
COPIED = """
    INSERT INTO {schema}jobs (id, kind, chain, request, fingerprint, created_at, closed_at, state)
    SELECT 'many-' || n, kind, chain, request, fingerprint, created_at,
        CASE WHEN n % {every} != 0 THEN created_at END,
        CASE WHEN n % {every} = 0 THEN 'open' ELSE 'completed' END
    FROM {schema}jobs, {numbers} WHERE id = {given}
"""
NUMBERS = """
    (WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {jobs})
    SELECT n FROM counted) AS numbered
"""


def fill(url: str, job_id: str, jobs: int) -> None:
    """Write down so many jobs like one that is there, without the ledger."""
    numbers = NUMBERS.format(jobs=jobs)
    facts: dict[str, Any] = {"every": OPEN_EVERY, "numbers": numbers}
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute(COPIED.format(schema="", given="?", **facts), (job_id,))
            file.commit()

        return

    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        query = COPIED.format(schema="tarash.", given="%s", **facts).replace("% 100", "%% 100")
        connection.execute(query.encode(), (job_id,))
        connection.execute("ANALYZE tarash.jobs")


def median(work: Callable[[], object], times: int) -> float:
    """Return the milliseconds that something takes."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)

    return statistics.median(found) * 1000


def measure(url: str, jobs: int) -> dict[str, float]:
    """Return the milliseconds that each list takes."""
    ledger: Any = (
        SqliteLedger(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:///")
        else PostgresLedger(url)
    )
    gateway = Gateway(ledger=ledger)
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", api_key="key")
    request = VideoGenerationRequest(prompt="A cat playing piano", duration_seconds=8)
    first = gateway.enqueue_video(config, request).id
    fill(url, first, jobs)

    def ls(*, everything: bool) -> None:
        with (
            contextlib.redirect_stdout(io.StringIO()) as said,
            contextlib.redirect_stderr(io.StringIO()),
        ):
            _jobs.ls(url, everything=everything, limit=100, after=None, as_json=True)

        assert len(json.loads(said.getvalue())) == 100

    middle = f"many-{jobs // 2}"
    keys = {"fal": "key"}
    found = {
        "reading all jobs": median(lambda: asyncio.run(_all(ledger, jobs)), 3),
        "`tarash jobs ls --limit 100`": median(lambda: ls(everything=False), 9),
        "`tarash jobs ls --all --limit 100`": median(lambda: ls(everything=True), 9),
        "`list_jobs(limit=100, oldest_first=True)`": median(
            lambda: gateway.list_jobs(limit=100, oldest_first=True), 9
        ),
        "the same of unfinished jobs, from the middle on": median(
            lambda: gateway.list_jobs(
                limit=100, oldest_first=True, after=middle, states=("open", "unknown")
            ),
            9,
        ),
        "`resume_all(limit=100)`": median(lambda: gateway.resume_all(limit=100, api_keys=keys), 9),
        "`resume_all(limit=100)`, from the middle on": median(
            lambda: gateway.resume_all(limit=100, after=middle, api_keys=keys), 9
        ),
        f"`resume_all()`, {jobs // OPEN_EVERY:,} jobs": median(
            lambda: gateway.resume_all(api_keys=keys), 3
        ),
    }
    asyncio.run(ledger.aclose())
    gateway.close()
    return found


async def _all(ledger: Any, jobs: int) -> None:
    assert len(await ledger.jobs(limit=1_000_000)) > jobs


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres")
    parser.add_argument("--jobs", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        columns = {"a file": measure(f"sqlite:///{Path(folder, 'jobs.db')}", asked.jobs)}
        if asked.postgres:
            columns["PostgreSQL"] = measure(asked.postgres, asked.jobs)

    heads = "".join(f" {name}, ms | of all |" for name in columns)
    print(f"| {asked.jobs:,} jobs |{heads}\n|---|{'--:|--:|' * len(columns)}")
    for what in next(iter(columns.values())):
        cells = [
            f"{one[what]:,.0f} | {one[what] / one['reading all jobs']:.3f}"
            for one in columns.values()
        ]
        print(f"| {what} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
