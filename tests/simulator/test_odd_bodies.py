"""Bodies that servers should not send, as the simulator sends them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway import (
    SaveError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video_async,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator

LIMIT = 1_000_000


async def looked_at(fal: Any, fault: Fault) -> tuple[int, str, bytes]:
    """Return what a look gets, of its body the first million bytes."""
    submitted = await fal.submit()
    fal.simulator.fail("fal", "poll", fault)
    headers = {"Authorization": "Key k:k"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(submitted["status_url"], headers=headers) as response,
    ):
        body = b""
        async for block in response.content.iter_any():
            body += block
            if len(body) > LIMIT:
                break

        return response.status, response.headers["Content-Type"], body


async def test_a_body_without_end(fal: Any) -> None:
    _, _, body = await looked_at(fal, Fault.endless_body())
    assert len(body) > LIMIT
    assert json.loads(body)["status"]


async def test_a_body_that_unpacks_to_much(fal: Any) -> None:
    _, _, body = await looked_at(fal, Fault.gzip_bomb(LIMIT - 7))
    assert len(body) == LIMIT - 7
    assert json.loads(body)["status"]


async def test_a_body_that_takes_its_time(fal: Any) -> None:
    fal.simulator.script("fal", Script(run_polls=1))
    status, _, body = await looked_at(fal, Fault.slow_body(0.05))
    assert status == 202  # fal says so while it works
    assert json.loads(body)["status"]


async def test_a_body_under_another_label(fal: Any) -> None:
    _, label, body = await looked_at(fal, Fault.content_type("text/html"))
    assert label == "text/html"
    assert json.loads(body)["status"]


async def test_a_body_in_other_words(fal: Any) -> None:
    _, _, body = await looked_at(fal, Fault.other_words({"IN_PROGRESS": "WARMING"}))
    assert json.loads(body)["status"] == "WARMING"


async def test_a_body_in_another_form_of_unicode(fal: Any) -> None:
    _, label, body = await looked_at(fal, Fault.charset("utf-16"))
    assert label == "application/json"
    assert json.loads(body.decode("utf-16"))["status"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fault.slow_body(-1),
        lambda: Fault.slow_body(float("nan")),
        lambda: Fault.endless_body(b""),
        lambda: Fault.gzip_bomb(0),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        make()


@pytest.mark.parametrize("step", ["submit", "poll", "result", "download"])
async def test_a_job_survives_labels_and_slowness(
    step: Any, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.fail("fal", step, Fault.content_type("text/html"))
    simulator.fail("fal", step, Fault.slow_body(0.01))
    response = await generate_video_async(config(simulator), VideoGenerationRequest(prompt="a cat"))
    await response.save_async(tmp_path / "cat.mp4")
    assert simulator.counters("fal").accepted == 1


async def test_a_part_under_200_is_no_whole_file(simulator: Simulator, tmp_path: Path) -> None:
    response = await generate_video_async(config(simulator), VideoGenerationRequest(prompt="a cat"))
    whole = tmp_path / "whole.mp4"
    await response.save_async(whole)
    simulator.fail("fal", "download", Fault.cut(1000))
    simulator.fail("fal", "download", Fault.range_as_whole())
    again = tmp_path / "again.mp4"
    try:
        await response.save_async(again)
    except SaveError:
        assert not again.exists()
    else:
        assert again.read_bytes() == whole.read_bytes()


def config(simulator: Simulator) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        api_key="any:key",
        base_url=simulator.base_url("fal"),
        poll_interval=0.05,
        provider_config={"min_poll_interval": 0.02},
    )
