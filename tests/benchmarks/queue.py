"""Our queue beside bare procrastinate, on one PostgreSQL; prints the table of the production guide.

    python -m tests.benchmarks.queue --postgres URL [--finished 100000] [--waiting 2000]
        [--only-waiting]

The database must be empty: tables of both are made in it, and left. procrastinate is installed into
an environment of its own in a temporary folder. The absolute figures are this machine's; what
carries over are the ratios of one run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    MockPollingConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._support._collector import collecting_seldom
from tarash.tarash_gateway.ledger import PostgresLedger
from tests.benchmarks.still import Still
from tests.benchmarks.worker import memory

SINGLE, AT_ONCE = 200, 1000
FOR_EVER = 100_000.0
QUICK = MockConfig(enabled=True, polling=MockPollingConfig(delay_between_updates=0.01))
REQUEST = VideoGenerationRequest(prompt="A cat playing piano")
OTHER = """
import asyncio, json, statistics, sys, time
import procrastinate, psycopg

URL, FINISHED, SINGLE, AT_ONCE = sys.argv[1], *map(int, sys.argv[2:5])
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL, max_size=8))
begun = {}

@app.task(name="work")
async def work(number):
    begun[number].set_result(time.perf_counter())

async def latencies():
    found = []
    for number in range(31):
        begun[number] = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        await work.defer_async(number=number)
        found.append(await begun[number] - start)
        await asyncio.sleep(0.02)
    return statistics.median(found) * 1000

async def main():
    facts = {}
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        start = time.perf_counter()
        for number in range(SINGLE):
            await work.configure(queue="other").defer_async(number=number)
        facts["single"] = SINGLE / (time.perf_counter() - start)
        start = time.perf_counter()
        await asyncio.gather(*(
            work.configure(queue="other").defer_async(number=n) for n in range(AT_ONCE)
        ))
        facts["at_once"] = AT_ONCE / (time.perf_counter() - start)
        worker = asyncio.create_task(app.run_worker_async(
            queues=["default"], concurrency=10, install_signal_handlers=False))
        await asyncio.sleep(1)
        facts["claim"] = await latencies()
        with psycopg.connect(URL, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status) "
                "SELECT 'default', 'work', 'succeeded' FROM generate_series(1, %s)", (FINISHED,))
            connection.execute("ANALYZE procrastinate_jobs")
        facts["claim_many"] = await latencies()
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    print(json.dumps(facts))

asyncio.run(main())
"""


def measure_other(url: str, finished: int) -> dict[str, float]:
    """Return what bare procrastinate takes."""
    with tempfile.TemporaryDirectory() as name:
        python = Path(name) / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", name], check=True)
        packages = ("procrastinate", "psycopg[binary,pool]")
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        arguments = (url, str(finished), str(SINGLE), str(AT_ONCE))
        done = subprocess.run(
            [python, "-c", OTHER, *arguments], check=True, stdout=subprocess.PIPE, text=True
        )

    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


async def measure_ours(url: str, finished: int) -> dict[str, float]:
    """Return what our queue takes."""
    ledger = PostgresLedger(url)
    gateway = Gateway(ledger=ledger)
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=QUICK)
    await gateway.enqueue_video_async(config, REQUEST, schedule_at=None)
    facts: dict[str, float] = {}
    start = time.perf_counter()
    for _ in range(SINGLE):
        await gateway.enqueue_video_async(config, REQUEST)

    facts["single"] = SINGLE / (time.perf_counter() - start)
    start = time.perf_counter()
    await asyncio.gather(*(gateway.enqueue_video_async(config, REQUEST) for _ in range(AT_ONCE)))
    facts["at_once"] = AT_ONCE / (time.perf_counter() - start)
    await gateway.work_async(until_empty=True)
    worker = asyncio.create_task(gateway.work_async(concurrency=10))
    await asyncio.sleep(1)
    facts["claim"] = await _latencies(gateway, ledger, config)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO tarash.jobs (id, kind, chain, request, fingerprint, created_at, closed_at,
                state)
            SELECT 'many-' || n, 'video', '[]', '{}', '', now(), now(), 'completed'
            FROM generate_series(1, %s) AS n
            """,
            (finished,),
        )
        connection.execute("ANALYZE tarash.jobs")

    facts["claim_many"] = await _latencies(gateway, ledger, config)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await ledger.aclose()
    return facts


