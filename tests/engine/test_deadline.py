"""The deadline: who is asked to stop, what it may have cost, and how to go on waiting."""

from __future__ import annotations

import asyncio
import builtins
import json
import pickle
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tarash.tarash_gateway import (
    HTTPConnectionError,
    HTTPError,
    RateLimitError,
    TarashException,
)
from tarash.tarash_gateway import TimeoutError as GatewayTimeoutError
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._engine import _cancelling
from tarash.tarash_gateway._http._client import Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._support._secrets import Key
from tarash.tarash_gateway.providers.fal.adapter import FalAdapter
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, rounds, until
from tests.engine.conftest import KEY, Fal, only_attempt

LIMIT = 60
"""Seconds of the deadline, which nobody waits for: the tests leap over it."""
CANCEL_LIMIT = 5
QUEUED = Script(queue_polls=1000)
RUNNING = Script(outcome="never")


async def timed_out(
    fal: Fal,
    leap: Leap,
    when: Callable[[], bool] | None = None,
    after: Callable[[], object] = bool,
    **changes: Any,
) -> GatewayTimeoutError:
    """Let the deadline pass once the job was looked at, or `when` is true; then do what is left."""
    work = asyncio.ensure_future(fal.failure(timeout=LIMIT, **changes))
    # With the second look, the answer to the first one has been read.
    await until(when or (lambda: fal.counters.polls > 1))
    assert not work.done()
    leap(LIMIT)
    await rounds()
    after()
    error = await work
    assert isinstance(error, GatewayTimeoutError)
    assert isinstance(error, builtins.TimeoutError)
    assert error.retryable
    return error


@pytest.mark.parametrize(
    ("script", "answer", "billing", "outcome"),
    [
        (QUEUED, "cancelled", "none", "cancelled"),
        (RUNNING, "requested", "possible", "detached"),
        (Script(outcome="never", cancel="ignored"), "requested", "possible", "detached"),
        (Script(outcome="never", cancel="queued_ok"), "cancelled", "possible", "cancelled"),
    ],
    ids=["queued", "running", "ignored", "stopped while running"],
)
@pytest.mark.parametrize("stream", [True, False, "silent"])
async def test_the_job_is_cancelled_once_and_the_answer_is_told(  # noqa: PLR0913, PLR0917
    fal: Fal, leap: Leap, script: Script, answer: str, billing: str, outcome: str, stream: Any
) -> None:
    fal.script(replace(script, stream=stream))
    error = await timed_out(fal, leap)

    assert fal.counters.cancels == 1
    assert (error.timeout_seconds, error.submission) == (LIMIT, "accepted")
    attempt = only_attempt(error)
    assert (attempt.cancel, attempt.billing) == (answer, billing)
    assert fal.outcomes() == [outcome]


async def test_a_result_that_is_there_after_all_is_returned(fal: Fal) -> None:
    fal.script(Script(outcome="never", cancel="too_late"))
    response = await fal.generate(max_poll_attempts=1)

    assert response.status == "completed"
    assert response.execution_metadata is not None
    (attempt,) = response.execution_metadata.attempts
    assert (attempt.cancel, attempt.billing, attempt.status) == ("too_late", "certain", "success")
    assert fal.outcomes() == ["completed"]


async def test_a_result_that_is_there_and_can_not_be_had_is_a_timeout(fal: Fal, leap: Leap) -> None:
    fal.script(Script(outcome="never", cancel="too_late"))
    fal.fail("result", Fault.status(503), times=None)
    error = await timed_out(fal, leap)

    attempt = only_attempt(error)
    assert (attempt.cancel, attempt.billing) == ("too_late", "certain")
    assert error.operation is not None


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500),
        Fault.status(403),
        Fault.reset_before(),
        Fault.reset_after(),
        Fault.truncate(),
        Fault.foreign_body(),
        Fault.foreign_body("[]", "application/json"),
        Fault.echo_key(),
    ],
    ids=lambda fault: f"{fault.kind} {fault.code}",
)
async def test_a_cancel_without_a_clear_answer_is_not_taken_for_one(
    fal: Fal, leap: Leap, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cancelling, "PAUSES", (0.01, 0.02))
    fal.script(QUEUED)
    fal.fail("cancel", fault, times=None)
    error = await timed_out(fal, leap)

    attempt = only_attempt(error)
    assert (attempt.cancel, attempt.billing) == ("unsupported", "possible")
    # What may pass is asked for again, and so is what can't be read; a PUT may be repeated on the
    # way.
    again = 1 if fault.code == 403 else 1 + len(_cancelling.PAUSES)
    assert fal.counters.cancels == again or fault.kind.startswith("reset")
    assert error.operation is not None


async def test_a_cancel_that_hangs_holds_nobody_up_for_longer_than_its_limit(
    fal: Fal, leap: Leap
) -> None:
    fal.script(RUNNING)
    fal.fail("cancel", Fault.hang())
    work = asyncio.ensure_future(timed_out(fal, leap))
    await until(lambda: fal.counters.cancels == 1)
    assert not work.done()
    leap(CANCEL_LIMIT)

    assert only_attempt(await work).cancel == "unsupported"


