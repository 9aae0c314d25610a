"""Stability AI: what goes out, and what its answers become, through the public functions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelNotFoundError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    UnsupportedOperationError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image_async,
    list_providers,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._data._types import MediaContent
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.providers.stability import models as catalogue
from tarash.tarash_gateway.testing import Fault, Script, Simulator

KEY = "canary-3f9d1c55e0"
PNG: MediaContent = {"content": samples.make_png(64, 64, seed=1), "content_type": "image/png"}
REQUEST = ImageGenerationRequest(prompt="A lighthouse")
MORE = ImageGenerationRequest(prompt="More", image_list=({"image": PNG},))
SLOW = "upscale/creative"
GENERATE = "/v2beta/stable-image/generate"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["stability", "fal"]) as running:
        running.keys = {"stability": {KEY}}
        yield running

    assert running.leaks == []


def config(simulator: Simulator, model: str = "sd3.5-large", **facts: Any) -> ImageGenerationConfig:
    settings = {
        "provider": "stability",
        "model": model,
        "api_key": KEY,
        "base_url": simulator.base_url("stability"),
        "poll_interval": 0.02,
        "provider_config": {"min_poll_interval": 0.01},
        "timeout": 60,
        "max_retries": 0,
        **facts,
    }
    return ImageGenerationConfig.model_validate(settings)


def sent(simulator: Simulator) -> dict[str, Any]:
    """Return the form of the one job, files as they arrived."""
    (job,) = simulator.jobs("stability")
    payload: dict[str, Any] = job.payload
    return payload


async def failing(
    simulator: Simulator, request: ImageGenerationRequest = REQUEST, **facts: Any
) -> TarashException:
    """Return the error of a generation that fails."""
    with pytest.raises(TarashException) as caught:
        await generate_image_async(config(simulator, **facts), request)

    return caught.value


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("sd3.5-large", "sd3"),
        ("sd3.5-large-turbo", "sd3"),
        ("sd3.5-medium", "sd3"),
        ("stable-image-ultra", "ultra"),
        ("stable-image-core", "core"),
    ],
)
async def test_each_model_makes_an_image(simulator: Simulator, model: str, path: str) -> None:
    updates: list[Any] = []
    response = await generate_image_async(config(simulator, model), REQUEST, updates.append)
    (job,) = simulator.jobs("stability")

    assert simulator.requests("stability")[0].path == f"{GENERATE}/{path}"
    assert job.payload == {"prompt": "A lighthouse"} | ({"model": model} if path == "sd3" else {})
    assert response.raw_response == job.result_body
    assert base64.b64decode(response.images[0]).startswith(b"\x89PNG")
    assert response.content_type == "image/png"
    assert response.provider_metadata == {"finish_reason": "SUCCESS", "seed": 343940597}
    assert [update.status for update in updates] == ["completed"]
    assert simulator.counters("stability").submits == 1


async def test_every_wish_has_its_field(simulator: Simulator) -> None:
    request = ImageGenerationRequest(
        prompt="A lighthouse",
        negative_prompt="fog",
        aspect_ratio="21:9",
        style="Photographic",
        seed=7,
        extra_params={"cfg_scale": 4.5, "output_format": "png"},
    )
    response = await generate_image_async(config(simulator), request)

    assert sent(simulator) == {
        "model": "sd3.5-large",
        "prompt": "A lighthouse",
        "negative_prompt": "fog",
        "aspect_ratio": "21:9",
        "style_preset": "photographic",
        "seed": "7",
        "cfg_scale": "4.5",
        "output_format": "png",
    }
    assert response.provider_metadata["seed"] == 7
    assert [(one.field, one.sent) for one in response.adjustments] == [("style", "photographic")]


async def test_extra_params_win(simulator: Simulator) -> None:
    request = ImageGenerationRequest(
        prompt="A lighthouse", seed=7, aspect_ratio="16:9",
        extra_params={"seed": 8, "aspect_ratio": "9:16", "model": "sd3.5-medium"},
    )  # fmt: skip
    response = await generate_image_async(config(simulator), request)
    assert sent(simulator) == {
        "model": "sd3.5-medium", "prompt": "A lighthouse", "seed": "8", "aspect_ratio": "9:16"
    }  # fmt: skip
    assert response.adjustments == ()


@pytest.mark.parametrize("model", ["sd3.5-large", "sd3.5-large-turbo", "stable-image-ultra"])
@pytest.mark.parametrize("form", ["bytes", "data URI", "base64", "URL"])
async def test_an_image_can_be_started_from(simulator: Simulator, model: str, form: str) -> None:
    encoded = base64.b64encode(PNG["content"]).decode()
    images: dict[str, Any] = {
        "bytes": PNG,
        "data URI": f"data:image/png;base64,{encoded}",
        "base64": encoded,
    }
    if form == "URL":
        images["URL"] = await _published(simulator)

    request = ImageGenerationRequest(prompt="At night", image_list=({"image": images[form]},))
    await generate_image_async(config(simulator, model), request)

    fields = sent(simulator)
    part = fields.pop("image")
    assert part["content_type"] == "image/png"
    assert part["content"].startswith(b"\x89PNG")
    assert fields["strength"] == "0.5"
    assert fields.get("mode") == (None if model == "stable-image-ultra" else "image-to-image")


async def _published(simulator: Simulator) -> str:
    """Return a public URL of an image, from another provider's job."""
    other = ImageGenerationConfig(
        provider="fal", model="fal-ai/flux/dev", api_key="k:s", base_url=simulator.base_url("fal")
    )
    return (await generate_image_async(other, REQUEST)).images[0]


