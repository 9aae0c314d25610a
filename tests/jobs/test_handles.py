"""Handles: looks, waits, cancels and chains, by whoever has the job in hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    StorageError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    VideoGenerationRequest,
    VideoJob,
    resume_all_async,
    submit_video_async,
)
from tarash.tarash_gateway._engine import Lease, kept_alive
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.conftest import Leap, rounds, until
from tests.jobs.conftest import BY_NAME, KEY, config_for, finish

FAL = BY_NAME["fal-video-veo3.1"]
REPLICATE = BY_NAME["replicate-video-veo-3.1"]
RUNWAY = BY_NAME["runway-video-gen4.5"]
OMNI = BY_NAME["google-video-gemini-omni-1.1-flash"]
OPENAI = BY_NAME["openai-video-sora-2"]
STABILITY = BY_NAME["stability-image-sd3.5-large"]
NEVER = Script(outcome="never", stream=False)
REQUEST = VideoGenerationRequest(prompt="A cat")
Open = Callable[[], Gateway]


class Bench:
    """A simulator, and gateways that are to each other as processes: one file, a ledger each."""

    def __init__(self, simulator: Simulator, path: Path) -> None:
        self.simulator = simulator
        self.path = path
        self.gateways: list[Gateway] = []

    def gateway(self, ledger: Any = None) -> Gateway:
        self.gateways.append(Gateway(ledger=ledger or SqliteLedger(self.path)))
        return self.gateways[-1]

    def config(self, case: Any = FAL, *fallbacks: Any, **changes: Any) -> Any:
        chain = [self.config(one) for one in fallbacks]
        return config_for(case, self.simulator, fallback_configs=chain, **changes)

    async def elsewhere(self, job: Any) -> Any:
        """Return a handle on the same job in another process."""
        keys = dict.fromkeys(("fal", "google", "openai", "replicate", "runway", "stability"), KEY)
        return await self.gateway().resume_async(job.id, api_keys=keys)

    async def polled(self, provider: str = "fal", more: int = 2) -> None:
        """Wait until somebody has looked some more times."""
        before = self.simulator.counters(provider).polls
        await until(lambda: self.simulator.counters(provider).polls >= before + more)


@pytest.fixture
async def bench(simulator: Simulator, path: Path) -> AsyncIterator[Bench]:
    made = Bench(simulator, path)
    yield made
    for gateway in made.gateways:
        await gateway.aclose(grace=5)


async def test_two_tasks_and_two_handles_wait_for_one_job(bench: Bench) -> None:
    bench.simulator.script("fal", NEVER)
    job = await bench.gateway().submit_video_async(bench.config(), REQUEST)
    other = await bench.elsewhere(job)
    third = await bench.elsewhere(job)
    tasks = [asyncio.ensure_future(one.wait_async()) for one in (job, job, other, other, third)]
    await bench.polled()
    made = finish(bench.simulator, "fal")

    responses = await asyncio.gather(*tasks)
    assert {one.request_id for one in responses} == {made}
    assert len({str(one.video) for one in responses}) == 1
    assert bench.simulator.counters("fal").submits == 1
    assert [(await one.wait_async()).request_id for one in (job, other)] == [made] * 2
    assert [(await one.status_async()).status for one in (job, other)] == ["completed"] * 2
    assert await other.cancel_async() == "too_late"


async def test_the_status_follows_the_job(bench: Bench) -> None:
    bench.simulator.script("fal", Script(queue_seconds=3600, stream=False))
    job = await bench.gateway().submit_video_async(bench.config(), REQUEST)
    other = await bench.elsewhere(job)
    for handle in (job, other):
        update = await handle.status_async()
        assert (update.status, update.request_id) == ("queued", job.request_id)

    finish(bench.simulator, "fal")
    update = await other.status_async()
    assert (update.status, update.progress_percent) == ("completed", 100)
    assert update.result is not None
    assert (await job.wait_async()).video == update.result.video
    assert (await other.status_async()).result.video == update.result.video


async def test_the_status_of_a_failed_job_says_why(bench: Bench) -> None:
    bench.simulator.script("fal", Script(outcome="failed"))
    job = await bench.gateway().submit_video_async(bench.config(), REQUEST)
    other = await bench.elsewhere(job)
    with pytest.raises(TarashException) as caught:
        await job.wait_async()

    update = await other.status_async()
    assert (update.status, update.error) == ("failed", caught.value.message)
    with pytest.raises(type(caught.value)) as again:
        await other.wait_async()

    assert again.value.message == caught.value.message
    assert again.value.operation == caught.value.operation
    with pytest.raises(type(caught.value)):
        await job.wait_async()


async def test_an_answer_at_once_is_a_job_that_is_done(bench: Bench) -> None:
    gateway = bench.gateway()
    job = await gateway.submit_image_async(bench.config(STABILITY), STABILITY.request())
    update = await job.status_async()
    assert (update.status, update.progress_percent) == ("completed", 100)
    first = await job.wait_async()
    assert job.operation is None
    assert await job.cancel_async() == "too_late"
    with pytest.raises(TarashException, match="no job to refer to"):
        job.to_token()

    other = await bench.elsewhere(job)
    assert (await other.status_async()).status == "completed"
    assert (await other.wait_async()).images == first.images
    assert await other.cancel_async() == "too_late"
    assert bench.simulator.counters("stability").submits == 1


async def test_a_wait_that_ran_out_of_time_can_be_taken_up_again(bench: Bench) -> None:
    bench.simulator.script("fal", NEVER)
    config = bench.config(max_poll_attempts=1, on_timeout="detach")
    job = await bench.gateway().submit_video_async(config, REQUEST)
    for handle in (job, job):
        with pytest.raises(TimeoutError) as caught:
            await handle.wait_async()

        assert caught.value.operation == job.operation

    made = finish(bench.simulator, "fal")
    assert bench.simulator.counters("fal").cancels == 0
    assert (await (await bench.elsewhere(job)).wait_async()).request_id == made
    assert (await job.wait_async()).request_id == made
    assert bench.simulator.counters("fal").submits == 1


CANCELLING = (
    (REPLICATE, Script(outcome="never"), "cancelled"),
    (OMNI, NEVER, "cancelled"),
    (FAL, Script(outcome="never", stream=False), "requested"),
    (FAL, Script(queue_seconds=3600, stream=False), "requested"),
    (RUNWAY, NEVER, "requested"),
    (RUNWAY, Script(queue_seconds=3600), "cancelled"),
)


@pytest.mark.parametrize("where", ["same handle", "same process", "other process", "token"])
@pytest.mark.parametrize(
    ("case", "script"),
    [pytest.param(case, script, id=f"{case.provider}-{n}") for n, (case, script, _) in
     enumerate(CANCELLING)],
)  # fmt: skip
async def test_a_cancel_while_somebody_waits_buys_no_fallback(
    case: Any, script: Script, where: str, bench: Bench, leap: Leap
) -> None:
    """Runway deletes what is stopped: whoever isn't told of that hears a denial, for a minute."""
    is_deaf = case is RUNWAY and where in ("same handle", "token")
    bench.simulator.script(case.provider, script)
    gateway = bench.gateway()
    config = bench.config(case, OPENAI)
    job = await gateway.submit_video_async(config, REQUEST)
    waiting = asyncio.ensure_future(job.wait_async())
    await bench.polled(case.provider)
    handle: Any = job
    if where == "same process":
        handle = await gateway.resume_async(job.id, api_keys={case.provider: KEY})
    elif where == "other process":
        handle = await bench.elsewhere(job)
    else:
        handle = VideoJob.from_token(job.to_token(), bench.config(case))

    answer = await handle.cancel_async()
    assert answer in ("cancelled", "requested")
    while is_deaf and not waiting.done():
        leap(5)
        await asyncio.sleep(0.02)

    with pytest.raises(TarashException):
        await waiting

    assert bench.simulator.counters("openai").submits == 0
    record = await SqliteLedger(bench.path).get(job.id)
    assert record is not None
    is_apart = where in ("same handle", "token")  # the ledger hears nothing of it
    assert record.state == ("open" if is_deaf else "failed" if is_apart else "cancelled")
    assert len(record.entries) == 1


