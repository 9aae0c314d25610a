"""Black Forest Labs: jobs on hosts of their own, bad ends in six words, costs in credits."""

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
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
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
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator

FIRST = {"image": "https://example.com/a.png", "type": "first_frame"}
LAST = {"image": "https://example.com/b.png", "type": "last_frame"}
REFERENCE = {"image": "https://example.com/r.png"}
INLINE = {"image": {"content": samples.make_png(256, 256), "content_type": "image/png"}}
VIDEO = "https://example.com/v.mp4"
FILM = "flux-3-video"
FLUX_2 = (
    *("flux-2-pro", "flux-2-pro-preview", "flux-2-max", "flux-2-flex"),
    *("flux-2-klein-4b", "flux-2-klein-9b", "flux-2-klein-9b-preview"),
)
IMAGES = (
    *FLUX_2,
    *("flux-pro-1.1", "flux-pro-1.1-ultra", "flux-kontext-pro", "flux-kontext-max"),
    *("flux-pro-1.0-fill", "flux-pro-1.0-expand", "flux-dev", "flux-3-image"),
)


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator(["bfl"]) as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    _running.reset()
    _running.script("bfl", Script(run_polls=0))
    return _running


def settings(simulator: Simulator, model: str, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "bfl",
        "model": model,
        "api_key": "bfl_a-key-of-ours",
        "base_url": simulator.base_url("bfl"),
        "poll_interval": 0.02,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
        **changes,
    }


def config(simulator: Simulator, **changes: Any) -> Any:
    return VideoGenerationConfig.model_validate(settings(simulator, FILM, **changes))


def image_config(simulator: Simulator, model: str = "flux-2-pro", **changes: Any) -> Any:
    return ImageGenerationConfig.model_validate(settings(simulator, model, **changes))


def request(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate({"prompt": "A lighthouse", **fields})


def image_request(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest.model_validate({"prompt": "A paper crane", **fields})


def planned(**fields: Any) -> Any:
    return plan_video(VideoGenerationConfig(provider="bfl", model=FILM), request(**fields)).payload


def planned_image(model: str, **fields: Any) -> Any:
    asked = ImageGenerationConfig(provider="bfl", model=model)
    return plan_image(asked, image_request(**fields)).payload


# ------------------------------------------------------------------------------------------- models
def test_the_catalogue_has_the_models_of_the_pages() -> None:
    assert {one.model for one in list_models("bfl")} == {*IMAGES, FILM}


FULLEST: dict[str, Any] = {
    "duration_seconds": 30,
    "resolution": "4k",
    "aspect_ratio": "21:9",
    "generate_audio": True,
    "negative_prompt": "dogs",
    "seed": 7,
    "number_of_videos": 2,
}
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"duration_seconds": 1, "resolution": "360p", "generate_audio": False, "aspect_ratio": "9:21"},
    FULLEST,
    {"image_list": [FIRST]},
    {"image_list": [INLINE]},
    {**FULLEST, "image_list": [FIRST, LAST]},
    {"image_list": [LAST]},
    {"image_list": [REFERENCE] * 2},
    {**FULLEST, "video": VIDEO},
    {"video": VIDEO, "image_list": [FIRST]},
    {"extra_params": {"draft": True, "safety_tolerance": 0}},
    {"extra_params": {"keyframes": [[0, "https://example.com/a.png"], [4.5, VIDEO]]}},
    {"extra_params": {"draft_cache": "https://example.com/d.bin"}, "duration_seconds": 9},
)


