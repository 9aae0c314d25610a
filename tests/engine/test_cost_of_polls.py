"""What jobs and polls cost, counted in calls: thousands of jobs wait on one core.

Calls of functions of ours and below, by Python's profiler: no busy machine changes their number,
and neither does another version of the HTTP client.
"""

from __future__ import annotations

import asyncio
import cProfile
from pathlib import Path
from types import CodeType

import aiohttp
import yarl

import tests
from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tests.benchmarks.simulation import Simulation
from tests.benchmarks.still import Still
from tests.conftest import until

MOST_CALLS = 310
"""In one poll."""
POLLS = 40
MOST_CALLS_OF_A_JOB = 2000
"""From its request to its result, with one poll."""
MOST_CALLS_OF_AN_IMAGE = 2400
"""From its request to its result, in one exchange: half of them are the SDK's own."""
JOBS = 6
"""Fewer than share their polls."""


async def test_a_poll_takes_few_calls() -> None:
    gateway, profile = Gateway(), cProfile.Profile()
    with Still() as provider:
        config = VideoGenerationConfig(
            provider="runway",
            model="gen4.5",
            api_key="key",
            base_url=provider.url,
            poll_interval=0.01,
            provider_config={"min_poll_interval": 0.01},
        )
        request = VideoGenerationRequest(prompt="A cat")
        task = asyncio.create_task(gateway.generate_video_async(config, request))
        await until(lambda: provider.counters()["polls"] > 3)
        before = provider.counters()["polls"]
        with profile:
            await until(lambda: provider.counters()["polls"] >= before + POLLS)

        polls = provider.counters()["polls"] - before
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    calls = sum(one.callcount for one in profile.getstats() if _counts(one.code))
    assert calls / polls < MOST_CALLS


async def test_a_job_takes_few_calls() -> None:
    profile = cProfile.Profile()
    async with Gateway() as gateway:
        with Simulation("replicate") as simulation:
            simulation.script("replicate", 0.2)
            config = VideoGenerationConfig(
                provider="replicate",
                model="google/veo-3.1",
                api_key="key-of-the-tests",
                base_url=simulation.urls["replicate"],
            )

            async def one() -> None:
                await gateway.generate_video_async(config, VideoGenerationRequest(prompt="A cat"))

            await one()  # which imports, reads the catalogue, and opens connections
            with profile:
                await asyncio.gather(*(one() for _ in range(JOBS)))

            assert simulation.counters("replicate")["polls"] == JOBS + 1

    calls = sum(one.callcount for one in profile.getstats() if _counts(one.code))
    assert calls / JOBS < MOST_CALLS_OF_A_JOB


async def test_an_image_takes_few_calls() -> None:
    profile = cProfile.Profile()
    with Simulation("openai") as simulation:
        async with Gateway() as gateway:
            config = ImageGenerationConfig(
                provider="openai",
                model="gpt-image-2",
                api_key="key-of-the-tests",
                base_url=f"{simulation.urls['openai']}/v1",
            )

            async def one(number: int) -> None:
                request = ImageGenerationRequest(prompt="A cat" * (1 + number))
                await gateway.generate_image_async(config, request)

            await one(0)  # as above
            await one(0)
            with profile:
                for number in range(JOBS):
                    await one(number)

    calls = sum(one.callcount for one in profile.getstats() if _counts(one.code))
    assert calls / JOBS < MOST_CALLS_OF_AN_IMAGE


def _counts(code: CodeType | str) -> bool:
    """Tell whether a function is ours, or of what we build on; not of loop, client or tests."""
    if isinstance(code, str):
        return False

    others = (asyncio, aiohttp, yarl, tests)
    return not code.co_filename.startswith(tuple(str(Path(one.__path__[0])) for one in others))
