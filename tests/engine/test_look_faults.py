"""What goes wrong with looks at an accepted job: nothing that may pass by itself loses it."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    HTTPError,
    ModelNotFoundError,
    TimeoutError,  # noqa: A004  (the library's own, which is the built-in one too)
    ValidationError,
)
from tarash.tarash_gateway.providers._registry import Registry
from tarash.tarash_gateway.providers.fal.adapter import FalAdapter
from tarash.tarash_gateway.testing import Fault, Script, Step
from tests.conftest import Leap, logged, rounds, until
from tests.engine.conftest import Fal, only_attempt

PASSING = {
    "reset before": Fault.reset_before(),
    "reset after": Fault.reset_after(),
    "truncated": Fault.truncate(),
    "foreign body": Fault.foreign_body(),
    "foreign JSON": Fault.foreign_body("[1", "application/json"),
    "foreign 502": Fault.foreign_body(status=502),
    "408": Fault.status(408),
    "425": Fault.status(425),
    "429": Fault.status(429),
    "500": Fault.status(500),
    "502": Fault.status(502),
    "503": Fault.status(503),
    "504": Fault.status(504),
    "a key in the error": Fault.echo_key(),
    "late": Fault.delay(0.05),
}
NO_STREAM = Script(run_polls=1, stream=False)
LIMIT = 60


@pytest.mark.parametrize("step", ["poll", "result"])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_a_look_that_fails_is_taken_again(fal: Fal, fault: Fault, step: Step) -> None:
    fal.script(NO_STREAM)
    fal.fail(step, fault, times=2)
    response = await fal.generate()

    assert response.status == "completed"
    assert (fal.counters.submits, fal.counters.accepted) == (1, 1)
    assert response.execution_metadata is not None
    assert response.execution_metadata.total_attempts == 1
    assert fal.outcomes() == ["completed"]


@pytest.mark.parametrize("status", [500, 504])
async def test_a_models_words_about_a_look_do_not_end_the_job(fal: Fal, status: int) -> None:
    body = {"detail": [{"loc": [], "msg": "late", "type": "generation_timeout"}]}
    fal.script(NO_STREAM)
    fal.fail("poll", Fault.status(status, body), times=2)
    await fal.generate()
    assert fal.counters.accepted == 1


async def test_a_result_that_is_said_to_be_in_progress_is_asked_for_again(fal: Fal) -> None:
    """Status and result may be served by machines that do not agree yet."""
    fal.script(NO_STREAM)
    fal.fail("result", Fault.status(400, {"detail": "Request is still in progress"}), times=2)
    await fal.generate()
    assert fal.counters.results == 3


@pytest.mark.parametrize("step", ["poll", "result"])
async def test_the_providers_pace_is_kept_between_looks(
    fal: Fal, leap: Leap, step: Step, caplog: pytest.LogCaptureFixture
) -> None:
    fal.script(Script(run_polls=0, stream=False))
    fal.fail(step, Fault.status(429, retry_after=100))
    work = asyncio.ensure_future(fal.generate())
    await until(lambda: "look_failed" in logged(caplog))
    await rounds()
    leap(99)
    await asyncio.sleep(0.05)
    assert fal.counters.polls == 1

    leap(1)
    await work
    assert fal.counters.polls == 2


async def test_looks_that_always_fail_end_with_the_deadline_and_hand_over_the_job(
    fal: Fal, leap: Leap
) -> None:
    fal.script(NO_STREAM)
    fal.fail("poll", Fault.status(503), times=None)
    work = asyncio.ensure_future(fal.failure(timeout=LIMIT))
    await until(lambda: fal.counters.polls > 3)
    leap(LIMIT)
    error = await work

    assert isinstance(error, TimeoutError)
    assert error.operation is not None
    assert error.operation["id"] == fal.simulator.jobs("fal")[0].id
    assert fal.counters.submits == 1


async def test_a_look_that_hangs_does_not_move_the_deadline(fal: Fal, leap: Leap) -> None:
    fal.script(NO_STREAM)
    fal.fail("poll", Fault.hang(), times=None)
    work = asyncio.ensure_future(fal.failure(timeout=25, on_timeout="detach"))
    await until(lambda: fal.counters.polls == 1)
    leap(25)
    await until(lambda: fal.counters.polls == 2)  # the last one, before the verdict
    leap(2.5)
    assert isinstance(await work, TimeoutError)
    assert fal.counters.polls == 2


async def test_a_look_that_hangs_is_given_up_after_30_seconds_and_taken_again(
    fal: Fal, leap: Leap
) -> None:
    fal.script(NO_STREAM)
    fal.fail("poll", Fault.hang())
    work = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.polls == 1)
    leap(25)
    await asyncio.sleep(0.05)
    assert fal.counters.polls == 1

    leap(5)
    await work
    assert fal.counters.polls == 3


@pytest.mark.parametrize("step", ["poll", "result"])
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault.status(one) for one in (302, 400, 401, 402, 403, 404, 409, 410, 422, 520, 530)),
        Fault.foreign_body(),
        Fault.foreign_body("", "text/plain", status=204),
        Fault.foreign_body("[1", "application/json"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.code}",
)
async def test_an_answer_about_a_look_is_borne_to_the_deadline_and_hands_over_the_job(
    fal: Fal, leap: Leap, step: Step, fault: Fault
) -> None:
    fal.script(NO_STREAM)
    fal.fail(step, fault, times=None)
    work = asyncio.ensure_future(fal.failure(timeout=LIMIT, on_timeout="detach"))
    count = "polls" if step == "poll" else "results"
    await until(lambda: getattr(fal.counters, count) > 2)
    leap(LIMIT)
    error = await work

    assert isinstance(error, TimeoutError)
    assert error.submission == "accepted"
    assert "the last poll:" in error.message
    assert error.operation is not None
    assert error.request_id == error.operation["id"] == fal.simulator.jobs("fal")[0].id
    assert only_attempt(error).billing == ("possible" if step == "poll" else "certain")
    assert fal.counters.submits == 1
    assert fal.outcomes() == ["detached"], "the job may still be running and paid for"


async def test_a_trouble_is_told_once(fal: Fal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    fal.script(NO_STREAM)
    fal.fail("poll", Fault.status(403), times=3)
    updates: list[Any] = []
    await fal.generate(updates.append)
    assert logged(caplog).count("look_failed") == 1
    (note,) = [one.note for one in updates if one.note]
    assert "Simulated fault: HTTP 403" in note


async def test_a_pace_beyond_the_deadline_does_not_cost_a_job_that_is_done(
    fal: Fal, leap: Leap
) -> None:
    fal.script(Script(run_polls=1, stream=False))
    fal.fail("poll", Fault.status(503, retry_after=3600), skip=1)
    work = asyncio.ensure_future(fal.generate(timeout=LIMIT))
    await until(lambda: fal.counters.polls == 2)
    await rounds()
    leap(LIMIT)
    response = await work
    assert response.status == "completed"
    assert fal.counters.cancels == 0


@pytest.mark.parametrize("step", ["poll", "result"])
async def test_a_job_that_is_not_known_everywhere_yet_is_waited_for(fal: Fal, step: Step) -> None:
    fal.script(Script(run_polls=0, stream=False))
    fal.fail(step, Fault.status(404), times=2)
    await fal.generate()
    assert (fal.counters.submits, fal.counters.accepted) == (1, 1)


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("status", [404, 410])
async def test_a_job_that_is_denied_for_a_minute_ends_the_wait_and_stays_unfinished(
    fal: Fal, leap: Leap, status: int, skip: int
) -> None:
    fal.script(Script(outcome="never", stream=False))
    fal.fail("poll", Fault.status(status), times=None, skip=skip)
    work = asyncio.ensure_future(fal.failure())
    await until(lambda: fal.counters.polls > 8)
    assert not work.done()
    leap(61)
    error = await work

    assert isinstance(error, HTTPError)
    assert not isinstance(error, ModelNotFoundError), "it is the job that is not known"
    assert error.status_code == status
    assert f"Simulated fault: HTTP {status}" in error.message
    assert (error.submission, error.retryable) == ("accepted", False)
    assert error.operation is not None
    assert error.operation["id"] == fal.simulator.jobs("fal")[0].id
    assert fal.counters.submits == 1
    assert only_attempt(error).billing == "possible"
    assert fal.outcomes() == ["detached"]


class Broken(FalAdapter):
    """Can't read what it is told of a job, as is seen with each word that a provider adds."""

    name = "broken"
    raises: Exception

    async def poll(self, client: Any, operation: Any) -> Any:
        """Fail."""
        await super().poll(client, operation)
        raise self.raises


