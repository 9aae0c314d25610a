"""Workers that share a ledger: jobs that are enqueued, sent in turn, once, and driven to an end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    MockConfig,
    MockPollingConfig,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._jobs import _working
from tarash.tarash_gateway._jobs._working import quiet_seconds
from tarash.tarash_gateway.ledger import MemoryLedger, PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import DueTasks, JobRecord
from tarash.tarash_gateway.testing import Script, Simulator
from tests.conftest import until
from tests.jobs.conftest import KEY

KEYS = {"runway": KEY}


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Gateway]:
    ledger: Any = MemoryLedger()
    if request.param == "sqlite":
        ledger = SqliteLedger(tmp_path / "jobs.db")
    elif request.param == "postgres":
        ledger = PostgresLedger(request.getfixturevalue("postgres_url"))

    async with Gateway(ledger=ledger) as made:
        yield made

    await ledger.aclose()


def config(simulator: Simulator, **facts: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="runway",
        model="gen4.5",
        base_url=simulator.base_url("runway"),
        poll_interval=0.01,
        provider_config={"min_poll_interval": 0.01},
        **facts,
    )


def ask(text: str) -> VideoGenerationRequest:
    return VideoGenerationRequest(prompt=text)


async def is_held(gateway: Gateway, job_id: str) -> bool:
    found = await gateway.find_job_async(job_id)
    return found is not None and found.held


async def test_a_worker_sends_what_was_enqueued(gateway: Gateway, simulator: Simulator) -> None:
    jobs = [
        await gateway.enqueue_video_async(
            config(simulator), ask(f"{number}"), idempotency_key=f"{number}"
        )
        for number in range(5)
    ]
    again = await gateway.enqueue_video_async(
        config(simulator), ask("0"), idempotency_key="0", priority=9
    )
    assert again.id == jobs[0].id
    assert simulator.counters("runway").submits == 0
    await gateway.work_async(until_empty=True, api_keys=KEYS)
    assert simulator.counters("runway").submits == 5
    for job in jobs:
        assert (await job.wait_async()).videos

    await gateway.work_async(until_empty=True, api_keys=KEYS)
    assert simulator.counters("runway").submits == 5


class OddLedger(MemoryLedger):
    """Has one job that a version to come has written down."""

    odd = ""
    asked = 0

    async def get(self, job_id: str) -> JobRecord | None:
        record = await super().get(job_id)
        self.asked += job_id == self.odd
        return None if record is None else self._shown(record)

    async def jobs(self, **asked: Any) -> list[JobRecord]:
        return [self._shown(one) for one in await super().jobs(**asked)]

    async def unfinished(self, **asked: Any) -> list[JobRecord]:
        return [self._shown(one) for one in await super().unfinished(**asked)]

    def _shown(self, record: JobRecord) -> JobRecord:
        if record.id != self.odd:
            return record

        return replace(record, chain=({**record.chain[0], "timeout": "of a version to come"},))


async def test_a_job_that_can_not_be_read_is_put_off(simulator: Simulator) -> None:
    ledger = OddLedger()
    gateway = Gateway(ledger=ledger)
    ledger.odd = (await gateway.enqueue_video_async(config(simulator), ask("0"))).id
    work = asyncio.ensure_future(gateway.work_async(api_keys=KEYS))
    await until(lambda: ledger.asked > 0)
    await asyncio.sleep(0.5)
    job = await gateway.enqueue_video_async(config(simulator), ask("1"))
    assert (await job.wait_async()).videos
    assert ledger.asked < 10
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await gateway.aclose()


async def test_a_job_that_can_not_be_read_hides_no_other(simulator: Simulator) -> None:
    ledger = OddLedger()
    gateway = Gateway(ledger=ledger)
    odd, job = [
        await gateway.enqueue_video_async(config(simulator), ask(text)) for text in ("0", "1")
    ]
    ledger.odd = odd.id
    assert [one.id for one in await gateway.resume_all_async()] == [job.id]
    await gateway.aclose()


class OldLedger(MemoryLedger):
    """Keeps no pages of what is unfinished, as a ledger of the user's own may."""

    unfinished: Any = None
    due_tasks: Any = None


