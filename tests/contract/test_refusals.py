"""What every provider's refusals and failures become, and that none of them buys twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step
from tests.conftest import Leap, over_pauses, until

from .cases import ADOPTED, CASES, JOBS, Case, everyone
from .conftest import KEY, Run

FINAL: dict[int, type[HTTPError]] = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: AuthenticationError,
    404: ModelNotFoundError,
}
DENIALS = 6
LEFT_ALONE = (302, 403, 409, 499)
"""Statuses that stop the chain, whoever says them."""
BUSY: dict[int, type[HTTPError]] = {429: RateLimitError, 500: HTTPError, 503: HTTPError}
UNSETTLED = {
    "408": Fault.status(408),
    "502": Fault.status(502),
    "504 of a proxy": Fault.foreign_body(status=504),
    **{
        f"{status} of a front": Fault.foreign_body(status=status)
        for status in (302, 403, 409, 429, 499, 503, 520, 524, 529, 598)
    },
    "truncated": Fault.truncate(),
    "foreign body": Fault.foreign_body(),
    "foreign JSON": Fault.foreign_body('"ok"', "application/json"),
    "no content": Fault.status(204, ""),
    "reset before": Fault.reset_before(),
    "reset after": Fault.reset_after(),
}
# The provider has taken the job, and lists it.
FOUND = [
    pytest.param(case, fault, id=f"{case}-{name}")
    for case in ADOPTED
    for name, fault in UNSETTLED.items()
    if fault.accepted
]
NOT_FOUND = [
    pytest.param(case, fault, id=f"{case}-{name}")
    for case in CASES
    for name, fault in UNSETTLED.items()
    if not fault.accepted or case not in ADOPTED
] + [
    pytest.param(case, Fault.status(status), id=f"{case}-{status} of its own")
    for case in CASES
    for status in sorted(case.unsettled)
]
ASKED_AGAIN = [
    pytest.param(case, status, id=f"{case}-{status}")
    for case in CASES
    for status in BUSY
    if status not in case.unsettled
]
PASSING = (
    Fault.status(429, retry_after=0),
    Fault.status(500),
    Fault.status(503),
    Fault.foreign_body(),
    Fault.foreign_body("[1", "application/json"),
    Fault.truncate(),
    Fault.reset_after(),
)
FACES = [
    pytest.param(case, face, id=f"{case}-{face.error_type or 'usual'}")
    for case in CASES
    for face in case.moderated
]


def billing(error: TarashException) -> str:
    assert error.execution_metadata is not None
    (attempt,) = error.execution_metadata.attempts
    return attempt.billing


@pytest.mark.parametrize("status", FINAL)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_refused_submit_is_final_and_costs_nothing(run: Run, status: int) -> None:
    run.fail("submit", Fault.status(status), times=None)
    error = await run.failure(max_retries=2, fallback_configs=(run.config(),))

    assert type(error) is FINAL[status]
    assert isinstance(error, HTTPError)
    assert error.status_code == status
    assert (error.retryable, error.submission, error.operation) == (False, "rejected", None)
    assert (run.counters.submits, run.counters.accepted) == (1, 0)
    assert billing(error) == "none"


@pytest.mark.parametrize(("case", "status"), ASKED_AGAIN)
async def test_a_busy_provider_is_asked_again_and_no_more_than_that(
    run: Run, status: int, leap: Leap
) -> None:
    run.fail("submit", Fault.status(status, retry_after=0), times=3)
    work = asyncio.ensure_future(run.failure(max_retries=2))
    await over_pauses(work, lambda: run.counters.submits, leap)
    error = await work

    assert type(error) is BUSY[status]
    assert isinstance(error, HTTPError)
    assert (error.status_code, error.submission, error.retryable) == (status, "rejected", True), (
        f"{error.raw_response!r} is not known as an error object of {run.case.provider}: name the "
        "place of its words in ErrorRules.message, or the status in the row's `unsettled`"
    )
    assert (run.counters.submits, run.counters.accepted) == (3, 0)
    assert billing(error) == "none"

    response = await run.generate(max_retries=2)
    assert response.status == "completed"
    assert (run.counters.submits, run.counters.accepted) == (4, 1)


@pytest.mark.parametrize(("case", "fault"), FOUND)
async def test_a_job_whose_answer_was_lost_is_taken_from_the_list(run: Run, fault: Fault) -> None:
    run.fail("submit", fault, times=None)
    response = await run.generate(max_retries=2)

    assert response.request_id == run.jobs[0].id
    assert (run.counters.submits, run.counters.accepted) == (1, 1)
    assert run.terminal() == ["completed"]
    assert run.outcomes() == ["completed"]


@pytest.mark.parametrize(("case", "fault"), NOT_FOUND)
async def test_what_settles_nothing_is_never_sent_again(run: Run, fault: Fault) -> None:
    run.fail("submit", fault, times=None)
    error = await run.failure(max_retries=2)

    assert isinstance(error, HTTPError | HTTPConnectionError)
    assert error.submission == "unknown"
    assert error.retryable is (fault.code not in LEFT_ALONE)
    assert run.counters.submits == 1
    assert billing(error) == "possible"
    assert run.outcomes() == ["unknown"]


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_looks_that_fail_in_every_way_are_taken_again(run: Run) -> None:
    run.script(Script(run_polls=0, stream=False))
    for fault in PASSING:
        run.fail("poll", fault)

    response = await run.generate()
    assert response.status == "completed"
    assert run.terminal() == ["completed"]
    assert run.counters.polls > len(PASSING)
    assert (run.counters.submits, run.counters.accepted) == (1, 1)


BORNE = (
    *(Fault.status(one) for one in (301, 302, 307, 400, 401, 402, 403, 404, 409, 410, 422, 425)),
    *(Fault.status(one) for one in (429, 500, 502, 503, 504, 520, 524, 530)),
    *(Fault.status(one, "<html>Just a moment...</html>") for one in (200, 403, 503, 522)),
    Fault.status(204, ""),
    Fault.status(200, ""),
    Fault.status(200, b"\x00\x01"),
    Fault.status(200, "[]", {"Content-Type": "application/json"}),
)
"""What is said of a look, and not of the job."""


@pytest.mark.parametrize("step", ["poll", "result"])
@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_what_is_said_of_a_look_is_borne(run: Run, step: Step) -> None:
    run.script(Script(run_polls=0, stream=False))
    borne = [one for one in BORNE if step == "poll" or one.code >= 300]
    for fault in borne:
        run.fail(step, fault)

    response = await run.generate()
    assert response.status == "completed"
    assert run.terminal() == ["completed"]
    assert (run.counters.submits, run.counters.accepted) == (1, 1)
    assert run.outcomes() == ["completed"]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 410, 422, 520])
@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_what_is_said_of_looks_for_ever_leaves_the_job_unfinished(
    run: Run, status: int
) -> None:
    run.script(Script(run_polls=0, stream=False))
    run.fail("poll", Fault.status(status), times=None)
    error = await run.failure(max_poll_attempts=3, on_timeout="detach")

    assert isinstance(error, TimeoutError)
    assert error.submission == "accepted"
    assert "the last poll:" in error.message
    assert error.operation is not None
    assert error.operation["id"].endswith(run.jobs[0].id)
    assert run.counters.submits == 1
    assert billing(error) == "possible"
    assert run.outcomes() == ["detached"]


async def test_a_job_that_nobody_knows_is_waited_for_a_minute(leap: Leap) -> None:
    """All cases at once."""

    async def lose(case: Case, simulator: Simulator, gateway: Gateway) -> dict[str, Any]:
        method = getattr(gateway, f"generate_{case.kind}_async")
        asked = case.config(KEY, simulator.base_url(case.provider))
        with pytest.raises(HTTPError) as caught:
            await method(asked, case.request())

        error = caught.value
        assert error.operation is not None
        return {"status": error.status_code, "why": error.submission, "again": error.retryable}

    with everyone() as simulator:
        for provider in simulator.providers:
            simulator.script(provider, Script(outcome="lost", stream=False))

        async with Gateway() as gateway:
            work = asyncio.gather(*(lose(case, simulator, gateway) for case in JOBS))
            await until(lambda: everyone_looks(simulator))
            leap(61)
            found = await work

        wanted = {"status": 404, "why": "accepted", "again": False}
        assert dict(zip(map(str, JOBS), found, strict=True)) == {str(one): wanted for one in JOBS}
        for provider in simulator.providers:
            counted = simulator.counters(provider)
            assert counted.submits == counted.accepted


def everyone_looks(simulator: Simulator) -> bool:
    """Tell whether each of the jobs was looked at often enough, by path, query or body."""
    looks = [
        sum(
            job.id.encode() in f"{one.path} {one.query}".encode() + one.body
            for one in simulator.requests(name)
        )
        for name in simulator.providers
        for job in simulator.jobs(name)
    ]
    # Some ask at two places at each look.
    return len(looks) == len(JOBS) and min(looks) > 2 * DENIALS


@pytest.mark.parametrize(("case", "face"), FACES)
async def test_refused_content_stops_the_chain(run: Run, face: Script) -> None:
    run.script(face)
    error = await run.failure(fallback_configs=(run.config(),), max_retries=2)

    assert isinstance(error, ContentModerationError)
    assert not error.retryable
    assert error.raw_response is not None
    assert run.counters.submits == 1
    assert error.execution_metadata is not None
    assert error.execution_metadata.total_attempts == 1


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_failed_job_moves_on_to_the_next_config(run: Run) -> None:
    run.script(Script(outcome="failed", stream=False))
    error = await run.failure()
    assert type(error) is run.case.failure
    assert error.retryable
    assert error.raw_response is not None
    assert error.submission == run.case.failed_submission
    assert run.counters.submits == 1

    run.script(Script(outcome="failed", stream=False), Script(stream=False))
    response = await run.generate(fallback_configs=(run.config(),))
    metadata = response.execution_metadata
    assert (metadata.total_attempts, metadata.successful_attempt) == (2, 2)
    assert run.counters.submits == 3


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_result_without_media_is_a_failure(run: Run, leap: Leap) -> None:
    run.script(Script(outcome="no_media", stream=False))
    work = asyncio.ensure_future(run.failure())
    # A file that is empty, or not there yet, is asked for again until the deadline.
    await until(lambda: work.done() or run.counters.results + run.counters.downloads > 3)
    leap(run.config().timeout)
    error = await work

    assert isinstance(error, TarashException)
    assert not isinstance(error, HTTPConnectionError)
    assert error.raw_response is not None
    assert run.counters.submits == 1
