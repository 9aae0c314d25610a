"""MiniMax: V2, V1 with its file hop, and images; the traps of its pages and of others' logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
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
    plan_video,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway._http._pools import ClientCache
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator

FIRST = {"image": "https://example.com/a.png", "type": "first_frame"}
LAST = {"image": "https://example.com/b.png", "type": "last_frame"}
REFERENCE = {"image": "https://example.com/r.png"}
VIDEO = "https://example.com/v.mp4"
V2 = ("MiniMax-H3", "MiniMax-H3-Max")
V1 = (
    *("MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3-Fast", "MiniMax-Hailuo-02"),
    *("T2V-01", "T2V-01-Director", "I2V-01", "I2V-01-Director", "I2V-01-live", "S2V-01"),
)
IMAGES = ("image-01", "image-01-live")


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator(["minimax"]) as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    _running.reset()
    return _running


def settings(simulator: Simulator, model: str, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "minimax",
        "model": model,
        "api_key": "a-key-of-ours",
        "base_url": simulator.base_url("minimax"),
        "poll_interval": 0.02,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
        **changes,
    }


def config(simulator: Simulator, model: str = "MiniMax-H3", **changes: Any) -> Any:
    return VideoGenerationConfig.model_validate(settings(simulator, model, **changes))


def image_config(simulator: Simulator, model: str = "image-01") -> Any:
    return ImageGenerationConfig.model_validate(settings(simulator, model))


def request(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate({"prompt": "A lighthouse", **fields})


def image_request(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest.model_validate({"prompt": "A paper crane", **fields})


def planned(model: str, **fields: Any) -> Any:
    plan = plan_video(VideoGenerationConfig(provider="minimax", model=model), request(**fields))
    return plan.endpoint.partition(".io/")[2], plan.payload


# ------------------------------------------------------------------------------------------- models
def test_the_catalogue_has_the_models_of_both_generations() -> None:
    assert {one.model for one in list_models("minimax")} == {*V2, *V1, *IMAGES}
    assert describe_model("minimax", "MiniMax-Hailuo-02").durations == (6, 10)
    assert describe_model("minimax", "image-01").most_outputs == 9
    described = describe_model("minimax", "MiniMax-H3")
    assert described.takes == ("first_frame", "last_frame", "reference", "asset", "video")


FULLEST: dict[str, Any] = {
    "duration_seconds": 15,
    "resolution": "4k",
    "aspect_ratio": "21:9",
    "generate_audio": True,
    "negative_prompt": "dogs",
    "seed": 7,
    "enhance_prompt": False,
}
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"duration_seconds": 1, "resolution": "360p", "generate_audio": False},
    FULLEST,
    {**FULLEST, "duration_seconds": 10, "resolution": "1080p"},
    {"image_list": [FIRST]},
    {"image_list": [FIRST], "resolution": "480p"},
    {**FULLEST, "image_list": [FIRST]},
    {**FULLEST, "image_list": [FIRST, LAST]},
    {"image_list": [LAST]},
    {"image_list": [REFERENCE]},
    {**FULLEST, "image_list": [REFERENCE] * 9, "video": VIDEO},
    {"image_list": [REFERENCE] * 10},
    {"image_list": [FIRST, REFERENCE]},
    {"video": VIDEO},
)


@pytest.mark.parametrize("model", [*V2, *V1])
async def test_whatever_is_asked_of_a_video_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    """It is refused here, with a reason, or the vendor takes it: nothing unknown is sent."""
    simulator.script("minimax", Script(run_polls=0))
    made = 0
    async with Gateway() as gateway:
        for asked in ASKED:
            try:
                await gateway.generate_video_async(config(simulator, model), request(**asked))
            except ValidationError as error:
                assert error.submission is None, (asked, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("minimax").accepted == made > 0


@pytest.mark.parametrize("model", IMAGES)
def test_whatever_is_asked_of_an_image_model_is_taken(simulator: Simulator, model: str) -> None:
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"n": 9, "aspect_ratio": "21:9", "seed": 2**40, "image_list": [REFERENCE]},
        {"size": "1344x576", "n": 2},
        {"extra_params": {"response_format": "base64", "prompt_optimizer": True}},
    )
    for one in asked:
        response = generate_image(image_config(simulator, model), image_request(**one))
        assert len(response.images) == one.get("n", 1)

    if model == "image-01":
        sides = {"width": 768, "height": 512}
        generate_image(image_config(simulator), image_request(extra_params=sides))
        assert "aspect_ratio" not in simulator.jobs("minimax")[-1].payload


def test_what_costs_or_changes_the_result_is_always_said() -> None:
    text = {"type": "text", "text": "A lighthouse"}
    path, payload = planned("MiniMax-H3")
    assert path == "v2/video_generation"
    assert payload == {
        "model": "MiniMax-H3",
        "content": [text],
        "resolution": "768P",
        "duration": 5,
        "ratio": "16:9",
    }
    _, framed = planned("MiniMax-H3", image_list=[FIRST], aspect_ratio="9:16")
    assert "ratio" not in framed
    assert planned("MiniMax-H3", image_list=[REFERENCE])[1]["ratio"] == "adaptive"
    assert planned("MiniMax-H3-Max")[1]["extra"] == {"prompt_expansion_mode": "balanced"}

    path, payload = planned("MiniMax-Hailuo-2.3")
    assert path == "v1/video_generation"
    assert payload == {
        "model": "MiniMax-Hailuo-2.3",
        "prompt": "A lighthouse",
        "prompt_optimizer": True,
        "duration": 6,
        "resolution": "768P",
    }
    assert planned("T2V-01", resolution="1080p", duration_seconds=10)[1].keys() == {
        "model",
        "prompt",
        "prompt_optimizer",
    }


def test_a_long_video_in_1080p_becomes_a_short_one() -> None:
    _, payload = planned("MiniMax-Hailuo-02", resolution="1080p", duration_seconds=10)
    assert (payload["resolution"], payload["duration"]) == ("1080P", 6)


# ------------------------------------------------------------------------------------------ account
@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "https://api.minimax.io"),
        ({"provider_config": {"region": "china"}}, "https://api.minimaxi.com"),
        ({"base_url": "https://api.minimaxi.com/v1"}, "https://api.minimaxi.com"),
        ({"base_url": "https://proxy.example/mm/v1/v2/"}, "https://proxy.example/mm"),
    ],
)
def test_regions_and_version_segments(given: dict[str, Any], place: str) -> None:
    for model, version in (("MiniMax-H3", "v2"), ("MiniMax-Hailuo-02", "v1")):
        asked = VideoGenerationConfig(provider="minimax", model=model, **given)
        assert plan_video(asked, request()).endpoint == f"{place}/{version}/video_generation"


def test_the_vendors_own_variable_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_API_HOST", "https://api.minimaxi.com")
    asked = VideoGenerationConfig(provider="minimax", model="MiniMax-H3")
    assert plan_video(asked, request()).endpoint.startswith("https://api.minimaxi.com/v2/")


# ------------------------------------------------------------------------------------------- errors
INSIDE: tuple[tuple[int, type[TarashException], str], ...] = (
    (1000, HTTPError, "unknown"),
    (1002, RateLimitError, "rejected"),
    (1004, AuthenticationError, "rejected"),
    (1008, QuotaExceededError, "rejected"),
    (1024, HTTPError, "unknown"),
    (1026, ContentModerationError, "rejected"),
    (1028, QuotaExceededError, "rejected"),
    (1039, RateLimitError, "rejected"),
    (1042, ValidationError, "rejected"),
    (2013, ValidationError, "rejected"),
    (2049, AuthenticationError, "rejected"),
    (2056, QuotaExceededError, "rejected"),
    (2061, AuthenticationError, "rejected"),
    (4711, HTTPError, "unknown"),
)


@pytest.mark.parametrize(("code", "kind", "how"), INSIDE)
def test_an_error_inside_a_good_answer_is_read_by_its_code(
    simulator: Simulator, code: int, kind: type[TarashException], how: str
) -> None:
    body = {"task_id": "", "base_resp": {"status_code": code, "status_msg": "no"}}
    video = partial(generate_video, config(simulator, "MiniMax-Hailuo-02"), request())
    image = partial(generate_image, image_config(simulator), image_request())
    for make in (video, image):
        simulator.fail("minimax", "submit", Fault.status(200, body))
        with pytest.raises(kind) as caught:
            make()

        assert caught.value.submission == how
        assert "no" in str(caught.value)

    assert simulator.counters("minimax").submits == 2


OUTSIDE: tuple[tuple[int, str, type[TarashException]], ...] = (
    (400, "bad_request_error", HTTPError),
    (401, "authorized_error", AuthenticationError),
    (402, "insufficient_balance_error", QuotaExceededError),
    (422, "unprocessable_entity_error", ContentModerationError),
    (429, "rate_limit_error", RateLimitError),
    (529, "overloaded_error", RateLimitError),
)


@pytest.mark.parametrize(("status", "word", "kind"), OUTSIDE)
def test_an_error_of_v2_is_read_by_its_status(
    simulator: Simulator, status: int, word: str, kind: type[TarashException]
) -> None:
    error = {"type": word, "message": "no", "http_code": str(status)}
    body = {"type": "error", "error": error, "request_id": "r"}
    simulator.fail("minimax", "submit", Fault.status(status, body))
    with pytest.raises(kind) as caught:
        generate_video(config(simulator), request())

    assert caught.value.submission in {"rejected", None}


def test_an_error_inside_a_poll_is_told_and_borne(simulator: Simulator) -> None:
    """Else it is an empty status, which is polled for ever."""
    body = {"task_id": "", "status": "", "base_resp": {"status_code": 1004, "status_msg": "no"}}
    simulator.fail("minimax", "poll", Fault.status(200, body), times=None)
    asked = config(simulator, "MiniMax-Hailuo-02", max_poll_attempts=3, on_timeout="detach")
    with pytest.raises(TarashException, match=r"the last poll: .*no"):
        generate_video(asked, request())


def test_a_failed_job_of_v1_does_not_say_success(simulator: Simulator) -> None:
    fine = {"status_code": 0, "status_msg": "success"}
    said = {"task_id": "4", "status": "Fail", "file_id": "", "base_resp": fine}
    simulator.script("minimax", Script(run_polls=0, result=said))
    with pytest.raises(GenerationFailedError, match="gives no reason"):
        generate_video(config(simulator, "MiniMax-Hailuo-02"), request())

    simulator.script("minimax", Script(outcome="failed", error_type="expired"))
    with pytest.raises(GenerationFailedError):
        generate_video(config(simulator), request())


# ------------------------------------------------------------------------------------------ results
def test_a_video_of_v1_comes_by_its_file(simulator: Simulator) -> None:
    response = generate_video(config(simulator, "MiniMax-Hailuo-02"), request())
    (hop,) = [one for one in simulator.requests("minimax") if one.path == "/v1/files/retrieve"]
    assert hop.query["file_id"].isdigit()
    assert isinstance(response.video, str)
    beside = response.provider_metadata
    assert (beside["file_id"], beside["width"]) == (hop.query["file_id"], 1366)
    ends = datetime.fromisoformat(beside["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < ends <= timedelta(hours=1)


def test_a_link_to_the_vendors_storage_is_asked_for_by_https(simulator: Simulator) -> None:
    link = "http://bucket.oss-cn-beijing.aliyuncs.com/a.mp4?Expires=1"
    task = {"id": "42", "status": "succeeded", "content": {"url": link}}
    simulator.script("minimax", Script(run_polls=0, result={"task": task}))
    response = generate_video(config(simulator), request())
    assert response.video == link.replace("http:", "https:")


def test_images_that_were_held_back_are_counted(simulator: Simulator) -> None:
    simulator.script("minimax", Script(outputs=2))
    response = generate_image(image_config(simulator), image_request(n=3))
    assert len(response.images) == 2
    assert response.provider_metadata["failed_count"] == "1"
    assert response.provider_metadata["expires_at"]


# ------------------------------------------------------------------------------------------- cancel
@pytest.mark.parametrize(
    ("script", "answer", "asked"),
    [
        (Script(queue_polls=9), "cancelled", True),
        (Script(run_polls=9), "unsupported", False),
        (Script(run_polls=0), "too_late", False),
        (Script(run_polls=0, outcome="failed"), "too_late", False),
    ],
)
async def test_a_cancel_never_erases_a_job_that_has_ended(
    simulator: Simulator, script: Script, answer: str, asked: bool
) -> None:
    simulator.script("minimax", script)
    adapter: Any = default_registry.adapter("minimax")
    clients = ClientCache()
    async with Gateway() as gateway:
        job = await gateway.submit_video_async(config(simulator), request())

    operation = Operation(
        provider="minimax",
        model="MiniMax-H3",
        kind="video",
        id=simulator.jobs("minimax")[0].id,
        submitted_at=datetime.now(UTC).isoformat(),
    )
    async with clients.lease(adapter, account(adapter, config(simulator), None)) as client:
        assert await adapter.cancel(client, operation) == answer
        seen = await adapter.poll(client, operation)

    await clients.aclose()
    assert simulator.jobs("minimax")[0].cancel_requested is asked
    assert seen.status != "completed" or answer == "too_late"
    assert not seen.denied
    assert job.id


# --------------------------------------------------------------------------------------------- wire
EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "v2/video_generation",
        {
            "model": "MiniMax-H3",
            "content": [{"type": "text", "text": "a lighthouse in fog, waves, gulls"}],
            "resolution": "768P",
            "duration": 8,
            "ratio": "16:9",
        },
    ),
    (
        "v2/video_generation",
        {
            "model": "MiniMax-H3",
            "content": [
                {"type": "text", "text": "the cup of image 1 turns, camera as in video 1"},
                {
                    "type": "image_url",
                    "image_url": {"url": "mm_file://1234567890"},
                    "role": "reference_image",
                },
                {
                    "type": "video_url",
                    "video_url": {"url": "https://cdn.example/move.mp4"},
                    "role": "reference_video",
                },
            ],
            "resolution": "2K",
            "duration": 6,
            "callback_url": "https://hooks.example/mm",
        },
    ),
    (
        "v1/video_generation",
        {
            "model": "MiniMax-Hailuo-02",
            "prompt": "[Push in] a candle burns down",
            "first_frame_image": "data:image/png;base64,iVBORw0KGgo=",
            "last_frame_image": "https://cdn.example/end.png",
            "duration": 6,
            "resolution": "768P",
            "prompt_optimizer": False,
        },
    ),
    (
        "v1/image_generation",
        {
            "model": "image-01",
            "prompt": "paper crane on slate",
            "aspect_ratio": "3:2",
            "n": 2,
            "seed": 7,
            "response_format": "base64",
        },
    ),
)
WRONG: tuple[tuple[int, dict[str, Any]], ...] = (
    (0, {"ratio": "adaptive"}),
    (0, {"duration": "8"}),
    (0, {"duration": 3}),
    (0, {"seed": 1}),
    (0, {"aigc_watermark": False}),
    (0, {"content": []}),
    (2, {"resolution": "1080P", "duration": 10}),
    (2, {"model": "MiniMax-Hailuo-2.3"}),
    (2, {"aspect_ratio": "16:9"}),
    (3, {"n": 10}),
    (3, {"width": 512, "height": 512}),
)


def posted(simulator: Simulator, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    asked = Request(  # noqa: S310  (to this machine)
        f"{simulator.base_url('minimax')}/{path}",
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
        assert status == 200, told
        assert told.get("base_resp", {"status_code": 0})["status_code"] == 0, told

    for number, change in WRONG:
        path, body = EXAMPLES[number]
        status, told = posted(simulator, path, {**body, **change})
        expected = 400 if path.startswith("v2") else 200
        assert status == expected, (change, told)
        assert "2013" in json.dumps(told), (change, told)

    assert simulator.counters("minimax").accepted == len(EXAMPLES)