@pytest.mark.parametrize("made", [OddLedger, OldLedger])
async def test_unfinished_jobs_are_resumed_page_by_page(
    simulator: Simulator, made: type[MemoryLedger]
) -> None:
    ledger = made()
    async with Gateway(ledger=ledger) as gateway:
        jobs = [
            (await gateway.enqueue_video_async(config(simulator), ask(f"{number}"))).id
            for number in range(5)
        ]
        if isinstance(ledger, OddLedger):
            ledger.odd = jobs.pop(1)  # which makes no page the shorter

        found: list[str] = []
        after = None
        while page := await gateway.resume_all_async(limit=2, after=after, api_keys=KEYS):
            found += [one.id for one in page]
            after = found[-1]
            for one in page[:1]:
                await one.cancel_async()  # it has ended before the next page is read

        assert found == jobs
        assert [one.id for one in await gateway.resume_all_async(limit=9)][:1] == [jobs[1]]
        for wrong in ({"after": "nobody's"}, {"limit": 0}):
            with pytest.raises(ValidationError):
                await gateway.resume_all_async(**wrong)


async def test_the_higher_priority_goes_first(gateway: Gateway, simulator: Simulator) -> None:
    for priority in (0, 5, -1, 5):
        await gateway.enqueue_video_async(
            config(simulator), ask(f"priority {priority}"), priority=priority
        )

    await gateway.work_async(concurrency=1, until_empty=True, api_keys=KEYS)
    sent = [
        one.json()["promptText"] for one in simulator.requests("runway") if one.method == "POST"
    ]
    assert sent == [f"priority {one}" for one in (5, 5, 0, -1)]


async def test_nothing_is_sent_before_its_time(gateway: Gateway, simulator: Simulator) -> None:
    job = await gateway.enqueue_video_async(
        config(simulator, api_key=KEY), ask("later"), schedule_at=timedelta(hours=1)
    )
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    await gateway.enqueue_video_async(config(simulator), ask("soon"), schedule_at=soon)
    await gateway.work_async(until_empty=True, api_keys=KEYS)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(job.wait_async(), 0.2)

    while not simulator.counters("runway").submits:
        await gateway.work_async(until_empty=True, api_keys=KEYS)

    assert datetime.now(UTC) >= soon
    assert simulator.counters("runway").submits == 1
    assert await job.cancel_async() == "cancelled"


async def test_who_waits_leaves_it_to_the_worker(gateway: Gateway, simulator: Simulator) -> None:
    work = asyncio.create_task(gateway.work_async(api_keys=KEYS))
    ledger: Any = gateway.ledger
    async with asyncio.timeout(60):
        while not await ledger.list_states("workers"):  # noqa: ASYNC110  (others write it)
            await asyncio.sleep(0.01)

    # Without the key, which only the worker has: whoever waits could not send it.
    job = await gateway.enqueue_video_async(config(simulator), ask("a cat"))
    response = await asyncio.wait_for(job.wait_async(), 60)
    assert response.videos
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert simulator.counters("runway").submits == 1


async def test_a_failure_is_kept_and_not_tried_again(
    gateway: Gateway, simulator: Simulator
) -> None:
    simulator.script("runway", Script(outcome="failed"))
    job = await gateway.enqueue_video_async(config(simulator), ask("a cat"))
    await gateway.work_async(until_empty=True, api_keys=KEYS)
    with pytest.raises(GenerationFailedError):
        await job.wait_async()

    await gateway.work_async(until_empty=True, api_keys=KEYS)
    assert simulator.counters("runway").submits == 1


async def test_a_job_that_ends_without_a_worker_leaves_no_task(
    gateway: Gateway, simulator: Simulator
) -> None:
    job = await gateway.enqueue_video_async(config(simulator, api_key=KEY), ask("a cat"))
    assert (await job.wait_async()).videos
    ledger: Any = gateway.ledger
    assert await ledger.list_states("queue") == []