class SlowLedger(SqliteLedger):
    """Takes its time to write down what a provider has accepted."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def accept(self, intent_id: str, operation: Any, *, adopted: bool = False) -> bool:
        self.reached.set()
        await self.go_on.wait()
        return await super().accept(intent_id, operation, adopted=adopted)


async def test_what_is_cancelled_while_its_acceptance_is_written_is_accepted(bench: Bench) -> None:
    bench.simulator.script("fal", NEVER)
    ledger = SlowLedger(bench.path)
    gateway = bench.gateway(ledger)
    config = bench.config(on_timeout="detach")
    task = asyncio.ensure_future(gateway.generate_video_async(config, REQUEST))
    await ledger.reached.wait()
    task.cancel()
    await rounds()
    ledger.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    (record,) = await ledger.jobs()
    (entry,) = record.entries
    assert record.state == "open"
    assert (entry.submission, entry.outcome) == ("accepted", "detached")
    assert entry.operation is not None
    assert entry.operation.id == bench.simulator.jobs("fal")[0].id


class CountingLedger(SqliteLedger):
    """Counts how often its process has said that it is alive."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, lease_seconds=0.06)
        self.renewed = 0

    async def renew(self) -> None:
        await super().renew()
        self.renewed += 1


@pytest.mark.parametrize("way", ["generate", "handle"])
async def test_whoever_drives_a_job_says_that_it_is_alive(way: str, bench: Bench) -> None:
    bench.simulator.script("fal", NEVER)
    ledger = CountingLedger(bench.path)
    gateway = bench.gateway(ledger)
    if way == "generate":
        work = gateway.generate_video_async(bench.config(), REQUEST)
    else:
        work = (await gateway.submit_video_async(bench.config(), REQUEST)).wait_async()

    task = asyncio.ensure_future(work)
    await until(lambda: ledger.renewed >= 3)
    await bench.polled()
    made = finish(bench.simulator, "fal")
    assert (await task).request_id == made
    told = ledger.renewed
    await rounds()
    assert ledger.renewed == told