async def broken(fal: Fal, raises: Exception, **changes: Any) -> Any:
    adapter, registry = Broken(), Registry()
    adapter.raises = raises
    registry.register_provider("broken", adapter)
    fal.gateway = Gateway(registry=registry, ledger=fal.ledger)
    fal.script(Script(outcome="never", stream=False))
    return await fal.failure(provider="broken", **changes)


@pytest.mark.parametrize("raises", [KeyError("urls"), TypeError("not iterable"), RuntimeError()])
async def test_an_adapter_that_fails_at_each_poll_ends_the_wait_and_not_the_job(
    fal: Fal, leap: Leap, raises: Exception
) -> None:
    work = asyncio.ensure_future(broken(fal, raises))
    await until(lambda: work.done() or fal.counters.polls > 8)
    assert not work.done()
    leap(61)
    error = await work

    assert (error.code, error.submission, error.retryable) == ("adapter_failed", "accepted", False)
    assert f"Unforeseen {type(raises).__name__}" in error.message
    assert error.operation["id"] == fal.simulator.jobs("fal")[0].id
    assert (fal.counters.submits, fal.counters.cancels) == (1, 0)
    assert only_attempt(error).billing == "possible"
    assert fal.outcomes() == ["detached"]


async def test_a_connection_that_fails_in_a_way_of_its_own_is_polled_over_to_the_deadline(
    fal: Fal, leap: Leap
) -> None:
    work = asyncio.ensure_future(broken(fal, OSError("no route"), timeout=600))
    await until(lambda: work.done() or fal.counters.polls > 8)
    leap(61)
    await until(lambda: work.done() or fal.counters.polls > 10)
    assert not work.done()
    leap(600)
    assert isinstance(await work, TimeoutError)


