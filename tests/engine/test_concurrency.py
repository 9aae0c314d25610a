"""Many jobs at once, several loops, many threads: each job bought once, nothing left open."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from tarash.tarash_gateway import Gateway, generate_video, generate_video_async
from tarash.tarash_gateway.testing import Fault, Script
from tests.engine.conftest import REQUEST, Eventually, Fal


def check_each_once(fal: Fal, ids: list[str]) -> None:
    assert len(set(ids)) == len(ids)
    assert set(ids) == {job.id for job in fal.simulator.jobs("fal")}
    assert fal.counters.accepted == len(ids)


@pytest.mark.timeout(120)
def test_500_jobs_in_one_process_are_bought_once_each(fal: Fal) -> None:
    fal.script(Script(queue_seconds=0.2, run_seconds=0.5))

    async def work() -> list[str]:
        made = await asyncio.gather(
            *(generate_video_async(fal.config(poll_interval=1), REQUEST) for _ in range(500))
        )
        return [response.request_id for response in made]

    check_each_once(fal, asyncio.run(work()))
    assert fal.counters.submits == 500
    asyncio.run(_closed(fal))


async def _closed(fal: Fal) -> None:
    while fal.counters.open_connections:  # noqa: ASYNC110  (the simulator sets no event for it)
        await asyncio.sleep(0.01)


async def test_jobs_with_troubles_of_every_kind_are_bought_once_each(fal: Fal) -> None:
    jobs = 60
    fal.script(Script(run_polls=2, stream=False))
    for fault in (Fault.status(503, retry_after=0), Fault.status(429, retry_after=0)):
        fal.fail("submit", fault, times=10)

    for fault in (Fault.reset_after(), Fault.status(502), Fault.truncate(), Fault.foreign_body()):
        fal.fail("poll", fault, times=10)
        fal.fail("result", fault, times=10)

    made = await asyncio.gather(*(fal.generate(max_retries=20) for _ in range(jobs)))
    check_each_once(fal, [response.request_id for response in made])
    assert fal.counters.submits == jobs + 20


def test_two_loops_one_after_the_other_leave_nothing_open(fal: Fal) -> None:
    ids = [asyncio.run(generate_video_async(fal.config(), REQUEST)).request_id for _ in range(2)]
    check_each_once(fal, ids)
    asyncio.run(_closed(fal))


def test_two_loops_at_once_have_connections_of_their_own(fal: Fal) -> None:
    fal.script(Script(run_seconds=0.3))

    def work(_: int) -> str:
        return asyncio.run(generate_video_async(fal.config(), REQUEST)).request_id

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(work, range(8)))

    check_each_once(fal, ids)
    asyncio.run(_closed(fal))


@pytest.mark.parametrize("fresh", [True, False])
def test_16_threads_make_blocking_calls(fal: Fal, *, fresh: bool) -> None:
    """A gateway that is new to all of them is made ready once."""
    fal.script(Script(run_seconds=0.2))
    gateway = Gateway()

    def work(_: int) -> str:
        if fresh:
            return gateway.generate_video(fal.config(), REQUEST).request_id

        return generate_video(fal.config(), REQUEST).request_id

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(work, range(48)))

    check_each_once(fal, ids)
    if fresh:
        gateway.close()
        asyncio.run(_closed(fal))


async def test_a_blocking_call_works_inside_a_running_loop(fal: Fal) -> None:
    response = generate_video(fal.config(), REQUEST)
    assert response.status == "completed"
    assert fal.counters.accepted == 1


async def test_blocking_and_async_calls_mix(fal: Fal) -> None:
    blocking = [asyncio.to_thread(generate_video, fal.config(), REQUEST) for _ in range(4)]
    made = await asyncio.gather(*blocking, *(fal.generate() for _ in range(4)))
    check_each_once(fal, [response.request_id for response in made])


async def test_a_closed_gateway_stays_usable(fal: Fal, eventually: Eventually) -> None:
    async with fal.gateway:
        await fal.generate()

    await eventually(lambda: fal.counters.open_connections == 0)
    await fal.generate()
    assert fal.counters.accepted == 2
    await fal.gateway.aclose()
