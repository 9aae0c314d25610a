"""The status stream: it hurries the looks along, and no job depends on it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Fault, Script
from tests.engine.conftest import Eventually, Fal

UNTIL_NEVER: dict[str, Any] = {"provider_config": {"min_poll_interval": 1000}, "timeout": 60}
"""No look comes before the deadline, unless the stream asks for it."""


async def test_the_last_event_ends_the_wait_for_the_next_look(fal: Fal) -> None:
    fal.script(Script(queue_seconds=0.1, run_seconds=0.1))
    await fal.generate(**UNTIL_NEVER)
    assert (fal.counters.streams, fal.counters.polls, fal.counters.results) == (1, 0, 1)


async def test_a_job_that_fails_hurries_too(fal: Fal) -> None:
    fal.script(Script(run_seconds=0.1, outcome="failed"))
    await fal.failure(**UNTIL_NEVER)
    assert (fal.counters.polls, fal.counters.results) == (0, 1)


async def test_a_result_that_the_stream_tells_of_too_early_is_waited_for(fal: Fal) -> None:
    fal.script(Script(queue_seconds=0.1, run_seconds=0.1))
    fal.fail("result", Fault.status(400, body=b'{"detail": "Request is still in progress"}'))
    response = await fal.generate()
    assert response.status == "completed"
    assert (fal.counters.streams, fal.counters.results) == (1, 2)
    assert fal.counters.polls >= 1
    assert fal.counters.submits == 1


async def test_a_silent_stream_does_not_replace_the_looks(fal: Fal) -> None:
    fal.script(Script(run_polls=2, stream="silent"))
    await fal.generate()
    assert fal.counters.polls == 3


def stream_first(fal: Fal) -> None:
    """Let no look be answered before the stream was asked for."""
    fal.fail("poll", Fault.hold(lambda: fal.counters.streams > 0))


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
        Fault.delay(0.05),
    ],
    ids=lambda fault: f"{fault.kind} {fault.code}",
)
async def test_a_stream_that_breaks_loses_nothing(fal: Fal, fault: Fault) -> None:
    fal.script(Script(run_polls=2))
    stream_first(fal)
    fal.fail("stream", fault, times=None)
    response = await fal.generate()

    assert response.status == "completed"
    assert fal.counters.submits == 1
    assert 1 <= fal.counters.streams <= 2  # the HTTP library repeats a GET whose connection broke
    assert fal.counters.polls >= 1


async def test_a_provider_without_streams_is_looked_at(fal: Fal) -> None:
    fal.script(Script(run_polls=1, stream=False))
    stream_first(fal)
    await fal.generate()
    assert fal.counters.streams == 1
    assert fal.counters.polls >= 1


async def test_a_stream_that_says_completed_too_early_does_not_end_the_job(fal: Fal) -> None:
    early = 'data: {"status": "COMPLETED"}\n\n'
    fal.script(Script(run_polls=1))
    stream_first(fal)
    fal.fail("stream", Fault.foreign_body(early, "text/event-stream"))
    await fal.generate()
    assert fal.counters.polls == 2


async def test_no_more_than_32_streams_are_open_and_the_other_jobs_are_looked_at(
    fal: Fal, eventually: Eventually
) -> None:
    jobs = 60
    is_open = threading.Event()
    fal.script(Script(run_polls=1))
    fal.fail("poll", Fault.hold(is_open.is_set), times=None)
    work = asyncio.gather(*(fal.generate() for _ in range(jobs)))
    await eventually(lambda: len(asked(fal, "stream") | asked(fal, "status")) == jobs)
    await eventually(lambda: fal.counters.streams >= 32)

    assert len(asked(fal, "stream")) == fal.counters.streams == 32
    assert asked(fal, "stream") | asked(fal, "status") == {
        job.id for job in fal.simulator.jobs("fal")
    }

    is_open.set()
    responses: list[Any] = await work
    assert {one.status for one in responses} == {"completed"}
    assert (fal.counters.submits, fal.counters.accepted) == (jobs, jobs)


def asked(fal: Fal, what: str) -> set[str]:
    """Return the jobs whose stream or status was asked for."""
    requests = fal.simulator.requests("fal")
    return {one.path_values["request_id"] for one in requests if one.path.endswith(f"/{what}")}