async def test_whatever_is_asked_of_the_video_model_is_taken(simulator: Simulator) -> None:
    """It is refused here, with a reason, or the vendor takes it: nothing unknown is sent."""
    made = 0
    async with Gateway() as gateway:
        for asked in ASKED:
            try:
                await gateway.generate_video_async(config(simulator), request(**asked))
            except ValidationError as error:
                assert error.submission is None, (asked, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("bfl").accepted == made == len(ASKED) - 3


@pytest.mark.parametrize("model", IMAGES)
async def test_whatever_is_asked_of_an_image_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"size": "64x64", "n": 2},
        {"size": "4096x4096", "seed": 7, "negative_prompt": "x", "quality": "high", "style": "y"},
        {"aspect_ratio": "21:9"},
        {"image_list": [REFERENCE]},
        {"image_list": [INLINE], "mask_image": INLINE["image"], "size": "1920x1080"},
        {"image_list": [REFERENCE] * 4, "aspect_ratio": "9:16"},
        {"image_list": [REFERENCE] * 8},
        {"image_list": [REFERENCE] * 11},
    )
    made = 0
    async with Gateway() as gateway:
        for one in asked:
            try:
                await gateway.generate_image_async(
                    image_config(simulator, model), image_request(**one)
                )
            except ValidationError as error:
                assert error.submission is None, (one, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("bfl").accepted == made > 0


def test_what_costs_or_changes_the_result_is_always_said() -> None:
    usual = {"duration": 5, "resolution": "hd", "generate_audio": True, "draft": False}
    said = {"prompt": "A lighthouse", **usual}
    assert planned() == {"mode": "t2v", **said}
    frames = ["https://example.com/a.png", "https://example.com/b.png"]
    framed = planned(image_list=[FIRST, LAST], aspect_ratio="9:16")
    assert framed == {"mode": "i2v", **said, "keyframes": frames}
    assert planned(video=VIDEO) == {"mode": "v2v", **said, "start_video": VIDEO}
    cache = "https://example.com/d.bin"
    enhanced = planned(extra_params={"draft_cache": cache})
    assert enhanced == {"mode": "draft_enhance", "resolution": "fhd", "draft_cache": cache}

    for model in FLUX_2:
        square = {"prompt": "A paper crane", "width": 1024, "height": 1024}
        assert planned_image(model) == square
        # The result takes the size of its input.
        assert planned_image(model, image_list=[REFERENCE]).keys() == {"prompt", "input_image"}

    assert planned_image("flux-3-image") == {"prompt": "A paper crane", "resolution": "1k"}


def test_several_images_have_numbers() -> None:
    images = [{"image": f"https://example.com/{one}.png"} for one in range(3)]
    payload = planned_image("flux-2-max", image_list=images)
    assert [payload[f"input_image{end}"] for end in ("", "_2", "_3")] == [
        one["image"] for one in images
    ]
    assert planned_image("flux-3-image", image_list=images)["images"] == [
        one["image"] for one in images
    ]


@pytest.mark.parametrize(
    ("size", "sides"),
    [("1920x1080", (1920, 1088)), ("100x100", (96, 96)), ("4096x4096", (2048, 2048))],
)
def test_sides_are_multiples_of_16_and_four_megapixels(size: str, sides: tuple[int, int]) -> None:
    payload = planned_image("flux-2-pro", size=size)
    assert (payload["width"], payload["height"]) == sides


def test_only_models_that_take_an_address_to_call_get_one() -> None:
    adapter: Any = default_registry.adapter("bfl")
    assert adapter.webhook("image", "flux-2-pro").parameter == "webhook_url"
    assert adapter.webhook("video", FILM) is None
    assert adapter.webhook("image", "flux-3-image") is None


def test_what_is_drawn_white_is_painted_anew() -> None:
    mask = {"content": samples.make_png(8, 8), "content_type": "image/png"}
    payload = planned_image("flux-pro-1.0-fill", image_list=[REFERENCE], mask_image=mask)
    assert not payload["mask"].startswith("data:")


# ------------------------------------------------------------------------------------------ account
@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "https://api.bfl.ai/v1"),
        ({"provider_config": {"region": "eu"}}, "https://api.eu.bfl.ai/v1"),
        ({"base_url": "https://api.us.bfl.ai"}, "https://api.us.bfl.ai/v1"),
        ({"base_url": "https://proxy.example/v1/v1"}, "https://proxy.example/v1"),
    ],
)
def test_regions_and_version_segments(given: dict[str, Any], place: str) -> None:
    asked = VideoGenerationConfig(provider="bfl", model=FILM, **given)
    assert plan_video(asked, request()).endpoint == f"{place}/{FILM}"


def test_a_job_is_asked_after_where_the_answer_says(simulator: Simulator) -> None:
    generate_video(config(simulator), request())
    polls = [one for one in simulator.requests("bfl") if one.path == "/v1/get_result"]
    assert {one.query["cluster"] for one in polls} == {"us7"}


