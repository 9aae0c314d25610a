"""What the blocking functions add to the async ones, with one thread and with many."""

from __future__ import annotations

import asyncio
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tarash.tarash_gateway import (
    MockConfig,
    MockResponse,
    VideoGenerationConfig,
    generate_video,
    generate_video_async,
)
from tests.benchmarks.callers import MODELS, REQUEST

VIDEO = "https://media.example/video.mp4"
CONFIG = VideoGenerationConfig(
    provider="fal",
    model=MODELS["fal"],
    mock=MockConfig(enabled=True, responses=(MockResponse(output_video=VIDEO),)),
)
"""Answers at once and without a network, so that little hides what is added."""


def measure(threads: int, calls: int, rounds: int) -> dict[str, Any]:
    """Return milliseconds a call: alone, and the processor's with many at once.

    Args:
        threads: How many call at once; the async form has as many tasks.
        calls: Of each of them.
        rounds: How often the ways take turns.
    """
    generate_video(CONFIG, REQUEST)
    taken: dict[str, list[float]] = {
        name: [] for name in ("async", "blocking", "tasks", "threads", "tasks_cpu", "threads_cpu")
    }
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            taken["async"].append(asyncio.run(_alone(calls)))
            taken["blocking"].append(_blocking(calls))
            for name, wall, processor in (
                ("tasks", *_timed(lambda: asyncio.run(_tasks(threads, calls)))),
                ("threads", *_timed(lambda: _threads(pool, threads, calls))),
            ):
                taken[name].append(wall / (threads * calls) * 1e3)
                taken[f"{name}_cpu"].append(processor / (threads * calls) * 1e3)

    return {name: statistics.median(values) for name, values in taken.items()}


def _timed(work: Any) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


async def _alone(calls: int) -> float:
    walls = []
    for _ in range(calls):
        started = time.perf_counter()
        await generate_video_async(CONFIG, REQUEST)
        walls.append(time.perf_counter() - started)

    return statistics.median(walls) * 1e3


def _blocking(calls: int) -> float:
    walls = []
    for _ in range(calls):
        started = time.perf_counter()
        generate_video(CONFIG, REQUEST)
        walls.append(time.perf_counter() - started)

    return statistics.median(walls) * 1e3


async def _tasks(tasks: int, calls: int) -> None:
    async def many() -> None:
        for _ in range(calls):
            await generate_video_async(CONFIG, REQUEST)

    await asyncio.gather(*(many() for _ in range(tasks)))


def _threads(pool: ThreadPoolExecutor, threads: int, calls: int) -> None:
    def many(_number: int) -> None:
        for _ in range(calls):
            generate_video(CONFIG, REQUEST)

    list(pool.map(many, range(threads)))
