"""A request goes on from an earlier result where its provider can, and nowhere else."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Continuation,
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    TarashException,
    UnsupportedOperationError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    VideoJob,
    generate_video,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway._data._exchange import Call
from tarash.tarash_gateway._jobs._store import record_of
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Script, Simulator

pytestmark = pytest.mark.filterwarnings("ignore:sora-2 was shut down")

FIRST = {
    "openai": "sora-2",
    "azure-openai": "my-sora",
    "xai": "grok-imagine-video",
    "luma": "ray-2",
    "kling": "kling-v1-6",
    "openrouter": "google/veo-3.1",
}
THEN = {**FIRST, "xai": "grok-imagine-video/extend"}
SENT: dict[str, Callable[[Any, VideoGenerationResponse], bool]] = {
    "openai": lambda job, made: job.payload["remixed_from_video_id"] == made.request_id,
    "azure-openai": lambda job, made: job.payload["remixed_from_video_id"] == made.request_id,
    "xai": lambda job, made: job.payload["video"] == {"url": made.video},
    "luma": lambda job, made: (
        job.payload["keyframes"] == {"frame0": {"type": "generation", "id": made.request_id}}
    ),
    "kling": lambda job, made: job.payload["video_id"] == made.provider_metadata["video_id"],
    "openrouter": lambda job, made: job.payload["previous_job_id"] == made.request_id,
}
MORE = "and then it rains"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator([*FIRST, "fal"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _afresh(simulator: Simulator) -> None:
    simulator.reset()
    for name in simulator.providers:
        simulator.script(name, Script(run_polls=0))


def config(simulator: Simulator, provider: str, **changes: Any) -> VideoGenerationConfig:
    settings = {
        "provider": provider,
        "model": FIRST.get(provider, "fal-ai/veo3.1"),
        "api_key": "any:key",
        "base_url": simulator.base_url(provider),
        "poll_interval": 0.02,
        "provider_config": {"min_poll_interval": 0.01},
        **changes,
    }
    return VideoGenerationConfig.model_validate(settings)


def first(simulator: Simulator, provider: str = "openai") -> VideoGenerationResponse:
    return generate_video(config(simulator, provider), VideoGenerationRequest(prompt="a boat"))


@pytest.mark.parametrize("provider", FIRST)
def test_a_provider_that_knows_its_jobs_goes_on(simulator: Simulator, provider: str) -> None:
    made = first(simulator, provider)
    asked = config(simulator, provider, model=THEN[provider])
    request = VideoGenerationRequest(prompt=MORE, continue_from=made)
    planned = plan_video(asked, request)
    response = generate_video(asked, request)

    job = simulator.jobs(provider)[-1]
    assert response.video
    assert SENT[provider](job, made)
    assert planned.endpoint.endswith(simulator.requests(provider)[-2].path) or planned.payload


def _by_token(made: VideoGenerationResponse, job: VideoJob) -> Any:
    del made
    return VideoJob.from_token(job.to_token())


FORMS: dict[str, Callable[[VideoGenerationResponse, VideoJob], Any]] = {
    "response": lambda made, _job: made,
    "job": lambda _made, job: job,
    "job of a token": _by_token,
    "operation": lambda made, _job: made.operation,
    "dump": lambda made, _job: made.model_dump(),
    "json": lambda made, _job: json.loads(made.model_dump_json()),
    "unpickled": lambda made, _job: pickle.loads(pickle.dumps(made)),
    "read again": lambda made, _job: VideoGenerationResponse.model_validate_json(
        made.model_dump_json()
    ),
    "continuation": lambda made, _job: (
        VideoGenerationRequest(prompt="x", continue_from=made).continue_from
    ),
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_a_result_is_taken(simulator: Simulator, form: str) -> None:
    async with Gateway() as gateway:
        asked = config(simulator, "openai")
        job = await gateway.submit_video_async(asked, VideoGenerationRequest(prompt="a boat"))
        made = await job.wait_async()
        request = VideoGenerationRequest(prompt=MORE, continue_from=FORMS[form](made, job))
        response = await gateway.generate_video_async(asked, request)

    assert request.continue_from is not None
    assert request.continue_from.id == made.request_id
    assert response.provider_metadata["remixed_from_video_id"] == made.request_id
    for again in (
        VideoGenerationRequest.model_validate_json(request.model_dump_json()),
        VideoGenerationRequest.model_validate(request.model_dump()),
        pickle.loads(pickle.dumps(request)),
    ):
        assert again == request


def refused(
    simulator: Simulator, asked: Any, request: Any, match: str, code: str = "cannot_continue"
) -> None:
    """Expect that a call and its plan are refused, and that nothing was sent."""
    before = sum(len(simulator.requests(name)) for name in simulator.providers)
    plan = plan_image if isinstance(asked, ImageGenerationConfig) else plan_video
    for ask in (plan, getattr(Gateway(), f"generate_{'image' if plan is plan_image else 'video'}")):
        with pytest.raises(ValidationError, match=match) as caught:
            ask(asked, request)

        assert caught.value.code == code
        assert caught.value.submission in (None, "not_sent")

    assert sum(len(simulator.requests(name)) for name in simulator.providers) == before


def test_another_provider_is_refused(simulator: Simulator) -> None:
    request = VideoGenerationRequest(prompt=MORE, continue_from=first(simulator))
    said = r"openai made that result, and fal does not have it; use a config of openai"
    refused(simulator, config(simulator, "fal"), request, said)


def test_another_host_is_refused(simulator: Simulator) -> None:
    request = VideoGenerationRequest(prompt=MORE, continue_from=first(simulator))
    elsewhere = config(simulator, "openai", base_url="http://127.0.0.1:9/v1")
    refused(simulator, elsewhere, request, r"is at 127.0.0.1:\d+, and this config leads to 127")


@pytest.mark.parametrize(
    ("provider", "model"),
    [("luma", "ray-3.2"), ("kling", "kling-3.0"), ("xai", "grok-imagine-video-1.5")],
)
def test_a_model_that_can_not_names_those_that_can(provider: str, model: str) -> None:
    asked = VideoGenerationConfig(provider=provider, model=model)
    source = {"provider": provider, "id": "1", "url": "https://example.com/a.mp4"}
    request = VideoGenerationRequest(prompt=MORE, continue_from=source)
    with pytest.raises(UnsupportedOperationError, match=r"these can: .*luma \(ray-2, ") as caught:
        plan_video(asked, request)

    assert caught.value.field == "continue_from"


def test_only_the_model_that_made_it_goes_on_where_a_provider_wants_that() -> None:
    source = {"provider": "openrouter", "model": "alibaba/wan-2.6", "id": "1"}
    asked = VideoGenerationConfig(provider="openrouter", model="google/veo-3.1")
    with pytest.raises(UnsupportedOperationError, match=r"a result of alibaba/wan-2\.6"):
        plan_video(asked, VideoGenerationRequest(prompt=MORE, continue_from=source))


def test_what_only_a_finished_result_says_is_asked_for() -> None:
    asked = VideoGenerationConfig(provider="kling", model="kling-v1-6")
    request = VideoGenerationRequest(
        prompt=MORE, continue_from={"provider": "kling", "model": "kling-v1-6", "id": "1"}
    )
    with pytest.raises(ValidationError, match="video_id, which only the finished result says"):
        plan_video(asked, request)


def test_two_sources_are_refused(simulator: Simulator) -> None:
    request = VideoGenerationRequest(
        prompt=MORE, continue_from=first(simulator), video="https://example.com/a.mp4"
    )
    asked = config(simulator, "openai")
    refused(simulator, asked, request, "two sources of one video", "invalid_request")


def test_an_image_goes_on_from_nothing(simulator: Simulator) -> None:
    asked = ImageGenerationConfig(
        provider="openai", model="gpt-image-2", api_key="k", base_url=simulator.base_url("openai")
    )
    request = ImageGenerationRequest(prompt=MORE, continue_from=first(simulator))
    refused(simulator, asked, request, "can't go on from a video with an image")


def test_a_result_of_the_mock_goes_on_with_the_mock_alone(simulator: Simulator) -> None:
    mocked = config(simulator, "openai", mock=MockConfig(enabled=True))
    made = generate_video(mocked, VideoGenerationRequest(prompt="a boat"))
    request = VideoGenerationRequest(prompt=MORE, continue_from=made)
    assert generate_video(mocked, request).video
    refused(simulator, config(simulator, "openai"), request, "the mock made that result")


def test_a_result_that_was_the_answer_itself_says_what_to_do() -> None:
    made = VideoGenerationResponse(
        request_id="a", status="completed", raw_response={}, video="https://example.com/a.mp4"
    )
    with pytest.raises(ValueError, match="give its video as video="):
        VideoGenerationRequest(prompt=MORE, continue_from=made)


@pytest.mark.parametrize("wrong", ["video_1", 7, {"provider": "openai"}, b"x"])
def test_what_is_no_result_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="continue_from"):
        VideoGenerationRequest(prompt=MORE, continue_from=wrong)


def test_an_untrusted_request_goes_on_from_nothing(simulator: Simulator) -> None:
    asked = config(simulator, "openai", untrusted_requests=True, allow_private_urls=True)
    request = VideoGenerationRequest(prompt=MORE, continue_from=first(simulator))
    refused(simulator, asked, request, "may not go on from a job", "untrusted_request")


@pytest.mark.filterwarnings("ignore:The fallback")
def test_a_fallback_that_can_not_is_left_out(simulator: Simulator) -> None:
    """The chain ends in an error, and never in a video that has nothing to do with the first."""
    request = VideoGenerationRequest(prompt=MORE, continue_from=first(simulator))
    simulator.script("openai", Script(outcome="failed", run_polls=0))
    chain = config(
        simulator,
        "openai",
        fallback_configs=[
            config(simulator, "fal"),
            config(simulator, "openai", model="sora-2-pro"),
        ],
    )
    with pytest.raises(TarashException) as caught:
        generate_video(chain, request)

    assert caught.value.execution_metadata is not None
    models = [one.model for one in caught.value.execution_metadata.attempts]
    assert models == ["sora-2", "sora-2-pro"]
    assert simulator.requests("fal") == []
    assert all(one.endpoint == "videos/remix" for one in simulator.jobs("openai")[1:])


def test_a_fallback_that_is_left_out_is_told_of(simulator: Simulator) -> None:
    request = VideoGenerationRequest(prompt=MORE, continue_from=first(simulator))
    chain = config(simulator, "openai", fallback_configs=[config(simulator, "fal")])
    with pytest.warns(UserWarning, match=r"fallback fal fal-ai/veo3\.1 is left out: openai made"):
        assert plan_video(chain, request).fallbacks == ()


async def test_a_stored_job_goes_on_from_the_same_result(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
        asked = config(simulator, "openai")
        made = await gateway.generate_video_async(asked, VideoGenerationRequest(prompt="a boat"))
        request = VideoGenerationRequest(prompt=MORE, continue_from=made)
        job = await gateway.enqueue_video_async(asked, request)

    async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
        again = await gateway.resume_async(job.id, api_keys={"openai": "any:key"})
        response: Any = await again.wait_async()

    assert response.provider_metadata["remixed_from_video_id"] == made.request_id


async def test_requests_of_earlier_versions_are_the_same_ones_still() -> None:
    """An idempotency key is kept with what was asked: without a source nothing more was."""
    asked = VideoGenerationConfig(provider="openai", model="sora-2", api_key="k")
    fingerprints = []
    for source in (None, {"provider": "openai", "id": "1"}, {"provider": "openai", "id": "2"}):
        request = VideoGenerationRequest(prompt="a", continue_from=source)
        record, _ = await record_of([Call("video", asked, request, "a")], None, default_registry)
        fingerprints.append(record.fingerprint)
        assert ("continue_from" in record.request) is (source is not None)

    assert len(set(fingerprints)) == 3


def test_a_continuation_shows_no_secret(simulator: Simulator) -> None:
    made = first(simulator)
    source = VideoGenerationRequest(prompt=MORE, continue_from=made).continue_from
    assert isinstance(source, Continuation)
    assert "any:key" not in repr(source) + source.model_dump_json()
    assert source.host == simulator.base_url("openai").removeprefix("http://")
