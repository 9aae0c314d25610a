"""Jobs through the rest of the public functions: blocking forms, threads, handlers, shutdown."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageJob,
    TarashException,
    UnsupportedOperationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    VideoJob,
    submit_video,
)
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.providers._registry import Registry
from tarash.tarash_gateway.testing import Script, Simulator
from tests.conftest import until
from tests.jobs.conftest import BY_NAME, KEY, config_for, finish
from tests.jobs.processes import wait_for

FAL = BY_NAME["fal-video-veo3.1"]
RUNWAY = BY_NAME["runway-video-gen4.5"]
NEVER = Script(outcome="never", stream=False)
REQUEST = VideoGenerationRequest(prompt="A cat")
Make = Callable[[], Any]


class Handler:
    """A provider of the application's own."""

    def __init__(self) -> None:
        self.calls = 0

    async def generate_video_async(self, *_: Any) -> VideoGenerationResponse:
        self.calls += 1
        return VideoGenerationResponse(
            request_id="mine", video="https://example.com/a.mp4", status="completed",
            raw_response={},
        )  # fmt: skip


def config(simulator: Simulator, *fallbacks: Any, **changes: Any) -> Any:
    return config_for(FAL, simulator, fallback_configs=list(fallbacks), **changes)


def test_blocking_waits_in_several_threads_share_one_job(simulator: Simulator, path: Path) -> None:
    simulator.script("fal", NEVER)
    ledger = f"sqlite:///{path}"
    job = submit_video(config(simulator), REQUEST, ledger=ledger)
    seen: list[str] = []
    threads: set[str] = set()

    def wait(handle: VideoJob | ImageJob) -> str:
        here = threading.current_thread().name

        def note(update: Any) -> None:
            threads.add(f"{here} {threading.current_thread().name == here}")
            seen.append(update.status)

        return handle.wait(note).request_id

    others = [Gateway(ledger=SqliteLedger(path)) for _ in range(2)]
    handles: list[Any] = [job, job, *(one.resume(job.id, api_keys={"fal": KEY}) for one in others)]
    with ThreadPoolExecutor(len(handles)) as pool:
        waits = [pool.submit(wait, handle) for handle in handles]
        before = simulator.counters("fal").polls
        wait_for(lambda: simulator.counters("fal").polls >= before + 4)
        assert job.status().status == "processing"
        made = finish(simulator, "fal")
        assert {one.result() for one in waits} == {made}

    assert {name.rpartition(" ")[2] for name in threads} == {"True"}
    assert seen.count("completed") == len(handles)
    assert simulator.counters("fal").submits == 1
    assert job.wait().request_id == made
    assert job.cancel() == "too_late"
    for one in others:
        one.close(grace=5)


