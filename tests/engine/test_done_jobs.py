"""A job that its provider calls done is paid for: it is not stopped, and stays to be fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    HTTPError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    ValidationError,
    VideoJob,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step
from tests.conftest import Leap, until
from tests.contract.cases import CASES, Case, by_key
from tests.engine.fronts import Sent, before, through
from tests.engine.test_resumed_results import CLIP, FETCHING, STORED

KEY = "canary-of-the-done"
LIMIT = 60
IN_TWO_STEPS = [
    *FETCHING,
    *(case for case in CASES if case.provider == "fal" and case.kind == "video"),
]
"""Whose result is another exchange than the status that says that it is there."""
LOST = {
    "503": Fault.status(503),
    "404": Fault.status(404),
    "403": Fault.status(403),
    "a page": Fault.foreign_body(),
    "nobody": Fault.reset_before(),
    "silence": Fault.hang(),
}


@pytest.fixture
def simulator(case: Case) -> Iterator[Simulator]:
    with Simulator([case.provider]) as running:
        running.keys[case.provider] = {KEY}
        running.script(case.provider, Script(run_polls=0, stream=False))
        yield running


def asked(case: Case) -> Any:
    return case.request(extra_params=STORED.get(case.model, {}))


def step_of(case: Case) -> Step:
    """Return what the exchange is for that fetches the result."""
    return "download" if case.provider == "google" else "result"


def asked_for(simulator: Simulator, case: Case) -> int:
    """Return how often the result was asked for."""
    counted = simulator.counters(case.provider)
    return counted.downloads if case.provider == "google" else counted.results


def has_asked(simulator: Simulator, case: Case, number: int) -> bool:
    return asked_for(simulator, case) >= number


def attempts(error: TarashException) -> list[tuple[str | None, str | None, str]]:
    assert error.execution_metadata is not None
    done = error.execution_metadata.attempts
    return [(one.submission, one.cancel, one.billing) for one in done]


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("case", IN_TWO_STEPS, ids=str)
async def test_the_deadline_leaves_a_job_that_is_done_to_be_fetched(
    case: Case, lost: str, simulator: Simulator, tmp_path: Path, leap: Leap
) -> None:
    is_silent = lost == "silence"
    simulator.fail(case.provider, step_of(case), LOST[lost], times=2 if is_silent else 30)
    origin = simulator.base_url(case.provider)
    second = case.config(KEY, origin)
    config = case.config(
        KEY, origin, timeout=LIMIT, failover="when_safe", fallback_configs=(second,)
    )
    counts = partial(simulator.counters, case.provider)
    async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
        work = asyncio.ensure_future(
            gateway.generate_video_async(config, asked(case), idempotency_key="order")
        )
        await until(lambda: asked_for(simulator, case) > 0)
        leap(LIMIT)
        if is_silent:  # the last poll before the verdict, too
            await until(lambda: asked_for(simulator, case) > 1)
            leap(LIMIT)

        with pytest.raises(TimeoutError, match="is done and paid for") as caught:
            await work

        error = caught.value
        assert "second" in error.message
        assert attempts(error) == [("accepted", None, "certain")]
        assert error.operation is not None
        assert (counts().submits, counts().cancels) == (1, 0)

        again = await gateway.generate_video_async(config, asked(case), idempotency_key="order")
        assert again.status == "completed"

    assert counts().submits == 1


@pytest.mark.parametrize("case", IN_TWO_STEPS, ids=str)
async def test_a_cancelled_call_does_not_stop_a_job_that_is_done(
    case: Case, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.fail(case.provider, step_of(case), Fault.hang())
    config = case.config(KEY, simulator.base_url(case.provider))
    counts = partial(simulator.counters, case.provider)
    async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
        work = asyncio.ensure_future(
            gateway.generate_video_async(config, asked(case), idempotency_key="order")
        )
        await until(lambda: asked_for(simulator, case) > 0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await work

        assert "done and paid for" in caught.value.__notes__[0]
        assert counts().cancels == 0
        again = await gateway.generate_video_async(config, asked(case), idempotency_key="order")
        assert again.status == "completed"

    assert counts().submits == 1


@pytest.mark.parametrize("failover", ["always", "when_safe"])
@pytest.mark.parametrize("case", IN_TWO_STEPS, ids=str)
async def test_whether_somebody_else_delivers_is_for_failover_to_say(
    case: Case, failover: str, simulator: Simulator, leap: Leap
) -> None:
    simulator.fail(case.provider, step_of(case), Fault.hang(), times=2)
    origin = simulator.base_url(case.provider)
    second = case.config(KEY, origin)
    config = case.config(KEY, origin, timeout=LIMIT, failover=failover, fallback_configs=(second,))
    counts = partial(simulator.counters, case.provider)
    async with Gateway() as gateway:
        work = asyncio.ensure_future(
            gateway.generate_video_async(config, asked(case), idempotency_key="order")
        )
        for number in (1, 2):
            await until(partial(has_asked, simulator, case, number))
            leap(LIMIT)

        if failover == "when_safe":
            with pytest.raises(TimeoutError, match="to not pay twice") as caught:
                await work

            made = attempts(caught.value)
        else:
            execution: Any = (await work).execution_metadata
            made = [(one.submission, one.cancel, one.billing) for one in execution.attempts]
            assert made.pop() == ("accepted", None, "certain")

    assert made == [("accepted", None, "certain")]
    assert counts().cancels == 0


# ------------------------------------------------------------------------- larger than it may be
@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("case", FETCHING, ids=str)
async def test_a_result_that_is_too_large_ends_the_wait_at_once_and_stays_to_be_fetched(
    case: Case, sized: bool, simulator: Simulator, tmp_path: Path
) -> None:
    most = 50_000
    packed = {} if sized else {"Content-Encoding": "identity"}  # whose length says nothing
    origin = simulator.base_url(case.provider)
    with before(origin, lambda _number, _asked: Sent(CLIP, headers=packed)) as front:
        place = through(front, origin)
        config = case.config(KEY, place, max_media_bytes=most, fallback_configs=())
        async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
            with pytest.raises(HTTPError, match="max_media_bytes") as caught:
                await gateway.generate_video_async(config, asked(case), idempotency_key="order")

            error = caught.value
            assert f"at most {most if sized else most * 3 // 4}" in error.message
            assert (f"{len(CLIP)} bytes" in error.message) is sized
            assert "done and paid for" in error.message
            assert not error.retryable
            assert error.operation is not None
            assert attempts(error) == [("accepted", None, "certain")]
            assert len(front.asked) == 1

            larger = case.config(KEY, place)
            (job,) = await gateway.resume_all_async(api_keys={case.provider: KEY})
            by_token: Any = await VideoJob.from_token(job.to_token(), larger).wait_async()
            assert by_token.video["content"] == CLIP
            again: Any = await gateway.generate_video_async(
                larger, asked(case), idempotency_key="order"
            )
            assert again.video["content"] == CLIP

    assert simulator.counters(case.provider).submits == 1


@pytest.mark.parametrize("way", ["resume", "resume_all"])
@pytest.mark.parametrize("case", [one for one in FETCHING if one.credentials is by_key], ids=str)
async def test_whoever_resumes_may_allow_a_larger_result(
    case: Case, way: str, simulator: Simulator, tmp_path: Path
) -> None:
    origin = simulator.base_url(case.provider)
    keys = {case.provider: KEY}
    with before(origin, lambda _number, _asked: Sent(CLIP)) as front:
        config = case.config(KEY, through(front, origin), max_media_bytes=50_000)
        async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
            with pytest.raises(
                HTTPError, match=r"resume\('.*', max_media_bytes=\.\.\.\)"
            ) as caught:
                await gateway.generate_video_async(config, asked(case))

            assert caught.value.request_id is not None
            name = caught.value.request_id
            wrong: Any
            for wrong in (0, -1, True, "many"):
                with pytest.raises(ValidationError, match="max_media_bytes"):
                    await gateway.resume_async(name, max_media_bytes=wrong)

            (job,) = (
                [await gateway.resume_async(name, api_keys=keys, max_media_bytes=2 * len(CLIP))]
                if way == "resume"
                else await gateway.resume_all_async(api_keys=keys, max_media_bytes=2 * len(CLIP))
            )
            response: Any = await job.wait_async()

    assert response.video["content"] == CLIP
    assert simulator.counters(case.provider).submits == 1