@pytest.mark.parametrize("fault", [Fault.status(429), Fault.status(503), Fault.status(408)])
async def test_a_refused_look_at_a_refusal_does_not_turn_it_into_a_failure_to_retry(
    fal: Fal, fault: Fault
) -> None:
    """Moderation has to stop the chain also where the first call for its verdict fails."""
    fal.script(Script(outcome="moderated", stream=False))
    fal.fail("result", fault)
    error = await fal.failure()
    assert isinstance(error, ContentModerationError)
    assert not error.retryable


async def test_the_count_of_looks_is_held(fal: Fal) -> None:
    fal.script(Script(outcome="never", stream=False))
    error = await fal.failure(max_poll_attempts=3, timeout=LIMIT)

    assert isinstance(error, TimeoutError)
    assert error.timeout_seconds == LIMIT
    assert "3 polls" in error.message
    assert fal.counters.polls == 3
    assert fal.counters.cancels == 1
    assert only_attempt(error).cancel == "requested"


@pytest.mark.parametrize("floor", ["soon", -1, math.nan, math.inf])
async def test_a_poll_floor_that_is_no_number_of_seconds_is_refused_before_anything_is_sent(
    fal: Fal, floor: object
) -> None:
    error = await fal.failure(provider_config={"min_poll_interval": floor})
    assert isinstance(error, ValidationError)
    assert "min_poll_interval" in error.message
    assert fal.counters.submits == 0


async def test_the_users_poll_floor_is_held(fal: Fal, leap: Leap) -> None:
    fal.script(Script(run_polls=0, stream=False))
    updates: list[object] = []
    asked = {"min_poll_interval": 100}
    work = asyncio.ensure_future(fal.generate(updates.append, provider_config=asked))
    await until(lambda: len(updates) > 0)  # the first one comes right before the first pause
    await rounds()
    leap(99)
    await asyncio.sleep(0.05)
    assert fal.counters.polls == 0

    leap(12)  # up to 10 % are added
    await work
    assert fal.counters.polls == 1
