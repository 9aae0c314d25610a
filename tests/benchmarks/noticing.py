"""From "the provider is done" to "the caller has it", and with how many status requests.

Jobs take what is said, 10 % more or less, as real ones do. Each way has some rounds of some jobs at
once; the gateway's first round knows nothing of such jobs, the later ones what it saw before.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.benchmarks.callers import VENDORS, ours
from tests.benchmarks.clock import loop_factory
from tests.benchmarks.simulation import Simulation, now

SPREAD = 0.1
Way = Callable[[], Awaitable[str]]
FIXED = 5.0
"""Seconds between two looks of a loop that somebody wrote in a hurry."""


def measure(
    providers: list[str], seconds: Sequence[float], speed: float, rounds: int, jobs: int
) -> dict[str, Any]:
    """Return delays in seconds and status requests, by provider and way, a pair for each job.

    Args:
        providers: Whose simulators, all at the same time.
        seconds: What jobs take; of several lengths, as many of each, in any order.
        speed: How much faster the loop's time runs.
        rounds: Of ours, three or more; the vendor's helper has three, the fixed pause one.
        jobs: At once in each round.
    """
    rng = random.Random(sum(seconds))
    lengths = list(seconds) * jobs * (rounds + 4)
    if len(seconds) > 1:
        rng.shuffle(lengths)

    durations = [length * rng.uniform(1 - SPREAD, 1 + SPREAD) / speed for length in lengths]
    with (
        Simulation(*providers) as simulation,
        asyncio.Runner(loop_factory=loop_factory(speed)) as runner,
    ):
        for provider in providers:
            simulation.script(provider, *durations)

        return runner.run(_measure(simulation, speed, rounds, jobs))


async def _measure(simulation: Simulation, speed: float, rounds: int, jobs: int) -> dict[str, Any]:
    had: dict[str, dict[str, list[tuple[str, float, int]]]] = {}

    async def repeat(provider: str, way: str, call: Way, times: int) -> None:
        for number in range(times):
            done = await asyncio.gather(*(_timed(call) for _ in range(jobs)))
            had[provider][way] += [(job, at, number) for job, at in done]

    async def one(provider: str) -> None:
        url = simulation.urls[provider]
        vendor = VENDORS[provider](url)
        had[provider] = {"ours": [], "theirs": [], "fixed": []}
        async with ours(provider, url) as call, asyncio.TaskGroup() as group:
            group.create_task(repeat(provider, "ours", call, rounds))
            group.create_task(repeat(provider, "theirs", vendor.waiting, 3))
            group.create_task(repeat(provider, "fixed", lambda: vendor.looking(FIXED), 1))

        await vendor.aclose()

    await asyncio.gather(*(one(provider) for provider in simulation.urls))
    return {provider: _joined(simulation, provider, ways, speed) for provider, ways in had.items()}


async def _timed(call: Way) -> tuple[str, float]:
    job = await call()
    return job, now()


def _joined(
    simulation: Simulation,
    provider: str,
    ways: dict[str, list[tuple[str, float, int]]],
    speed: float,
) -> dict[str, list[tuple[float, int]]]:
    ends, looks = simulation.ends(provider), Counter(simulation.looks(provider))
    found: dict[str, list[tuple[float, int]]] = {"first": []}
    for way, jobs in ways.items():
        found[way] = []
        for job, at, number in jobs:
            # The first two rounds of ours: nothing is known in the one, little in the other.
            place = found["first" if way == "ours" and number == 0 else way]
            if way != "ours" or number != 1:
                place.append(((at - ends[job]) * speed, looks[job]))

    return found
