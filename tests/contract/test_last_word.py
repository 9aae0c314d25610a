"""The last update of every provider, on every way to a result: exactly the response returned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.testing import Script, Simulator

from .cases import CASES, JOBS, Case
from .conftest import KEY, Run

# Vertex AI takes its credentials from the environment, where a job is taken up again.
TAKEN_UP = [case for case in JOBS if not str(case).endswith("generate-001")]


def check(updates: list[Any], response: Any, case: Case, *, saved: int = 1) -> None:
    """Check that the last update, and none before, carries the response."""
    last = updates[-1]
    assert (last.status, last.progress_percent) == ("completed", 100)
    assert last.result == response
    assert last.request_id == response.request_id
    assert last.update == response.raw_response
    assert all(one.result is None for one in updates[:-1])
    assert len(response.saved) == saved
    assert response.execution_metadata is not None
    assert response.execution_metadata.attempts[-1].provider == case.provider


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_of_a_call(run: Run, tmp_path: Path) -> None:
    response = await run.generate(save_to=f"{tmp_path}/")
    check(run.updates, response, run.case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_of_a_blocking_call(case: Case, simulator: Simulator, tmp_path: Path) -> None:
    updates: list[Any] = []
    config = case.config(KEY, simulator.base_url(case.provider), save_to=f"{tmp_path}/")
    generate = getattr(Gateway(), f"generate_{case.kind}")
    check(updates, generate(config, case.request(), updates.append), case)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_of_a_handle(run: Run, tmp_path: Path) -> None:
    run.script(Script(run_polls=1))
    submit = getattr(run.gateway, f"submit_{run.case.kind}_async")
    job = await submit(run.config(save_to=f"{tmp_path}/"), run.case.request())
    response = await job.wait_async(run.updates.append)
    check(run.updates, response, run.case)

    again: list[Any] = []
    assert await job.wait_async(again.append) == response
    check(again, response, run.case)


@pytest.mark.parametrize("case", TAKEN_UP, ids=str)
async def test_of_a_job_that_is_taken_up_again(run: Run, tmp_path: Path) -> None:
    run.script(Script(run_polls=1))
    submit = getattr(run.gateway, f"submit_{run.case.kind}_async")
    job = await submit(run.config(save_to=f"{tmp_path}/"), run.case.request())
    assert await run.ledger.jobs(states=("open",))
    keys = {run.case.provider: KEY}
    taken_up = await Gateway(ledger=run.ledger).resume_async(job.id, api_keys=keys)
    response = await taken_up.wait_async(run.updates.append)
    check(run.updates, response, run.case)
