"""What one generation costs beside the vendor's own calls: wall and processor time, nothing waited.

Jobs end at once, and nobody pauses between looks, so that only the work is measured. The two take
turns in one process, with clients that are made already; a third way makes a new client for each
call, as short scripts and careful services do.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.benchmarks.callers import VENDORS, ours
from tests.benchmarks.simulation import Simulation

AT_ONCE = {"poll_interval": 1e-6, "provider_config": {"min_poll_interval": 0}}
WARM = 10


def measure(provider: str, rounds: int, calls: int) -> dict[str, Any]:
    """Return milliseconds a call, wall and processor, for each way.

    Args:
        provider: Whose simulator.
        rounds: How often the ways take turns.
        calls: Calls in a row.
    """
    with Simulation(provider) as simulation:
        simulation.script(provider, 0)
        return asyncio.run(_measure(provider, simulation.urls[provider], rounds, calls))


async def _measure(provider: str, url: str, rounds: int, calls: int) -> dict[str, Any]:
    vendor = VENDORS[provider](url)

    async def anew() -> None:
        one = VENDORS[provider](url)
        await one.looking(0)
        await one.aclose()

    async with ours(provider, url, **AT_ONCE) as call:
        ways: dict[str, Callable[[], Awaitable[Any]]] = {
            "ours": call,
            "theirs": lambda: vendor.looking(0),
            "anew": anew,
        }
        taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for way in ways.values():
            await _block(way, min(WARM, calls))

        for _ in range(rounds):
            for name, way in ways.items():
                taken[name].append(await _block(way, calls if name != "anew" else calls // 4 or 1))

    await vendor.aclose()
    return {
        name: [statistics.median(column) for column in zip(*blocks, strict=True)]
        for name, blocks in taken.items()
    }


async def _block(way: Callable[[], Awaitable[Any]], calls: int) -> tuple[float, float]:
    """Return the median wall and the mean processor milliseconds of some calls in a row."""
    walls = []
    processor = time.process_time()
    for _ in range(calls):
        started = time.perf_counter()
        await way()
        walls.append(time.perf_counter() - started)

    return statistics.median(walls) * 1e3, (time.process_time() - processor) / calls * 1e3
