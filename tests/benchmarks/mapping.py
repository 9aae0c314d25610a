"""Looking up a model, and turning a request into what goes over the wire, and what that costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from tarash.tarash_gateway import VideoGenerationConfig, VideoGenerationRequest, plan_video
from tarash.tarash_gateway._data._exchange import Call, Payload
from tarash.tarash_gateway._engine import checked_payload, fitted_call, quoted
from tarash.tarash_gateway._jobs._adapters import adapter_of
from tarash.tarash_gateway.catalog import ModelSpec, forget, lookup
from tarash.tarash_gateway.providers._registry import default_registry
from tests.benchmarks.callers import MODELS, PROMPT, config

WISHES = VideoGenerationRequest(prompt=PROMPT, duration_seconds=6, aspect_ratio="9:16", seed=7)


def measure(times: int) -> dict[str, Any]:
    """Return microseconds by provider: the first look-up, the next, a whole plan, and its quote.

    Args:
        times: How often each is done; the median counts.
    """
    return {provider: _figures(provider, times) for provider in MODELS}


def _figures(provider: str, times: int) -> dict[str, float]:
    settings = config(provider, "https://provider.example")
    model = settings.model
    plan_video(settings, WISHES)
    fitted = _fitted(settings)

    def first() -> None:
        forget(provider)
        lookup(provider, model, "video")

    return {
        "first": _microseconds(first, times // 20 or 1),
        "next": _microseconds(lambda: lookup(provider, model, "video"), times),
        "plan": _microseconds(lambda: plan_video(settings, WISHES), times // 4 or 1),
        "quote": _microseconds(lambda: quoted(*fitted), times // 4 or 1),
    }


def _fitted(settings: VideoGenerationConfig) -> tuple[Call, ModelSpec, Payload]:
    """Return what a quote is made of, once a plan has made that."""
    adapter = adapter_of(Call("video", settings, WISHES, "one"), default_registry)
    call, spec = fitted_call(Call("video", settings, WISHES, "one"), default_registry, adapter)
    return call, spec, checked_payload(adapter, call, spec)


def _microseconds(action: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)

    return statistics.median(taken) * 1e6


def main() -> None:
    """Print the microseconds of each, by provider."""
    for provider, figures in measure(2000).items():
        shown = ", ".join(f"{name} {microseconds:.0f}" for name, microseconds in figures.items())
        print(f"{provider:12} {shown} µs")


if __name__ == "__main__":
    main()
