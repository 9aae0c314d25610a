"""A job that is found in a list may be somebody else's: it is taken on proof, and never stopped."""

from __future__ import annotations

import asyncio

import pytest

from tarash.tarash_gateway import (
    HTTPConnectionError,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, until

from .cases import LISTED
from .conftest import Run

LIMIT = 60
NEVER = Script(outcome="never", stream=False)


async def others(run: Run, prompt: str) -> str:
    """Let somebody else submit a job; return its id."""
    run.script(NEVER)
    method = getattr(run.gateway, f"submit_{run.case.kind}_async")
    job = await method(run.config(on_timeout="detach"), run.case.request(prompt=prompt))
    return str(job.request_id)


async def left(run: Run, leap: Leap, how: str) -> None:
    """Generate, lose the answer, and leave when the job that was found is waited for."""
    run.script(NEVER)
    run.fail("submit", Fault.reset_after())
    work = asyncio.ensure_future(run.generate(timeout=LIMIT))
    await until(lambda: run.counters.polls > 1)
    if how == "deadline":
        leap(LIMIT)
        with pytest.raises(TimeoutError) as caught:
            await work

        assert caught.value.operation is not None
    else:
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work


@pytest.mark.parametrize("how", ["deadline", "cancellation"])
@pytest.mark.parametrize("case", LISTED, ids=str)
async def test_what_was_found_in_a_list_is_not_stopped_by_us(
    run: Run, leap: Leap, how: str
) -> None:
    await left(run, leap, how)
    assert run.counters.cancels == 0
    assert (run.counters.submits, run.counters.accepted) == (1, 1)
    assert run.outcomes() == ["detached"]


@pytest.mark.parametrize("case", LISTED, ids=str)
async def test_a_job_of_others_with_another_input_is_not_adopted(run: Run) -> None:
    await others(run, "Another lighthouse")
    run.fail("submit", Fault.reset_before())
    with pytest.raises(HTTPConnectionError) as caught:
        await run.generate()

    assert caught.value.submission == "unknown"
    assert caught.value.operation is None
    assert (run.counters.submits, run.counters.cancels) == (2, 0)


@pytest.mark.parametrize("case", LISTED, ids=str)
async def test_a_job_that_our_ledger_knows_is_not_adopted_by_another_submit(run: Run) -> None:
    """The same input, ordered twice: the first answer came, the second submit never arrived."""
    first = await others(run, "A lighthouse")
    run.fail("submit", Fault.reset_before())
    with pytest.raises(HTTPConnectionError) as caught:
        await run.generate()

    assert caught.value.submission == "unknown"
    assert [one.id for one in run.jobs] == [first]
    assert run.counters.cancels == 0
