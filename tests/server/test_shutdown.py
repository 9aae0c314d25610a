"""A server that is stopped in good order: what it has promised stays promised, and it says so."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.server.conftest import Start
from tests.server.test_jobs_are_kept import until

# Where a job stands when the server is stopped, and how often it is submitted in all.
MOMENTS: dict[str, tuple[Fault | None, int]] = {
    "in the pause after a refusal": (Fault.status(429, headers={"Retry-After": "1"}), 2),
    "while it is submitted": (Fault.delay(1.0), 1),
    "under way": (None, 1),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_job_that_was_promised_goes_on_after_the_next_start(
    start: Start,
    simulator: Simulator,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    moment: str,
) -> None:
    caplog.set_level(logging.INFO)
    fault, submits = MOMENTS[moment]
    simulator.script("fal", Script(run_seconds=1.0))
    if fault is not None:
        simulator.fail("fal", "submit", fault)

    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    first = start(ledger, create_seconds=0.1)
    video = first.create().json()
    assert video["status"] in ("queued", "in_progress")
    until(lambda: simulator.counters("fal").submits == 1)
    first.stop()
    told = [one.getMessage().partition(" ")[0] for one in caplog.records]
    assert "cancelled" not in told
    (job,) = asyncio.run(Gateway(ledger=ledger).list_jobs_async())
    assert job.state == "open"

    second = start(ledger)
    assert second.until_ended(video["id"])["status"] == "completed"
    counted = simulator.counters("fal")
    assert (counted.submits, counted.accepted, counted.cancels) == (submits, 1, 0)


def test_what_somebody_has_stopped_is_not_sent_after_the_next_start(
    start: Start, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.fail("fal", "submit", Fault.status(429, headers={"Retry-After": "30"}))
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    first = start(ledger, create_seconds=0.1)
    video = first.create().json()
    until(lambda: simulator.counters("fal").submits == 1)
    assert first.ask("POST", f"/api/jobs/{video['id']}/cancel").is_success
    first.stop()
    second = start(ledger)
    assert second.until_ended(video["id"])["status"] in ("cancelled", "failed")
    assert simulator.counters("fal").submits == 1
