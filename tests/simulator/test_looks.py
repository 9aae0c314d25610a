"""Jobs that go on when they are looked at, on fal's wire; the contract has them for all wires."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tarash.tarash_gateway import (
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video_async,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tarash.tarash_gateway.testing._simulator import PAUSES


async def seen(fal: Any, submitted: dict[str, Any]) -> str:
    _, body, _ = await fal.exchange("GET", submitted["status_url"])
    return str(body["status"])


async def test_a_look_moves_the_job_and_nothing_else_does(fal: Any) -> None:
    fal.simulator.script("fal", Script(queue_polls=2, run_polls=1))
    submitted = await fal.submit()
    assert submitted["queue_position"] == 2
    assert (await fal.exchange("GET", submitted["response_url"]))[0] == 400
    assert fal.simulator.jobs("fal")[0].status == "queued"

    _, body, _ = await fal.exchange("GET", submitted["status_url"])
    assert (body["status"], body["queue_position"]) == ("IN_QUEUE", 2)
    _, body, _ = await fal.exchange("GET", submitted["status_url"])
    assert (body["status"], body["queue_position"]) == ("IN_QUEUE", 1)
    assert await seen(fal, submitted) == "IN_PROGRESS"
    assert fal.simulator.jobs("fal")[0].status == "running"
    assert [await seen(fal, submitted) for _ in range(2)] == ["COMPLETED"] * 2
    assert (await fal.exchange("GET", submitted["response_url"]))[0] == 200


@pytest.mark.parametrize(
    ("script", "statuses"),
    [
        (Script(queue_polls=1), ["IN_QUEUE", "COMPLETED"]),
        (Script(run_polls=1), ["IN_PROGRESS", "COMPLETED"]),
        (Script(run_polls=0), ["COMPLETED", "COMPLETED"]),
        (Script(queue_polls=1, outcome="never"), ["IN_QUEUE", "IN_PROGRESS", "IN_PROGRESS"]),
    ],
)
async def test_what_is_left_out_is_no_look(fal: Any, script: Script, statuses: list[str]) -> None:
    fal.simulator.script("fal", script)
    submitted = await fal.submit()
    assert [await seen(fal, submitted) for _ in statuses] == statuses


async def test_a_look_that_does_not_reach_the_job_is_none(fal: Any) -> None:
    fal.simulator.script("fal", Script(run_polls=1))
    fal.simulator.fail("fal", "poll", Fault.status(500), times=2)
    submitted = await fal.submit()
    assert [(await fal.exchange("GET", submitted["status_url"]))[0] for _ in range(4)] == [
        500,
        500,
        202,
        200,
    ]


async def test_a_stream_tells_what_the_looks_do(fal: Any) -> None:
    fal.simulator.script("fal", Script(queue_polls=1, run_polls=1))
    submitted = await fal.submit()
    async with await fal.events(submitted) as response:
        told = []
        for _ in range(3):
            line = await response.content.readline()
            told.append(json.loads(line.removeprefix(b"data: "))["status"])
            await response.content.readline()
            # The first of the three looks finds the job where the stream has found it.
            for _ in range(2 if len(told) == 1 else 1):
                await seen(fal, submitted)

        assert await response.content.read() == b""

    assert told == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]


async def test_a_cancel_ends_it(fal: Any) -> None:
    fal.simulator.script("fal", Script(queue_polls=9))
    submitted = await fal.submit()
    assert (await fal.exchange("PUT", submitted["cancel_url"]))[:2] == (200, {"status": "OK"})
    assert await seen(fal, submitted) == "COMPLETED"
    assert fal.simulator.jobs("fal")[0].status == "cancelled"


async def test_an_answer_can_be_held_back(fal: Any) -> None:
    let_go = threading.Event()
    fal.simulator.fail("fal", "poll", Fault.hold(let_go.is_set))
    submitted = await fal.submit()
    reader = fal.client.get(submitted["status_url"])
    async with fal.client.get(fal.url + "/nowhere"):
        assert not let_go.is_set()

    let_go.set()
    async with reader as response:
        assert response.status in (200, 202)


def test_looks_and_seconds_do_not_mix() -> None:
    with pytest.raises(ValueError, match="or queue_seconds"):
        Script(queue_polls=1, run_seconds=1)


@pytest.mark.parametrize(("pause", "hasty"), [(5.0, 0), (4.9, 1), (0.0, 1)])
async def test_who_polls_sooner_than_the_provider_allows_is_found_out(
    fal: Any, pause: float, hasty: int
) -> None:
    now = 0.0
    fal.simulator._state("fal").clock = lambda: now  # noqa: SLF001  (its time, not ours)
    fal.simulator.script("fal", Script(outcome="never"))
    submitted = await fal.submit()
    (alone,) = fal.simulator.jobs("fal")
    for at in (0, 7, 7 + pause, 100):
        now = at
        await seen(fal, submitted)

    (job,) = fal.simulator.jobs("fal")
    assert (alone.shortest_pause, job.shortest_pause) == (None, pytest.approx(pause))
    assert len(fal.simulator.hasty("fal", 5)) == hasty
    with pytest.raises(ValueError, match="documents no pause"):
        fal.simulator.hasty("fal")


async def test_whoever_goes_below_runways_pause_is_found_out(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.script("runway", Script(queue_polls=1, run_polls=2))
    config = VideoGenerationConfig(
        provider="runway",
        model="gen4.5",
        api_key="k",
        base_url=simulator.base_url("runway"),
        poll_interval=0.02,
        provider_config={"min_poll_interval": 0.01},
    )
    await generate_video_async(config, VideoGenerationRequest(prompt="A tram"))
    assert simulator.hasty("runway") == simulator.jobs("runway")
    monkeypatch.setitem(PAUSES, "runway", 0.001)
    assert simulator.hasty("runway") == []
