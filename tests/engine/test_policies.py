"""Policies: entered before anything is bought, left at every end, and never in the way of a job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    MockConfig,
    PolicyRefusedError,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationResponse,
)
from tarash.tarash_gateway.events import AttemptEvent, AttemptStarted, Settled
from tarash.tarash_gateway.policies import Policy, PolicyCall, Target
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, logged, rounds, until
from tests.engine.conftest import KEY, REQUEST, Fal

Trail = list[tuple[str, int]]


class Counting(Policy):
    """Lets so many attempts in at a time, and keeps what it sees."""

    def __init__(self, limit: int = 1000) -> None:
        self.limit = asyncio.Semaphore(limit)
        self.inside = self.most = 0
        self.waiting: list[PolicyCall] = []
        self.trail: Trail = []
        self.targets: list[Target] = []
        self.calls: list[PolicyCall] = []
        self.still_running: list[bool] = []
        self.events: list[AttemptEvent] = []

    @asynccontextmanager
    async def admit(self, target: Target, call: PolicyCall) -> AsyncIterator[None]:
        self.targets.append(target)
        self.calls.append(call)
        if self.limit.locked():
            self.waiting.append(call)
            call.queued(len(self.waiting))

        async with self.limit:
            if call in self.waiting:
                self.waiting.remove(call)

            self.inside += 1
            self.most = max(self.most, self.inside)
            self.trail.append(("in", call.attempt_number))
            try:
                yield
            finally:
                await asyncio.sleep(0)  # a policy may have something to write down
                self.still_running.append(call.may_still_run)
                self.inside -= 1
                self.trail.append(("out", call.attempt_number))

    def observe(self, event: AttemptEvent) -> None:
        self.events.append(event)

    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.events if isinstance(event, Settled)]


class Refusing(Policy):
    """Refuses, with whatever it was made with."""

    def __init__(self, error: BaseException, provider: str | None = None) -> None:
        self.error = error
        self.provider = provider

    @asynccontextmanager
    async def admit(self, target: Target, call: PolicyCall) -> AsyncIterator[None]:
        del call
        if self.provider in (None, target.provider):
            raise self.error

        yield


def guarded(fal: Fal, *policies: Policy) -> None:
    fal.gateway = Gateway(ledger=fal.ledger, policies=policies)


async def test_no_more_attempts_are_under_way_than_a_policy_lets_in(fal: Fal) -> None:
    policy = Counting(limit=4)
    guarded(fal, policy)
    responses = await asyncio.gather(*(fal.generate() for _ in range(50)))

    assert len({one.request_id for one in responses}) == 50
    assert policy.most == 4
    assert policy.inside == 0
    assert policy.trail.count(("out", 1)) == 50
    assert fal.counters.accepted == 50
    assert not any(policy.still_running)
    assert set(policy.outcomes()) == {"completed"}


async def test_a_policy_sees_where_an_attempt_goes_and_never_the_key(fal: Fal) -> None:
    policy = Counting()
    guarded(fal, policy)
    await fal.generate()
    await fal.generate(model="fal-ai/kling-video/v2.5-turbo/pro/text-to-video")
    await fal.generate(api_key="another")

    first, second, third = policy.targets
    assert (first.provider, first.model) == ("fal", "fal-ai/veo3.1")
    assert first.base_url == fal.simulator.base_url("fal")
    assert first.account == second.account != third.account
    assert KEY not in repr(policy.targets) + repr(policy.calls)
    call = policy.calls[0]
    assert (call.kind, call.resumed, call.mocked) == ("video", False, False)
    assert call.request.prompt == REQUEST.prompt
    assert {one.job_id for one in policy.calls} == {one.job_id for one in policy.events}


async def test_a_refusal_moves_the_chain_on(fal: Fal) -> None:
    policy = Counting()
    guarded(fal, Refusing(PolicyRefusedError("the budget is spent"), "replicate"), policy)
    head = VideoGenerationConfig(provider="replicate", model="x/y", api_key=KEY)
    head = head.model_copy(update={"fallback_configs": [fal.config()]})
    response = await fal.gateway.generate_video_async(head, REQUEST)

    assert response.execution_metadata is not None
    refused, delivered = response.execution_metadata.attempts
    assert (refused.error_type, refused.submission) == ("PolicyRefusedError", "not_sent")
    assert (refused.billing, delivered.status) == ("none", "success")
    assert policy.outcomes() == ["failed", "completed"]
    assert [call.attempt_number for call in policy.calls] == [2]


async def test_a_refusal_may_end_the_chain(fal: Fal) -> None:
    guarded(fal, Refusing(PolicyRefusedError("enough for today", retryable=False)))
    error = await fal.failure(fallback_configs=[fal.config()])

    assert isinstance(error, PolicyRefusedError)
    assert (error.submission, error.provider) == ("not_sent", "fal")
    assert fal.outcomes() == []  # nothing was written down, so nothing was about to be sent
    assert fal.counters.accepted == 0
    assert [job.state for job in await fal.ledger.jobs()] == ["failed"]


async def test_what_is_no_refusal_says_which_policy_broke(fal: Fal) -> None:
    guarded(fal, Refusing(RuntimeError(f"no such row: {KEY}")))
    error = await fal.failure(fallback_configs=[fal.config()])

    assert "Refusing raised RuntimeError: no such row" in error.message
    assert KEY not in error.message + repr(error.__cause__)
    assert (error.submission, error.retryable) == ("not_sent", False)
    assert fal.counters.accepted == 0


async def test_a_policy_is_left_before_the_next_config_is_let_in(fal: Fal) -> None:
    policy = Counting(limit=1)
    guarded(fal, policy)
    fal.script(Script(outcome="failed", stream=False), Script(stream=False))
    await fal.generate(fallback_configs=[fal.config()])
    assert policy.trail == [("in", 1), ("out", 1), ("in", 2), ("out", 2)]


async def test_several_policies_are_entered_in_order_and_left_in_reverse(fal: Fal) -> None:
    first, second = Counting(), Counting()
    trail: Trail = []
    first.trail = second.trail = trail
    guarded(fal, first, second, Refusing(PolicyRefusedError("no"), "replicate"))
    await fal.generate()
    assert trail == [("in", 1), ("in", 1), ("out", 1), ("out", 1)]

    guarded(fal, first, Refusing(PolicyRefusedError("no")))
    await fal.failure()
    assert first.inside == 0


async def test_who_is_cancelled_while_waiting_has_bought_nothing(fal: Fal) -> None:
    policy = Counting(limit=1)
    guarded(fal, policy)
    await policy.limit.acquire()
    task = asyncio.create_task(fal.generate())
    await until(lambda: bool(policy.waiting))
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task

    assert "nothing was bought" in caught.value.__notes__[0]
    assert policy.outcomes() == ["cancelled"]
    assert policy.trail == []
    assert [job.state for job in await fal.ledger.jobs()] == ["cancelled"]
    policy.limit.release()
    await fal.generate()  # and its place is free
    assert fal.counters.accepted == 1


async def test_a_place_that_came_with_the_cancellation_is_given_back(fal: Fal) -> None:
    policy = Counting(limit=1)
    guarded(fal, policy)
    await policy.limit.acquire()
    task = asyncio.create_task(fal.generate())
    await until(lambda: bool(policy.waiting))
    policy.limit.release()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert policy.inside == 0
    assert not policy.limit.locked()


async def by_deadline(fal: Fal, leap: Leap, **changes: Any) -> None:
    work = asyncio.ensure_future(fal.failure(timeout=60, **changes))
    await until(lambda: fal.counters.polls > 1)
    leap(60)
    await work


async def by_cancellation(fal: Fal, _leap: Leap) -> None:
    work = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.polls > 1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def by_detaching(fal: Fal, leap: Leap) -> None:
    await by_deadline(fal, leap, on_timeout="detach")


async def by_an_error(fal: Fal, _leap: Leap) -> None:
    await fal.failure()


async def by_a_result(fal: Fal, _leap: Leap) -> None:
    await fal.generate()


async def by_submitting(fal: Fal, _leap: Leap) -> None:
    await fal.gateway.submit_video_async(fal.config(), REQUEST)


NEVER = Script(outcome="never", stream=False)
ENDS: dict[str, tuple[Any, Script | Fault, str | None, bool]] = {
    "result": (by_a_result, Script(stream=False), "completed", False),
    "failure": (by_an_error, Script(outcome="failed", stream=False), "failed", False),
    "moderation": (by_an_error, Script(outcome="moderated", stream=False), "failed", False),
    "rejected": (by_an_error, Fault.status(400), "failed", False),
    "unknown": (by_an_error, Fault.reset_after(), "unknown", True),
    "deadline": (by_deadline, NEVER, "detached", True),
    "stopped in the queue": (by_deadline, Script(queue_polls=1000), "cancelled", False),
    "detached": (by_detaching, NEVER, "detached", True),
    "cancelled": (by_cancellation, NEVER, "stopped", True),
    "submitted": (by_submitting, NEVER, None, True),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_policy_is_left_at_every_end(fal: Fal, leap: Leap, end: str) -> None:
    work, what, outcome, still_running = ENDS[end]
    policy = Counting()
    guarded(fal, policy)
    if isinstance(what, Script):
        fal.script(what)
    else:
        fal.fail("submit", what)

    await work(fal, leap)
    assert policy.trail == [("in", 1), ("out", 1)]
    assert policy.still_running == [still_running]
    assert policy.outcomes() == ([] if outcome is None else [outcome])


async def test_a_second_cancellation_does_not_cut_short_how_a_policy_is_left(fal: Fal) -> None:
    go_on = asyncio.Event()
    left: list[str] = []

    class Slow(Policy):
        @asynccontextmanager
        async def admit(self, target: Target, call: PolicyCall) -> AsyncIterator[None]:
            del target, call
            yield
            left.append("begun")
            await go_on.wait()
            left.append("done")

    guarded(fal, Slow())
    task = asyncio.ensure_future(fal.generate())
    await until(lambda: left == ["begun"])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    go_on.set()
    await until(lambda: left == ["begun", "done"])
    (job,) = await fal.ledger.jobs()
    assert job.state == "open"  # paid for, and nobody has got it


async def test_a_policy_that_is_never_left_holds_nothing_up(
    fal: Fal, leap: Leap, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()

    class Stuck(Policy):
        @asynccontextmanager
        async def admit(self, target: Target, call: PolicyCall) -> AsyncIterator[None]:
            del target, call
            yield
            begun.set()
            await asyncio.Event().wait()

    guarded(fal, Stuck())
    task = asyncio.ensure_future(fal.generate())
    await begun.wait()
    leap(5)
    assert (await task).status == "completed"
    assert "policy_failed" in logged(caplog)
    for stuck in asyncio.all_tasks() - {asyncio.current_task()}:
        stuck.cancel()

    await rounds()


async def test_the_deadline_begins_when_the_attempt_is_let_in(fal: Fal, leap: Leap) -> None:
    policy = Counting(limit=1)
    guarded(fal, policy)
    await policy.limit.acquire()
    task = asyncio.ensure_future(fal.generate(timeout=60))
    await until(lambda: bool(policy.waiting))
    leap(600)
    await rounds()
    policy.limit.release()
    assert (await task).status == "completed"


async def test_who_waits_sees_its_place_in_the_queue(fal: Fal) -> None:
    policy = Counting(limit=1)
    guarded(fal, policy)
    await policy.limit.acquire()
    places: list[Any] = []
    updates: list[Any] = []

    def on_progress(update: Any) -> None:
        updates.append(update)
        places.append(update.queue_position)

    first = asyncio.ensure_future(fal.generate())
    await until(lambda: len(policy.waiting) == 1)
    task = asyncio.ensure_future(fal.generate(on_progress))
    await until(lambda: places == [2])
    await asyncio.to_thread(policy.waiting[1].queued, 1)
    await until(lambda: places == [2, 1])
    policy.limit.release()
    await asyncio.gather(first, task)

    assert {one.status for one in updates[:2]} == {"queued"}
    assert updates[-1].status == "completed"
    policy.calls[0].queued(1)  # too late to be of use, and harmless


def test_the_blocking_functions_pass_by_a_policy_too(fal: Fal) -> None:
    policy = Counting()
    guarded(fal, policy)
    fal.gateway.generate_video(fal.config(), REQUEST)
    assert policy.trail == [("in", 1), ("out", 1)]
    assert isinstance(policy.events[0], AttemptStarted)


@pytest.mark.parametrize("refusal", [PolicyRefusedError("no"), RuntimeError("broken"), None])
async def test_a_job_that_runs_is_counted_again_and_never_refused(
    fal: Fal, refusal: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    policy = Counting(limit=1)
    guarded(fal, policy)
    fal.script(Script(run_polls=1, stream=False))
    job = await fal.gateway.submit_video_async(fal.config(), REQUEST)
    assert policy.outcomes() == []

    guarded(fal, policy, *([] if refusal is None else [Refusing(refusal)]))
    again = await fal.gateway.resume_async(job.id, api_keys={"fal": KEY})
    response = await again.wait_async()
    assert isinstance(response, VideoGenerationResponse)
    assert [call.resumed for call in policy.calls] == [False, True]
    assert policy.trail == [("in", 1), ("out", 1)] * 2
    assert policy.outcomes() == ["completed"]
    assert ("policy_failed" in logged(caplog)) == (refusal is not None)


async def test_a_job_that_runs_does_not_wait_to_be_let_in(fal: Fal) -> None:
    policy = Counting(limit=1)
    guarded(fal, policy)
    fal.script(Script(run_polls=1, stream=False))
    job = await fal.gateway.submit_video_async(fal.config(), REQUEST)
    await policy.limit.acquire()
    await job.wait_async()
    assert policy.inside == 0
    policy.limit.release()
    assert not policy.limit.locked()


async def test_who_only_watches_a_job_is_not_counted(fal: Fal) -> None:
    policy = Counting()
    guarded(fal, policy)
    fal.script(Script(run_polls=20, stream=False))
    first = await fal.gateway.submit_video_async(fal.config(), REQUEST)
    second = await fal.gateway.resume_async(first.id, api_keys={"fal": KEY})
    await asyncio.gather(first.wait_async(), second.wait_async())
    assert [call.resumed for call in policy.calls] == [False, True]
    assert any(event.watched for event in policy.events)


async def test_handlers_and_mocks_are_let_in_too(fal: Fal) -> None:
    policy = Counting()
    registry = Registry()
    made = VideoGenerationResponse(
        request_id="1", video="https://example.com/1.mp4", status="completed", raw_response={}
    )

    class Handler:
        async def generate_video_async(self, *_arguments: Any) -> VideoGenerationResponse:
            return made

    registry.register_provider("own", Handler())
    fal.gateway = Gateway(registry=registry, ledger=fal.ledger, policies=[policy])
    await fal.gateway.generate_video_async(
        VideoGenerationConfig(provider="own", model="m", api_key=KEY), REQUEST
    )
    await fal.generate(mock=MockConfig(enabled=True))
    assert policy.trail == [("in", 1), ("out", 1)] * 2
    assert [call.mocked for call in policy.calls] == [False, True]
    assert policy.outcomes() == ["completed", "completed"]


async def test_without_a_key_there_is_nothing_to_let_in(
    fal: Fal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)
    policy = Counting()
    guarded(fal, policy)
    assert isinstance(await fal.failure(api_key=None), AuthenticationError)
    assert policy.calls == []


async def test_a_user_may_leave_a_call_that_waits(fal: Fal) -> None:
    policy = Counting(limit=1)
    guarded(fal, policy)
    await policy.limit.acquire()

    class Enough(BaseException):
        pass

    def leave(_update: Any) -> None:
        raise Enough

    with pytest.raises(Enough):
        await fal.generate(leave)

    assert fal.outcomes() == []
    assert policy.inside == 0


@pytest.mark.parametrize("wrong", [Counting, object(), lambda _event: None])
def test_what_is_no_policy_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(ValidationError, match=r"policies\.Policy"):
        Gateway(policies=[wrong])


def test_a_policy_without_methods_of_its_own_lets_everything_in(fal: Fal) -> None:
    class Nothing(Policy):
        pass

    guarded(fal, Nothing())
    fal.gateway.generate_video(fal.config(), REQUEST)
    assert fal.counters.accepted == 1
