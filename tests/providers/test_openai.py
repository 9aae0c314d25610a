"""OpenAI's adapter against the simulator: what is sent, and what comes back."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from itertools import product
from typing import Any, get_type_hints

import pytest
from openai.types import (
    VideoCreateParams,
)
from pydantic import TypeAdapter

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video_async,
    plan_video,
)
from tarash.tarash_gateway.catalog import built_in_mappers
from tarash.tarash_gateway.models import MediaContent
from tarash.tarash_gateway.providers.field_mappers import (
    passthrough_field_mapper,
    single_image_field_mapper,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tarash.tarash_gateway.testing._wire import read_form

KEY = "sk-canary-0123456789"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
IMAGE: MediaContent = {"content": PNG, "content_type": "image/png"}
CLIP: MediaContent = {"content": b"\0\0\0\x18ftypmp42", "content_type": "video/mp4"}
VIDEO = VideoGenerationRequest(prompt="A cat")
FAST = {"min_poll_interval": 0.01}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["openai"]) as running:
        yield running


def video_config(simulator: Simulator, **facts: Any) -> VideoGenerationConfig:
    settings = {
        "provider": "openai",
        "model": "sora-2",
        "api_key": KEY,
        "base_url": simulator.base_url("openai"),
        "poll_interval": 0.05,
        "timeout": 60,
        "provider_config": FAST,
    }
    return VideoGenerationConfig.model_validate({**settings, **facts})


def planned(request: VideoGenerationRequest, model: str = "sora-2", **facts: Any) -> Any:
    return plan_video(VideoGenerationConfig(provider="openai", model=model, **facts), request)


def sent(adjustments: Any) -> dict[str, Any]:
    return {one.field: one.sent for one in adjustments}


# ------------------------------------------------------------------------------------------ videos
async def test_a_video_is_made(simulator: Simulator) -> None:
    simulator.script("openai", Script(queue_polls=1, run_polls=1))
    updates: list[Any] = []
    request = VideoGenerationRequest(prompt="A cat", duration_seconds=8, aspect_ratio="16:9")
    response = await generate_video_async(video_config(simulator), request, updates.append)

    job = simulator.jobs("openai")[0]
    assert job.payload == {
        "model": "sora-2",
        "prompt": "A cat",
        "seconds": "8",
        "size": "1280x720",
    }
    assert response.raw_response == job.result_body
    assert response.request_id == job.id
    assert isinstance(response.video, dict)
    assert response.video["content"][4:8] == b"ftyp"
    assert (response.content_type, response.duration, response.resolution) == (
        "video/mp4",
        8,
        "1280x720",
    )
    expires_at = datetime.fromisoformat(response.provider_metadata["expires_at"])
    assert expires_at.timestamp() == job.result_body["expires_at"]
    statuses = list(dict.fromkeys(update.status for update in updates))
    assert statuses == ["queued", "processing", "completed"]
    assert response.adjustments == ()
    request_headers = simulator.requests("openai")[0].headers
    assert request_headers["authorization"] == f"Bearer {KEY}"
    assert request_headers["content-type"].startswith("multipart/form-data")
    assert simulator.counters("openai").submits == 1


@pytest.mark.parametrize("role", ["first_frame", "reference"])
async def test_an_image_starts_a_video(simulator: Simulator, role: str) -> None:
    request = VideoGenerationRequest.model_validate(
        {"prompt": "A cat", "image_list": [{"image": IMAGE, "type": role}]}
    )
    response = await generate_video_async(video_config(simulator, strict=True), request)

    form = read_form(simulator.requests("openai")[0])
    assert form is not None
    (file,) = form.files["input_reference"]
    assert (file.content, file.content_type) == (PNG, "image/png")
    assert file.name == "input_reference-0.png"
    assert response.adjustments == ()


async def test_a_data_uri_and_a_url_become_parts_of_the_form(simulator: Simulator) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    with Simulator(["fal"]) as other:
        # Any public file will do.
        async with Gateway() as gateway:
            made = await gateway.generate_image_async(
                ImageGenerationConfig(
                    provider="fal",
                    model="fal-ai/flux/dev",
                    api_key="a:b",
                    base_url=other.base_url("fal"),
                ),
                ImageGenerationRequest(prompt="A"),
            )
            for image in (uri, made.images[0]):
                request = VideoGenerationRequest(
                    prompt="A cat", image_list=({"image": image, "type": "first_frame"},)
                )
                await gateway.generate_video_async(video_config(simulator), request)

        assert other.leaks == []

    for submit in simulator.requests("openai"):
        form = read_form(submit) if submit.method == "POST" else None
        assert form is None or form.files["input_reference"][0].content[:4] == PNG[:4]

    assert simulator.counters("openai").accepted == 2


def test_two_images_are_refused() -> None:
    images = ({"image": IMAGE, "type": "first_frame"}, {"image": IMAGE, "type": "reference"})
    with pytest.raises(ValidationError, match="takes one image"):
        planned(VideoGenerationRequest.model_validate({"prompt": "A", "image_list": images}))

    with pytest.raises(ValidationError, match="last_frame"):
        planned(
            VideoGenerationRequest(prompt="A", image_list=({"image": IMAGE, "type": "last_frame"},))
        )


async def test_a_remix_takes_the_prompt_only(simulator: Simulator) -> None:
    request = VideoGenerationRequest(
        prompt="A dog", duration_seconds=8, extra_params={"video_id": "video_1"}
    )
    response = await generate_video_async(video_config(simulator), request)

    submit = simulator.requests("openai")[0]
    assert submit.path == "/v1/videos/video_1/remix"
    assert submit.json() == {"prompt": "A dog"}
    assert sent(response.adjustments) == {"duration_seconds": None}
    assert response.provider_metadata["remixed_from_video_id"] == "video_1"


async def test_a_source_video_is_edited(simulator: Simulator) -> None:
    request = VideoGenerationRequest(prompt="In snow", video=CLIP, aspect_ratio="16:9")
    response = await generate_video_async(video_config(simulator), request)

    submit = simulator.requests("openai")[0]
    form = read_form(submit)
    assert form is not None
    assert submit.path == "/v1/videos/edits"
    assert form.fields == {"prompt": "In snow"}
    assert form.files["video"][0].content == CLIP["content"]
    assert sent(response.adjustments) == {"aspect_ratio": None}


def test_wishes_are_bent_and_said() -> None:
    plan = planned(
        VideoGenerationRequest(
            prompt="A",
            duration_seconds=10,
            resolution="1080p",
            aspect_ratio="21:9",
            seed=1,
            negative_prompt="dogs",
            number_of_videos=2,
            generate_audio=False,
        )
    )
    assert plan.payload == {"model": "sora-2", "prompt": "A", "seconds": "12", "size": "1280x720"}
    assert sent(plan.adjustments) == {
        "duration_seconds": 12,
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "generate_audio": None,
        "seed": None,
        "negative_prompt": None,
        "number_of_videos": None,
    }


def test_the_pro_model_makes_1024_lines() -> None:
    plan = planned(
        VideoGenerationRequest(prompt="A", resolution="1080p", aspect_ratio="16:9"), "sora-2-pro"
    )
    assert plan.payload["size"] == "1792x1024"
    assert sent(plan.adjustments) == {"resolution": "1024p"}
    assert planned(VideoGenerationRequest(prompt="A", resolution="720p")).payload["size"] == (
        "720x1280"
    )


def test_another_servers_model_gets_what_was_asked_for() -> None:
    plan = planned(
        VideoGenerationRequest(
            prompt="A", duration_seconds=7, resolution="1080p", aspect_ratio="16:9", seed=3
        ),
        "wan-9",
    )
    assert plan.payload == {"model": "wan-9", "prompt": "A", "seconds": "7", "size": "1920x1080"}
    assert sent(plan.adjustments) == {"seed": None}


def test_a_namespace_before_the_id_is_dropped() -> None:
    assert planned(VIDEO, "openai/sora-2-pro").payload["model"] == "sora-2-pro"
    own = VideoGenerationRequest(prompt="A", extra_params={"model": "openai/sora-2"})
    assert planned(own, "openai/sora-2").payload["model"] == "openai/sora-2"


@pytest.mark.parametrize(
    ("base_url", "endpoint"),
    [
        (None, "https://api.openai.com/v1/videos"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1/v1/videos"),
        ("http://127.0.0.1:1/v1/", "http://127.0.0.1:1/v1/videos"),
        ("http://127.0.0.1:1/v1/v1", "http://127.0.0.1:1/v1/videos"),
        ("http://127.0.0.1:1/api/v3", "http://127.0.0.1:1/api/v3/videos"),
    ],
)
def test_the_base_url_is_completed(base_url: str | None, endpoint: str) -> None:
    assert planned(VIDEO, base_url=base_url).endpoint == endpoint


async def test_extra_params_go_untouched_and_win(simulator: Simulator) -> None:
    extra = {"seconds": "99", "style_preset": "noir", "strength": 0.5, "tags": ["a", "b"]}
    request = VideoGenerationRequest(prompt="A", duration_seconds=8, extra_params=extra)
    await generate_video_async(video_config(simulator), request)
    payload = simulator.jobs("openai")[0].payload
    assert payload["seconds"] == "99"
    assert payload["style_preset"] == "noir"
    assert payload["strength"] == "0.5"


async def test_a_registered_mapping_may_write_data_uris(simulator: Simulator) -> None:
    registry = Registry()
    registry.register_provider_field_mapping(
        "openai",
        {
            "mine": {
                "prompt": passthrough_field_mapper("prompt", required=True),
                "input_reference": single_image_field_mapper(image_type="reference"),
            }
        },
    )
    request = VideoGenerationRequest(prompt="A", image_list=({"image": IMAGE},))
    async with Gateway(registry=registry) as gateway:
        await gateway.generate_video_async(video_config(simulator, model="mine"), request)

    form = read_form(simulator.requests("openai")[0])
    assert form is not None
    assert form.files["input_reference"][0].content == PNG


# --------------------------------------------------------------------------- compatible servers
@pytest.mark.parametrize(
    "shape",
    [
        {"url": "{0}"},
        {"video_url": "{0}"},
        {"output": ["{0}"]},
        {"data": [{"url": "{0}"}]},
        {"video": {"url": "{0}"}},
    ],
)
async def test_a_public_url_in_the_job_is_the_video(
    simulator: Simulator, shape: dict[str, Any]
) -> None:
    url = "https://cdn.example/cat.mp4"
    result = json.loads(json.dumps({"id": "x", "status": "succeeded", **shape}).replace("{0}", url))
    simulator.script("openai", Script(run_polls=0, result=result))
    response = await generate_video_async(video_config(simulator), VIDEO)

    assert response.video == url
    assert response.raw_response == result
    assert simulator.counters("openai").results == 0


async def test_a_url_of_the_servers_own_is_fetched_with_the_key(simulator: Simulator) -> None:
    first = await generate_video_async(video_config(simulator), VIDEO)
    own = {"id": "x", "status": "completed", "url": f"/v1/videos/{first.request_id}/content"}
    simulator.script("openai", Script(run_polls=0, result=own))
    response = await generate_video_async(video_config(simulator), VIDEO)

    assert isinstance(response.video, dict)
    assert response.video["content"][4:8] == b"ftyp"


async def test_a_server_may_say_elsewhere_where_the_video_is(simulator: Simulator) -> None:
    url = "https://cdn.example/cat.mp4"
    simulator.fail("openai", "result", Fault.status(200, {"url": url}))
    assert (await generate_video_async(video_config(simulator), VIDEO)).video == url


async def test_a_cancelled_job_of_another_server_failed(simulator: Simulator) -> None:
    result = {"id": "x", "status": "cancelled", "reason": "by its owner"}
    simulator.script("openai", Script(run_polls=0, result=result))
    with pytest.raises(Exception, match="by its owner") as caught:
        await generate_video_async(video_config(simulator), VIDEO)

    assert type(caught.value).__name__ == "GenerationFailedError"


# --------------------------------------------------------------------------------------- catalogue
MODELS = [
    *("sora-2", "sora-2-pro", "sora-2-turbo", "openai/sora-2", "openai/sora-2-pro"),
    *("sora-2-2025-10-06", "sora-2-pro-2025-10-06", "sora-2-2025-12-08"),
]


@pytest.mark.parametrize("model", MODELS)
def test_payloads_are_what_the_sdk_takes(model: str) -> None:
    hints = get_type_hints(VideoCreateParams)
    resolution: Any
    for seconds, resolution in product((1, 4, 10, 25), ("360p", "1080p", None)):
        request = VideoGenerationRequest(
            prompt="A", duration_seconds=seconds, resolution=resolution, aspect_ratio="4:3"
        )
        for name, value in planned(request, model).payload.items():
            # Not as a whole: a file's type has no schema.
            TypeAdapter(hints[name]).validate_python(value)


def test_every_model_of_the_catalogue_plans() -> None:
    for model in built_in_mappers("openai"):
        if "sora" in model:
            assert planned(VIDEO, model).payload["prompt"] == "A cat"
