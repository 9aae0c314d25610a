"""Nudges: a poll comes at once for whoever is told of a job, and no job depends on it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway._support._wakeups import KEPT_SECONDS, MOST_KEPT, Wakeup, Wakeups
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import Leap, rounds, until
from tests.contract.cases import CASES, Case
from tests.engine.conftest import KEY, REQUEST, Fal

SELDOM: dict[str, Any] = {"provider_config": {"min_poll_interval": 1000}, "timeout": 3600}
"""No poll comes before the test is over, unless somebody asks for it."""
JOBS = {case.provider: case for case in CASES if not case.at_once}


def wake(fal: Fal, job_id: str) -> bool:
    return fal.gateway._shared.wake("fal", job_id)  # noqa: SLF001  (for webhooks, and not public)


async def job_of(fal: Fal) -> str:
    await until(lambda: bool(fal.simulator.jobs("fal")))
    (job,) = fal.simulator.jobs("fal")
    return job.id


async def waited_for(fal: Fal, job_id: str) -> None:
    waiting = fal.gateway._shared._wakeups._waiting  # noqa: SLF001  (there is no other sign of it)
    await until(lambda: ("fal", job_id) in waiting)


@pytest.mark.parametrize("provider", JOBS)
async def test_a_nudge_makes_a_waiting_poll_happen_at_once(
    simulator: Simulator, provider: str
) -> None:
    case: Case = JOBS[provider]
    simulator.keys[provider] = {KEY}
    simulator.script(provider, Script(run_polls=0, stream=False))
    gateway = Gateway()
    config = case.config(KEY, simulator.base_url(provider), **SELDOM)
    generate = (
        gateway.generate_video_async if case.kind == "video" else gateway.generate_image_async
    )
    task = asyncio.ensure_future(generate(config, case.request()))
    await until(lambda: bool(simulator.jobs(provider)))
    waiting = gateway._shared._wakeups._waiting  # noqa: SLF001
    await until(lambda: bool(waiting))
    (address,) = waiting
    assert address[0] == provider
    assert gateway._shared.wake(*address)  # noqa: SLF001
    assert (await task).status == "completed"
    assert waiting == {}


async def test_a_nudge_is_a_hint_that_the_provider_decides_on(fal: Fal) -> None:
    fal.script(Script(run_polls=1, stream=False))
    task = asyncio.ensure_future(fal.generate(timeout=3600, poll_interval=0.02))
    job_id = await job_of(fal)
    await waited_for(fal, job_id)
    wake(fal, job_id)
    assert (await task).status == "completed"
    assert fal.counters.polls == 2


async def test_many_nudges_are_few_polls(fal: Fal, leap: Leap) -> None:
    fal.script(Script(outcome="never", stream=False))
    task = asyncio.ensure_future(fal.generate(**SELDOM))
    job_id = await job_of(fal)
    await waited_for(fal, job_id)
    for _ in range(100):
        wake(fal, job_id)
        await rounds(3)

    await until(lambda: fal.counters.polls == 1)
    for _ in range(100):
        wake(fal, job_id)
        await rounds(3)

    assert fal.counters.polls == 1
    leap(1000)  # the least that this provider allows
    await until(lambda: fal.counters.polls == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_refusal_is_honoured_all_the_same(fal: Fal, leap: Leap) -> None:
    fal.script(Script(run_polls=0, stream=False))
    fal.fail("poll", Fault.status(429, retry_after=100))
    task = asyncio.ensure_future(fal.generate(**SELDOM))
    job_id = await job_of(fal)
    await waited_for(fal, job_id)
    wake(fal, job_id)
    await until(lambda: fal.counters.polls == 1)
    await rounds()
    leap(50)
    wake(fal, job_id)
    await rounds()
    assert fal.counters.polls == 1
    leap(1000)
    assert (await task).status == "completed"


async def test_a_nudge_that_came_before_the_wait_is_not_lost(fal: Fal) -> None:
    fal.script(Script(run_polls=0, stream=False))
    job = await fal.gateway.submit_video_async(fal.config(**SELDOM), REQUEST)
    assert not wake(fal, job.request_id)
    assert (await job.wait_async()).status == "completed"


def test_a_blocking_call_is_woken_from_another_thread(fal: Fal) -> None:
    fal.script(Script(run_polls=0, stream=False))
    done = threading.Event()
    waiting = fal.gateway._shared._wakeups._waiting  # noqa: SLF001

    def wake_it() -> None:
        while not waiting and not done.wait(0.005):
            pass

        for provider, job_id in list(waiting):
            fal.gateway._shared.wake(provider, job_id)  # noqa: SLF001

    thread = threading.Thread(target=wake_it)
    thread.start()
    response = fal.gateway.generate_video(fal.config(**SELDOM), REQUEST)
    done.set()
    thread.join()
    assert response.status == "completed"


async def test_everybody_who_waits_for_a_job_is_nudged() -> None:
    wakeups, bells = Wakeups(), [Wakeup(), Wakeup(), Wakeup()]
    addresses = [("fal", "1"), ("fal", "1"), ("fal", "2")]
    with (
        wakeups.at(*addresses[0], bells[0]),
        wakeups.at(*addresses[1], bells[1]),
        wakeups.at(*addresses[2], bells[2]),
    ):
        assert wakeups.nudge("fal", "1")
        assert not wakeups.nudge("replicate", "1")
        await rounds()
        assert [bell.is_nudged for bell in bells] == [True, True, False]
        assert await bells[0].wait(3600)

    assert not wakeups.nudge("fal", "2")


async def test_nudges_of_nobody_are_few_and_forgotten() -> None:
    now = [0.0]
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731
    wakeups = Wakeups(clock)
    for number in range(MOST_KEPT + 1):
        wakeups.nudge("fal", str(number))

    forgotten, kept, late = Wakeup(), Wakeup(), Wakeup()
    with wakeups.at("fal", "0", forgotten), wakeups.at("fal", "1", kept):
        assert (forgotten.is_nudged, kept.is_nudged) == (False, True)

    now[0] += KEPT_SECONDS + 1
    with wakeups.at("fal", "2", late):
        assert not late.is_nudged


def test_a_loop_that_was_closed_in_the_middle_of_a_wait_is_passed_over() -> None:
    wakeups = Wakeups()
    loop = asyncio.new_event_loop()

    async def begin() -> Any:
        entered = wakeups.at("fal", "1", Wakeup())
        entered.__enter__()
        return entered

    entered = loop.run_until_complete(begin())
    loop.close()
    assert wakeups.nudge("fal", "1")
    entered.__exit__(None, None, None)