@pytest.mark.parametrize("script", [QUEUED, RUNNING], ids=["queued", "running"])
async def test_a_detached_job_is_left_alone(fal: Fal, leap: Leap, script: Script) -> None:
    fal.script(script)
    error = await timed_out(fal, leap, on_timeout="detach")

    assert fal.counters.cancels == 0
    attempt = only_attempt(error)
    assert (attempt.cancel, attempt.billing) == (None, "possible")
    assert fal.outcomes() == ["detached"]


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_submit_that_hangs_may_have_bought_something(
    fal: Fal, leap: Leap, *, accepted: bool
) -> None:
    fal.fail("submit", Fault.hang(accepted=accepted), times=None)
    error = await timed_out(fal, leap, lambda: has_left(fal, accepted), lambda: leap(CANCEL_LIMIT))

    assert error.submission == "unknown"
    assert error.operation is None
    assert "dashboard" in error.message
    assert (fal.counters.submits, fal.counters.accepted) == (1, int(accepted))
    assert only_attempt(error).billing == "possible"
    assert fal.outcomes() == ["unknown"]


def has_left(fal: Fal, accepted: int) -> bool:
    """Tell whether a submit has come to what it can come to."""
    return len(fal.simulator.requests("fal")) == 1 and fal.counters.accepted == accepted


async def test_a_submit_that_is_answered_after_the_deadline_is_heard_and_cancelled(
    fal: Fal, leap: Leap
) -> None:
    fal.script(QUEUED)
    is_over = threading.Event()
    fal.fail("submit", Fault.hold(is_over.is_set))
    error = await timed_out(fal, leap, lambda: has_left(fal, 0), is_over.set)

    assert error.submission == "accepted"
    assert error.operation is not None
    assert fal.counters.accepted == fal.counters.cancels == 1
    assert only_attempt(error).cancel == "cancelled"


async def test_a_submit_that_is_refused_after_the_deadline_has_cost_nothing(
    fal: Fal, leap: Leap
) -> None:
    fal.simulator.keys["fal"] = ["another"]
    is_over = threading.Event()
    fal.fail("submit", Fault.hold(is_over.is_set))
    error = await timed_out(fal, leap, lambda: has_left(fal, 0), is_over.set)

    assert error.submission == "rejected"
    assert only_attempt(error).billing == "none"
    assert "nothing was submitted" in error.message
    assert fal.counters.accepted == 0


async def test_a_result_that_hangs_does_not_outlast_the_deadline(fal: Fal, leap: Leap) -> None:
    """The last look hangs too, so it takes its own limit on top."""
    fal.fail("result", Fault.hang(), times=None)
    work = asyncio.ensure_future(timed_out(fal, leap, lambda: fal.counters.results == 1))
    await until(partial(has_asked, fal, 2))
    leap(CANCEL_LIMIT)
    error = await work

    assert only_attempt(error).cancel is None, "the job is done"
    assert only_attempt(error).billing == "certain"
    assert "done and paid for" in error.message
    assert error.operation is not None
    assert fal.counters.cancels == 0


def has_asked(fal: Fal, number: int) -> bool:
    return fal.counters.results == number


async def test_the_operation_of_a_timeout_is_enough_to_go_on_waiting(fal: Fal) -> None:
    fal.script(Script(run_polls=3))
    error = await fal.failure(max_poll_attempts=1, on_timeout="detach")
    copied = pickle.loads(pickle.dumps(error))
    stored = json.loads(json.dumps(copied.operation))
    assert KEY not in json.dumps(stored)

    operation = Operation.from_json(stored)
    assert operation.to_json() == stored
    adapter = FalAdapter()
    transport = Transport()
    account = Credentials("fal", fal.simulator.base_url("fal"), Key(KEY), custom_base_url=True)
    client = adapter.connect(account, transport)
    try:
        while (snapshot := await adapter.poll(client, operation)).finished is None:
            assert snapshot.status == "processing"
    finally:
        await transport.aclose()

    assert "video" in snapshot.finished.raw
    assert fal.counters.submits == 1


async def test_the_error_says_what_to_do_and_that_a_second_submit_is_a_second_bill(
    fal: Fal,
) -> None:
    fal.script(RUNNING)
    error = await fal.failure(max_poll_attempts=1, on_timeout="detach")
    assert isinstance(error, GatewayTimeoutError)
    assert "buys a second one" in error.message
    assert str(error.request_id) in error.message


class Stumbles:
    """What asks for a cancel as an adapter does, and stumbles first."""

    def __init__(self, *errors: TarashException) -> None:
        self._errors = list(errors)
        self.asked = 0

    async def cancel(self, _client: Any, _operation: Any) -> str:
        self.asked += 1
        if self._errors:
            raise self._errors.pop(0)

        return "cancelled"


PASSING = HTTPError("stumbled", status_code=502)


@pytest.mark.parametrize(
    ("errors", "asked"),
    [
        ((PASSING, HTTPConnectionError("reset"), RateLimitError("busy", retry_after=0.01)), 4),
        ((HTTPError("no such job", status_code=404),), 1),
        ((RateLimitError("busy", retry_after=60.0),), 1),
        ((PASSING,) * 4, 4),
    ],
    ids=["passes", "refused", "much patience", "goes on"],
)
async def test_only_what_passes_is_asked_again(
    errors: tuple[TarashException, ...], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cancelling, "PAUSES", (0.01,) * 3)
    adapter: Any = Stumbles(*errors)
    operation: Any = object()
    outcome: Any = await asyncio.gather(
        _cancelling.cancel(adapter, None, operation), return_exceptions=True
    )
    assert adapter.asked == asked
    assert outcome == (["cancelled"] if asked > len(errors) else [errors[-1]])
