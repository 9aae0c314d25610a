"""Looking up a model, and turning a request into what goes over the wire, provider by provider."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from tarash.tarash_gateway import VideoGenerationRequest, plan_video
from tarash.tarash_gateway.catalog import forget, lookup
from tests.benchmarks.callers import MODELS, PROMPT, config

WISHES = VideoGenerationRequest(prompt=PROMPT, duration_seconds=6, aspect_ratio="9:16", seed=7)


def measure(times: int) -> dict[str, Any]:
    """Return microseconds by provider: the first look-up, the next, and a whole plan.

    Args:
        times: How often each is done; the median counts.
    """
    return {provider: _figures(provider, times) for provider in MODELS}


def _figures(provider: str, times: int) -> dict[str, float]:
    settings = config(provider, "https://provider.example")
    model = settings.model
    plan_video(settings, WISHES)

    def first() -> None:
        forget(provider)
        lookup(provider, model, "video")

    return {
        "first": _microseconds(first, times // 20 or 1),
        "next": _microseconds(lambda: lookup(provider, model, "video"), times),
        "plan": _microseconds(lambda: plan_video(settings, WISHES), times // 4 or 1),
    }


def _microseconds(action: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)

    return statistics.median(taken) * 1e6
