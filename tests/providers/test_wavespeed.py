"""WaveSpeed: routes with strict bodies, one envelope, uploads by ticket, the list of own jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError as RawError
from urllib.request import Request, urlopen

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPConnectionError,
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
    generate_image,
    generate_video,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Script, Simulator

FIRST = {"image": "https://example.com/a.png", "type": "first_frame"}
LAST = {"image": "https://example.com/b.png", "type": "last_frame"}
REFERENCE = {"image": "https://example.com/r.png"}
VIDEO = "https://example.com/v.mp4"
SEEDANCE = "bytedance/seedance-2.0/text-to-video"
TURBO = "wavespeed-ai/z-image/turbo"
VIDEOS = tuple(one.model for one in list_models("wavespeed", output="video"))


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator(["wavespeed"]) as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    _running.reset()
    return _running


def settings(simulator: Simulator, model: str, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "wavespeed",
        "model": model,
        "api_key": "a-key-of-ours",
        "base_url": simulator.base_url("wavespeed"),
        "poll_interval": 0.02,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
        **changes,
    }


def config(simulator: Simulator, model: str = SEEDANCE, **changes: Any) -> Any:
    return VideoGenerationConfig.model_validate(settings(simulator, model, **changes))


def image_config(simulator: Simulator, model: str = TURBO, **changes: Any) -> Any:
    return ImageGenerationConfig.model_validate(settings(simulator, model, **changes))


def request(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate({"prompt": "A lighthouse", **fields})


def image_request(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest.model_validate({"prompt": "A red bicycle", **fields})


def planned(model: str, **fields: Any) -> Any:
    plan = plan_video(VideoGenerationConfig(provider="wavespeed", model=model), request(**fields))
    assert plan.endpoint == f"https://api.wavespeed.ai/api/v3/{model}"
    return plan.payload


# ------------------------------------------------------------------------------------------- models
def test_the_catalogue_has_the_models_of_the_pages() -> None:
    listed = {one.model for one in list_models("wavespeed")}
    assert {TURBO, SEEDANCE, "kwaivgi/kling-v4.0/video-extend"} <= listed
    assert not any("*" in one for one in listed)


FULLEST: dict[str, Any] = {
    "duration_seconds": 300,
    "resolution": "4k",
    "aspect_ratio": "21:9",
    "generate_audio": True,
    "negative_prompt": "dogs",
    "seed": 7,
    "enhance_prompt": False,
}
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"duration_seconds": 1, "resolution": "360p", "aspect_ratio": "4:5"},
    FULLEST,
    {"image_list": [FIRST]},
    {**FULLEST, "image_list": [FIRST]},
    {**FULLEST, "image_list": [FIRST, LAST]},
    {"image_list": [LAST]},
    {"image_list": [REFERENCE]},
    {**FULLEST, "image_list": [REFERENCE] * 7},
    {"image_list": [REFERENCE] * 7, "video": VIDEO},
    {"image_list": [REFERENCE] * 20},
    {"image_list": [FIRST, REFERENCE]},
    {"video": VIDEO},
    {**FULLEST, "video": VIDEO, "image_list": [LAST]},
    {**FULLEST, "video": VIDEO, "image_list": [REFERENCE] * 4},
)
SOUND = {"audio": "https://example.com/voice.mp3"}


@pytest.mark.parametrize("model", [*VIDEOS, "vidu/q4/reference-to-video", "heygen/video-1.0"])
async def test_whatever_is_asked_of_a_video_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    """It is refused here, with a reason, or the vendor takes it: nothing unknown is sent."""
    simulator.script("wavespeed", Script(run_polls=0))
    made = 0
    async with Gateway() as gateway:
        for asked in ASKED:
            own = SOUND if model.endswith("infinitetalk") else {}
            wanted = {**asked, "extra_params": own}
            if "/vidu" in f"/{model}" or "heygen" in model:
                wanted |= {"duration_seconds": min(asked.get("duration_seconds", 5), 60)}

            try:
                await gateway.generate_video_async(config(simulator, model), request(**wanted))
            except ValidationError as error:
                assert error.submission is None, (asked, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("wavespeed").accepted == made > 0


@pytest.mark.parametrize("model", [TURBO, "wavespeed-ai/flux-dev"])
def test_whatever_is_asked_of_an_image_model_is_taken(simulator: Simulator, model: str) -> None:
    for asked in (
        {},
        {"size": "64x64"},
        {"size": "4096x4096", "seed": 9},
        {"aspect_ratio": "21:9", "quality": "high"},
        {"size": "768x1024", "seed": 2**31 - 1, "negative_prompt": "rust"},
    ):
        response = generate_image(image_config(simulator, model), image_request(**asked))
        assert len(response.images) == 1


def test_what_costs_or_changes_the_result_is_always_said() -> None:
    assert planned(SEEDANCE) == {
        "prompt": "A lighthouse",
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "duration": 5,
    }
    assert planned("pruna-ai/p-video-2/image-to-video", image_list=[FIRST]) == {
        "prompt": "A lighthouse",
        "image": FIRST["image"],
        "resolution": "720p",
        "duration": 5,
        "draft": False,
    }
    plan = plan_image(ImageGenerationConfig(provider="wavespeed", model=TURBO), image_request())
    assert plan.payload == {"prompt": "A red bicycle", "size": "1024*1024"}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("bytedance/seedance-2.0/image-to-video", "last_image"),
        ("kwaivgi/kling-v3.0-4k/image-to-video", "end_image"),
    ],
)
def test_the_last_frame_has_the_name_that_the_route_has(model: str, name: str) -> None:
    payload = planned(model, image_list=[FIRST, LAST])
    assert (payload["image"], payload[name]) == (FIRST["image"], LAST["image"])


def test_an_image_that_a_route_has_no_place_for_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"seedance-2\.0/image-to-video"):
        planned(SEEDANCE, image_list=[FIRST])


# ------------------------------------------------------------------------------------------- submit
def test_the_webhook_stands_in_the_address(simulator: Simulator) -> None:
    hook = "https://hooks.example.com/ws?a=1"
    generate_video(config(simulator), request(extra_params={"webhook": hook}))
    (job,) = simulator.jobs("wavespeed")
    assert job.query == {"webhook": hook}
    assert "webhook" not in job.payload


def test_files_are_uploaded_by_a_ticket(simulator: Simulator) -> None:
    picture = {"content": samples.make_png(64, 64, 1), "content_type": "image/png"}
    first = {"image": picture, "type": "first_frame"}
    generate_video(
        config(simulator, "bytedance/seedance-2.0/image-to-video"), request(image_list=[first])
    )
    ticket, put, submit = simulator.requests("wavespeed")[:3]
    assert json.loads(ticket.body) == {
        "filename": "input.png",
        "content_type": "image/png",
        "size": len(picture["content"]),
    }
    assert (put.method, put.body) == ("PUT", picture["content"])
    assert put.headers["x-amz-acl"] == "public-read"
    assert json.loads(submit.body)["image"].endswith("/input.png")


def test_a_result_may_be_waited_for(simulator: Simulator) -> None:
    own = {"enable_sync_mode": True}
    made = generate_image(image_config(simulator), image_request(extra_params=own))
    assert made.images
    assert simulator.counters("wavespeed").polls == 0
    assert made.provider_metadata["expires_at"]


async def test_a_wait_that_took_too_long_is_a_job_that_goes_on(simulator: Simulator) -> None:
    simulator.script("wavespeed", Script(outcome="never"))
    own = {"enable_sync_mode": True}
    asked = image_config(simulator, max_poll_attempts=2, on_timeout="detach")
    async with Gateway() as gateway:
        with pytest.raises(TarashException) as caught:
            await gateway.generate_image_async(asked, image_request(extra_params=own))

    assert caught.value.operation is not None
    assert caught.value.operation["id"] == simulator.jobs("wavespeed")[0].id
    assert simulator.counters("wavespeed").submits == 1


# ------------------------------------------------------------------------------------------- errors
REFUSALS: tuple[tuple[int, str, type[TarashException], str], ...] = (
    (400, 'property "prompt" is missing', ValidationError, "rejected"),
    (400, "The prompt was flagged as sensitive", ContentModerationError, "rejected"),
    (401, "invalid authentication", AuthenticationError, "rejected"),
    (402, "no", QuotaExceededError, "rejected"),
    (403, "Insufficient balance", QuotaExceededError, "rejected"),
    (403, "not allowed", AuthenticationError, "rejected"),
    (404, "model not found", ModelNotFoundError, "rejected"),
    (429, "too many requests", RateLimitError, "rejected"),
    (500, "internal", HTTPError, "unknown"),
    (503, "busy", HTTPError, "unknown"),
    (418, "teapot", HTTPError, "unknown"),
)


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_read_by_its_code_wherever_it_stands(
    simulator: Simulator, refusal: tuple[int, str, type[TarashException], str], inside: bool
) -> None:
    code, said, kind, how = refusal
    body = {"code": code, "message": said, "data": None}
    simulator.fail("wavespeed", "submit", Fault.status(200 if inside else code, body))
    with pytest.raises(kind) as caught:
        generate_video(config(simulator), request())

    named = inside or code != 418
    assert caught.value.submission == (how if named else caught.value.submission)
    assert said in str(caught.value)
    assert simulator.counters("wavespeed").submits == 1


def test_a_wrong_key_says_what_may_be_wrong_with_it(simulator: Simulator) -> None:
    simulator.keys["wavespeed"] = {"another"}
    with pytest.raises(AuthenticationError, match="first top-up"):
        generate_video(config(simulator), request())

    del simulator.keys["wavespeed"]


@pytest.mark.parametrize("word", [None, "timeout", "cancelled"])
def test_a_failed_job_may_be_billed_until_it_is_refunded(
    simulator: Simulator, word: str | None
) -> None:
    simulator.script("wavespeed", Script(outcome="failed", error_type=word))
    with pytest.raises(GenerationFailedError, match="came to nothing") as caught:
        generate_video(config(simulator), request())

    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].billing == "possible"
    assert "(200)" not in str(caught.value)


def test_a_job_that_failed_inside_an_error_has_failed(simulator: Simulator) -> None:
    data = {"id": "1", "status": "failed", "error": "upstream HTTP 500", "outputs": []}
    said = {"code": 500, "message": "error", "data": data}
    simulator.script("wavespeed", Script(run_polls=0, result=said))
    with pytest.raises(GenerationFailedError, match="upstream HTTP 500"):
        generate_video(config(simulator, timeout=20), request())


def test_a_job_whose_record_was_removed_is_gone_and_not_failed(simulator: Simulator) -> None:
    said = {"code": 200, "message": "success", "data": {"id": "1", "status": "deleted"}}
    simulator.script("wavespeed", Script(run_polls=0, result=said))
    asked = config(simulator, max_poll_attempts=3, on_timeout="detach")
    with pytest.raises(TarashException) as caught:
        generate_video(asked, request())

    assert not isinstance(caught.value, GenerationFailedError)
    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].billing != "none"


def test_an_unknown_status_keeps_polling(simulator: Simulator) -> None:
    strange = {"code": 200, "message": "success", "data": {"id": "1", "status": "warming"}}
    simulator.fail("wavespeed", "poll", Fault.status(200, strange), times=2)
    with pytest.warns(UserWarning, match="'warming'"):
        assert generate_video(config(simulator), request()).video


# ------------------------------------------------------------------------------------ results, list
def test_a_result_says_when_it_ends_and_what_was_flagged(simulator: Simulator) -> None:
    response = generate_video(config(simulator), request())
    ends = datetime.fromisoformat(response.provider_metadata["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < ends <= timedelta(days=7)
    assert response.provider_metadata["has_nsfw_contents"] == [False]


async def test_what_is_looked_for_is_of_this_model_and_of_now(simulator: Simulator) -> None:
    simulator.fail("wavespeed", "submit", Fault.reset_before())
    async with Gateway() as gateway:
        with pytest.raises(HTTPConnectionError) as caught:
            await gateway.generate_video_async(config(simulator), request())

    assert caught.value.submission == "unknown"
    asked = [one for one in simulator.requests("wavespeed") if one.path.endswith("/predictions")]
    body = json.loads(asked[0].body)
    since = datetime.fromisoformat(body.pop("created_after"))
    assert timedelta(0) < datetime.now(UTC) - since < timedelta(minutes=5)
    assert body == {"page": 1, "page_size": 100, "model": SEEDANCE, "include_inputs": True}


# --------------------------------------------------------------------------------------------- wire
EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "bytedance/seedance-2.0/image-to-video?webhook=https://hooks.example.com/ws",
        {
            "prompt": "door opens slowly",
            "image": "https://example.com/a.png",
            "last_image": "https://example.com/b.png",
            "duration": 5,
            "resolution": "720p",
        },
    ),
    (
        TURBO,
        {
            "prompt": "red bicycle",
            "size": "1024*1024",
            "seed": -1,
            "enable_sync_mode": True,
            "enable_base64_output": False,
            "output_format": "png",
        },
    ),
)
WRONG: tuple[tuple[int, dict[str, Any]], ...] = (
    (0, {"end_image": "https://example.com/b.png"}),
    (0, {"duration": "5"}),
    (0, {"duration": 3}),
    (0, {"image": "data:image/png;base64,AAAA"}),
    (0, {"webhook": "https://hooks.example.com"}),
    (1, {"size": "1024x1024"}),
    (1, {"n": 2}),
    (1, {"output_format": "gif"}),
)


def posted(simulator: Simulator, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    asked = Request(  # noqa: S310  (to this machine)
        f"{simulator.base_url('wavespeed')}/api/v3/{path}",
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
        assert (status, told["code"]) == (200, 200), told
        assert told["data"]["id"]

    for number, change in WRONG:
        path, body = EXAMPLES[number]
        status, told = posted(simulator, path, {**body, **change})
        assert (status, told["code"]) == (400, 400), (change, told)

    wanted = {"page": 1, "page_size": 20, "created_after": "2026-11-28T00:00:00Z"}
    wanted |= {"model": TURBO, "include_inputs": True}
    _, listed = posted(simulator, "predictions", wanted)
    assert [one["input"] for one in listed["data"]["items"]] == [EXAMPLES[1][1]]
    assert simulator.counters("wavespeed").accepted == len(EXAMPLES)
