"""How long a look-up and a mapping take: figures with `-m bench`, proportions in every run."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import pytest

from tarash.tarash_gateway import VideoGenerationConfig, VideoGenerationRequest, plan_video
from tarash.tarash_gateway._data._exchange import Call
from tarash.tarash_gateway._engine import checked_payload, fitted_call
from tarash.tarash_gateway.catalog import forget, list_all, lookup
from tarash.tarash_gateway.providers._registry import default_registry

MODEL = "fal-ai/kling-video/o3/standard/reference-to-video"
URL = "https://media.example/a.png"
CONFIG = VideoGenerationConfig(provider="fal", model=MODEL)
REQUEST = VideoGenerationRequest(
    prompt="a cat",
    duration_seconds=6,
    aspect_ratio="9:16",
    image_list=(
        {"image": URL, "type": "first_frame"},
        {"image": URL, "type": "last_frame"},
        {"image": URL, "type": "reference"},
        {"image": URL, "type": "asset"},
    ),
)


def median_microseconds(action: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.thread_time()  # not the time that others have taken
        action()
        taken.append(time.thread_time() - started)

    return statistics.median(taken) * 1e6


def map_one() -> None:
    adapter = default_registry.adapter("fal")
    call, spec = fitted_call(Call("video", CONFIG, REQUEST, "id"), default_registry, adapter)
    checked_payload(adapter, call, spec)


def look_up_first() -> None:
    forget("fal")
    lookup("fal", MODEL, "video")


def test_one_model_is_looked_up_without_reading_all() -> None:
    first = median_microseconds(look_up_first, 5)
    every = median_microseconds(lambda: list(list_all("fal")), 1)
    again = median_microseconds(lambda: lookup("fal", MODEL, "video"), 200)
    assert first < every / 5
    assert again < first / 10


@pytest.mark.bench
def test_figures() -> None:
    plan_video(CONFIG, REQUEST)
    figures = {
        "first look-up": (median_microseconds(look_up_first, 50), 5000),
        "next look-up": (median_microseconds(lambda: lookup("fal", MODEL, "video"), 5000), 20),
        "mapping one request": (median_microseconds(map_one, 3000), 300),
    }
    for name, (measured, limit) in figures.items():
        sys.stdout.write(f"{name}: {measured:.1f} µs (limit {limit} µs)\n")
        assert measured <= limit, name
