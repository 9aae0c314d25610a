"""What others reported of queues in PostgreSQL: played anew on ours.

Facts from public threads: procrastinate 1116, 1334, 1335, 1425, 1518 and 1596, River 59 and 1225,
Oban 79, Sourcegraph 37462, NServiceBus.SqlServer 463, matrix-authentication-service 2625. Stale
statistics and dead rows are in `tests/ledger/test_queue.py`, poolers in `test_pooled.py`, cut
connections in `test_postgres_cuts.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger.postgres import _listener
from tests.ledger.makers import HOLDER
from tests.ledger.test_postgres import change
from tests.proxy import Proxy

CONFIG = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=MockConfig(enabled=True))
REQUEST = VideoGenerationRequest(prompt="A cat")


@asynccontextmanager
async def ledgers(url: str) -> AsyncIterator[tuple[Proxy, PostgresLedger, PostgresLedger]]:
    """Return a ledger that gives up soon, the proxy before it, and one without the proxy."""
    async with Proxy(url) as proxy:
        away = PostgresLedger(proxy.url, wait_seconds=0.2, answer_seconds=0.2)
        here = PostgresLedger(url)
        try:
            yield proxy, away, here
        finally:
            await away.aclose()
            await here.aclose()


async def test_a_worker_outlives_a_database_that_is_away_for_longer_than_it_waits(
    postgres_url: str,
) -> None:
    """Procrastinate 1116 and 1334: the worker ended, or stood still for ever."""
    async with ledgers(postgres_url) as (proxy, away, here):
        worker = asyncio.create_task(Gateway(ledger=away).work_async(grace=0))
        while not await here.list_states("workers"):  # noqa: ASYNC110  (the worker's thread)
            await asyncio.sleep(0.01)

        proxy.hold()
        job = await Gateway(ledger=here).enqueue_video_async(CONFIG, REQUEST)
        await asyncio.sleep(1)
        assert not worker.done()
        assert (await here.jobs())[0].state == "open"
        proxy.release()
        while (await here.jobs())[0].state == "open":  # noqa: ASYNC110  (the worker's thread)
            await asyncio.sleep(0.02)

        assert (await job.wait_async()).videos
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def test_a_worker_can_be_stopped_while_the_network_swallows_everything(
    postgres_url: str,
) -> None:
    """Procrastinate 1596: a half-open connection, and a worker that only `kill -9` ended."""
    async with ledgers(postgres_url) as (proxy, away, here):
        worker = asyncio.create_task(Gateway(ledger=away).work_async(grace=0))
        while not await here.list_states("workers"):  # noqa: ASYNC110  (the worker's thread)
            await asyncio.sleep(0.01)

        proxy.hold()
        worker.cancel()
        async with asyncio.timeout(60):
            await asyncio.gather(worker, return_exceptions=True)

        proxy.release()


async def test_a_listener_whose_connection_is_dead_is_found_out(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Procrastinate 1425 and 1596: nothing was heard for hours, and nobody was told."""
    for name in ("PROVE_SECONDS", "PROOF_SECONDS", "LISTEN_SECONDS"):
        monkeypatch.setattr(_listener, name, 0.1)

    async with ledgers(postgres_url) as (proxy, away, _):
        assert await away.hears()
        waits = asyncio.create_task(away.until_changed("nobody", 3600, 3600))
        await asyncio.sleep(0.5)
        assert not waits.done()  # it is proven again and again
        proxy.hold()
        async with asyncio.timeout(60):
            await waits

        proxy.release()
        while not await away.hears():
            pass


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_job_whose_workers_row_is_gone_is_taken_over(
    kind: str, request: pytest.FixtureRequest, tmp_path: Any
) -> None:
    """Procrastinate 1518: the dead worker's row was pruned first, and its job was never found."""
    ledger: Any = SqliteLedger(tmp_path / "jobs.db")
    if kind == "postgres":
        ledger = PostgresLedger(request.getfixturevalue("postgres_url"))

    gateway = Gateway(ledger=ledger)
    job = await gateway.enqueue_video_async(CONFIG, REQUEST)
    assert await ledger.claim(job.id, HOLDER)
    assert (await ledger.due_tasks()).tasks == ()
    if kind == "postgres":
        change(request.getfixturevalue("postgres_url"), "DELETE FROM tarash.processes")
    else:
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(ledger.path)) as file:
            file.execute("DELETE FROM processes")
            file.commit()

    await gateway.work_async(until_empty=True)
    found = await ledger.get(job.id)
    assert found is not None
    assert found.state == "completed"
    await ledger.aclose()


async def test_what_is_due_goes_by_the_databases_clock(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NServiceBus.SqlServer 463: a machine whose clock was ahead delivered too early."""
    ledger = PostgresLedger(postgres_url)
    soon = datetime.now(UTC) + timedelta(minutes=30)
    await Gateway(ledger=ledger).enqueue_video_async(CONFIG, REQUEST, schedule_at=soon)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(hours=1)

    monkeypatch.setattr("tarash.tarash_gateway._jobs._queue.datetime", Ahead)
    monkeypatch.setattr("tarash.tarash_gateway._jobs._working.datetime", Ahead)
    await Gateway(ledger=ledger).work_async(until_empty=True)
    assert (await ledger.jobs())[0].entries == ()
    await ledger.aclose()