async def test_an_image_keeps_its_proportions_and_may_be_large(simulator: Simulator) -> None:
    large: MediaContent = {**PNG, "content": PNG["content"] + bytes(3 * 1024 * 1024)}
    request = ImageGenerationRequest(
        prompt="At night", aspect_ratio="16:9", image_list=({"image": large},),
        extra_params={"strength": 0.9},
    )  # fmt: skip
    response = await generate_image_async(config(simulator), request)
    assert "aspect_ratio" not in sent(simulator)
    assert sent(simulator)["strength"] == "0.9"
    assert sent(simulator)["image"] == {**large, "filename": "image.png"}
    assert [(one.field, one.sent) for one in response.adjustments] == [("aspect_ratio", None)]


async def test_a_mask_goes_to_the_endpoint_that_takes_one(simulator: Simulator) -> None:
    request = ImageGenerationRequest(
        prompt="A boat", image_list=({"image": PNG},), mask_image=PNG, extra_params={"grow_mask": 3}
    )
    for model in ("sd3.5-large", "stable-image-ultra", "stable-image-core"):
        with pytest.raises(ValidationError, match="use edit/inpaint"):
            await generate_image_async(config(simulator, model), request)

    assert simulator.requests("stability") == []
    response = await generate_image_async(config(simulator, "edit/inpaint"), request)
    fields = sent(simulator)
    assert response.images
    assert simulator.requests("stability")[0].path == "/v2beta/stable-image/edit/inpaint"
    assert fields["mask"]["content"] == fields["image"]["content"] == PNG["content"]
    assert (fields["grow_mask"], "strength" in fields) == ("3", False)


async def test_the_slow_endpoints_are_looked_at(simulator: Simulator) -> None:
    simulator.script("stability", Script(run_polls=1))
    updates: list[Any] = []
    response = await generate_image_async(config(simulator, SLOW), MORE, updates.append)
    (job,) = simulator.jobs("stability")

    assert response.request_id == job.id
    assert response.raw_response == job.result_body
    assert [update.status for update in updates] == ["queued", "processing", "completed"]
    assert simulator.counters("stability").submits == 1
    assert simulator.counters("stability").polls == 2


