"""OpenAI's images against the simulator: made, edited, planned in the SDK's own words."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai.types import ImageGenerateParams, image_edit_params
from pydantic import TypeAdapter

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    generate_image_async,
    plan_image,
)
from tarash.tarash_gateway.catalog import built_in_mappers
from tarash.tarash_gateway.models import MediaContent
from tarash.tarash_gateway.testing import Fault, Simulator
from tarash.tarash_gateway.testing._wire import read_form

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
IMAGE: MediaContent = {"content": PNG, "content_type": "image/png"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["openai"]) as running:
        yield running


def image_config(simulator: Simulator) -> ImageGenerationConfig:
    return ImageGenerationConfig(
        provider="openai",
        model="gpt-image-2",
        api_key="sk-canary-0123456789",
        base_url=simulator.base_url("openai"),
    )


def planned_image(model: str = "gpt-image-2", **wishes: Any) -> Any:
    config = ImageGenerationConfig(provider="openai", model=model)
    return plan_image(config, ImageGenerationRequest(prompt="A cat", **wishes))


def sent(adjustments: Any) -> dict[str, Any]:
    return {one.field: one.sent for one in adjustments}


async def test_images_are_made(simulator: Simulator) -> None:
    request = ImageGenerationRequest(prompt="A cat", aspect_ratio="16:9", n=2, quality="high")
    response = await generate_image_async(image_config(simulator), request)

    job = simulator.jobs("openai")[0]
    assert job.endpoint == "images/generations"
    assert job.payload == {
        "model": "gpt-image-2",
        "prompt": "A cat",
        "n": 2,
        "size": "1536x864",
        "quality": "high",
    }
    assert response.raw_response == job.result_body
    assert len(response.images) == 2
    assert isinstance(response.images[0], str)
    assert base64.b64decode(response.images[0]).startswith(b"\x89PNG")
    assert response.content_type == "image/png"
    assert response.provider_metadata["usage"]["total_tokens"] == 1010
    assert "data" not in response.provider_metadata
    assert simulator.counters("openai").submits == 1


async def test_images_are_edited_with_a_mask(simulator: Simulator) -> None:
    request = ImageGenerationRequest(
        prompt="A hat", image_list=({"image": IMAGE}, {"image": IMAGE}), mask_image=IMAGE
    )
    await generate_image_async(image_config(simulator), request)

    submit = simulator.requests("openai")[0]
    form = read_form(submit)
    assert form is not None
    assert submit.path == "/v1/images/edits"
    assert {name: len(files) for name, files in form.files.items()} == {"image[]": 2, "mask": 1}
    assert form.fields["model"] == "gpt-image-2"


def test_a_mask_without_an_image_is_refused() -> None:
    with pytest.raises(ValidationError, match="mask_image"):
        planned_image(mask_image=IMAGE)


@pytest.mark.parametrize(
    "mask",
    [
        {"content": b"\xff\xd8\xff", "content_type": "image/jpeg"},
        {"content": PNG + bytes(4 * 1024 * 1024 + 1), "content_type": "image/png"},
    ],
)
async def test_a_mask_that_the_model_refuses_is_not_sent(
    simulator: Simulator, mask: MediaContent
) -> None:
    request = ImageGenerationRequest(prompt="A", image_list=({"image": IMAGE},), mask_image=mask)
    with pytest.raises(ValidationError, match=r"the provider takes (image/png|at most)"):
        await generate_image_async(image_config(simulator), request)

    assert simulator.counters("openai").submits == 0


@pytest.mark.parametrize(
    ("model", "wishes", "size", "bent"),
    [
        ("gpt-image-1.5", {"size": "1920x1080"}, "1536x1024", {"size": "1536x1024"}),
        ("gpt-image-1.5", {"aspect_ratio": "16:9"}, "1536x1024", {"aspect_ratio": "3:2"}),
        ("gpt-image-1.5", {"aspect_ratio": "1:1"}, "1024x1024", {}),
        ("gpt-image-2", {"size": "1600x912"}, "1600x912", {}),
        ("gpt-image-2", {"size": "1000x1000"}, "1024x1024", {"size": "1024x1024"}),
        ("gpt-image-2.6-flare", {"aspect_ratio": "21:9"}, "1568x672", {}),
        ("gpt-image-2", {"aspect_ratio": "4:1"}, "1776x592", {"aspect_ratio": "3:1"}),
        ("dall-e-3", {"aspect_ratio": "16:9"}, "1792x1024", {"aspect_ratio": "7:4"}),
        ("dall-e-2", {"size": "512x512"}, "512x512", {}),
        ("another-servers", {"size": "333x444"}, "333x444", {}),
    ],
)
def test_the_size_fits_the_model(
    model: str, wishes: dict[str, Any], size: str, bent: dict[str, Any]
) -> None:
    plan = planned_image(model, **wishes)
    assert plan.payload["size"] == size
    assert sent(plan.adjustments) == bent


def test_image_wishes_without_a_parameter_are_left_out_and_said() -> None:
    plan = planned_image(seed=1, negative_prompt="dogs", style="vivid", quality="ultra", n=20)
    assert plan.payload == {"model": "gpt-image-2", "prompt": "A cat", "n": 10}
    assert sent(plan.adjustments) == {
        "seed": None,
        "negative_prompt": None,
        "style": None,
        "quality": None,
        "n": 10,
    }


async def test_an_event_stream_that_was_asked_for_is_read(simulator: Simulator) -> None:
    events = [
        {"type": "image_generation.partial_image", "b64_json": "cGFydA=="},
        {"type": "image_generation.completed", "b64_json": "ZG9uZQ==", "output_format": "webp"},
    ]
    text = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
    simulator.fail("openai", "submit", Fault.foreign_body(text, "text/event-stream"))
    request = ImageGenerationRequest(prompt="A", extra_params={"stream": True})
    response = await generate_image_async(image_config(simulator), request)

    assert response.images == ("ZG9uZQ==",)
    assert response.content_type == "image/webp"
    assert response.raw_response == events


async def test_extra_params_win(simulator: Simulator) -> None:
    extra = {"n": 2, "background": "opaque"}
    request = ImageGenerationRequest(prompt="A", n=1, extra_params=extra)
    await generate_image_async(image_config(simulator), request)
    assert extra.items() <= simulator.jobs("openai")[0].payload.items()


MODELS = [
    *("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest", "gpt-image-2"),
    *("gpt-image-2-2026-04-21", "gpt-image-2.5-sunburst", "gpt-image-2.5-sunburst-2026-09-08"),
    *("gpt-image-2.5-flare", "gpt-image-2.6-sunburst", "gpt-image-2.6-flare"),
    *("dall-e-2", "dall-e-3", "openai/gpt-image-2"),
]


@pytest.mark.parametrize("model", MODELS)
def test_payloads_are_what_the_sdk_takes(model: str) -> None:
    for ratio in ("1:1", "16:9", "9:21"):
        wishes = {"aspect_ratio": ratio, "quality": "high", "n": 3, "style": "vivid", "seed": 1}
        payload = planned_image(model, **wishes).payload
        TypeAdapter(ImageGenerateParams, config=None).validate_python(payload, extra="forbid")
        if not model.startswith("dall-e"):
            assert payload["n"] == 3


def test_edits_have_the_names_of_the_sdk() -> None:
    payload = planned_image(image_list=({"image": IMAGE},), mask_image=IMAGE).payload
    assert set(payload) <= set(image_edit_params.ImageEditParamsBase.__annotations__)
    assert payload["image"] == ["<image/png, 264 bytes>"]


def test_every_model_of_the_catalogue_plans() -> None:
    for model in built_in_mappers("openai"):
        if "sora" not in model:
            assert planned_image(model).payload["prompt"] == "A cat"
