"""Closing a gateway while a job runs: the job goes on, and its connections are closed after it."""

from __future__ import annotations

import asyncio
import threading

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.engine.conftest import Eventually


async def test_a_running_job_outlives_the_closing_of_its_gateway(eventually: Eventually) -> None:
    with Simulator(["fal"]) as simulator:
        is_closed = threading.Event()
        simulator.script("fal", Script(run_polls=1, stream=False))
        simulator.fail("fal", "poll", Fault.hold(is_closed.is_set))
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key="a-key-of-the-tests",
            base_url=simulator.base_url("fal"),
            poll_interval=0.1,
        )
        gateway = Gateway()
        request = VideoGenerationRequest(prompt="A cat")
        job = asyncio.create_task(gateway.generate_video_async(config, request))
        await eventually(lambda: simulator.counters("fal").polls > 0)

        await gateway.aclose()
        assert not job.done()
        is_closed.set()
        assert (await job).status == "completed"
        await eventually(lambda: simulator.counters("fal").open_connections == 0)
        assert simulator.counters("fal").submits == 1
