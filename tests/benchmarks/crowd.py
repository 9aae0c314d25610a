"""Many jobs at once in one process: how long after the ideal they are done, and what they cost."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tarash.tarash_gateway import Gateway, VideoGenerationRequest
from tarash.tarash_gateway._engine import _shared_polls
from tarash.tarash_gateway._jobs._inbox_server import listening
from tarash.tarash_gateway.webhooks import WebhookInbox
from tests.benchmarks.callers import BARE, KEY, PROMPT, VENDORS, ours
from tests.benchmarks.simulation import Simulation, now
from tests.benchmarks.worker import memory

Way = Callable[[], Awaitable[str]]
OTHER = VideoGenerationRequest(prompt=PROMPT, duration_seconds=4)
"""For warming up: it tells the gateway nothing about the jobs that are measured."""
SECRET = "a secret of the benchmarks"
PATIENCE = 60
"""Seconds after the ideal; jobs that take longer count as lost."""


def measure(provider: str, way: str, jobs: int, seconds: float) -> dict[str, Any]:
    """Return the figures of one crowd.

    Args:
        provider: Whose simulator.
        way: `ours`; `alone`, the same without polls that jobs share; `called`, the same with an
            inbox that the provider calls; `theirs` (the vendor's own helper); or `bare`: a client
            that does as little as can be done, and knows when each job ends.
        jobs: How many start at once.
        seconds: How long each runs.
    """
    with Simulation(provider) as simulation:
        url = simulation.urls[provider]
        if way == "alone":
            _shared_polls.SHARED_FROM = sys.maxsize  # of this process, which measures nothing else

        if way in {"ours", "alone"}:
            return asyncio.run(_ours(simulation, provider, url, jobs, seconds))

        if way == "called":
            return asyncio.run(_called(simulation, provider, url, jobs, seconds))

        if way == "theirs":
            return asyncio.run(_theirs(simulation, provider, url, jobs, seconds))

        return asyncio.run(_bare(simulation, provider, url, jobs, seconds))


async def _ours(
    simulation: Simulation, provider: str, url: str, jobs: int, seconds: float
) -> dict[str, Any]:
    async with ours(provider, url) as call:
        simulation.script(provider, 0)
        await call(OTHER)
        return await _crowd(simulation, provider, call, jobs, seconds)


async def _called(
    simulation: Simulation, provider: str, url: str, jobs: int, seconds: float
) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    # Some want https; the simulator calls this machine over http all the same.
    gateway = Gateway(webhook_url=f"https://127.0.0.1:{port}", webhook_secret=SECRET)
    inbox = WebhookInbox(
        gateway,
        secrets={provider: simulation.calls(provider, f"http://127.0.0.1:{port}")},
        keys_urls={"fal": f"{simulation.urls[provider]}/.well-known/jwks.json"},
    )
    async with listening(inbox, "127.0.0.1", port), ours(provider, url, gateway) as call:
        simulation.script(provider, 0)
        await call(OTHER)
        return await _crowd(simulation, provider, call, jobs, seconds)


async def _theirs(
    simulation: Simulation, provider: str, url: str, jobs: int, seconds: float
) -> dict[str, Any]:
    vendor = VENDORS[provider](url)
    simulation.script(provider, 0)
    await vendor.looking(0)
    measured = await _crowd(simulation, provider, vendor.waiting, jobs, seconds)
    await vendor.aclose()
    return measured


async def _bare(
    simulation: Simulation, provider: str, url: str, jobs: int, seconds: float
) -> dict[str, Any]:
    wire = BARE[provider]
    headers = {"Authorization": f"{wire.scheme} {KEY}", "X-Runway-Version": "2024-11-06"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def call() -> str:
            async with session.post(f"{url}{wire.submit}", json=wire.body) as response:
                accepted = await response.json()

            await asyncio.sleep(seconds)
            job = str(accepted[wire.id_field])
            for path in wire.looks:
                async with session.get(f"{url}{path.format(id=job)}") as response:
                    await response.read()

            return job

        return await _crowd(simulation, provider, call, jobs, seconds)


async def _crowd(
    simulation: Simulation, provider: str, call: Way, jobs: int, seconds: float
) -> dict[str, Any]:
    simulation.script(provider, seconds)
    gc.collect()
    empty = memory()
    processor = time.process_time()
    started = now()
    had: dict[str, float] = {}

    async def one() -> None:
        job = await call()
        had[job] = now()

    tasks = [asyncio.create_task(one()) for _ in range(jobs)]
    await asyncio.sleep(seconds * 0.9)
    waiting = memory()
    done, late = await asyncio.wait(tasks, timeout=seconds + PATIENCE)
    over = now() - started - seconds
    processor = time.process_time() - processor
    for task in late:
        task.cancel()

    await asyncio.gather(*tasks, return_exceptions=True)
    ends, counted = simulation.ends(provider), simulation.counters(provider)
    return {
        "over": over,
        "lost": len(late) + sum(task.exception() is not None for task in done),
        "delays": sorted(at - ends[job] for job, at in had.items()),
        "memory": (waiting - empty) / jobs,
        "processor": processor / jobs,
        "connections": counted["connections"],
        "looks": (counted["polls"] + counted["lists"]) / jobs,
    }
