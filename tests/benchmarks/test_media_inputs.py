"""How long a large image holds up the event loop on its way out; `nox -s bench` prints it."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway._data._exchange import MediaSupport
from tarash.tarash_gateway._http._body import json_body
from tarash.tarash_gateway.media import Rules, load, prepare

SIZE = 20_000_000
LONGEST_LAG = 0.020
"""Seconds."""
RUNS = 7
LOOK = 0.001
SERVER = (
    "import sys\n"
    "from tarash.tarash_gateway.testing import Simulator\n"
    "with Simulator(['xai']) as simulator:\n"
    "    print(simulator.base_url('xai'), flush=True)\n"
    "    sys.stdin.read()\n"
)


async def written(value: Any) -> None:
    """Write a body as it is sent."""
    async for _ in await json_body(value):
        await asyncio.sleep(0)


async def lag_during(work: Callable[[], Awaitable[Any]]) -> float:
    """Return by how much the loop was late at the worst moment of some work, in seconds."""
    worst = 0.0
    is_over = False

    async def watch() -> None:
        nonlocal worst
        while not is_over:
            start = time.perf_counter()
            await asyncio.sleep(LOOK)
            worst = max(worst, time.perf_counter() - start - LOOK)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(10 * LOOK)
    worst = 0.0
    await work()
    is_over = True
    await watching
    return worst


@contextmanager
def simulator() -> Iterator[str]:
    """Run xAI's simulator in a process of its own: it would hold up this one's threads."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.mark.bench
async def test_base64_of_20_mb(tmp_path: Path) -> None:
    """Prints the lag of each step, and holds that of the encoding to its limit."""
    content = b"\x89PNG\r\n\x1a\n" + os.urandom(SIZE - 8)
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    of_bytes = VideoGenerationRequest(prompt="A kite", image_list=({"image": content},))
    of_path = VideoGenerationRequest(prompt="A kite", image_list=({"image": path},))
    prepared, _ = await prepare(of_bytes, MediaSupport(), None)
    body = {"image": prepared.image_list[0]["image"]}
    as_text = VideoGenerationRequest.model_validate(
        {"prompt": "A kite", "image_list": [str(body["image"])]}
    )

    with simulator() as origin:
        settings: Any = {"provider": "xai", "model": "grok-imagine-video", "base_url": origin}
        config = VideoGenerationConfig(**settings, api_key="key", poll_interval=0.05)
        async with Gateway() as gateway:
            steps: dict[str, Callable[[], Awaitable[Any]]] = {
                "read the file": lambda: load(of_path, Rules()),
                "decode base64": lambda: load(as_text, Rules()),
                "encode base64": lambda: prepare(of_bytes, MediaSupport(), None),
                "write the JSON": lambda: written(body),
                "generate": lambda: gateway.generate_video_async(config, of_path),
            }
            await steps["generate"]()  # the first one imports what it needs
            steps["nothing"] = lambda: asyncio.sleep(0.2)
            found = {
                name: [await lag_during(work) for _ in range(RUNS)] for name, work in steps.items()
            }

    print(f"\nlag of the loop for {SIZE // 10**6} MB, in the best and the median of {RUNS} runs:")
    for name, lags in found.items():
        print(f"  {name}: {1000 * min(lags):.1f} ms, {1000 * statistics.median(lags):.1f} ms")

    # What else the machine does shows in the others.
    assert min(found["encode base64"]) < LONGEST_LAG