def test_the_blocking_forms_of_a_key(simulator: Simulator, path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        gateways = [Gateway(ledger=SqliteLedger(path)) for _ in range(2)]
        calls = [
            pool.submit(
                gateways[number % 2].generate_video, config(simulator), REQUEST,
                idempotency_key="order",
            )
            for number in range(8)
        ]  # fmt: skip
        assert len({one.result().request_id for one in calls}) == 1

    assert simulator.counters("fal").submits == 1
    for gateway in gateways:
        gateway.close(grace=5)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_handler_has_no_job_to_hand_out(kind: str, path: Path) -> None:
    handler = Handler()
    registry = Registry()
    registry.register_provider("mine", handler)
    ledger = MemoryLedger() if kind == "memory" else SqliteLedger(path)
    mine = VideoGenerationConfig(provider="mine", model="m")
    async with Gateway(ledger=ledger, registry=registry) as gateway:
        with pytest.raises(UnsupportedOperationError, match="generate_video") as caught:
            await gateway.submit_video_async(mine, REQUEST, idempotency_key="order")

        assert caught.value.submission == "not_sent"
        assert handler.calls == 0
        # Nothing was bought, so that the key is free for what works.
        made = await gateway.generate_video_async(mine, REQUEST, idempotency_key="order")
        assert made.request_id == "mine"
        assert handler.calls == 1
        again = await gateway.generate_video_async(mine, REQUEST, idempotency_key="order")
        assert again.video == made.video
        assert handler.calls == 1
        job = await gateway.submit_video_async(mine, REQUEST, idempotency_key="order")
        assert (await job.wait_async()).video == made.video


async def test_a_handler_behind_a_job_runs_when_somebody_waits(
    simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(outcome="failed"))
    handler = Handler()
    registry = Registry()
    registry.register_provider("mine", handler)
    mine = VideoGenerationConfig(provider="mine", model="m")
    async with Gateway(ledger=SqliteLedger(path), registry=registry) as gateway:
        job = await gateway.submit_video_async(config(simulator, mine), REQUEST)
        assert handler.calls == 0
        waits = [job.wait_async() for _ in range(3)]
        assert {one.request_id for one in await asyncio.gather(*waits)} == {"mine"}
        assert handler.calls == 1


@pytest.mark.parametrize("on_timeout", ["cancel", "detach"])
async def test_the_grace_of_a_shutdown(on_timeout: str, simulator: Simulator, path: Path) -> None:
    simulator.script("fal", NEVER)
    gateway = Gateway(ledger=SqliteLedger(path))
    asked = config(simulator, on_timeout=on_timeout)
    calls = [asyncio.ensure_future(gateway.generate_video_async(asked, REQUEST)) for _ in range(3)]
    job = await gateway.submit_video_async(asked, REQUEST)
    calls.append(asyncio.ensure_future(job.wait_async()))
    await until(lambda: simulator.counters("fal").polls >= 12)

    await gateway.aclose(grace=0)
    for call in calls:
        with pytest.raises(asyncio.CancelledError):
            await call

    for late in (gateway.generate_video_async(asked, REQUEST), job.wait_async()):
        with pytest.raises(TarashException, match="shutting down") as caught:
            await late

        assert caught.value.submission == "not_sent"

    found = await _records(path)
    assert {one.held for one in found} == {False}
    assert {one.state for one in found} == {"open"}
    assert simulator.counters("fal").accepted == 4
    assert simulator.counters("fal").cancels == (4 if on_timeout == "cancel" else 0)


async def _records(path: Path) -> Any:
    ledger = SqliteLedger(path)
    found = await ledger.jobs()
    await ledger.aclose()
    return found


async def test_a_grace_that_is_long_enough_lets_all_finish(
    simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(run_seconds=0.3))
    gateway = Gateway(ledger=SqliteLedger(path))
    calls = [
        asyncio.ensure_future(gateway.generate_video_async(config(simulator), REQUEST))
        for _ in range(3)
    ]
    await until(lambda: simulator.counters("fal").accepted == 3)
    await gateway.aclose(grace=60)
    assert all(call.done() for call in calls)
    assert len({call.result().request_id for call in calls}) == 3
    assert {one.state for one in await _records(path)} == {"completed"}


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_all_who_wait_get_the_fallbacks_answer(
    kind: str, simulator: Simulator, path: Path
) -> None:
    """The fallback answers at once, so that there is no job of its to look at."""
    fal, stability = BY_NAME["fal-image-dev"], BY_NAME["stability-image-sd3.5-large"]
    simulator.script("fal", Script(run_polls=6, outcome="failed", stream=False))
    asked = config_for(fal, simulator, fallback_configs=[config_for(stability, simulator)])
    ledger = MemoryLedger() if kind == "memory" else SqliteLedger(path)
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_image_async(asked, fal.request())
        others = [await gateway.resume_async(job.id, api_keys={"fal": KEY}) for _ in range(2)]
        waits = [one.wait_async() for one in (job, job, job)]
        late = [one.wait_async() for one in others]
        responses: list[Any] = await asyncio.gather(*waits, *late, return_exceptions=True)
        if kind == "memory":  # which keeps results for those only that drive, or have a key
            for error in responses[3:]:
                assert isinstance(error, TarashException)
                assert "is done" in error.message

            responses = responses[:3]

        assert len({one.images for one in responses}) == 1
        assert simulator.counters("stability").submits == 1
        await gateway.aclose(grace=5)
