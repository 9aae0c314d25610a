"""Many jobs that wait for their provider: the memory of each, and the processor that looks take."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

from tarash.tarash_gateway import VideoGenerationRequest
from tests.benchmarks.callers import PROMPT, ours
from tests.benchmarks.simulation import Simulation
from tests.benchmarks.worker import memory

OTHER = VideoGenerationRequest(prompt=PROMPT, duration_seconds=4)
FOR_EVER = 100_000.0


def measure(provider: str, jobs: int, interval: float, intervals: int) -> dict[str, Any]:
    """Return KiB a job over the empty process, and the share of a core that looks take.

    Args:
        provider: Whose simulator.
        jobs: How many wait.
        interval: Seconds between two looks at one job, from the first on.
        intervals: For how many of them it is measured.
    """
    with Simulation(provider) as simulation:
        return asyncio.run(_measure(simulation, provider, jobs, interval, intervals))


async def _measure(
    simulation: Simulation, provider: str, jobs: int, interval: float, intervals: int
) -> dict[str, Any]:
    own: dict[str, Any] = {"min_poll_interval": interval}
    url = simulation.urls[provider]
    async with ours(provider, url, poll_interval=interval, provider_config=own) as call:
        simulation.script(provider, 0)
        await call(OTHER)
        simulation.script(provider, FOR_EVER)
        gc.collect()
        empty = memory()
        tasks = [asyncio.create_task(call()) for _ in range(jobs)]
        while simulation.counters(provider)["accepted"] < jobs:  # noqa: ASYNC110  (no event here)
            await asyncio.sleep(0.2)

        await asyncio.sleep(interval)  # until each has been looked at
        held = memory()
        processor, wall = time.process_time(), time.perf_counter()
        before = simulation.counters(provider)["polls"]
        await asyncio.sleep(interval * intervals)
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        counted = simulation.counters(provider)
        looks = counted["polls"] - before
        for task in tasks:
            task.cancel()

        await asyncio.gather(*tasks, return_exceptions=True)

    return {
        "memory": (held - empty) / jobs,
        "share": processor / wall,
        "look": processor / (looks or 1) * 1e3,
        "looks": looks,
        "connections": counted["connections"],
    }
