"""OpenRouter: jobs of many vendors, images at once and as events; the traps of its pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError as RawError
from urllib.request import Request, urlopen

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    describe_model,
    generate_image,
    generate_video,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator

FIRST = {"image": "https://example.com/a.png", "type": "first_frame"}
LAST = {"image": "https://example.com/b.png", "type": "last_frame"}
REFERENCE = {"image": "https://example.com/r.png"}
VIDEO = "https://example.com/v.mp4"
STORED, CLOSED = "google/veo-3.1-fast", "kwaivgi/kling-v3.0-pro"
VIDEOS = (
    *("google/veo-3.1", "google/veo-3.1-fast", "google/veo-3.1-lite"),
    *("bytedance/seedance-2.5", "bytedance/seedance-2.0", "bytedance/seedance-2.0-fast"),
    *("bytedance/seedance-2.0-mini", "bytedance/seedance-1-5-pro"),
    *("kwaivgi/kling-v3.0-pro", "kwaivgi/kling-v3.0-std", "kwaivgi/kling-video-o1"),
    *("minimax/hailuo-3", "minimax/hailuo-3-max", "minimax/hailuo-2.3"),
    *("alibaba/wan-3.0", "alibaba/wan-3.0-prime", "alibaba/wan-2.7", "alibaba/wan-2.6"),
    *("alibaba/happyhorse-1.0", "alibaba/happyhorse-1.1"),
    *("x-ai/grok-imagine-video", "x-ai/grok-imagine-video-1.5", "x-ai/grok-imagine-video-1.5-lite"),
    *("runway/gen-4.5", "runway/aleph-2", "black-forest-labs/flux-3-video"),
    *("black-forest-labs/flux-video-edit", "black-forest-labs/flux-video-upscale"),
    *("heygen/heygen-video-1", "heygen/avatar-iv"),
)
PICTURES = "openai/gpt-image-1"


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator(["openrouter"]) as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    _running.reset()
    return _running


def settings(simulator: Simulator, model: str, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "openrouter",
        "model": model,
        "api_key": "sk-or-v1-a-key-of-ours",
        "base_url": simulator.base_url("openrouter"),
        "poll_interval": 0.02,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
        **changes,
    }


def config(simulator: Simulator, model: str = STORED, **changes: Any) -> Any:
    return VideoGenerationConfig.model_validate(settings(simulator, model, **changes))


def image_config(simulator: Simulator, model: str = PICTURES) -> Any:
    return ImageGenerationConfig.model_validate(settings(simulator, model))


def request(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate({"prompt": "A lighthouse", **fields})


def image_request(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest.model_validate({"prompt": "A paper crane", **fields})


def planned(model: str, **fields: Any) -> Any:
    plan = plan_video(VideoGenerationConfig(provider="openrouter", model=model), request(**fields))
    return plan.payload


# ------------------------------------------------------------------------------------------- models
def test_the_catalogue_has_the_models_of_the_list() -> None:
    assert {one.model for one in list_models("openrouter")} == {*VIDEOS, PICTURES}
    assert describe_model("openrouter", STORED).durations == (4, 6, 8)
    described = describe_model("openrouter", "bytedance/seedance-2.0")
    assert described.takes == ("first_frame", "last_frame", "reference", "asset", "video")


FULLEST: dict[str, Any] = {
    "duration_seconds": 30,
    "resolution": "4k",
    "aspect_ratio": "21:9",
    "generate_audio": True,
    "negative_prompt": "dogs",
    "seed": 7,
    "enhance_prompt": False,
    "number_of_videos": 2,
}
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"duration_seconds": 1, "resolution": "360p", "generate_audio": False, "aspect_ratio": "9:21"},
    FULLEST,
    {"image_list": [FIRST]},
    {**FULLEST, "image_list": [FIRST, LAST]},
    {"image_list": [LAST]},
    {"image_list": [REFERENCE]},
    {**FULLEST, "image_list": [REFERENCE] * 3},
    {**FULLEST, "image_list": [REFERENCE] * 9, "video": VIDEO},
    {"image_list": [REFERENCE] * 31},
    {"image_list": [FIRST, REFERENCE]},
    {"video": VIDEO},
    {"video": VIDEO, "image_list": [FIRST]},
)


@pytest.mark.parametrize("model", VIDEOS)
async def test_whatever_is_asked_of_a_video_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    """It is refused here, with a reason, or the vendor takes it: nothing unknown is sent."""
    simulator.script("openrouter", Script(run_polls=0))
    made = 0
    async with Gateway() as gateway:
        for asked in ASKED:
            try:
                await gateway.generate_video_async(config(simulator, model), request(**asked))
            except ValidationError as error:
                assert error.submission is None, (asked, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("openrouter").accepted == made > 0


@pytest.mark.parametrize("model", [PICTURES, "black-forest-labs/flux.2-pro"])
def test_whatever_is_asked_of_an_image_model_is_taken(simulator: Simulator, model: str) -> None:
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"n": 10, "aspect_ratio": "21:9", "seed": 7, "image_list": [REFERENCE] * 16},
        {"size": "1536x1024", "n": 2, "quality": "high", "style": "vivid", "negative_prompt": "x"},
        {"extra_params": {"background": "transparent", "output_format": "webp"}},
    )
    for one in asked:
        response = generate_image(image_config(simulator, model), image_request(**one))
        assert len(response.images) == one.get("n", 1)


def test_what_costs_or_changes_the_result_is_always_said() -> None:
    assert planned("google/veo-3.1") == {
        "model": "google/veo-3.1",
        "prompt": "A lighthouse",
        "duration": 8,
        "resolution": "720p",
        "generate_audio": True,
    }
    edited = planned("runway/aleph-2", video=VIDEO)
    assert edited.keys() == {"model", "prompt", "input_references"}
    upscaled = planned("black-forest-labs/flux-video-upscale", video=VIDEO)
    assert upscaled["creativity"] == 0
    for model in VIDEOS:
        if describe_model("openrouter", model).duration_range or model == STORED:
            assert planned(model)["duration"] > 0
            assert planned(model)["resolution"]

    assert planned("bytedance/seedance-2.5")["duration"] == 5
    assert planned("minimax/hailuo-3")["resolution"] == "2K"
    assert planned("minimax/hailuo-2.3")["duration"] == 6
    # Of what nobody knows whether a model has it, nothing is said.
    assert planned("x-ai/grok-imagine-video", seed=3, generate_audio=True) == {
        "model": "x-ai/grok-imagine-video",
        "prompt": "A lighthouse",
        "duration": 5,
        "resolution": "720p",
    }
    pictures = ImageGenerationConfig(provider="openrouter", model=PICTURES)
    assert plan_image(pictures, image_request()).payload["n"] == 1


def test_a_model_that_nobody_knows_is_sent_what_was_asked_for() -> None:
    plain = {"model": "somebody/new-1", "prompt": "A lighthouse"}
    assert planned("somebody/new-1") == plain
    asked = planned("somebody/new-1", duration_seconds=7, resolution="1080p", aspect_ratio="9:16")
    assert asked == {**plain, "duration": 7, "resolution": "1080p", "aspect_ratio": "9:16"}


def test_references_beside_frames_would_lose_and_are_refused() -> None:
    for model in ("google/veo-3.1", "bytedance/seedance-2.0", "somebody/new-1"):
        with pytest.raises(ValidationError, match="not both"):
            planned(model, image_list=[FIRST, REFERENCE])


def test_a_negative_prompt_passes_to_the_one_vendor_that_is_known_to_read_it() -> None:
    options = planned(STORED, negative_prompt="text")["provider"]["options"]
    assert options == {"google-vertex": {"parameters": {"negativePrompt": "text"}}}
    own = {"provider": {"options": {"google-vertex": {"parameters": {"enhancePrompt": True}}}}}
    both = planned(STORED, negative_prompt="text", extra_params=own)["provider"]["options"]
    assert both["google-vertex"]["parameters"] == {"negativePrompt": "text", "enhancePrompt": True}


# ------------------------------------------------------------------------------------------ account
@pytest.mark.parametrize(
    ("base_url", "place"),
    [
        (None, "https://openrouter.ai/api/v1"),
        ("https://openrouter.ai", "https://openrouter.ai/api/v1"),
        ("https://proxy.example/api/v1/", "https://proxy.example/api/v1"),
        ("https://proxy.example/api/v1/api/v1", "https://proxy.example/api/v1"),
    ],
)
def test_the_version_is_forgiven(base_url: str | None, place: str) -> None:
    asked = VideoGenerationConfig(provider="openrouter", model=STORED, base_url=base_url)
    assert plan_video(asked, request()).endpoint == f"{place}/videos"


def test_an_application_may_name_itself(simulator: Simulator) -> None:
    own = {"referer": "https://acme.example", "title": "Acme", "min_poll_interval": 0.01}
    generate_video(config(simulator, provider_config=own), request())
    generate_video(config(simulator), request())
    named, plain = [one for one in simulator.requests("openrouter") if one.method == "POST"]
    assert named.headers["http-referer"] == "https://acme.example"
    assert named.headers["x-openrouter-title"] == "Acme"
    assert "http-referer" not in plain.headers


# ------------------------------------------------------------------------------------------- errors
INSIDE: tuple[tuple[int, type[TarashException], str], ...] = (
    (400, ValidationError, "rejected"),
    (401, AuthenticationError, "rejected"),
    (402, QuotaExceededError, "rejected"),
    (404, ModelNotFoundError, "rejected"),
    (429, RateLimitError, "rejected"),
    (500, HTTPError, "unknown"),
    (502, HTTPError, "unknown"),
    (503, HTTPError, "unknown"),
    (599, HTTPError, "unknown"),
)


@pytest.mark.parametrize(("code", "kind", "how"), INSIDE)
def test_an_error_inside_a_good_answer_is_read_by_its_code(
    simulator: Simulator, code: int, kind: type[TarashException], how: str
) -> None:
    body = {"error": {"code": code, "message": "no"}}
    simulator.fail("openrouter", "submit", Fault.status(200, body), times=2)
    with pytest.raises(kind) as caught:
        generate_video(config(simulator), request())

    assert caught.value.submission == how
    with pytest.raises(kind) as caught:
        generate_image(image_config(simulator), image_request())

    assert caught.value.submission == how


OUTSIDE: tuple[tuple[int, dict[str, Any], type[TarashException], str], ...] = (
    (403, {"metadata": {"reasons": ["violence"]}}, ContentModerationError, "rejected"),
    (403, {"message": "Key limit exceeded"}, AuthenticationError, "rejected"),
    (400, {"message": "x/y is not a valid model ID"}, ModelNotFoundError, "rejected"),
    (400, {"message": "duration: Invalid input"}, ValidationError, "rejected"),
    (402, {"message": "Insufficient credits"}, QuotaExceededError, "rejected"),
    (499, {"message": "Client closed request"}, HTTPError, "unknown"),
    (500, {"message": "Internal Server Error"}, HTTPError, "unknown"),
    (502, {"message": "Bad Gateway"}, HTTPError, "unknown"),
    (524, {"message": "Timeout"}, HTTPError, "unknown"),
    (529, {"message": "Provider overloaded"}, RateLimitError, "unknown"),
)


@pytest.mark.parametrize(("status", "error", "kind", "how"), OUTSIDE)
def test_an_error_is_read_by_its_envelope(
    simulator: Simulator,
    status: int,
    error: dict[str, Any],
    kind: type[TarashException],
    how: str,
) -> None:
    body = {"error": {"code": status, "message": "no", **error}}
    simulator.fail("openrouter", "submit", Fault.status(status, body), times=None)
    with pytest.raises(kind) as caught:
        generate_video(config(simulator, max_retries=2), request())

    assert (caught.value.submission or "rejected") == how
    assert simulator.counters("openrouter").submits == 1


def test_an_accepted_job_without_an_id_stays_unknown(simulator: Simulator) -> None:
    simulator.fail("openrouter", "submit", Fault.status(202, {"status": "pending"}))
    with pytest.raises(HTTPError) as caught:
        generate_video(config(simulator), request())

    assert caught.value.submission == "unknown"


@pytest.mark.parametrize("word", ["failed", "expired", "cancelled"])
def test_each_bad_end_is_one(simulator: Simulator, word: str) -> None:
    simulator.script("openrouter", Script(outcome="failed", error_type=word))
    with pytest.raises(GenerationFailedError, match="returned an error"):
        generate_video(config(simulator), request())


def test_a_job_that_failed_with_an_error_object_is_not_polled_for_ever(
    simulator: Simulator,
) -> None:
    error = {"code": 400, "message": "The prompt was flagged"}
    failed = {"id": "x", "status": "failed", "error": error}
    simulator.script("openrouter", Script(run_polls=0, result=failed))
    with pytest.raises(ContentModerationError, match="flagged"):
        generate_video(config(simulator, max_poll_attempts=3), request())


def test_a_status_that_nobody_knows_keeps_the_job_open(simulator: Simulator) -> None:
    odd = {"id": "x", "polling_url": "/api/v1/videos/x", "status": "queued_upstream"}
    simulator.fail("openrouter", "poll", Fault.status(200, odd), times=2)
    with pytest.warns(UserWarning, match="queued_upstream"):
        assert generate_video(config(simulator), request()).status == "completed"


# ------------------------------------------------------------------------------------------ results
def test_a_stored_video_has_an_open_address_that_ends(simulator: Simulator) -> None:
    response = generate_video(config(simulator), request())
    assert isinstance(response.video, str)
    ends = datetime.fromisoformat(response.provider_metadata["expires_at"])
    assert 3000 < (ends - datetime.now(UTC)).total_seconds() < 3700
    assert simulator.counters("openrouter").results == 0


def test_a_video_that_wants_the_key_is_read_with_it(simulator: Simulator) -> None:
    response = generate_video(config(simulator, CLOSED), request())
    assert isinstance(response.video, dict)
    assert response.video["content_type"] == "video/mp4"
    (read,) = [one for one in simulator.requests("openrouter") if one.path.endswith("/content")]
    assert read.headers["authorization"].startswith("Bearer ")


def test_the_key_never_follows_an_address_to_another_host(simulator: Simulator) -> None:
    away = simulator.base_url("media") + "/content"
    body = {"id": "x", "status": "completed", "unsigned_urls": [away]}
    simulator.script("openrouter", Script(run_polls=0, result=body))
    with pytest.raises(TarashException):
        generate_video(config(simulator, CLOSED, max_poll_attempts=2), request())

    assert simulator.leaks == []
    assert all("authorization" not in one.headers for one in simulator.requests("media"))


@pytest.mark.parametrize(
    ("units", "cost"), [(0.28, Decimal("0.28")), (0.0817, Decimal("0.0817")), (None, None)]
)
def test_what_it_cost_is_what_the_usage_says(
    simulator: Simulator, units: float | None, cost: Decimal | None
) -> None:
    simulator.script("openrouter", Script(run_polls=0, billable_units=units))
    for response in (
        generate_video(config(simulator), request()),
        generate_image(image_config(simulator), image_request()),
    ):
        assert response.execution_metadata is not None
        found = response.execution_metadata.attempts[0].cost
        reported = found.amount if found is not None and found.state != "estimated" else None
        assert reported == cost
        assert response.provider_metadata.get("cost_usd") == units


# ------------------------------------------------------------------------------------------- events
def test_a_stream_of_images_is_read_to_its_end(simulator: Simulator) -> None:
    streamed = image_request(n=2, extra_params={"stream": True})
    response = generate_image(image_config(simulator), streamed)
    assert len(response.images) == 2
    assert response.provider_metadata["cost_usd"] == 1.0


def test_an_error_within_a_stream_is_one(simulator: Simulator) -> None:
    simulator.script("openrouter", Script(outcome="moderated", error_type="inside"))
    with pytest.raises(ContentModerationError) as caught:
        generate_image(image_config(simulator), image_request(extra_params={"stream": True}))

    assert caught.value.submission == "rejected"


@pytest.mark.parametrize("text", ["", "data: [DONE]\n\n", ": waiting\n\ndata: {\n\n"])
def test_a_stream_without_an_event_settles_nothing(simulator: Simulator, text: str) -> None:
    kind = {"Content-Type": "text/event-stream"}
    simulator.fail("openrouter", "submit", Fault.status(200, text, kind))
    with pytest.raises(HTTPError) as caught:
        generate_image(image_config(simulator), image_request(extra_params={"stream": True}))

    assert caught.value.submission == "unknown"


# --------------------------------------------------------------------------------------------- wire
EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "videos",
        {
            "model": "google/veo-3.1-fast",
            "prompt": "a paper boat on a rainy street",
            "duration": 8,
            "resolution": "1080p",
            "aspect_ratio": "16:9",
            "generate_audio": False,
            "seed": 7,
            "provider": {"options": {"google-vertex": {"parameters": {"negativePrompt": "text"}}}},
        },
    ),
    (
        "videos",
        {
            "model": "kwaivgi/kling-v3.0-pro",
            "prompt": "slow push in",
            "duration": 5,
            "aspect_ratio": "9:16",
            "frame_images": [
                {
                    "type": "image_url",
                    "image_url": {"url": "https://example.com/a.png"},
                    "frame_type": "first_frame",
                },
                {
                    "type": "image_url",
                    "image_url": {"url": "https://example.com/b.png"},
                    "frame_type": "last_frame",
                },
            ],
            "callback_url": "https://hooks.example.com/or",
        },
    ),
    (
        "images",
        {
            "model": "openai/gpt-image-1",
            "prompt": "a red kite",
            "n": 1,
            "size": "1024x1024",
            "quality": "high",
            "background": "transparent",
            "output_format": "png",
        },
    ),
)
WRONG: tuple[tuple[int, dict[str, Any]], ...] = (
    (0, {"duration": "8"}),
    (0, {"duration": 5}),
    (0, {"aspect_ratio": "21:9"}),
    (0, {"negative_prompt": "text"}),
    (0, {"n": 2}),
    (0, {"provider": {"options": {"google-vertex": {"negativePrompt": "text"}}}}),
    (0, {"model": "google/veo-9"}),
    (1, {"seed": 7}),
    (1, {"frame_images": ["https://example.com/a.png"]}),
    (2, {"n": 11}),
    (2, {"seconds": 4}),
)


def posted(simulator: Simulator, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    asked = Request(  # noqa: S310  (to this machine)
        f"{simulator.base_url('openrouter')}/api/v1/{path}",
        json.dumps(body).encode(),
        {"Authorization": "Bearer a-key", "Content-Type": "application/json"},
    )
    try:
        with urlopen(asked) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except RawError as error:
        with error:
            return error.code, json.load(error)


def test_the_wire_takes_the_vendors_examples_and_nothing_else(simulator: Simulator) -> None:
    for path, body in EXAMPLES:
        status, told = posted(simulator, path, body)
        assert status == (202 if path == "videos" else 200), told

    for number, change in WRONG:
        path, body = EXAMPLES[number]
        status, told = posted(simulator, path, {**body, **change})
        assert status == 400, (change, told)
        assert told["error"]["code"] == 400

    assert simulator.counters("openrouter").accepted == len(EXAMPLES)