def test_the_key_goes_to_no_other_host_that_an_answer_names(simulator: Simulator) -> None:
    away = f"{simulator.base_url('media')}/v1/get_result?id=1"
    simulator.fail("bfl", "submit", Fault.status(200, {"id": "1", "polling_url": away}))
    with pytest.raises(TimeoutError):
        generate_video(config(simulator, max_poll_attempts=2, on_timeout="detach"), request())

    asked = [one for one in simulator.requests("media") if one.path == "/v1/get_result"]
    assert asked
    assert all("x-key" not in one.headers for one in asked)


# ------------------------------------------------------------------------------------------- errors
OUTSIDE: tuple[tuple[int, Any, type[TarashException]], ...] = (
    (401, "Not authenticated", AuthenticationError),
    (403, "Not authenticated - Invalid Authentication", AuthenticationError),
    (402, "Insufficient credits", QuotaExceededError),
    (404, "Not Found", ModelNotFoundError),
    (422, [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}], ValidationError),
    (400, "bad", ValidationError),
    (429, "Too many active tasks", RateLimitError),
    (500, "Internal Server Error", HTTPError),
)


@pytest.mark.parametrize(("status", "detail", "kind"), OUTSIDE)
def test_an_error_is_read_by_its_detail(
    simulator: Simulator, status: int, detail: Any, kind: type[TarashException]
) -> None:
    simulator.fail("bfl", "submit", Fault.status(status, {"detail": detail}))
    with pytest.raises(kind) as caught:
        generate_video(config(simulator), request())

    assert caught.value.submission == "rejected"
    said = detail if isinstance(detail, str) else "body.seed: Extra inputs"
    assert said in str(caught.value)


def test_an_error_inside_a_good_answer_is_unknown(simulator: Simulator) -> None:
    simulator.fail("bfl", "submit", Fault.status(200, {"detail": "queue trouble"}))
    with pytest.raises(HTTPError, match="queue trouble") as caught:
        generate_video(config(simulator), request())

    assert caught.value.submission == "unknown"


@pytest.mark.parametrize("status", [None, 500, 503])
@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Error", GenerationFailedError),
        ("Failed", GenerationFailedError),
        ("Request Moderated", ContentModerationError),
        ("Content Moderated", ContentModerationError),
    ],
)
def test_each_bad_end_is_one_whatever_its_http_status(
    simulator: Simulator, word: str, kind: type[TarashException], status: int | None
) -> None:
    simulator.script("bfl", Script(outcome="failed", error_type=word, error_status=status))
    with pytest.raises(kind) as caught:
        generate_video(config(simulator, max_poll_attempts=9), request())

    assert caught.value.submission == "accepted"
    if isinstance(caught.value, ContentModerationError):
        assert caught.value.stage == ("output" if word.startswith("Content") else "input")


@pytest.mark.parametrize("name", ["status", "state"])
def test_what_a_filter_objects_to_is_said(simulator: Simulator, name: str) -> None:
    """Older answers say `state`, and were polled to the deadline."""
    details = {"Moderation Reasons": ["Derivative Works Filter", "Violence"]}
    body = {"id": "x", name: "Content Moderated", "details": details}
    simulator.fail("bfl", "poll", Fault.status(200, body), times=9)
    with pytest.raises(ContentModerationError, match="Derivative Works Filter; Violence") as caught:
        generate_video(config(simulator, max_poll_attempts=9), request())

    assert caught.value.stage == "output"


def test_a_result_of_an_older_answer_is_taken(simulator: Simulator) -> None:
    body = {"id": "x", "state": "Ready", "result": {"sample": "https://cdn.example.com/v.mp4"}}
    simulator.fail("bfl", "poll", Fault.status(200, body), times=9)
    response = generate_video(config(simulator, max_poll_attempts=9), request())
    assert response.video == "https://cdn.example.com/v.mp4"


def test_a_503_without_a_verdict_is_borne(simulator: Simulator) -> None:
    body = {"id": "x", "status": "Pending", "details": None}
    simulator.fail("bfl", "poll", Fault.status(503, body))
    assert generate_video(config(simulator), request()).status == "completed"