class CountingLedger(SqliteLedger):
    """Counts how often the queue is read, and single jobs."""

    gets = reads = 0

    async def get(self, job_id: str) -> JobRecord | None:
        self.gets += 1
        return await super().get(job_id)

    async def list_states(self, space: str, **asked: Any) -> Any:
        self.reads += space == "queue"
        return await super().list_states(space, **asked)

    async def due_tasks(self, **asked: Any) -> DueTasks:
        self.reads += 1
        return await super().due_tasks(**asked)


async def test_the_queue_is_not_read_for_each_job_that_ends(tmp_path: Path) -> None:
    ledger = CountingLedger(tmp_path / "jobs.db")
    gateway = Gateway(ledger=ledger)
    mock = MockConfig(enabled=True, polling=MockPollingConfig(delay_between_updates=0.01))
    quick = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=mock)
    for number in range(40):
        await gateway.enqueue_video_async(quick, ask(f"{number}"))

    await gateway.work_async(concurrency=4, until_empty=True)
    assert len(await ledger.jobs(states=["completed"])) == 40
    assert ledger.reads < 20
    await ledger.aclose()


async def test_jobs_in_other_hands_are_not_read_one_by_one(tmp_path: Path) -> None:
    ledger, other = CountingLedger(tmp_path / "jobs.db"), SqliteLedger(tmp_path / "jobs.db")
    mock = MockConfig(enabled=True)
    held = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=mock)
    for number in range(20):
        job = await Gateway(ledger=other).enqueue_video_async(held, ask(f"{number}"))
        assert await other.claim(job.id, "another worker")

    await Gateway(ledger=ledger).work_async(until_empty=True)
    assert (ledger.gets, ledger.reads) == (0, 1)
    for one in (ledger, other):
        await one.aclose()


async def test_a_worker_that_ends_hands_its_jobs_on(gateway: Gateway, simulator: Simulator) -> None:
    simulator.script("runway", Script(outcome="never", stream=False))
    job = await gateway.enqueue_video_async(config(simulator), ask("a cat"))
    work = asyncio.create_task(gateway.work_async(grace=0.05, api_keys=KEYS))
    await until(lambda: bool(simulator.counters("runway").accepted))

    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert not await is_held(gateway, job.id)

    other = asyncio.create_task(gateway.work_async(grace=0.05, api_keys=KEYS))
    async with asyncio.timeout(60):
        while not await is_held(gateway, job.id):  # noqa: ASYNC110  (another task changes it)
            await asyncio.sleep(0.01)

    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert simulator.counters("runway").submits == 1
    assert simulator.counters("runway").cancels == 0


async def test_a_worker_that_ends_finishes_what_is_nearly_done(simulator: Simulator) -> None:
    simulator.script("runway", Script(run_seconds=0.4, stream=False))
    gateway = Gateway()
    done = await gateway.enqueue_video_async(config(simulator), ask("nearly done"))
    work = asyncio.create_task(gateway.work_async(concurrency=1, grace=3600, api_keys=KEYS))
    await until(lambda: bool(simulator.counters("runway").accepted))
    work.cancel()
    await asyncio.sleep(0)
    left = await gateway.enqueue_video_async(config(simulator), ask("too late for this worker"))
    await asyncio.gather(work, return_exceptions=True)
    found = [await gateway.find_job_async(one.id) for one in (done, left)]
    assert [one and one.state for one in found] == ["completed", "open"]
    assert simulator.counters("runway").submits == 1
    await gateway.aclose()


async def test_a_second_signal_cuts_the_grace_short(simulator: Simulator) -> None:
    simulator.script("runway", Script(outcome="never", stream=False))
    gateway = Gateway()
    job = await gateway.enqueue_video_async(config(simulator), ask("a cat"))
    work = asyncio.create_task(gateway.work_async(grace=3600, api_keys=KEYS))
    await until(lambda: bool(simulator.counters("runway").accepted))
    work.cancel()
    await asyncio.sleep(0.1)
    assert not work.done()
    assert await is_held(gateway, job.id)

    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert not await is_held(gateway, job.id)
    assert simulator.counters("runway").submits == 1
    assert simulator.counters("runway").cancels == 0
    await gateway.aclose()


