"""Outputs in odd shapes, and results that a filter has emptied: read for what they are."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationResponse,
)
from tests.field.test_bodies_of_providers import KEY, said
from tests.field.test_reports_of_restarts import REQUEST
from tests.media.raw import Asked, serving

PLACE = "https://example.com/out"
MP4, JSON, PNG = f"{PLACE}.mp4", f"{PLACE}.json", f"{PLACE}.png"
CREATED = {"code": 200, "data": {"id": "j1", "status": "created"}}


def ended(outputs: Any) -> dict[str, Any]:
    return {"code": 200, "data": {"id": "j1", "status": "completed", "outputs": outputs}}


OUTPUTS: list[tuple[str, str, Any, Any]] = [
    ("wavespeed", "bytedance/seedance-2.0/text-to-video", CREATED, ended(one))
    for one in (
        [JSON, MP4],
        [PNG, PNG, MP4],
        [MP4],
        MP4,
        {"video": MP4},
        {"log": JSON, "clip": MP4},
    )
] + [
    ("openai-compatible", "wan", {"id": "t1"}, {"id": "t1", "status": "completed", **one})
    for one in ({"metadata": {"url": MP4}}, {"url": MP4, "metadata": {"url": PNG}})
]


async def made(provider: str, model: str, submit: Any, look: Any, kind: str = "video") -> Any:
    """Return the response, or the error, of a call to a server with two answers."""

    def answers(asked: Asked, _number: int) -> list[bytes]:
        return [said(submit if asked.method == "POST" else look)]

    with serving(answers) as server:
        settings = {
            "provider": provider,
            "model": model,
            "api_key": KEY,
            "base_url": f"{server.url}/v1" if provider == "openai-compatible" else server.url,
            "poll_interval": 0.02,
            "provider_config": {"min_poll_interval": 0.01},
            "max_retries": 0,
        }
        async with Gateway() as gateway:
            try:
                if kind == "video":
                    config = VideoGenerationConfig.model_validate(settings)
                    return await gateway.generate_video_async(config, REQUEST)

                asked = ImageGenerationRequest(prompt="A cat")
                picture = ImageGenerationConfig.model_validate(settings)
                return await gateway.generate_image_async(picture, asked)
            except TarashException as error:
                return error


@pytest.mark.parametrize(("provider", "model", "submit", "look"), OUTPUTS)
async def test_the_video_is_found_among_other_outputs(
    provider: str, model: str, submit: Any, look: Any
) -> None:
    response = await made(provider, model, submit, look)
    assert isinstance(response, VideoGenerationResponse), response
    assert response.videos == (MP4,)
    assert response.raw_response == look


async def test_what_stands_beside_the_video_is_told() -> None:
    response = await made(*OUTPUTS[0])
    assert response.provider_metadata["other_output"] == [JSON]


async def test_a_model_that_succeeds_with_nothing_but_a_word_of_its_filter_has_refused() -> None:
    nothing = {"id": "p1", "status": "succeeded", "output": []}
    look = {**nothing, "logs": "Using seed: 1\nNSFW content detected in 1 image\n"}
    model, submit = "black-forest-labs/flux-schnell", {"id": "p1", "status": "starting"}
    error = await made("replicate", model, submit, look, "image")
    assert isinstance(error, ContentModerationError)
    assert (error.stage, error.retryable) == ("output", False)
    assert "NSFW content detected in 1 image" in error.message


@pytest.mark.parametrize("reason", ["CONTENT_FILTERED", "content_moderation", "SAFETY"])
async def test_an_empty_place_with_a_filters_reason_is_a_refusal(reason: str) -> None:
    look = {"data": [{"url": "", "finish_reason": reason}]}
    error = await made("openai-compatible", "flux", look, None, "image")
    assert isinstance(error, ContentModerationError), error
    assert error.submission == "accepted"


async def test_a_reason_beside_a_picture_refuses_nothing() -> None:
    look = {"data": [{"url": PNG, "finish_reason": "SAFETY_PASSED"}]}
    response = await made("openai-compatible", "flux", look, None, "image")
    assert isinstance(response, ImageGenerationResponse)
    assert response.images == (PNG,)
