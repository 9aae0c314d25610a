"""Deadlines, cancellations and second processes: no provider loses a job or buys it again."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway._http._pools import ClientCache
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import Leap, rounds, until

from .cases import AT_ONCE, JOBS, Case, everyone
from .conftest import KEY, Run

LIMIT = 60
NEVER = Script(run_polls=1, outcome="never", stream=False)
OUTCOMES = {"cancelled": "cancelled", "requested": "detached", "unsupported": "detached"}


def attempt_of(error: TimeoutError) -> tuple[str | None, str | None, str]:
    assert error.execution_metadata is not None
    (attempt,) = error.execution_metadata.attempts
    return attempt.submission, attempt.cancel, attempt.billing


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_the_deadline_asks_to_stop_and_hands_over_the_job(run: Run, leap: Leap) -> None:
    run.script(NEVER)
    work = asyncio.ensure_future(run.failure(timeout=LIMIT))
    await until(lambda: run.counters.polls > 1)
    leap(LIMIT)
    error = await work

    assert isinstance(error, TimeoutError)
    assert error.timeout_seconds == LIMIT
    assert error.operation is not None
    assert error.operation["id"].endswith(run.jobs[0].id)
    assert attempt_of(error)[:2] == ("accepted", run.case.cancel)
    assert attempt_of(error)[2] != "certain"
    assert run.jobs[0].cancel_requested is (run.case.cancel != "unsupported")
    assert run.counters.submits == 1
    assert run.outcomes() == [OUTCOMES[run.case.cancel]]


async def test_the_deadline_of_an_answer_at_once_says_that_nobody_knows(leap: Leap) -> None:
    """All cases at once: nobody hears out what can neither be stopped nor found again."""
    cases_of = Counter(case.provider for case in AT_ONCE)

    async def hang(case: Case, simulator: Simulator, gateway: Gateway) -> tuple[object, ...]:
        asked = case.config(KEY, simulator.base_url(case.provider), timeout=LIMIT)
        with pytest.raises(TimeoutError) as caught:
            await getattr(gateway, f"generate_{case.kind}_async")(asked, case.request())

        return attempt_of(caught.value)

    with everyone() as simulator:
        for case in AT_ONCE:
            simulator.fail(case.provider, "submit", Fault.hang(accepted=True))

        async with Gateway() as gateway:
            work = asyncio.gather(*(hang(case, simulator, gateway) for case in AT_ONCE))
            await until(
                lambda: all(simulator.counters(one).accepted == cases_of[one] for one in cases_of)
            )
            leap(LIMIT)
            found = await work

        unknown = ("unknown", None, "possible")
        assert dict(zip(map(str, AT_ONCE), found, strict=True)) == dict.fromkeys(
            map(str, AT_ONCE), unknown
        )
        assert {name: simulator.counters(name).submits for name in cases_of} == cases_of


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_a_cancelled_task_asks_to_stop_what_it_started(run: Run) -> None:
    run.script(NEVER)
    task = asyncio.ensure_future(run.generate())
    await until(lambda: run.counters.polls > 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert run.jobs[0].cancel_requested is (run.case.cancel != "unsupported")
    assert run.case.cancel in run.updates[-1].error
    assert ("may still finish" in run.updates[-1].error) is (run.case.cancel != "cancelled")
    assert run.terminal() == ["failed"]
    assert run.counters.submits == 1
    # Nobody wants another one in the place of what was asked to stop.
    assert run.outcomes() == [{**OUTCOMES, "requested": "stopped"}[run.case.cancel]]


@pytest.mark.parametrize("case", AT_ONCE, ids=str)
async def test_a_cancelled_task_does_not_wait_for_what_nobody_can_get(run: Run) -> None:
    is_over = threading.Event()
    run.fail("submit", Fault.hold(is_over.is_set))
    task = asyncio.ensure_future(run.generate())
    await until(lambda: len(run.simulator.requests(run.case.provider)) == 1)
    task.cancel()
    try:
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        is_over.set()

    assert run.counters.submits == 1
    assert run.terminal() == ["failed"]
    assert run.outcomes() == ["unknown"]


@pytest.mark.parametrize("case", AT_ONCE, ids=str)
async def test_a_ledger_keeps_what_comes_after_a_cancellation(
    case: Case, simulator: Simulator, tmp_path: Path
) -> None:
    is_over = threading.Event()
    simulator.fail(case.provider, "submit", Fault.hold(is_over.is_set))
    config = case.config(KEY, simulator.base_url(case.provider))
    async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
        method = getattr(gateway, f"generate_{case.kind}_async")
        task = asyncio.ensure_future(method(config, case.request()))
        await until(lambda: len(simulator.requests(case.provider)) == 1)
        task.cancel()
        await rounds()
        assert not task.done()
        is_over.set()
        with pytest.raises(asyncio.CancelledError):
            await task

        (job,) = await gateway.resume_all_async(api_keys={case.provider: KEY})
        response: Any = await job.wait_async()

    assert getattr(response, case.kind if case.kind == "video" else "images")
    assert simulator.counters(case.provider).submits == 1


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_another_process_can_go_on_with_an_operation(run: Run) -> None:
    """Nothing but its JSON is handed over: to a new client, of a config that has the key."""
    run.script(Script(run_polls=3, stream=False))
    error = await run.failure(max_poll_attempts=1, on_timeout="detach")
    assert error.operation is not None
    stored = json.dumps(error.operation)
    assert KEY not in stored

    operation = Operation.from_json(json.loads(stored))
    assert operation.to_json() == json.loads(stored)
    assert operation.provider == run.case.provider
    (entry,) = run.ledger.entries()
    assert entry.operation == operation

    adapter = default_registry.adapter(operation.provider)
    clients = ClientCache()
    async with clients.lease(adapter, account(adapter, run.config(), None)) as client:
        while (snapshot := await adapter.poll(client, operation)).status != "completed":
            assert snapshot.status in {"queued", "processing"}
            await asyncio.sleep(0.01)

    await clients.aclose()
    assert snapshot.finished is not None
    assert snapshot.finished.raw == run.jobs[0].result_body
    assert (run.counters.submits, run.counters.cancels) == (1, 0)