def test_a_status_that_nobody_knows_keeps_the_job_open(simulator: Simulator) -> None:
    simulator.fail("bfl", "poll", Fault.status(200, {"id": "x", "status": "Dreaming"}), times=2)
    with pytest.warns(UserWarning, match="Dreaming"):
        assert generate_video(config(simulator), request()).status == "completed"


# ------------------------------------------------------------------------------------------ results
@pytest.mark.parametrize(
    ("credit", "cost"),
    [(3.5, Decimal("0.035")), (85, Decimal("0.85")), (0, Decimal(0)), (None, Decimal("0.04"))],
)
def test_the_settled_cost_wins_over_that_of_the_submit(
    simulator: Simulator, credit: float | None, cost: Decimal
) -> None:
    """Also where it is nothing; where there is none, the submit's four credits count."""
    simulator.script("bfl", Script(run_polls=0, billable_units=credit))
    response = generate_image(image_config(simulator), image_request())
    assert response.execution_metadata is not None
    found = response.execution_metadata.attempts[0].cost
    assert found is not None
    assert (found.amount, found.state) == (cost, "settled" if credit is not None else "reported")
    assert response.provider_metadata.get("cost_is_estimate", False) is (credit is None)


def test_what_stands_beside_a_result(simulator: Simulator) -> None:
    response = generate_image(image_config(simulator), image_request(seed=7))
    assert response.provider_metadata["seed"] == 7
    ends = datetime.fromisoformat(response.provider_metadata["expires_at"])
    assert 0 < (ends - datetime.now(UTC)).total_seconds() <= 600

    draft = generate_video(config(simulator), request(extra_params={"draft": True}))
    assert draft.provider_metadata["draft_cache"].endswith("draft.bin")
    assert draft.duration == 5


def test_a_running_job_can_not_be_stopped(simulator: Simulator) -> None:
    simulator.script("bfl", Script(outcome="never"))
    with pytest.raises(TimeoutError) as caught:
        generate_video(config(simulator, max_poll_attempts=2), request())

    assert "could not be cancelled" in str(caught.value)


# --------------------------------------------------------------------------------------------- wire
EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "flux-2-pro",
        {
            "prompt": "a red kite over dunes",
            "width": 1536,
            "height": 1024,
            "seed": 42,
            "safety_tolerance": 2,
            "output_format": "png",
        },
    ),
    (
        "flux-3-video",
        {
            "mode": "i2v",
            "prompt": "the kite lifts off",
            "duration": 8,
            "resolution": "hd",
            "generate_audio": False,
            "keyframes": [[0, "https://example.com/a.png"], [8, "https://example.com/b.png"]],
        },
    ),
    (
        "flux-2-max",
        {
            "prompt": "make the sky orange",
            "input_image": "iVBORw0KGgo=",
            "input_image_2": "https://example.com/style.jpg",
            "output_format": "jpeg",
            "webhook_url": "https://hooks.example.com/bfl",
            "webhook_secret": "a-secret",
        },
    ),
)
WRONG: tuple[tuple[int, dict[str, Any]], ...] = (
    (0, {"width": 1000}),
    (0, {"n": 2}),
    (0, {"negative_prompt": "text"}),
    (0, {"safety_tolerance": 6}),
    (0, {"input_image": "data:image/png;base64,iVBORw0KGgo="}),
    (0, {"width": 4096, "height": 2048}),
    (1, {"mode": "t2v"}),
    (1, {"seed": 7}),
    (1, {"aspect_ratio": "16:9"}),
    (1, {"duration": 4}),
    (1, {"keyframes": [[8, "https://example.com/a.png"], [0, "https://example.com/b.png"]]}),
    (2, {"input_image_9": "https://example.com/x.png"}),
)


def posted(simulator: Simulator, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    asked = Request(  # noqa: S310  (to this machine)
        f"{simulator.base_url('bfl')}/v1/{path}",
        json.dumps(body).encode(),
        {"x-key": "a-key", "Content-Type": "application/json"},
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
        assert told["polling_url"].startswith(simulator.base_url("bfl"))

    for number, change in WRONG:
        path, body = EXAMPLES[number]
        status, told = posted(simulator, path, {**body, **change})
        assert status == 422, (change, told)
        assert told["detail"][0]["loc"][0] == "body"

    assert posted(simulator, "flux-9", {})[0] == 404
    assert simulator.counters("bfl").accepted == len(EXAMPLES)
