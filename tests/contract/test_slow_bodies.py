"""Bodies that come by drips: the deadline holds while they are read, at every provider."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tarash.tarash_gateway import TimeoutError  # noqa: A004  (ours is the built-in one too)
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, until

from .cases import AT_ONCE, CASES, JOBS
from .conftest import Run

LIMIT = 60
LAST_POLL = 3
HEARD_OUT = 6
DRIP = Fault.slow_body(3600)


def asked(run: Run) -> int:
    return len(run.simulator.requests(run.case.provider))


def has_asked(run: Run, number: int) -> bool:
    return asked(run) >= number


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_polls_that_are_answered_by_drips_end_with_the_deadline(run: Run, leap: Leap) -> None:
    run.script(Script(run_polls=1, outcome="never", stream=False))
    run.fail("poll", DRIP, times=None)
    work = asyncio.ensure_future(run.failure(timeout=LIMIT, on_timeout="detach"))
    await until(partial(has_asked, run, 2))  # the submit, and a poll
    leap(LIMIT)
    await until(partial(has_asked, run, 3))  # the last poll, before the verdict
    leap(LAST_POLL)
    error = await work
    assert isinstance(error, TimeoutError)
    assert error.operation is not None
    assert run.outcomes() == ["detached"]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_submit_that_is_answered_by_drips_ends_with_the_deadline(
    run: Run, leap: Leap
) -> None:
    if run.case in JOBS:
        run.script(Script(outcome="never", stream=False))  # whoever finds it has no result either

    run.fail("submit", DRIP)
    work = asyncio.ensure_future(run.failure(timeout=LIMIT, on_timeout="detach"))
    await until(partial(has_asked, run, 1))
    leap(LIMIT)
    while not work.done():  # heard out, and looked for in a list
        await asyncio.sleep(0.02)
        if run.case not in AT_ONCE:
            leap(HEARD_OUT)

    error = await work
    assert isinstance(error, TimeoutError)
    assert run.counters.submits == 1