class StoppingLedger(MemoryLedger):
    """Stops its worker when so many jobs were looked at."""

    worker: asyncio.Future[None] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    async def get(self, job_id: str) -> JobRecord | None:
        self.seen.add(job_id)
        if self.worker is not None and len(self.seen) == 5:
            self.worker.cancel()

        await asyncio.sleep(0)
        return await super().get(job_id)


async def test_a_worker_that_is_stopped_takes_nothing_more_up() -> None:
    ledger = StoppingLedger()
    gateway = Gateway(ledger=ledger)
    mocked = VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", mock=MockConfig(enabled=True)
    )
    for number in range(40):
        await gateway.enqueue_video_async(mocked, ask(f"{number}"))

    ledger.seen.clear()
    ledger.worker = asyncio.ensure_future(gateway.work_async(concurrency=1000, grace=0))
    await asyncio.gather(ledger.worker, return_exceptions=True)
    assert len(ledger.seen) < 10
    await gateway.aclose()


async def test_more_than_are_taken_up_at_once_are_worked_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_working, "SMALLEST_PAGE", 2)
    monkeypatch.setattr(_working, "PAGE", 3)
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    mocked = VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", mock=MockConfig(enabled=True)
    )
    jobs = [await gateway.enqueue_video_async(mocked, ask(f"{number}")) for number in range(11)]
    await gateway.work_async(concurrency=100, until_empty=True)
    assert len(await ledger.jobs(states=("completed",))) == len(jobs)
    await gateway.aclose()


@pytest.mark.parametrize("lease", [1.5, 3, 15, 30, 600, math.inf])
def test_what_the_dead_have_left_is_taken_over_within_two_leases(lease: float) -> None:
    assert 1 <= quiet_seconds(lease) <= min(10, lease)


async def test_workers_share_the_queue(gateway: Gateway, simulator: Simulator) -> None:
    jobs = [
        await gateway.enqueue_video_async(config(simulator), ask(f"{number}"))
        for number in range(12)
    ]
    await asyncio.gather(
        *(gateway.work_async(concurrency=3, until_empty=True, api_keys=KEYS) for _ in range(4))
    )
    assert simulator.counters("runway").submits == 12
    for job in jobs:
        found = await gateway.find_job_async(job.id)
        assert found is not None
        assert found.state == "completed"


async def test_who_loses_a_race_for_a_job_has_room_for_another(
    gateway: Gateway, simulator: Simulator
) -> None:
    """Two workers that a notification wakes at once read the same jobs first."""
    simulator.script("runway", Script(run_seconds=3600))
    ledger: Any = gateway.ledger
    for number in range(6):
        await gateway.enqueue_video_async(config(simulator), ask(f"{number}"))

    first, raced = await ledger.jobs(), asyncio.Event()
    read, names = ledger.get, [one.id for one in first[-3:]]

    async def together(job_id: str) -> Any:
        found = await read(job_id)
        if job_id in names and not raced.is_set():  # both see it before either has claimed it
            seen.append(job_id)
            if len(seen) == 6:
                raced.set()

            await raced.wait()

        return found

    seen: list[str] = []
    ledger.get = together
    workers = [
        asyncio.create_task(gateway.work_async(concurrency=3, grace=0, api_keys=KEYS))
        for _ in range(2)
    ]
    await until(lambda: simulator.counters("runway").submits == 6)
    for one in workers:
        one.cancel()

    await asyncio.gather(*workers, return_exceptions=True)
    assert sorted(seen) == sorted(names * 2)


@pytest.mark.parametrize(
    "facts",
    [
        {"priority": 1.5}, {"priority": True}, {"priority": 10**9},
        {"schedule_at": datetime(2026, 1, 1)}, {"schedule_at": "soon"},  # noqa: DTZ001
    ],
)  # fmt: skip
async def test_what_is_no_task_is_refused(simulator: Simulator, facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await Gateway().enqueue_video_async(config(simulator), ask("a cat"), **facts)


async def test_a_worker_needs_room(simulator: Simulator) -> None:
    del simulator
    with pytest.raises(ValidationError, match="concurrency"):
        await Gateway().work_async(concurrency=0)