@pytest.mark.parametrize("model", [*catalogue.MODELS, "sd3.5-large-2027", "control/new"])
def test_every_known_id_plans(model: str) -> None:
    extra = {"search_prompt": "sky", "select_prompt": "sky"}
    needs = {"search_prompt": "edit/search-and-replace", "select_prompt": "edit/search-and-recolor"}
    images: Any = [{"image": "https://example.com/a.png"}] if "/" in model else []
    request = ImageGenerationRequest(
        prompt="A lighthouse",
        image_list=images,
        extra_params={name: extra[name] for name in extra if needs[name] == model},
    )
    plan = plan_image(ImageGenerationConfig(provider="stability", model=model), request)
    assert plan.endpoint.startswith("https://api.stability.ai/v2beta/stable-image/")
    told = [one.field for one in plan.adjustments]
    assert told == (["prompt"] if model == "edit/erase" else [])


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"aspect_ratio": "4:3"}, {"aspect_ratio": "5:4"}),
        ({"size": "1920x1080"}, {"size": "16:9"}),
        ({"n": 3}, {"n": None}),
        ({"style": "oil"}, {"style": None}),
        ({"quality": "hd"}, {"quality": None}),
    ],
)
def test_wishes_bend_and_say_so(wish: dict[str, Any], expected: dict[str, Any]) -> None:
    asked = ImageGenerationConfig(provider="stability", model="stable-image-core")
    request = ImageGenerationRequest.model_validate({"prompt": "A lighthouse", **wish})
    plan = plan_image(asked, request)
    assert {one.field: one.sent for one in plan.adjustments} == expected
    if "size" in wish:
        assert plan.payload["aspect_ratio"] == "16:9"

    if expected:
        with pytest.raises(ValidationError, match="strict"):
            plan_image(asked.model_copy(update={"strict": True}), request)


def test_what_a_model_cannot_take_is_refused() -> None:
    core = ImageGenerationConfig(provider="stability", model="stable-image-core")
    with pytest.raises(ValidationError, match="use stable-image-ultra"):
        plan_image(core, ImageGenerationRequest(prompt="x", image_list=({"image": PNG},)))

    inpaint = ImageGenerationConfig(provider="stability", model="edit/inpaint")
    with pytest.raises(ValidationError, match="needs an image"):
        plan_image(inpaint, ImageGenerationRequest(prompt="x", mask_image=PNG))

    turbo = ImageGenerationConfig(provider="stability", model="sd3.5-large-turbo")
    plan = plan_image(turbo, ImageGenerationRequest(prompt="x", negative_prompt="fog"))
    assert "negative_prompt" not in plan.payload
    assert plan.adjustments[0].field == "negative_prompt"

    video = VideoGenerationConfig(provider="stability", model="stable-video")
    with pytest.raises(UnsupportedOperationError, match="images only"):
        plan_video(video, VideoGenerationRequest(prompt="x"))


async def test_too_much_is_refused_before_it_is_sent(simulator: Simulator) -> None:
    half: MediaContent = {**PNG, "content": PNG["content"] + bytes(6 * 1024 * 1024)}
    request = ImageGenerationRequest(prompt="x", image_list=({"image": half},), mask_image=half)
    with pytest.raises(ValidationError, match="in all"):
        await generate_image_async(config(simulator, "edit/inpaint"), request)

    assert simulator.requests("stability") == []


def test_no_extra_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STABILITY_API_KEY", "sk-environment")
    (info,) = [one for one in list_providers() if one.name == "stability"]
    assert (info.installed, info.extra, info.key_present) == (True, None, True)
    assert info.modalities == ("image",)


