"""Jobs that have a label in common, counted together; and budgets that come with a call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    BudgetExceededError,
    Gateway,
    Limits,
    PolicyRefusedError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.testing import Script, Simulator

REQUEST = VideoGenerationRequest(prompt="A cat", duration_seconds=8)


def config(simulator: Simulator, provider: str = "fal", **more: object) -> VideoGenerationConfig:
    model = {"fal": "fal-ai/veo3.1", "openai": "sora-2"}[provider]
    base_url = simulator.base_url(provider)
    return VideoGenerationConfig.model_validate(
        {"provider": provider, "model": model, "api_key": "a:b", "base_url": base_url, **more}
    )


@pytest.fixture(params=["config", "gateway"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_values_of_a_label_are_counted_by_themselves(tmp_path: Path, place: str) -> None:
    limits = Limits(in_flight=1, label="user", queue_timeout=0.2, learn=False)
    mine = limits if place == "config" else None
    with Simulator(["fal", "openai"]) as simulator:
        simulator.script("fal", Script(outcome="never", stream=False))
        ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
        gateways = [
            Gateway(ledger=ledger, limits=[] if place == "config" else [limits]) for _ in range(2)
        ]
        one, other = (config(simulator, name, limits=mine) for name in ("fal", "openai"))
        await gateways[0].submit_video_async(one, REQUEST, labels={"user": "a"})
        with pytest.raises(PolicyRefusedError, match="this user"):
            await gateways[1].submit_video_async(other, REQUEST, labels={"user": "a"})

        await gateways[1].submit_video_async(other, REQUEST, labels={"user": "b"})
        await asyncio.gather(*(one.aclose(0) for one in gateways))
        assert simulator.counters("openai").accepted == 1


async def test_of_two_limits_of_a_label_the_smaller_holds(tmp_path: Path) -> None:
    wide = Limits(in_flight=5, label="user", learn=False)
    narrow = Limits(in_flight=1, label="user", queue_timeout=0.2, learn=False)
    with Simulator(["fal"]) as simulator:
        simulator.script("fal", Script(outcome="never", stream=False))
        gateway = Gateway(ledger=f"sqlite:///{tmp_path / 'jobs.db'}", limits=[narrow])
        made = config(simulator, limits=wide)
        await gateway.submit_video_async(made, REQUEST, labels={"user": "a"})
        with pytest.raises(PolicyRefusedError, match="this user"):
            await gateway.submit_video_async(made, REQUEST, labels={"user": "a"})

        await gateway.aclose(0)
        assert simulator.counters("fal").accepted == 1


async def test_a_call_brings_a_budget_of_its_own(tmp_path: Path) -> None:
    with Simulator(["openai"]) as simulator:
        gateway = Gateway(ledger=f"sqlite:///{tmp_path / 'jobs.db'}")
        bounded = config(simulator, "openai", budgets=["1.00/day/user"])
        await gateway.submit_video_async(bounded, REQUEST, labels={"user": "a"})
        with pytest.raises(BudgetExceededError):
            await gateway.submit_video_async(bounded, REQUEST, labels={"user": "a"})

        await gateway.submit_video_async(bounded, REQUEST, labels={"user": "b"})
        free = config(simulator, "openai")
        await gateway.submit_video_async(free, REQUEST, labels={"user": "a"})
        enqueued = await gateway.enqueue_video_async(bounded, REQUEST, labels={"user": "b"})
        resumed = await gateway.resume_async(enqueued.id, api_keys={"openai": "a:b"})
        with pytest.raises(BudgetExceededError):  # it is kept with the job
            await resumed.accepted_async()

        await gateway.aclose(0)
        assert simulator.counters("openai").accepted == 3


def test_a_budget_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is no budget"):
        VideoGenerationConfig(provider="fal", model="x", budgets=["much"])
