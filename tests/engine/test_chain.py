"""The chain of configs: when it moves on, when it stops, and what it tells of each attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AttemptMetadata,
    ContentModerationError,
    HTTPError,
    ImageGenerationRequest,
    TarashException,
    ValidationError,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from tarash.tarash_gateway._engine import _cancelling
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import Leap, until
from tests.engine.conftest import KEY, REQUEST, Fal, dead_url

QUEUED = Script(queue_polls=1000)
RETRYABLE = {
    "429": Fault.status(429),
    "500": Fault.status(500),
    "503": Fault.status(503),
    "408": Fault.status(408),
    "502": Fault.status(502),
    "504": Fault.status(504),
    "reset before": Fault.reset_before(),
    "reset after": Fault.reset_after(),
    "truncated": Fault.truncate(),
    "foreign body": Fault.foreign_body(),
}


class Pair:
    """Two simulated fals: the first one has the troubles, the second one is the fallback."""

    def __init__(self, first: Fal, second: Fal) -> None:
        self.first = first
        self.second = second

    async def generate(self, **changes: Any) -> VideoGenerationResponse:
        fallback = self.second.config(model="fal-ai/veo3.1/fast")
        defaults: dict[str, Any] = {
            "max_retries": 0,
            "fallback_configs": (fallback,),
            "max_poll_attempts": 4,
        }
        return await self.first.generate(**(defaults | changes))

    async def attempts(self, **changes: Any) -> tuple[AttemptMetadata, ...]:
        """Return what each attempt did; the last one must deliver."""
        response = await self.generate(**changes)
        metadata = response.execution_metadata
        assert metadata is not None
        assert metadata.total_attempts == metadata.successful_attempt == len(metadata.attempts)
        assert metadata.fallback_triggered
        assert [one.attempt_number for one in metadata.attempts] == [1, 2]
        assert metadata.attempts[-1].request_id == response.request_id
        assert metadata.attempts[-1].error_type is None
        assert metadata.attempts[-1].is_retryable is None
        return metadata.attempts

    async def failure(self, **changes: Any) -> TarashException:
        """Return the error of a chain that never came to its second config."""
        with pytest.raises(TarashException) as caught:
            await self.generate(**changes)

        assert self.second.counters.submits == 0
        metadata = caught.value.execution_metadata
        assert metadata is not None
        assert metadata.successful_attempt is None
        assert not metadata.fallback_triggered
        assert metadata.configs_in_chain == 2
        assert [one.status for one in metadata.attempts] == ["failed"]
        return caught.value


@pytest.fixture
def pair(fal: Fal) -> Iterator[Pair]:
    with Simulator() as second:
        yield Pair(fal, Fal(second))


@pytest.mark.parametrize("fault", RETRYABLE.values(), ids=RETRYABLE)
async def test_the_chain_moves_on_after_a_submit_that_may_succeed_elsewhere(
    pair: Pair, fault: Fault
) -> None:
    pair.first.fail("submit", fault, times=None)
    first, second = await pair.attempts()

    assert (first.status, first.is_retryable) == ("failed", True)
    assert first.error_type in ("HTTPError", "RateLimitError", "HTTPConnectionError")
    assert first.billing == ("none" if first.submission == "rejected" else "possible")
    assert (second.status, second.submission, second.billing) == ("success", "accepted", "certain")
    assert (pair.first.counters.submits, pair.second.counters.accepted) == (1, 1)


@pytest.mark.parametrize(
    ("script", "kind", "billing"),
    [
        (Script(run_polls=1, outcome="failed"), "GenerationFailedError", "none"),
        (Script(run_polls=1, outcome="no_media"), "GenerationFailedError", "possible"),
        (
            Script(run_polls=1, outcome="failed", error_type="no_media_generated"),
            "GenerationFailedError",
            "possible",
        ),
        (Script(outcome="never"), "TimeoutError", "possible"),
        (QUEUED, "TimeoutError", "none"),
    ],
    ids=["failed", "no media", "no media said", "never", "queued"],
)
async def test_the_chain_moves_on_after_a_job_that_came_to_nothing(
    pair: Pair, script: Script, kind: str, billing: str
) -> None:
    pair.first.script(script)
    first, _ = await pair.attempts()

    assert (first.error_type, first.is_retryable) == (kind, True)
    assert (first.submission, first.billing) == ("accepted", billing)
    assert first.request_id == pair.first.simulator.jobs("fal")[0].id
    assert first.elapsed_seconds > 0
    assert first.started_at.utcoffset() is not None
    assert first.started_at < first.ended_at


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
async def test_the_chain_stops_where_the_request_or_the_key_is_wrong(
    pair: Pair, status: int
) -> None:
    pair.first.fail("submit", Fault.status(status))
    error = await pair.failure()
    assert isinstance(error, HTTPError)
    assert (error.status_code, error.retryable) == (status, False)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script(run_polls=1, outcome="moderated"), ContentModerationError),
        (Script(run_polls=1, outcome="failed", error_type="image_too_small"), ValidationError),
        (Script(run_polls=1, outcome="failed", error_type="bad_request"), HTTPError),
    ],
    ids=["moderated", "input", "bad request"],
)
async def test_the_chain_stops_where_another_try_would_be_no_use(
    pair: Pair, script: Script, kind: type[TarashException]
) -> None:
    pair.first.script(script)
    error = await pair.failure()
    assert type(error) is kind
    assert not error.retryable


async def test_the_chain_stops_where_a_job_is_lost(pair: Pair, leap: Leap) -> None:
    pair.first.script(Script(outcome="lost"))
    work = asyncio.ensure_future(pair.failure(max_poll_attempts=None))
    await until(lambda: pair.first.counters.polls > 8)
    leap(61)
    error = await work
    assert type(error) is HTTPError
    assert not error.retryable


async def test_a_request_that_the_first_model_can_not_take_stops_the_chain_unsent(
    pair: Pair,
) -> None:
    error = await pair.failure(model="fal-ai/veo3.1/image-to-video")
    assert isinstance(error, ValidationError)
    assert error.provider == "fal"
    assert error.request_id
    assert pair.first.counters.submits == 0


@pytest.mark.parametrize("fault", [Fault.reset_before(), Fault.truncate(), Fault.status(504)])
async def test_when_safe_stops_after_a_submit_that_may_have_bought_something(
    pair: Pair, fault: Fault
) -> None:
    pair.first.fail("submit", fault)
    error = await pair.failure(failover="when_safe")
    assert error.submission == "unknown"
    assert "when_safe" in error.message
    assert error.retryable


@pytest.mark.parametrize(
    "script",
    [
        Script(outcome="never"),
        Script(outcome="never", cancel="ignored"),
        Script(outcome="never", stream="silent"),
    ],
)
@pytest.mark.parametrize("on_timeout", ["cancel", "detach"])
async def test_when_safe_stops_after_a_job_that_may_still_be_running(
    pair: Pair, script: Script, on_timeout: str
) -> None:
    pair.first.script(script)
    error = await pair.failure(failover="when_safe", on_timeout=on_timeout)
    assert error.operation is not None


@pytest.mark.parametrize("fault", [Fault.foreign_body(), Fault.status(500), Fault.truncate()])
async def test_when_safe_stops_where_the_cancel_was_not_confirmed(
    pair: Pair, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cancelling, "PAUSES", (0.01,))
    pair.first.script(QUEUED)
    pair.first.fail("cancel", fault, times=None)
    error = await pair.failure(failover="when_safe")
    assert error.operation is not None


@pytest.mark.parametrize("fault", [Fault.status(429), Fault.status(500), Fault.status(503)])
async def test_when_safe_goes_on_after_a_refusal(pair: Pair, fault: Fault) -> None:
    pair.first.fail("submit", fault)
    await pair.attempts(failover="when_safe")


async def test_when_safe_goes_on_where_nobody_listens(pair: Pair) -> None:
    first, _ = await pair.attempts(failover="when_safe", base_url=dead_url())
    assert (first.submission, first.billing) == ("not_sent", "none")


@pytest.mark.parametrize(
    "script",
    [Script(run_polls=1, outcome="failed"), Script(run_polls=1, outcome="no_media"), QUEUED],
    ids=["failed", "no media", "cancelled in the queue"],
)
async def test_when_safe_goes_on_after_a_job_that_has_certainly_ended(
    pair: Pair, script: Script
) -> None:
    pair.first.script(script)
    await pair.attempts(failover="when_safe")


async def test_always_delivers_where_when_safe_would_stop_and_discloses_the_second_bill(
    pair: Pair,
) -> None:
    pair.first.fail("submit", Fault.reset_after())
    first, _ = await pair.attempts(failover="always")
    assert (first.submission, first.billing) == ("unknown", "possible")


async def test_a_chain_is_walked_depth_first_and_its_error_tells_of_every_attempt(
    pair: Pair,
) -> None:
    pair.first.fail("submit", Fault.status(503), times=None)

    def config(model: str, *fallbacks: Any) -> Any:
        return pair.first.config(model=model, max_retries=0, fallback_configs=fallbacks)

    names = [f"fal-ai/model-{letter}" for letter in "abcd"]
    chain = config(names[0], config(names[1], config(names[2])), config(names[3]))
    with pytest.raises(HTTPError) as caught:
        await pair.first.gateway.generate_video_async(chain, REQUEST)

    metadata = caught.value.execution_metadata
    assert metadata is not None
    assert [one.model for one in metadata.attempts] == names
    assert [one.attempt_number for one in metadata.attempts] == [1, 2, 3, 4]
    assert {one.submission for one in metadata.attempts} == {"rejected"}
    assert (metadata.total_attempts, metadata.configs_in_chain) == (4, 4)
    assert metadata.successful_attempt is None
    assert metadata.fallback_triggered
    assert len({one.request_id for one in metadata.attempts}) == 4
    assert pair.first.counters.submits == 4


async def test_the_fallback_keeps_its_own_deadline(pair: Pair, leap: Leap) -> None:
    pair.first.script(QUEUED)
    pair.second.script(Script(run_polls=4, stream=False))
    fallback = pair.second.config(timeout=100)
    work = asyncio.ensure_future(
        pair.attempts(timeout=60, max_poll_attempts=None, fallback_configs=(fallback,))
    )
    await until(lambda: pair.first.counters.polls > 1)
    leap(60)
    await until(lambda: pair.second.counters.polls > 1)
    leap(80)
    first, second = await work
    assert first.error_type == "TimeoutError"
    assert second.elapsed_seconds >= 80


@pytest.mark.parametrize("depth", [1, 2])
async def test_a_typo_in_a_fallback_is_found_before_anything_is_sent(fal: Fal, depth: int) -> None:
    wrong = fal.config(provider="fall")
    if depth == 2:
        wrong = fal.config(fallback_configs=(wrong,))

    with pytest.raises(ValidationError, match="'fal'") as caught:
        await fal.generate(fallback_configs=(wrong,))

    assert not caught.value.retryable
    assert fal.counters.submits == fal.counters.connections == 0


async def test_a_missing_key_stops_the_chain_and_names_the_variable(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)

    error = await pair.failure(api_key=None)
    assert "FAL_KEY" in error.message
    assert error.submission == "not_sent"
    assert pair.first.counters.submits == 0


async def test_no_error_of_a_chain_shows_the_key(pair: Pair) -> None:
    pair.first.fail("submit", Fault.echo_key(), times=None)
    pair.second.fail("submit", Fault.echo_key(401), times=None)
    with pytest.raises(TarashException) as caught:
        await pair.generate()

    assert KEY not in repr(vars(caught.value))


async def test_a_single_attempt_that_delivers_is_told_of_too(fal: Fal) -> None:
    response = await fal.generate()
    metadata = response.execution_metadata
    assert metadata is not None
    assert (metadata.total_attempts, metadata.successful_attempt) == (1, 1)
    assert not metadata.fallback_triggered
    (attempt,) = metadata.attempts
    assert (attempt.status, attempt.cancel) == ("success", None)
    assert attempt.elapsed_seconds <= metadata.total_elapsed_seconds


async def test_an_image_chain_moves_on_too(pair: Pair) -> None:
    pair.first.fail("submit", Fault.status(503), times=None)
    config = pair.first.image_config(max_retries=0, fallback_configs=(pair.second.image_config(),))
    response = await pair.first.gateway.generate_image_async(
        config, ImageGenerationRequest(prompt="A cat", n=2)
    )
    assert len(response.images) == 2
    assert response.execution_metadata is not None
    assert response.execution_metadata.successful_attempt == 2


def test_the_blocking_chain_moves_on_too(pair: Pair) -> None:
    pair.first.script(Script(outcome="failed"))
    config = pair.first.config(fallback_configs=(pair.second.config(),))
    response = pair.first.gateway.generate_video(config, VideoGenerationRequest(prompt="A cat"))
    assert response.execution_metadata is not None
    assert response.execution_metadata.successful_attempt == 2
    pair.first.gateway.close()
