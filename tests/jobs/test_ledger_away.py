"""A ledger that is away before a submit leaves: a queued job waits for it, and is sent once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    Limits,
    StorageError,
    VideoGenerationConfig,
)
from tarash.tarash_gateway._engine import _submit
from tarash.tarash_gateway._jobs import _working
from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger.sqlite import _write_lock
from tarash.tarash_gateway.providers._registry import Registry
from tarash.tarash_gateway.testing import Fault, Simulator
from tests.jobs.conftest import KEY
from tests.jobs.test_gateway import Handler
from tests.jobs.troubled import REQUEST, How, Trouble, config, failing, first, troubled

KEYS = {"runway": KEY}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_working, "RETRY_SECONDS", (0.05, 0.2))
    monkeypatch.setattr(_working, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(_working, "HEARD_SECONDS", 0.05)
    monkeypatch.setattr(_submit, "retry_pause", lambda *_: 0.01)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with troubled(request, tmp_path) as made:
        yield made


async def worked(ledger: Any, wanted: VideoGenerationConfig, jobs: int, **facts: Any) -> list[str]:
    """Enqueue jobs, work them until none is open, and return where they stand."""
    calm, ledger.trouble.of = ledger.trouble.of, lambda _: None
    async with Gateway(ledger=ledger, **facts) as gateway:
        ids = [(await gateway.enqueue_video_async(wanted, REQUEST)).id for _ in range(jobs)]
        ledger.trouble.of = calm
        work = asyncio.ensure_future(gateway.work_async(api_keys=KEYS))
        while True:
            states = []
            with suppress(StorageError):
                states = [one.state for one in [await ledger.get(name) for name in ids] if one]

            if states and "open" not in states:
                break

            assert not work.done()
            await asyncio.sleep(0.02)

        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    return states


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("jobs", [1, 8])
async def test_a_job_whose_submit_was_not_written_down_is_sent_later(
    ledger: Any, simulator: Simulator, how: How, jobs: int
) -> None:
    ledger.trouble.of = first(jobs * 2, "intend", how)
    assert await worked(ledger, config(simulator), jobs) == ["completed"] * jobs
    assert ledger.trouble.failed == ["intend"] * jobs * 2
    assert simulator.counters("runway").submits == jobs


class Outage:
    """From the first call of a name on, everything fails for so many calls; then nothing."""

    def __init__(self, name: str, how: How, calls: int) -> None:
        self._name, self._how, self._left = name, how, calls
        self._has_begun = False

    def __call__(self, called: str) -> How | None:
        begins = called == self._name and not self._has_begun
        self._has_begun = self._has_begun or begins
        if not self._has_begun or not self._left:
            return None

        self._left -= 1
        return self._how if begins else "before"


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize(
    ("jobs", "calls"),
    [(1, 2), (1, 4), (4, 3), pytest.param(20, 25, marks=pytest.mark.soak)],
)
async def test_a_ledger_that_stays_away_from_the_intent_on_loses_no_job(
    ledger: Any, simulator: Simulator, how: How, jobs: int, calls: int
) -> None:
    ledger.trouble.of = Outage("intend", how, calls * jobs)
    assert await worked(ledger, config(simulator), jobs) == ["completed"] * jobs
    assert simulator.counters("runway").submits == jobs


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("name", ["claim", "get", "seek_slots", "due_tasks", "read_state"])
@pytest.mark.parametrize("calls", [1, pytest.param(4, marks=pytest.mark.soak)])
async def test_whatever_fails_of_the_ledger_before_a_submit_leaves_puts_it_off(
    ledger: Any, simulator: Simulator, how: How, name: str, calls: int
) -> None:
    ledger.trouble.of = Outage(name, how, calls)
    wanted = config(simulator, limits=Limits(in_flight=2))
    assert await worked(ledger, wanted, 3) == ["completed"] * 3
    assert simulator.counters("runway").submits == 3


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_plain_call_fails_and_says_so(ledger: Any, simulator: Simulator, how: How) -> None:
    ledger.trouble.of = first(1, "intend", how)
    async with Gateway(ledger=ledger) as gateway:
        with pytest.raises(StorageError, match="away") as caught:
            await gateway.generate_video_async(config(simulator, api_key=KEY), REQUEST)

    assert caught.value.submission == "not_sent"
    (job,) = await ledger.jobs()
    assert job.state == "failed"
    assert simulator.counters("runway").submits == 0


async def test_a_refused_submit_leaves_again_where_the_refusal_was_not_written_down(
    ledger: Any, simulator: Simulator
) -> None:
    simulator.fail("runway", "submit", Fault.status(503, retry_after=0))
    ledger.trouble.of = first(1, "note", "before")
    assert await worked(ledger, config(simulator), 1) == ["completed"]
    assert ledger.trouble.failed == ["note"]
    assert simulator.counters("runway").submits == 2
    assert simulator.counters("runway").accepted == 1


async def test_a_refusal_that_can_not_be_written_down_is_no_reason_to_give_up(
    ledger: Any, simulator: Simulator
) -> None:
    simulator.fail("runway", "submit", Fault.status(503, retry_after=0))
    ledger.trouble.of = Outage("note", "before", 6)
    assert await worked(ledger, config(simulator), 1) == ["completed"]
    assert simulator.counters("runway").accepted == 1


async def test_a_worker_that_is_stopped_while_it_writes_an_intent_leaves_the_job_to_others(
    ledger: Any, simulator: Simulator
) -> None:
    """The row is there, and its submit has not left: the next worker sends it."""
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.enqueue_video_async(config(simulator), REQUEST)
        work = asyncio.ensure_future(gateway.work_async(grace=0, api_keys=KEYS))
        write = ledger.intend

        async def intend(*given: Any) -> Any:
            done = await write(*given)
            work.cancel()
            await asyncio.sleep(0)
            work.cancel()
            await asyncio.sleep(0.05)
            return done

        ledger.intend = intend
        await asyncio.gather(work, return_exceptions=True)
        del ledger.intend
        (entry,) = (await ledger.get(job.id)).entries
        assert (entry.submission, entry.outcome) == ("not_sent", "cancelled")
        assert simulator.counters("runway").submits == 0

        await gateway.work_async(until_empty=True, api_keys=KEYS)
        assert (await job.wait_async()).videos
        assert simulator.counters("runway").submits == 1


async def test_a_deadline_that_ends_an_intent_under_way_puts_the_job_off(
    ledger: Any, simulator: Simulator
) -> None:
    write, slow = ledger.intend, [True]

    async def intend(*given: Any) -> Any:
        done = await write(*given)
        if slow.pop() if slow else False:
            await asyncio.sleep(3600)

        return done

    ledger.intend = intend
    states = await worked(ledger, config(simulator, timeout=1.5), 1)  # which is waited for
    assert states == ["completed"]
    assert simulator.counters("runway").submits == 1


async def test_a_table_that_others_keep_locked_is_waited_for(
    postgres_url: str, simulator: Simulator
) -> None:
    import psycopg

    ledger: Any = failing(PostgresLedger)(postgres_url, answer_seconds=0.3, wait_seconds=0.3)
    ledger.trouble = Trouble()
    async with await psycopg.AsyncConnection.connect(postgres_url) as other:
        lock = other.execute

        async def unlock() -> None:
            await asyncio.sleep(1)
            await other.rollback()

        await ledger.jobs()
        await lock("LOCK TABLE tarash.intents IN ACCESS EXCLUSIVE MODE")
        unlocking = asyncio.ensure_future(unlock())
        assert await worked(ledger, config(simulator), 5) == ["completed"] * 5
        await unlocking

    assert simulator.counters("runway").submits == 5
    await ledger.aclose()


@pytest.mark.soak
async def test_a_file_that_others_keep_locked_is_waited_for(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_write_lock, "BUSY_SECONDS", 0.2)
    ledger: Any = failing(SqliteLedger)(tmp_path / "jobs.db")
    ledger.trouble = Trouble()
    write = ledger.intend
    tries: list[str] = []

    async def intend(intent: Any, owner_id: str) -> Any:
        tries.append(intent.id)
        if len(tries) > 3:
            return await write(intent, owner_id)

        with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            return await write(intent, owner_id)

    ledger.intend = intend
    assert await worked(ledger, config(simulator), 2) == ["completed"] * 2
    assert len(tries) == 5
    assert simulator.counters("runway").submits == 2
    await ledger.aclose()


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_handler_of_the_application_is_called_once(ledger: Any, how: How) -> None:
    handler, registry = Handler(), Registry()
    registry.register_provider("mine", handler)
    ledger.trouble.of = first(1, "intend", how)
    wanted = VideoGenerationConfig(provider="mine", model="m")
    assert await worked(ledger, wanted, 1, registry=registry) == ["completed"]
    assert handler.calls == 1


async def test_who_waits_for_a_job_that_a_standby_lacks_waits_until_it_is_written_down_again(
    postgres_url: str, simulator: Simulator
) -> None:
    import psycopg

    rename = "UPDATE tarash.jobs SET id = %s WHERE id = %s"
    ledger = PostgresLedger(postgres_url)
    async with Gateway(ledger=ledger) as gateway:
        wanted = config(simulator, api_key=KEY)
        job = await gateway.enqueue_video_async(wanted, REQUEST, schedule_at=timedelta(days=1))
        waits = asyncio.ensure_future(job.wait_async())
        await asyncio.sleep(0.2)
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(rename, ("hidden", job.id))
            await asyncio.sleep(1)  # several looks; waited for
            assert not waits.done()
            connection.execute(rename, (job.id, "hidden"))
            due = {"priority": 0, "at": None}
            await ledger.write_state("queue", job.id, due)

        assert (await waits).status == "completed"

    assert simulator.counters("runway").submits == 1
    await ledger.aclose()
