"""Ideogram: forms and JSON by route, masks of three kinds, unsafe pictures that are billed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError as RawError
from urllib.request import Request, urlopen

import pytest
from PIL import Image

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
    generate_image,
    generate_video,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tarash.tarash_gateway.testing._wire import read_form

PICTURE = {"content": samples.make_png(64, 64, 1), "content_type": "image/png"}
OTHER = {"content": samples.make_png(64, 64, 2), "content_type": "image/png"}
FIRST = {"image": PICTURE, "type": "first_frame"}
LAST = {"image": OTHER, "type": "last_frame"}
REFERENCE = {"image": PICTURE}
ASSET = {"image": OTHER, "type": "asset"}
IMAGES = tuple(one.model for one in list_models("ideogram", output="image"))
VIDEOS = tuple(one.model for one in list_models("ideogram", output="video"))


def white_in_the_middle() -> dict[str, Any]:
    """Return a mask by our convention: what is white is changed."""
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (16, 16, 48, 48))
    held = io.BytesIO()
    mask.save(held, "PNG")
    return {"content": held.getvalue(), "content_type": "image/png"}


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator(["ideogram"]) as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    _running.reset()
    return _running


def settings(simulator: Simulator, model: str, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "ideogram",
        "model": model,
        "api_key": "a-key-of-ours",
        "base_url": simulator.base_url("ideogram"),
        "poll_interval": 0.02,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
        **changes,
    }


def image_config(simulator: Simulator, model: str = "ideogram-4-5", **changes: Any) -> Any:
    return ImageGenerationConfig.model_validate(settings(simulator, model, **changes))


def config(simulator: Simulator, model: str = "kling-4", **changes: Any) -> Any:
    return VideoGenerationConfig.model_validate(settings(simulator, model, **changes))


def image_request(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest.model_validate({"prompt": "A poster", **fields})


def request(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate({"prompt": "A slow dolly", **fields})


def planned(model: str, **fields: Any) -> Any:
    plan = plan_image(
        ImageGenerationConfig(provider="ideogram", model=model), image_request(**fields)
    )
    return plan.endpoint.removeprefix("https://api.ideogram.ai/"), plan.payload


# ------------------------------------------------------------------------------------------- models
def test_the_catalogue_has_the_routes_of_the_pages() -> None:
    assert {"ideogram-4-5", "precise-edit/ideogram-4-5", "upscale/topaz-bloom-2"} <= set(IMAGES)
    assert len(IMAGES) == 35
    assert len(VIDEOS) == 12


FULLEST: dict[str, Any] = {
    "n": 8,
    "seed": 2**31 - 1,
    "size": "2880x1440",
    "quality": "high",
    "style": "design",
    "negative_prompt": "rust",
}
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"n": 20, "quality": "very_low", "aspect_ratio": "1:3"},
    {"aspect_ratio": "16:9", "seed": 0, "quality": "low"},
    FULLEST,
    {"image_list": [REFERENCE]},
    {**FULLEST, "image_list": [REFERENCE]},
    {"image_list": [REFERENCE], "aspect_ratio": "9:16"},
    {"image_list": [REFERENCE], "size": "4096x4096"},
    {"image_list": [REFERENCE, ASSET, ASSET], "quality": "very_low"},
    {"image_list": [REFERENCE] * 5},
    {"image_list": [REFERENCE] * 17},
    {"image_list": [REFERENCE], "mask_image": white_in_the_middle()},
    {**FULLEST, "image_list": [REFERENCE], "mask_image": white_in_the_middle()},
    {"image_list": [REFERENCE, ASSET, ASSET, ASSET, ASSET], "mask_image": white_in_the_middle()},
    {"mask_image": white_in_the_middle()},
)


@pytest.mark.parametrize("model", IMAGES)
async def test_whatever_is_asked_of_an_image_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    """It is refused here, with a reason, or the vendor takes it: nothing unknown is sent."""
    simulator.script("ideogram", Script(run_polls=0))
    made = 0
    async with Gateway() as gateway:
        for asked in ASKED:
            try:
                await gateway.generate_image_async(
                    image_config(simulator, model), image_request(**asked)
                )
            except ValidationError as error:
                assert error.submission is None, (asked, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("ideogram").accepted == made > 0


@pytest.mark.parametrize("model", VIDEOS)
async def test_whatever_is_asked_of_a_video_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    simulator.script("ideogram", Script(run_polls=0))
    fullest = {"duration_seconds": 300, "resolution": "4k", "aspect_ratio": "21:9", "seed": 7}
    fullest |= {"generate_audio": True, "negative_prompt": "dogs", "enhance_prompt": True}
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"duration_seconds": 1, "resolution": "360p", "aspect_ratio": "1:1"},
        fullest,
        *({**more, "image_list": [FIRST]} for more in ({}, fullest)),
        {**fullest, "image_list": [FIRST, LAST]},
        {"image_list": [LAST]},
        {**fullest, "image_list": [REFERENCE] * 9},
        {"image_list": [REFERENCE] * 12},
    )
    made = 0
    async with Gateway() as gateway:
        for one in asked:
            try:
                await gateway.generate_video_async(config(simulator, model), request(**one))
            except ValidationError as error:
                assert error.submission is None, (one, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("ideogram").accepted == made > 0


def test_what_costs_or_changes_the_result_is_always_said() -> None:
    assert planned("ideogram-4-5") == (
        "v2/image/generate/ideogram-4-5",
        {
            "async": True,
            "prompt": "A poster",
            "magic_prompt": "auto",
            "num_images": 1,
            "enable_copyright_detection": False,
            "quality": "high",
            "size": "auto",
        },
    )
    path, payload = planned("precise-edit/ideogram-4-5", image_list=[REFERENCE])
    assert path == "v2/image/precise-edit/ideogram-4-5"
    assert payload.keys() == {"async", "prompt", "num_images", "quality", "image"}
    assert payload["quality"] == "medium"
    assert planned("ideogram-3")[1]["rendering_speed"] == "default"
    assert planned("upscale/auto", image_list=[REFERENCE])[1]["upscale_factor"] == "x2"
    made = plan_video(VideoGenerationConfig(provider="ideogram", model="kling-4"), request())
    assert made.payload == {
        "prompt": "A slow dolly",
        "aspect_ratio": "auto",
        "resolution": "720p",
        "generate_audio": False,
        "duration": 5,
    }


@pytest.mark.parametrize(
    ("model", "written"), [("ideogram-3", "16x9"), ("gpt-image-2", "16:9"), ("auto", "16x9")]
)
def test_a_ratio_is_spelled_as_the_route_wants_it(model: str, written: str) -> None:
    assert planned(model, aspect_ratio="16:9")[1]["aspect_ratio"] == written


def test_a_seed_that_has_no_effect_is_not_sent() -> None:
    plan = plan_image(
        ImageGenerationConfig(provider="ideogram", model="remix/ideogram-4"),
        image_request(seed=7, image_list=[REFERENCE]),
    )
    assert "seed" not in plan.payload
    assert [one.field for one in plan.adjustments] == ["seed"]


# ------------------------------------------------------------------------------------- forms, masks
@pytest.mark.parametrize("model", ["ideogram-4-5", "z-image", "ideogram-3-transparent"])
def test_text_alone_goes_out_as_json_where_the_route_takes_it(
    simulator: Simulator, model: str
) -> None:
    generate_image(image_config(simulator, model), image_request())
    assert json.loads(simulator.requests("ideogram")[0].body)["prompt"] == "A poster"


@pytest.mark.parametrize("model", ["ideogram-3", "nano-banana-pro", "auto", "gpt-image-2"])
def test_others_take_a_form_even_without_files(simulator: Simulator, model: str) -> None:
    generate_image(image_config(simulator, model), image_request())
    form = read_form(simulator.requests("ideogram")[0])
    assert form is not None
    assert (form.fields["prompt"], form.fields["async"]) == ("A poster", "true")


def alpha_and_light(content: bytes, place: tuple[int, int]) -> tuple[int, int]:
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    pixel: Any = picture.getpixel(place)
    return pixel[3], pixel[0]


@pytest.mark.parametrize(
    ("model", "changed", "kept"),
    [
        ("ideogram-4-5", (255, 0), (255, 255)),
        ("precise-edit/ideogram-4-5", (255, 0), (255, 255)),
        ("inpaint/ideogram-3", (255, 0), (255, 255)),
        ("remove-object/ideogram-1", (255, 255), (255, 0)),
        ("gpt-image-2-5-flare", (0, None), (255, None)),
    ],
)
def test_a_mask_is_turned_into_what_the_route_changes(
    simulator: Simulator, model: str, changed: tuple[int, int | None], kept: Any
) -> None:
    asked = image_request(image_list=[REFERENCE], mask_image=white_in_the_middle())
    generate_image(image_config(simulator, model), asked)
    form = read_form(simulator.requests("ideogram")[0])
    assert form is not None
    (part,) = form.files["mask"]
    for place, wanted in (((32, 32), changed), ((2, 2), kept)):
        alpha, light = alpha_and_light(part.content, place)
        assert alpha == wanted[0]
        assert wanted[1] in (None, light)


def test_a_stored_image_may_be_named_instead() -> None:
    own = {"image_asset_identifier": "asset-1"}
    _, payload = planned("precise-edit/ideogram-4-5", extra_params=own)
    assert payload["image_asset_identifier"] == "asset-1"


# ------------------------------------------------------------------------------------------ results
def test_a_result_says_when_it_ends_and_what_the_prompt_became(simulator: Simulator) -> None:
    response = generate_image(image_config(simulator), image_request(seed=9))
    ends = datetime.fromisoformat(response.provider_metadata["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < ends <= timedelta(days=1)
    assert response.revised_prompt == "A poster, in great detail"
    assert response.provider_metadata["seed"] == 9


@pytest.mark.parametrize("face", ["unsafe", "unsafe_null"])
def test_unsafe_pictures_are_a_refusal_that_is_billed(simulator: Simulator, face: str) -> None:
    simulator.script("ideogram", Script(outcome="moderated", error_type=face))
    with pytest.raises(ContentModerationError) as caught:
        generate_image(image_config(simulator), image_request(n=2))

    assert caught.value.stage == "output"
    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].billing == "certain"


def test_pictures_beside_unsafe_ones_are_delivered_and_the_others_counted(
    simulator: Simulator,
) -> None:
    simulator.script("ideogram", Script(outputs=2))
    response = generate_image(image_config(simulator), image_request(n=5))
    assert len(response.images) == 2
    assert response.provider_metadata["kept_back"] == 3


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script(outcome="moderated"), ContentModerationError),
        (Script(outcome="moderated", error_type="submit"), ContentModerationError),
        (Script(outcome="failed"), GenerationFailedError),
    ],
)
def test_refused_prompts_and_failed_jobs_cost_nothing(
    simulator: Simulator, script: Script, kind: type[TarashException]
) -> None:
    simulator.script("ideogram", script)
    with pytest.raises(kind) as caught:
        generate_image(image_config(simulator), image_request())

    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].billing == "none"


# ------------------------------------------------------------------------------------------- errors
REFUSALS: tuple[tuple[int, dict[str, Any], type[TarashException], str], ...] = (
    (400, {"title": "Bad", "detail": "size is odd", "status": 400}, ValidationError, "rejected"),
    (401, {"message": "Invalid API key"}, AuthenticationError, "rejected"),
    (401, {"message": "API key paused: balance is 0"}, QuotaExceededError, "rejected"),
    (402, {"error": "no", "reject_reason": "insufficient_funds"}, QuotaExceededError, "rejected"),
    (403, {"message": "not allowed"}, AuthenticationError, "rejected"),
    (404, {}, ModelNotFoundError, "rejected"),
    (422, {"error": "unsafe"}, ContentModerationError, "rejected"),
    (429, {"error": "busy", "reject_reason": "inflight_limit"}, RateLimitError, "rejected"),
    (429, {"error": "no", "reject_reason": "daily_limit"}, QuotaExceededError, "rejected"),
    (429, {"error": "no", "reject_reason": "feature_limit"}, QuotaExceededError, "rejected"),
    (500, {"error": "oops"}, HTTPError, "unknown"),
    (503, {"error": "oops"}, HTTPError, "unknown"),
)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_read_by_its_reason(
    simulator: Simulator, refusal: tuple[int, dict[str, Any], type[TarashException], str]
) -> None:
    status, body, kind, how = refusal
    simulator.fail("ideogram", "submit", Fault.status(status, body))
    with pytest.raises(kind) as caught:
        generate_image(image_config(simulator), image_request())

    assert caught.value.submission == how
    assert simulator.counters("ideogram").submits == 1


def test_a_refused_key_may_be_a_paused_one(simulator: Simulator) -> None:
    simulator.keys["ideogram"] = {"another"}
    with pytest.raises(AuthenticationError, match="balance is zero"):
        generate_image(image_config(simulator), image_request())

    del simulator.keys["ideogram"]


def test_an_unknown_status_keeps_polling(simulator: Simulator) -> None:
    strange = {"generation_id": "1", "status": "reviewing"}
    simulator.fail("ideogram", "poll", Fault.status(200, strange), times=2)
    with pytest.warns(UserWarning, match="'reviewing'"):
        assert generate_video(config(simulator), request()).video


# ------------------------------------------------------------------------------------------- prices
@pytest.mark.parametrize(
    ("model", "fields", "dollars"),
    [
        ("ideogram-4-5", {}, "0.1"),
        ("ideogram-4-5", {"quality": "low", "n": 2}, "0.06"),
        ("precise-edit/ideogram-4-5", {"image_list": [REFERENCE]}, "0.06"),
        ("precise-edit/ideogram-4-5", {"image_list": [REFERENCE], "quality": "very_low"}, "0.008"),
        ("ideogram-3", {"quality": "high"}, "0.09"),
        ("ideogram-4", {"quality": "low"}, "0.03"),
        ("remove-background/ideogram-1", {"image_list": [REFERENCE]}, "0.01"),
        ("layerize/ideogram-3", {"image_list": [REFERENCE]}, "0.09"),
    ],
)
def test_a_plan_says_what_it_costs(model: str, fields: dict[str, Any], dollars: str) -> None:
    plan = plan_image(
        ImageGenerationConfig(provider="ideogram", model=model), image_request(**fields)
    )
    assert plan.quote is not None
    assert plan.quote.high is not None
    assert str(plan.quote.high.normalize()) == dollars
    assert plan.quote.low == plan.quote.high


# --------------------------------------------------------------------------------------------- wire
EXAMPLE: dict[str, Any] = {
    "prompt": 'poster with the words "OPEN LATE"',
    "magic_prompt": "off",
    "size": "2048x2048",
    "quality": "medium",
    "seed": 9,
    "num_images": 2,
    "async": True,
    "webhook_url": "https://hooks.example.com/ideo",
}
WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("image/generate/ideogram-4-5", {"aspect_ratio": "16x9"}),
    ("image/generate/ideogram-4-5", {"negative_prompt": "rust"}),
    ("image/generate/ideogram-4-5", {"quality": "very_low"}),
    ("image/generate/ideogram-4-5", {"num_images": 9}),
    ("image/generate/ideogram-4-5", {"seed": -1}),
    ("image/generate/ideogram-3", {}),
    ("image/generate/ideogram-4-6", {}),
    ("image/remix/ideogram-4-5", {}),
    ("video/generate/kling-4", {}),
)


def posted(simulator: Simulator, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    asked = Request(  # noqa: S310  (to this machine)
        f"{simulator.base_url('ideogram')}/v2/{path}",
        json.dumps(body).encode(),
        {"Api-Key": "a-key", "Content-Type": "application/json"},
    )
    try:
        with urlopen(asked) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except RawError as error:
        with error:
            return error.code, error.read()


def test_the_wire_takes_the_vendors_examples_and_nothing_else(simulator: Simulator) -> None:
    status, told = posted(simulator, "image/generate/ideogram-4-5", EXAMPLE)
    assert status == 200
    assert told.keys() == {"generation_id", "seed"}
    for path, change in WRONG:
        status, _ = posted(simulator, path, {**EXAMPLE, **change})
        assert status in (400, 404), (path, change)

    at_once = {"prompt": "A poster"}
    _, told = posted(simulator, "image/generate/ideogram-4-5", at_once)
    assert told["data"][0]["is_image_safe"] is True
    assert simulator.counters("ideogram").accepted == 2