@pytest.mark.parametrize("variable", ["STABILITY_API_KEY", "STABILITY_KEY"])
async def test_key_and_origin_come_from_the_environment(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("STABILITY_API_KEY", raising=False)
    monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("TARASH_STABILITY_BASE_URL", simulator.base_url("stability") + "/v2beta/")
    asked = ImageGenerationConfig(provider="stability", model="stable-image-core")
    assert (await generate_image_async(asked, REQUEST)).images


@pytest.mark.parametrize(
    ("face", "stage", "category", "cost"),
    [
        (None, "input", "content_moderation", "none"),
        ("CONTENT_FILTERED", "output", "CONTENT_FILTERED", "possible"),
    ],
)
async def test_a_refused_prompt_and_a_blurred_result_are_moderation(
    simulator: Simulator, face: str | None, stage: str, category: str, cost: str
) -> None:
    simulator.script("stability", Script(outcome="moderated", error_type=face))
    error = await failing(simulator)
    assert isinstance(error, ContentModerationError)
    assert (error.stage, error.categories) == (stage, (category,))
    assert error.raw_response == simulator.jobs("stability")[0].result_body
    assert error.execution_metadata is not None
    assert error.execution_metadata.attempts[0].billing == cost


@pytest.mark.parametrize("face", [None, "CONTENT_FILTERED", "public_figure"])
async def test_a_job_can_be_moderated_too(simulator: Simulator, face: str | None) -> None:
    simulator.script("stability", Script(outcome="moderated", error_type=face))
    error = await failing(simulator, MORE, model=SLOW)
    assert isinstance(error, ContentModerationError)
    assert error.stage == ("output" if face == "CONTENT_FILTERED" else "input")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (422, {"name": "invalid_language", "errors": ["prompt: not English"]}, ValidationError),
        (400, {"name": "bad_request", "message": "the v1 envelope"}, ValidationError),
        (413, {"name": "payload_too_large", "errors": ["too large"]}, ValidationError),
        (422, {"name": "public_figure", "errors": ["no"]}, ContentModerationError),
        (404, "<html>nginx</html>", ModelNotFoundError),
    ],
)
async def test_envelopes(
    simulator: Simulator, status: int, body: Any, kind: type[TarashException]
) -> None:
    simulator.fail("stability", "submit", Fault.status(status, body))
    error = await failing(simulator)
    assert type(error) is kind
    assert error.raw_response == body


@pytest.mark.parametrize(("asked", "expected"), [(7, 7), (None, 60)])
async def test_a_rate_limit_says_how_long(
    simulator: Simulator, asked: int | None, expected: int
) -> None:
    simulator.fail("stability", "submit", Fault.status(429, retry_after=asked))
    assert (await failing(simulator)).retry_after == expected


async def test_an_answer_of_another_shape_is_never_sent_again(simulator: Simulator) -> None:
    simulator.fail("stability", "submit", Fault.foreign_body("[]", "application/json"))
    error = await failing(simulator, max_retries=3)
    assert error.submission == "unknown"
    counted = simulator.counters("stability")
    assert (counted.submits, counted.accepted) == (1, 1)


@pytest.mark.parametrize("result", [{"finish_reason": "SUCCESS", "seed": 1}, {"odd": True}, {}])
async def test_a_result_without_an_image_is_a_failure(
    simulator: Simulator, result: dict[str, Any]
) -> None:
    simulator.script("stability", Script(result=result))
    error = await failing(simulator)
    assert isinstance(error, HTTPError if result == {} else GenerationFailedError)
    assert error.submission == ("unknown" if result == {} else "accepted")
    assert error.raw_response == result


async def test_a_failed_job(simulator: Simulator) -> None:
    simulator.script("stability", Script(outcome="failed", error_status=400, error_type="odd"))
    error = await failing(simulator, MORE, model=SLOW, max_poll_attempts=3)
    assert "unexpected server error" in str(error)
    assert error.raw_response["name"] == "odd"
    assert error.operation is not None


async def test_looks_that_fail_lose_nothing(simulator: Simulator) -> None:
    for fault in (Fault.status(404), Fault.status(500), Fault.status(429, retry_after=0),
                  Fault.foreign_body(), Fault.reset_before()):  # fmt: skip
        simulator.fail("stability", "poll", fault)

    assert (await generate_image_async(config(simulator, SLOW), MORE)).images
    assert simulator.counters("stability").accepted == 1


async def test_a_job_can_only_be_left_alone(simulator: Simulator) -> None:
    simulator.script("stability", Script(outcome="never"))
    error = await failing(simulator, MORE, model=SLOW, max_poll_attempts=2)
    assert isinstance(error, TimeoutError)
    assert "could not be cancelled" in str(error)
    assert error.operation is not None
    assert Operation.from_json(json.loads(json.dumps(error.operation))).to_json() == error.operation
