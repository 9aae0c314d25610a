"""The status stream: it hurries the looks along, and no job depends on it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Fault, Script
from tests.engine.conftest import Eventually, Fal

LONG = 30
"""Seconds between looks: what comes sooner came by the stream."""


async def test_the_last_event_ends_the_wait_for_the_next_look(fal: Fal) -> None:
    fal.script(Script(queue_seconds=1, run_seconds=2))
    started = time.monotonic()
    await fal.generate(poll_interval=LONG)

    assert 3 <= time.monotonic() - started < 8
    assert (fal.counters.streams, fal.counters.polls, fal.counters.results) == (1, 1, 1)


async def test_a_job_that_fails_hurries_too(fal: Fal) -> None:
    fal.script(Script(run_seconds=2, outcome="failed"))
    await fal.failure(poll_interval=LONG)
    assert fal.counters.polls == 1


async def test_a_silent_stream_does_not_replace_the_looks(fal: Fal) -> None:
    fal.script(Script(run_seconds=0.5, stream="silent"))
    await fal.generate(poll_interval=0.2)
    assert fal.counters.polls >= 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(404),
        Fault.status(500),
        Fault.status(429, retry_after=60),
        Fault.reset_before(),
        Fault.reset_after(),
        Fault.truncate(),
        Fault.foreign_body(),
        Fault.foreign_body("data: {nonsense\n\ndata: [1]\n\n", "text/event-stream"),
        Fault.hang(),
        Fault.echo_key(),
        Fault.delay(0.3),
    ],
    ids=lambda fault: f"{fault.kind} {fault.code}",
)
async def test_a_stream_that_breaks_loses_nothing(fal: Fal, fault: Fault) -> None:
    fal.script(Script(run_seconds=0.3))
    fal.fail("stream", fault, times=None)
    response = await fal.generate()

    assert response.status == "completed"
    assert fal.counters.submits == 1
    assert 1 <= fal.counters.streams <= 2  # the HTTP library repeats a GET whose connection broke
    assert fal.counters.polls >= 1


async def test_a_provider_without_streams_is_looked_at(fal: Fal) -> None:
    fal.script(Script(run_seconds=0.3, stream=False))
    await fal.generate()
    assert fal.counters.streams == 1
    assert fal.counters.polls >= 1


async def test_a_stream_that_says_completed_too_early_does_not_end_the_job(fal: Fal) -> None:
    early = 'data: {"status": "COMPLETED"}\n\n'
    fal.script(Script(run_seconds=1))
    fal.fail("stream", Fault.foreign_body(early, "text/event-stream"))
    await fal.generate()
    assert fal.counters.polls >= 2


async def test_no_more_than_32_streams_are_open_and_the_other_jobs_are_looked_at(
    fal: Fal, eventually: Eventually
) -> None:
    jobs = 60
    fal.script(Script(run_seconds=6))
    work = asyncio.gather(*(fal.generate(poll_interval=1) for _ in range(jobs)))
    await eventually(lambda: fal.counters.accepted == jobs)
    await asyncio.sleep(3)

    streams = [one for one in fal.simulator.requests("fal") if one.path.endswith("/stream")]
    looks = [one for one in fal.simulator.requests("fal") if one.path.endswith("/status")]
    assert len(streams) == fal.counters.streams == 32
    streamed = {one.path_values["request_id"] for one in streams}
    looked_at = {one.path_values["request_id"] for one in looks}
    everyone = {job.id for job in fal.simulator.jobs("fal")}
    assert everyone - streamed <= looked_at

    responses: list[Any] = await work
    assert {one.status for one in responses} == {"completed"}
    assert (fal.counters.submits, fal.counters.accepted) == (jobs, jobs)
