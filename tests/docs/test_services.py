"""What the guide on services says of clients that leave is true of its code."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.testing import Script, Simulator

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "services.md"
REQUEST = VideoGenerationRequest(prompt="A cat")


class Client:
    """A client that leaves as soon as its job runs."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def is_disconnected(self) -> bool:
        return bool(self.simulator.jobs("fal"))


def unless_gone() -> Any:
    """Return the function of the page's first block."""
    block = PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    namespace: dict[str, Any] = {}
    exec(compile(block, PAGE, "exec", dont_inherit=True), namespace)  # noqa: S102  (our own page)
    return namespace["unless_gone"]


@pytest.mark.parametrize(("on_timeout", "cancelled"), [("cancel", True), ("detach", False)])
async def test_a_client_that_leaves_stops_its_job_or_leaves_it_running(
    on_timeout: Any, *, cancelled: bool
) -> None:
    with Simulator(["fal"]) as simulator:
        simulator.script("fal", Script(outcome="never"))
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key="any:key",
            base_url=simulator.base_url("fal"),
            on_timeout=on_timeout,
        )
        async with Gateway() as gateway:
            work = gateway.generate_video_async(config, REQUEST)
            with pytest.raises(Exception, match="the client has left"):
                await unless_gone()(Client(simulator), work)

        (job,) = simulator.jobs("fal")
        assert job.cancel_requested is cancelled


async def test_who_stays_gets_the_result() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "made"

    class Staying:
        async def is_disconnected(self) -> bool:
            return False

    assert inspect.iscoroutinefunction(unless_gone())
    assert await unless_gone()(Staying(), work()) == "made"
