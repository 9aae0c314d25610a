"""What one generation costs beside the vendor's own calls: wall and processor time, nothing waited.

Jobs end at once, and nobody pauses between looks, so that only the work is measured. The two take
turns in one process, with clients that are made already; a third way makes a new client for each
call, as short scripts and careful services do.
"""

from __future__ import annotations

import asyncio
import base64
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tarash.tarash_gateway import Gateway, ImageGenerationConfig, ImageGenerationRequest
from tests.benchmarks.callers import KEY, PROMPT, VENDORS, ours
from tests.benchmarks.simulation import Simulation

AT_ONCE: dict[str, Any] = {"poll_interval": 1e-6, "provider_config": {"min_poll_interval": 0}}
WARM = 10
IMAGES = "openai, an image"
IMAGE_MODEL = "gpt-image-2"


def measure(provider: str, rounds: int, calls: int) -> dict[str, Any]:
    """Return milliseconds a call, wall and processor, for each way.

    Args:
        provider: Whose simulator; `IMAGES` for one image of OpenAI's.
        rounds: How often the ways take turns.
        calls: Calls in a row.
    """
    if provider == IMAGES:
        return measure_images(rounds, calls)

    with Simulation(provider) as simulation:
        simulation.script(provider, 0)
        return asyncio.run(_measure(provider, simulation.urls[provider], rounds, calls))


def measure_images(rounds: int, calls: int) -> dict[str, Any]:
    """Return the same of one image of OpenAI's, which its one answer holds."""
    with Simulation("openai") as simulation:
        return asyncio.run(_measure_images(simulation.urls["openai"], rounds, calls))


async def _measure_images(url: str, rounds: int, calls: int) -> dict[str, Any]:
    from openai import AsyncOpenAI

    config = ImageGenerationConfig(
        provider="openai", model=IMAGE_MODEL, api_key=KEY, base_url=f"{url}/v1"
    )
    request = ImageGenerationRequest(prompt=PROMPT)
    sdk = AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1")

    async def image_of(one: AsyncOpenAI) -> None:
        answer = await one.images.generate(model=IMAGE_MODEL, prompt=PROMPT)
        assert answer.data
        assert base64.b64decode(answer.data[0].b64_json or "")

    async def theirs() -> None:
        await image_of(sdk)

    async def anew() -> None:
        async with AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as one:
            await image_of(one)

    async with Gateway() as gateway, sdk:

        async def call() -> None:
            response = await gateway.generate_image_async(config, request)
            assert response.images

        return await _take_turns({"ours": call, "theirs": theirs, "anew": anew}, rounds, calls)


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
        found = await _take_turns(ways, rounds, calls)

    await vendor.aclose()
    return found


async def _take_turns(
    ways: dict[str, Callable[[], Awaitable[Any]]], rounds: int, calls: int
) -> dict[str, Any]:
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for way in ways.values():
        await _block(way, min(WARM, calls))

    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(await _block(way, calls if name != "anew" else calls // 4 or 1))

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
