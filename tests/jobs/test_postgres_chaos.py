"""Workers that are killed, a database that is restarted: nothing is lost, or bought twice."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    StorageError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.ledger import PostgresLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.cluster import Cluster
from tests.conftest import until
from tests.jobs.conftest import BY_NAME, KEY, Report, config_for
from tests.jobs.processes import Child, Zygote
from tests.proxy import Proxy

CASE = BY_NAME["luma-video-ray-2"]
"""A provider that can be asked for a job whose answer was lost."""
LEASE = 3.0


class Chaos:
    """One queue, and those who work it and are killed."""

    def __init__(self, cluster: Cluster, zygote: Zygote, simulator: Simulator) -> None:
        self.cluster = cluster
        self.zygote = zygote
        self.simulator = simulator
        self.ledger = PostgresLedger(cluster.url, LEASE, wait_seconds=60)
        self.place = cluster.url
        """Where the workers find it."""
        self.workers: list[Child] = []
        self.kills = 0

    def hire(self) -> None:
        """Start one more worker."""
        keys = {CASE.provider: KEY}
        child = self.zygote.start("worked", path=self.place, keys=keys, lease=LEASE)
        self.workers.append(child)

    async def kill_one(self) -> None:
        """Kill a worker wherever it is, and start another one."""
        victim = self.workers.pop(random.randrange(len(self.workers)))
        await asyncio.to_thread(victim.kill)
        self.kills += 1
        self.hire()

    async def restart(self) -> None:
        """Let the database crash, and come back."""
        await asyncio.to_thread(self.cluster.stop, "immediate")
        await asyncio.to_thread(self.cluster.start)

    async def enqueue(self, number: int) -> None:
        """Write jobs down."""
        gateway = Gateway(ledger=self.ledger)
        made: Any = config_for(CASE, self.simulator, poll_interval=0.05)
        config: VideoGenerationConfig = made.model_copy(update={"api_key": None})
        for one in range(number):
            await gateway.enqueue_video_async(config, VideoGenerationRequest(prompt=f"job {one}"))

    async def states(self) -> Counter[str]:
        """Count the jobs by where they stand."""
        return Counter(job.state for job in await self.ledger.jobs(limit=10_000))

    async def run(
        self, jobs: int, workers: int, restarts: int, pause: float, stalls: int = 0
    ) -> Counter[str]:
        """Run until no job is open any more; return how they ended.

        Args:
            jobs: How many are enqueued.
            workers: How many work at a time.
            restarts: How often the database crashes.
            pause: Seconds between two kills.
            stalls: How often the network stands still, for longer than a lease.
        """
        async with Proxy(self.cluster.url) as proxy:
            self.place = proxy.url
            return await self._run(proxy, jobs, workers, restarts, pause, stalls)

    async def _run(  # noqa: PLR0913, PLR0917  (as above)
        self, proxy: Proxy, jobs: int, workers: int, restarts: int, pause: float, stalls: int
    ) -> Counter[str]:
        self.simulator.script(CASE.provider, Script(run_seconds=0.5, stream=False))
        await self.enqueue(jobs)
        for _ in range(workers):
            self.hire()

        for turn in itertools.count(1):
            await asyncio.sleep(pause)
            states = await self.states()
            if not states["open"]:
                return states

            await self.kill_one()
            if turn <= restarts:
                await self.restart()
            elif turn <= restarts + stalls:
                proxy.hold()
                await asyncio.sleep(1.5 * LEASE)
                proxy.release()

        raise AssertionError

    def check(self, jobs: int) -> None:
        """See what was bought."""
        prompts = Counter(
            one.json()["prompt"]
            for one in self.simulator.requests(CASE.provider)
            if one.method == "POST"
        )
        twice = {prompt: number for prompt, number in prompts.items() if number > 1}
        assert twice == {}
        assert len(prompts) <= jobs
        assert self.simulator.counters(CASE.provider).accepted <= jobs

    async def bought_unknown(self) -> list[str]:
        """Return the jobs whose fate is unknown though the provider's list would tell it.

        What is left was written down by a worker that was killed before its submit arrived: nobody
        can tell that from one that will still arrive, so that it is never sent again.
        """
        bought = {one.payload.get("prompt") for one in self.simulator.jobs(CASE.provider)}
        unknown = await self.ledger.jobs(states=("unknown",), limit=10_000)
        assert {entry.submission for job in unknown for entry in job.entries} <= {"unknown"}
        return [job.id for job in unknown if job.request["prompt"] in bought]

    async def end(self) -> None:
        """Kill who is left."""
        for child in self.workers:
            await asyncio.to_thread(child.kill)

        await self.ledger.aclose()


@pytest.fixture
def chaos(cluster: Cluster, zygote: Zygote, simulator: Simulator) -> Chaos:
    return Chaos(cluster, zygote, simulator)


@pytest.mark.timeout(300)
async def test_nothing_is_lost_and_nothing_bought_twice(chaos: Chaos) -> None:
    try:
        states = await chaos.run(jobs=24, workers=3, restarts=1, pause=1)
        bought_unknown = await chaos.bought_unknown()
    finally:
        await chaos.end()

    assert states.total() == 24
    assert states["completed"] + states["unknown"] == 24, states
    assert bought_unknown == []
    assert states["completed"] >= 20, states
    chaos.check(24)


@pytest.mark.soak
async def test_five_hundred_jobs_outlive_their_workers(chaos: Chaos, report: Report) -> None:
    try:
        states = await chaos.run(jobs=500, workers=4, restarts=2, pause=1, stalls=3)
        bought_unknown = await chaos.bought_unknown()
    finally:
        await chaos.end()

    report(f"500 jobs, {chaos.kills} workers killed, 2 restarts, 3 stalls: {dict(states)}")
    assert states["completed"] + states["unknown"] == 500, states
    assert bought_unknown == []
    chaos.check(500)


@pytest.mark.soak
async def test_a_worker_that_stood_still_past_its_lease_sends_nothing_again(chaos: Chaos) -> None:
    chaos.simulator.script(CASE.provider, Script(run_seconds=4 * LEASE, stream=False))
    try:
        await chaos.enqueue(12)
        chaos.hire()
        sleeper = chaos.workers[0]
        await until(lambda: chaos.simulator.counters(CASE.provider).submits > 2)
        sleeper.send(signal.SIGSTOP)  # in the middle of its submits
        chaos.hire()
        while (states := await chaos.states())["open"]:  # noqa: ASYNC110  (others change it)
            await asyncio.sleep(0.1)

        sleeper.send(signal.SIGCONT)
        await asyncio.sleep(LEASE)
        assert sleeper.is_alive
    finally:
        await chaos.end()

    assert states["completed"] + states["unknown"] == 12, states
    assert await chaos.states() == states
    chaos.check(12)


@pytest.mark.soak
async def test_a_standby_takes_the_databases_place(cluster: Cluster, report: Report) -> None:
    """River 1225: a worker stayed with the server that only reads, and did nothing."""
    mock = MockConfig(enabled=True)
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=mock)
    with tempfile.TemporaryDirectory(prefix="tarash-standby-") as folder:
        standby = Cluster(Path(folder))
        standby.follow(cluster)
        places = f"127.0.0.1:{standby.port},127.0.0.1:{cluster.port}"
        url = f"postgresql://tarash@{places}/postgres?target_session_attrs=read-write"
        ledger = PostgresLedger(url)
        alone = PostgresLedger(standby.url, wait_seconds=0.2)
        patient = PostgresLedger(standby.url, wait_seconds=60)
        gateway = Gateway(ledger=ledger)
        worker = asyncio.create_task(gateway.work_async(grace=0))
        try:
            with pytest.raises(StorageError, match="target_session_attrs=read-write"):
                await alone.write_state("a", "b", {})

            first = await gateway.enqueue_video_async(config, VideoGenerationRequest(prompt="1"))
            assert (await first.wait_async()).videos
            await asyncio.to_thread(cluster.stop, "immediate")
            early = asyncio.create_task(patient.write_state("a", "early", {}))
            await asyncio.sleep(0.5)  # of a minute, in which it only reads
            await asyncio.to_thread(standby.run, "pg_ctl", "-D", "data", "-w", "promote")
            second = await gateway.enqueue_video_async(config, VideoGenerationRequest(prompt="2"))
            assert (await second.wait_async()).videos
            await early
            assert await patient.read_state("a", "early") is not None
            assert ledger.generation == 1
            assert await ledger.hears()
            report(f"failover: {Counter(one.state for one in await ledger.jobs())}")
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
            await ledger.aclose()
            await alone.aclose()
            await patient.aclose()
            standby.stop()
