"""One request answers for many jobs: few requests, no later notice, and no job depends on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway._engine._shared_polls import SHARED_FROM
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import until
from tests.contract.cases import CASES, Case

KEY = "shared-key"
SHARING = {"replicate", "openai", "luma", "kling", "bytedance", "alibaba"}
JOBS = {
    case.provider: case
    for case in reversed(CASES)
    if case.provider in SHARING and case.kind == "video" and not case.at_once
}
SELDOM_LISTED = {"bytedance", "alibaba"}
"""One list a second is allowed, which is longer than the pauses here."""
PACE = 0.2
MANY = 30


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(sorted(SHARING)) as running:
        yield running


def config_of(case: Case, simulator: Simulator, **more: Any) -> Any:
    simulator.keys[case.provider] = {KEY}
    quick = {"poll_interval": PACE, "provider_config": {"min_poll_interval": PACE}}
    return case.config(KEY, simulator.base_url(case.provider), **{**quick, **more})


async def waited_for(simulator: Simulator, case: Case, count: int) -> list[Any]:
    gateway = Gateway()
    config = config_of(case, simulator)
    made = [gateway.generate_video_async(config, case.request()) for _ in range(count)]
    responses = await asyncio.gather(*made)
    await gateway.aclose()
    return responses


def requests(simulator: Simulator, provider: str) -> int:
    counted = simulator.counters(provider)
    return counted.polls + counted.lists


@pytest.mark.parametrize("provider", JOBS)
async def test_many_jobs_share_their_polls(simulator: Simulator, provider: str) -> None:
    simulator.script(provider, Script(run_seconds=10 * PACE))
    responses = await waited_for(simulator, JOBS[provider], MANY)
    assert {one.status for one in responses} == {"completed"}
    counted = simulator.counters(provider)
    assert counted.lists > 1 or provider == "kling"  # after one that failed comes none
    if provider not in SELDOM_LISTED:
        # Alone each would have made some ten polls.
        assert requests(simulator, provider) < 5 * MANY


@pytest.mark.parametrize("provider", JOBS)
async def test_few_jobs_are_polled_each_by_itself(simulator: Simulator, provider: str) -> None:
    simulator.script(provider, Script(run_polls=1))
    await waited_for(simulator, JOBS[provider], SHARED_FROM - 1)
    assert simulator.counters(provider).lists == 0
    assert simulator.counters(provider).polls >= 2 * (SHARED_FROM - 1)


BROKEN = [Fault.status(429), Fault.foreign_body("<html>"), Fault.truncate()]
FAULTS = [
    *[(provider, Fault.status(500)) for provider in sorted(set(JOBS) - {"kling"})],
    *[("replicate", fault) for fault in BROKEN],
]


@pytest.mark.parametrize(("provider", "fault"), FAULTS)
async def test_a_list_that_fails_harms_no_job(
    simulator: Simulator, provider: str, fault: Fault
) -> None:
    simulator.script(provider, Script(run_seconds=2 * PACE))
    simulator.fail(provider, "list", fault, times=None)
    responses = await waited_for(simulator, JOBS[provider], 2 * SHARED_FROM)
    assert {one.status for one in responses} == {"completed"}
    assert simulator.counters(provider).lists <= 2  # one that was cut off goes on


async def test_what_a_list_lacks_is_polled_by_itself(simulator: Simulator) -> None:
    simulator.script("replicate", Script(run_seconds=2 * PACE))
    simulator.fail("replicate", "list", Fault.status(200, body={"results": []}), times=None)
    responses = await waited_for(simulator, JOBS["replicate"], 2 * SHARED_FROM)
    assert {one.status for one in responses} == {"completed"}


async def test_a_list_that_stands_still_delays_no_job_for_long(simulator: Simulator) -> None:
    simulator.script("replicate", Script(run_seconds=2 * PACE))
    case = JOBS["replicate"]
    gateway = Gateway()
    config = config_of(case, simulator)
    tasks = [
        asyncio.ensure_future(gateway.generate_video_async(config, case.request()))
        for _ in range(2 * SHARED_FROM)
    ]
    await until(lambda: len(simulator.jobs("replicate")) == len(tasks))

    still = [{"id": one.id, "status": "processing"} for one in simulator.jobs("replicate")]
    fault = Fault.status(200, body={"results": still, "next": None})
    simulator.fail("replicate", "list", fault, times=None)
    responses = await asyncio.gather(*tasks)
    assert {one.status for one in responses} == {"completed"}
    await gateway.aclose()


async def test_failures_and_cancellations_are_each_jobs_own(simulator: Simulator) -> None:
    scripts = [
        Script(run_seconds=3 * PACE, outcome="failed" if n % 2 else "completed") for n in range(20)
    ]
    simulator.script("kling", *scripts)
    case = JOBS["kling"]
    gateway = Gateway()
    config = config_of(case, simulator)
    tasks = [
        asyncio.ensure_future(gateway.generate_video_async(config, case.request()))
        for _ in range(20)
    ]
    await until(lambda: len(simulator.jobs("kling")) == len(tasks))

    tasks[0].cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    kinds = sorted(type(one).__name__ for one in ended)
    assert kinds.count("CancelledError") == 1
    assert kinds.count("GenerationFailedError") == 10
    assert kinds.count("VideoGenerationResponse") == 9
    await gateway.aclose()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("provider", JOBS)
async def test_a_thousand_jobs_cost_a_tenth_of_a_request_a_pace(
    simulator: Simulator, provider: str
) -> None:
    simulator.script(provider, Script(run_seconds=120.0))
    case, pace, count = JOBS[provider], 5.0, 1000
    gateway = Gateway()
    changes = {"poll_interval": pace, "provider_config": {"min_poll_interval": pace}}
    config = config_of(case, simulator, **changes, timeout=800)
    tasks = [
        asyncio.ensure_future(gateway.generate_video_async(config, case.request()))
        for _ in range(count)
    ]
    await until(lambda: len(simulator.jobs(provider)) == count)

    await asyncio.sleep(2 * pace)
    before = requests(simulator, provider)
    await asyncio.sleep(8 * pace)
    asked = requests(simulator, provider) - before
    assert asked / count / 8 <= 0.1
    responses = await asyncio.gather(*tasks)
    assert {one.status for one in responses} == {"completed"}
    await gateway.aclose()
