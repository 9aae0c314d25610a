"""A cancelled task: its job is stopped at the provider, and the cancellation is never swallowed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest

from tarash.tarash_gateway import GenerationFailedError, VideoGenerationUpdate
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, logged, rounds, until
from tests.engine.conftest import KEY, Eventually, Fal

NEVER = Script(outcome="never")
LIMIT = 60
CANCEL_LIMIT = 5
Work = Callable[[], Coroutine[Any, Any, Any]]
Cancel = Callable[[Work, Callable[[], bool], Leap], Awaitable[None]]


async def by_task(
    work: Work, ready: Callable[[], bool], _leap: Leap, then: Callable[[], object] = bool
) -> None:
    task = asyncio.ensure_future(work())
    await until(ready)
    task.cancel()
    await rounds()
    then()
    with pytest.raises(asyncio.CancelledError):
        await task


async def by_scope(work: Work, ready: Callable[[], bool], _leap: Leap) -> None:
    propagated: list[bool] = []

    async def noted() -> None:
        try:
            await work()
        except asyncio.CancelledError:
            propagated.append(True)
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(noted)
        await until(ready)
        group.cancel_scope.cancel()

    assert propagated == [True]


async def by_timeout(work: Work, ready: Callable[[], bool], leap: Leap) -> None:
    async def limited() -> None:
        async with asyncio.timeout(LIMIT):
            await work()

    await _over_time(limited(), ready, leap)


async def by_wait_for(work: Work, ready: Callable[[], bool], leap: Leap) -> None:
    await _over_time(asyncio.wait_for(work(), LIMIT), ready, leap)


async def _over_time(
    limited: Coroutine[Any, Any, None], ready: Callable[[], bool], leap: Leap
) -> None:
    task = asyncio.ensure_future(limited)
    await until(ready)
    leap(LIMIT)
    with pytest.raises(TimeoutError) as caught:
        await task

    assert type(caught.value) is TimeoutError


WAYS: dict[str, Cancel] = {
    "task.cancel": by_task,
    "anyio scope": by_scope,
    "asyncio.timeout": by_timeout,
    "asyncio.wait_for": by_wait_for,
}


class Told:
    """Keeps the updates, to look at how the attempt ended."""

    def __init__(self) -> None:
        self.updates: list[VideoGenerationUpdate] = []

    def __call__(self, update: VideoGenerationUpdate) -> None:
        self.updates.append(update)

    def cancellation_note(self) -> str:
        (terminal,) = [one for one in self.updates if one.status in ("completed", "failed")]
        assert terminal is self.updates[-1]
        assert terminal.status == "failed"
        return str(terminal.error)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_the_job_of_a_cancelled_task_is_cancelled_at_the_provider(
    fal: Fal, leap: Leap, way: Cancel
) -> None:
    fal.script(NEVER)
    told = Told()
    await way(lambda: fal.generate(told), lambda: fal.counters.streams == 1, leap)

    assert (fal.counters.submits, fal.counters.cancels) == (1, 1)
    assert fal.simulator.jobs("fal")[0].cancel_requested
    assert "requested" in told.cancellation_note()
    assert fal.outcomes() == ["stopped"], "nobody wants another one in its place"


async def test_a_job_that_did_stop_has_not_failed_and_none_takes_its_place(
    fal: Fal, leap: Leap
) -> None:
    """Whoever resumes it hears so: no fallback is bought for what nobody wants any more."""
    fal.script(NEVER)
    fallback = fal.config(model="fal-ai/kling-video/v2.5-turbo/pro/text-to-video")
    work = partial(fal.generate, fallback_configs=[fallback])
    await by_task(work, lambda: fal.counters.streams == 1, leap)

    (job,) = await fal.gateway.resume_all_async(api_keys={"fal": KEY})
    with pytest.raises(GenerationFailedError):
        await job.wait_async()

    (record,) = await fal.ledger.jobs()
    assert record.state == "cancelled"
    (entry,) = record.entries
    assert (entry.outcome, entry.heard["cancel"]) == ("stopped", "requested")
    assert (fal.counters.accepted, fal.counters.cancels) == (1, 1)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_job_that_is_accepted_while_we_are_cancelled_is_cancelled_too(
    fal: Fal, leap: Leap, way: Cancel
) -> None:
    fal.script(Script(queue_polls=1000))
    told = Told()
    await way(lambda: fal.generate(told), answered_later(fal), leap)

    assert (fal.counters.accepted, fal.counters.cancels) == (1, 1)
    assert "cancelled" in told.cancellation_note()
    assert fal.outcomes() == ["cancelled"]


def answered_later(fal: Fal) -> Callable[[], bool]:
    """Hold the answer to a submit back; return what tells that it is there, and lets it go soon."""
    is_over = threading.Event()
    fal.fail("submit", Fault.hold(is_over.is_set))

    def ready() -> bool:
        if len(fal.simulator.requests("fal")) == 0:
            return False

        # Timers run in order, so what is cancelled now is cancelled before.
        asyncio.get_running_loop().call_later(0.02, is_over.set)
        return True

    return ready


async def test_a_submit_without_an_answer_is_told_to_be_unknown(fal: Fal, leap: Leap) -> None:
    fal.fail("submit", Fault.hang(accepted=True))
    told = Told()
    await by_task(
        lambda: fal.generate(told),
        lambda: fal.counters.accepted == 1,
        leap,
        lambda: leap(CANCEL_LIMIT),
    )

    assert "may run and be billed" in told.cancellation_note()
    assert fal.outcomes() == ["unknown"]
    assert fal.counters.submits == 1


async def test_a_submit_that_is_refused_meanwhile_is_told_to_have_bought_nothing(
    fal: Fal, leap: Leap
) -> None:
    told = Told()
    fal.simulator.keys["fal"] = ["another"]
    await by_task(lambda: fal.generate(told), answered_later(fal), leap)

    assert "nothing was bought" in told.cancellation_note()
    assert fal.outcomes() == ["cancelled"]


async def test_a_pause_before_the_next_submit_ends_with_the_task(
    fal: Fal, caplog: pytest.LogCaptureFixture, leap: Leap
) -> None:
    fal.fail("submit", Fault.status(503, retry_after=30), times=None)
    told = Told()
    await by_task(lambda: fal.generate(told), lambda: "submit_retried" in logged(caplog), leap)

    assert fal.counters.submits == 1
    assert "nothing was bought" in told.cancellation_note()
    assert fal.outcomes() == ["cancelled"]


async def test_a_call_that_is_cancelled_before_it_submits_buys_nothing(fal: Fal) -> None:
    """A connection that is open already makes it easy to send before anybody looks."""
    await fal.generate()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await fal.generate()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await fal.generate()

    assert fal.counters.submits == 1
    assert fal.outcomes() == ["completed", "cancelled", "cancelled"]


async def test_a_callback_that_cancels_between_attempts_stops_the_chain(fal: Fal) -> None:
    fal.fail("submit", Fault.status(503), times=None)
    fallback = fal.config()

    def cancel(update: VideoGenerationUpdate) -> None:
        if update.status == "failed" and update.attempt_number == 1:
            task.cancel()

    task = asyncio.ensure_future(fal.generate(cancel, max_retries=0, fallback_configs=(fallback,)))
    with pytest.raises(asyncio.CancelledError):
        await task

    assert fal.counters.submits == 1


@pytest.mark.parametrize("milliseconds", range(0, 120, 8))
async def test_a_cancellation_at_any_moment_of_a_short_job_leaves_nothing_running(
    fal: Fal, milliseconds: int
) -> None:
    fal.script(Script(run_seconds=0.04))
    told = Told()
    task = asyncio.ensure_future(fal.generate(told))
    await asyncio.sleep(milliseconds / 1000)
    was_done = task.done()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled() is not was_done
    assert fal.counters.accepted <= fal.counters.submits <= 1
    assert None not in fal.outcomes()
    terminal = [one for one in told.updates if one.status in ("completed", "failed")]
    assert len(terminal) == (1 if told.updates else 0)
    if fal.counters.accepted and not was_done:
        # What leaves in the very moment in which it is stopped is unknown; a job that is known to
        # be done, by its status or its stream, is left to be fetched.
        (made,) = fal.simulator.jobs("fal")
        done = ["completed"], ["unknown"], *([["detached"]] if made.status == "completed" else [])
        assert fal.counters.cancels == 1 or fal.outcomes() in done


@pytest.mark.parametrize("loop_rounds", [*range(8), 12, 20])
async def test_a_cancellation_around_the_deadline_is_not_swallowed(
    fal: Fal, leap: Leap, loop_rounds: int
) -> None:
    fal.script(NEVER)
    task = asyncio.ensure_future(fal.generate(timeout=LIMIT))
    await until(lambda: fal.counters.polls > 1)
    leap(LIMIT)
    await rounds(loop_rounds)
    was_done = task.done()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled() is not was_done
    assert 1 <= fal.counters.cancels <= 2


async def test_a_detached_job_is_left_alone_by_a_cancellation(fal: Fal, leap: Leap) -> None:
    fal.script(NEVER)
    told = Told()
    await by_task(
        lambda: fal.generate(told, on_timeout="detach"), lambda: fal.counters.streams == 1, leap
    )

    assert fal.counters.cancels == 0
    assert "goes on" in told.cancellation_note()
    assert fal.outcomes() == ["detached"]


async def test_a_second_cancellation_leaves_at_once(fal: Fal, leap: Leap) -> None:
    fal.script(NEVER)
    fal.fail("cancel", Fault.hang())
    task = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.streams == 1)
    task.cancel()
    await until(lambda: fal.counters.cancels == 1)
    leap(-1000)  # nothing but the second cancellation can end it now
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert fal.outcomes() == ["detached"]
    leap(2000)  # what is said behind our back ends with its limit


async def test_a_second_cancellation_does_not_wait_for_the_answer_to_a_submit(
    fal: Fal, leap: Leap
) -> None:
    fal.fail("submit", Fault.hang(accepted=True))
    task = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.accepted == 1)
    task.cancel()
    await rounds()
    leap(-1000)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert fal.outcomes() == ["unknown"]
    leap(2000)  # what is said behind our back ends with its limit


async def test_a_cancel_that_hangs_ends_with_its_limit(fal: Fal, leap: Leap) -> None:
    fal.script(NEVER)
    fal.fail("cancel", Fault.hang())
    told = Told()
    ended = asyncio.ensure_future(
        by_timeout(lambda: fal.generate(told), lambda: fal.counters.streams == 1, leap)
    )
    await until(lambda: fal.counters.cancels == 1)
    leap(CANCEL_LIMIT)
    await ended
    assert "unsupported" in told.cancellation_note()
    assert fal.outcomes() == ["detached"], "nobody said that it stops"


async def test_a_callback_that_never_returns_does_not_hold_up_a_cancellation(
    fal: Fal, leap: Leap
) -> None:
    fal.script(NEVER)
    for ready in (lambda: True, lambda: fal.counters.accepted == 1):
        await by_task(lambda: fal.generate(lambda _: asyncio.sleep(1000)), ready, leap)

    assert fal.counters.accepted == fal.counters.cancels == 1


def _more_streams(fal: Fal, seen: int) -> bool:
    return fal.counters.streams > seen


def _more_jobs(fal: Fal, seen: int) -> bool:
    return fal.counters.accepted > seen


@pytest.mark.parametrize("stream", [True, False, "silent"])
async def test_a_cancelled_stream_gives_its_connection_back(
    fal: Fal, leap: Leap, eventually: Eventually, stream: Any
) -> None:
    fal.script(Script(outcome="never", stream=stream))
    for _ in range(3):
        seen = fal.counters.streams
        await by_task(fal.generate, partial(_more_streams, fal, seen), leap)

    await fal.gateway.aclose()
    await eventually(lambda: fal.counters.open_connections == 0)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_slow_callback_does_not_keep_the_stream_of_a_cancelled_job(
    fal: Fal, leap: Leap, eventually: Eventually, *, stream: bool
) -> None:
    fal.script(Script(queue_polls=1, outcome="never", stream=stream))
    for _ in range(3):
        seen = fal.counters.accepted
        await by_task(
            lambda: fal.generate(lambda _: asyncio.sleep(0.1)),
            partial(_more_jobs, fal, seen),
            leap,
        )

    await fal.gateway.aclose()
    await eventually(lambda: fal.counters.open_connections == 0)


def test_no_connection_outlives_the_loop(fal: Fal) -> None:
    fal.script(NEVER)

    async def leave() -> None:
        tasks = [asyncio.ensure_future(fal.generate()) for _ in range(5)]
        await until(lambda: fal.counters.polls >= 5)
        for task in tasks:
            task.cancel()

        await asyncio.wait(tasks)

    asyncio.run(leave())
    asyncio.run(until(lambda: fal.counters.open_connections == 0))
    assert fal.counters.cancels == 5
    assert fal.outcomes() == ["stopped"] * 5


def test_a_loop_that_ends_with_jobs_under_way_cancels_them(fal: Fal) -> None:
    fal.script(NEVER)

    async def leave() -> None:
        tasks = {asyncio.ensure_future(fal.generate()) for _ in range(3)}
        await until(lambda: fal.counters.polls >= len(tasks))

    asyncio.run(leave())
    asyncio.run(until(lambda: fal.counters.open_connections == 0))
    assert fal.counters.cancels == 3