class SilentLedger(CountingLedger):
    """Can't be told that its process is alive."""

    async def renew(self) -> None:
        self.renewed += 1
        raise StorageError("The database is away")


async def test_a_ledger_that_hears_nothing_has_heard_nothing(tmp_path: Path) -> None:
    ledger = SilentLedger(tmp_path / "jobs.db")
    lease = Lease(ledger, "job", "owner")
    lease.confirm_alive(since := datetime.now(UTC))

    class Driven:
        """A job of which the ledger has everything."""

        def __init__(self) -> None:
            self.lease, self.is_behind = lease, False

        async def write_again(self) -> None:
            raise AssertionError

    async with kept_alive(Driven()):
        await until(lambda: ledger.renewed >= 3)

    assert lease.heard_of == [since]


@pytest.mark.parametrize("kept", [True, False], ids=["file", "memory"])
async def test_a_job_that_was_cancelled_says_so(bench: Bench, kept: bool) -> None:
    bench.simulator.script("fal", Script(outcome="never", queue_polls=1_000_000, stream=False))
    gateway = bench.gateway(None if kept else MemoryLedger())
    job = await gateway.submit_video_async(bench.config(), REQUEST)
    assert await job.cancel_async() == "cancelled"
    with pytest.raises(TarashException, match="was cancelled"):
        await job.wait_async()

    update = await job.status_async()
    assert (update.status, "was cancelled" in (update.error or "")) == ("failed", True)


async def test_what_was_waited_for_by_its_token_is_owed_no_more(bench: Bench) -> None:
    bench.simulator.script("fal", Script(run_polls=1), Script(outcome="failed"))
    config = bench.config()
    job = await submit_video_async(config, REQUEST)
    by_token = VideoJob.from_token(job.to_token(), config)
    assert job.id in [owed.id for owed in await resume_all_async()]

    response = await by_token.wait_async()
    assert response.request_id == job.request_id
    assert job.id not in [owed.id for owed in await resume_all_async()]
    assert (await job.wait_async()).video == response.video

    failing = await submit_video_async(config, REQUEST)
    with pytest.raises(GenerationFailedError):
        await VideoJob.from_token(failing.to_token(), config).wait_async()

    # Its fallbacks, or the failure itself, are for whoever drives it.
    assert failing.id in [owed.id for owed in await resume_all_async()]
    with pytest.raises(GenerationFailedError):
        await failing.wait_async()