async def _latencies(gateway: Gateway, ledger: PostgresLedger, config: Any) -> float:
    """Return milliseconds from before an enqueuing to the intent that comes before the submit."""
    found = []
    for _ in range(31):
        start = time.time()
        job = await gateway.enqueue_video_async(config, REQUEST)
        await job.wait_async()
        record = await ledger.get(job.id)
        assert record is not None
        found.append(record.entries[0].intent.created_at.timestamp() - start)

    return statistics.median(found) * 1000


async def measure_waiting(url: str, jobs: int, seconds: float) -> dict[str, float]:
    """Return what jobs that wait for their provider take of a worker, and of the database."""
    ledger = PostgresLedger(url)
    gateway = Gateway(ledger=ledger)
    with Still() as provider:
        config = VideoGenerationConfig(
            provider="runway", model="gen4.5", base_url=provider.url, timeout=FOR_EVER
        )
        for done in range(0, jobs, AT_ONCE):
            some = range(min(AT_ONCE, jobs - done))
            await asyncio.gather(*(gateway.enqueue_video_async(config, REQUEST) for _ in some))

        gc.collect()
        empty = memory()
        work = gateway.work_async(concurrency=jobs, grace=0, api_keys={"runway": "key"})
        worker = asyncio.create_task(work)
        while provider.counters()["accepted"] < jobs:  # noqa: ASYNC110  (no event here)
            await asyncio.sleep(0.5)

        await asyncio.sleep(15)
        held, before, polls = memory(), _written(url), provider.counters()["polls"]
        collections = sum(one["collections"] for one in gc.get_stats()[1:])
        processor, wall = time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        after, polls = _written(url), provider.counters()["polls"] - polls
        collections = sum(one["collections"] for one in gc.get_stats()[1:]) - collections
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    await ledger.aclose()
    return {
        "memory": (held - empty) / jobs,
        "share": 100 * processor / wall,
        "polls": polls / wall,
        "poll": 1e6 * processor / polls,
        "collections": 60 * collections / wall,
        "transactions": (after[0] - before[0]) / wall,
        "kilobytes": (after[1] - before[1]) / wall / 1000,
    }


def _written(url: str) -> tuple[float, float]:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            """
            SELECT xact_commit, (SELECT wal_bytes FROM pg_stat_wal)::float8
            FROM pg_stat_database WHERE datname = current_database()
            """
        ).fetchone()

    assert row is not None
    return float(row[0]), float(row[1])


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--finished", type=int, default=100_000)
    parser.add_argument("--waiting", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only-waiting", action="store_true")
    asked = parser.parse_args()
    if not asked.only_waiting:
        compare(asked.postgres, asked.finished)

    with collecting_seldom():  # as `tarash worker` does
        waiting = asyncio.run(measure_waiting(asked.postgres, asked.waiting, asked.seconds))

    print(f"\n| {asked.waiting:,} jobs that wait, on one worker | |\n|---|--:|")
    print(f"| memory a job, KiB | {waiting['memory']:.1f} |")
    print(f"| share of a core, % | {waiting['share']:.1f} |")
    print(f"| polls a second | {waiting['polls']:.0f} |")
    print(f"| processor time of a poll, µs | {waiting['poll']:.0f} |")
    print(f"| collections of old objects a minute | {waiting['collections']:.0f} |")
    print(f"| transactions of the database a second | {waiting['transactions']:.2f} |")
    print(f"| what it writes into its log, kB a second | {waiting['kilobytes']:.2f} |")


def compare(url: str, finished: int) -> None:
    """Print what both take for the same."""
    other = measure_other(url, finished)
    ours = asyncio.run(measure_ours(url, finished))
    lines = {
        "enqueued one by one, a second": "single",
        "enqueued at once, a second": "at_once",
        "from the enqueuing to the submit, ms": "claim",
        f"the same beside {finished:,} finished jobs, ms": "claim_many",
    }
    print("| | ours | bare procrastinate | ratio |\n|---|--:|--:|--:|")
    for what, name in lines.items():
        ratio = ours[name] / other[name]
        print(f"| {what} | {ours[name]:.0f} | {other[name]:.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
