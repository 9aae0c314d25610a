"""An end that the answer to a submit tells already: believed, once the acceptance is kept."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator

from .cases import JOBS, Case
from .conftest import KEY, Run

ENDED = Script(run_seconds=0, stream=False)
SHOW_THE_JOB = {"kling", "luma", "replicate"}
"""Providers whose answer to a submit is the job as it stands."""
ENVELOPES = {"minimax", "wavespeed"}
"""Those whose good answers say that they are, beside what they hold."""
FETCH = {"azure-openai", "openai", "openai-compatible", "sglang", "vllm"}
"""Those whose media are elsewhere: a status is all that an answer can tell."""
DONE = {
    "queued": "completed",
    "pending": "completed",
    "in_progress": "completed",
    "processing": "completed",
    "submitted": "succeed",
}
"""What a server says that calls a job done when it takes it."""
FAILED = {"failed": "failed"}
TELLING = [case for case in JOBS if case.provider in SHOW_THE_JOB]
UNEXPLAINED = [case for case in JOBS if case.provider in SHOW_THE_JOB | ENVELOPES]
FETCHED = [case for case in JOBS if case.provider in FETCH]
INTERACTIONS = [case for case in JOBS if str(case).startswith("google-video-gemini")]
"""Google's answer to these is the interaction as it stands; to an operation, only its name."""


def media_of(response: Any) -> Any:
    return getattr(response, "video", None) or response.images


@pytest.mark.parametrize("case", TELLING, ids=str)
async def test_an_end_in_the_answer_to_a_submit_is_believed(run: Run) -> None:
    run.script(ENDED)
    response = await run.generate()

    assert media_of(response)
    assert response.raw_response == run.jobs[0].result_body
    assert (run.counters.submits, run.counters.polls) == (1, 0)
    assert run.terminal() == ["completed"]
    assert run.outcomes() == ["completed"]


@pytest.mark.parametrize("case", INTERACTIONS, ids=str)
async def test_an_interaction_that_has_ended_is_believed(run: Run) -> None:
    run.script(ENDED)
    run.fail("submit", Fault.other_words(DONE))
    response = await run.generate()

    assert media_of(response)
    assert (run.counters.submits, run.counters.polls) == (1, 0)
    assert (run.terminal(), run.outcomes()) == (["completed"], ["completed"])


@pytest.mark.parametrize("case", INTERACTIONS, ids=str)
@pytest.mark.parametrize("outcome", ["failed", "moderated", "no_media"])
async def test_an_interaction_that_has_failed_is_not_bought_again(run: Run, outcome: Any) -> None:
    run.script(Script(run_seconds=0, outcome=outcome, stream=False))
    run.fail("submit", Fault.other_words({"in_progress": FAILED.get(outcome, "completed")}))
    error = await run.failure(max_retries=2)

    assert error.submission == "accepted"
    assert error.operation is not None
    assert run.counters.submits == 1
    assert run.outcomes() == ["failed"]


@pytest.mark.parametrize("case", INTERACTIONS, ids=str)
async def test_the_handle_of_an_interaction_has_the_end_of_its_submit(
    case: Case, simulator: Simulator
) -> None:
    simulator.script(case.provider, ENDED)
    simulator.fail(case.provider, "submit", Fault.other_words(DONE))
    config = case.config(KEY, simulator.base_url(case.provider))
    ledger = Ordered()
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(config, case.request())
        assert media_of(await job.wait_async())

    assert simulator.counters(case.provider).polls == 0
    assert ledger.told == ["accepted", "settled"]


@pytest.mark.parametrize("case", FETCHED, ids=str)
async def test_media_that_are_elsewhere_are_fetched_without_a_poll(run: Run) -> None:
    run.script(ENDED)
    run.fail("submit", Fault.other_words(DONE))
    response = await run.generate()

    assert media_of(response)
    assert (run.counters.submits, run.counters.polls) == (1, 0)
    assert run.outcomes() == ["completed"]


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_an_end_that_is_told_too_early_loses_nothing(run: Run) -> None:
    run.script(Script(queue_polls=1, run_polls=1, stream=False))
    run.fail("submit", Fault.other_words(DONE))
    response = await run.generate()

    assert media_of(response)
    assert run.counters.submits == 1
    assert run.outcomes() == ["completed"]


@pytest.mark.parametrize("case", TELLING, ids=str)
async def test_a_failure_in_the_answer_to_a_submit_is_the_jobs(run: Run) -> None:
    run.script(Script(run_seconds=0, outcome="failed", stream=False))
    error = await run.failure()

    assert type(error) is run.case.failure
    assert error.submission == "accepted"
    assert error.operation is not None
    assert run.counters.polls == 0
    assert run.outcomes() == ["failed"]


@pytest.mark.parametrize("case", UNEXPLAINED, ids=str)
async def test_an_end_without_media_is_polled_on(run: Run) -> None:
    run.script(Script(run_seconds=0, outcome="no_media", stream=False))
    error = await run.failure()

    assert error.submission == "accepted"
    assert run.counters.polls > 1
    assert run.counters.submits == 1


class Ordered(MemoryLedger):
    """A ledger that says in which order it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    async def accept(self, *args: Any, **facts: Any) -> Any:
        self.told.append("accepted")
        return await super().accept(*args, **facts)

    async def settle(self, *args: Any, **facts: Any) -> Any:
        self.told.append("settled")
        return await super().settle(*args, **facts)


@pytest.mark.parametrize("case", TELLING[:1], ids=str)
async def test_the_acceptance_is_written_down_first(case: Case, simulator: Simulator) -> None:
    simulator.script(case.provider, ENDED)
    ledger = Ordered()
    config = case.config(KEY, simulator.base_url(case.provider))
    async with Gateway(ledger=ledger) as gateway:
        method = getattr(gateway, f"generate_{case.kind}_async")
        await method(config, case.request())

    assert ledger.told == ["accepted", "settled"]


@pytest.mark.parametrize("case", TELLING, ids=str)
async def test_a_handle_has_the_end_of_its_submit(case: Case, simulator: Simulator) -> None:
    simulator.script(case.provider, ENDED)
    config = case.config(KEY, simulator.base_url(case.provider))
    async with Gateway(ledger=MemoryLedger()) as gateway:
        submit = getattr(gateway, f"submit_{case.kind}_async")
        job = await submit(config, case.request())
        response = await job.wait_async()

    assert media_of(response)
    assert simulator.counters(case.provider).polls == 0
