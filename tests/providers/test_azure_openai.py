"""Azure OpenAI's adapter against the simulator: resources, deployments, keys and tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image_async,
    generate_video_async,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.testing import Fault, Simulator

KEY = "azure-canary-0123456789"
VIDEO = VideoGenerationRequest(prompt="A cat", duration_seconds=8, aspect_ratio="16:9")
IMAGE = ImageGenerationRequest(prompt="A cat")
ENDPOINT = "https://mine.openai.azure.com"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["azure-openai"]) as running:
        yield running


def config(simulator: Simulator, **facts: Any) -> VideoGenerationConfig:
    given = {
        "provider": "azure-openai",
        "model": "my-sora",
        "api_key": KEY,
        "base_url": simulator.base_url("azure-openai"),
        "poll_interval": 0.05,
        "timeout": 60,
        **facts,
        "provider_config": {"min_poll_interval": 0.01, **facts.get("provider_config", {})},
    }
    return VideoGenerationConfig.model_validate(given)


def image_config(simulator: Simulator, **facts: Any) -> ImageGenerationConfig:
    given = config(simulator, **{"model": "my-image", **facts}).model_dump()
    return ImageGenerationConfig.model_validate(given)


@pytest.mark.parametrize("provider", ["azure-openai", "azure_openai"])
async def test_videos_and_images_go_to_the_v1_paths(simulator: Simulator, provider: str) -> None:
    video = await generate_video_async(config(simulator, provider=provider), VIDEO)
    image = await generate_image_async(image_config(simulator, provider=provider), IMAGE)

    assert video.video
    assert image.images
    requests = simulator.requests("azure-openai")
    assert requests[0].path == "/openai/v1/videos"
    assert requests[-1].path == "/openai/v1/images/generations"
    assert all(one.query == {} for one in requests)
    assert all(one.headers["api-key"] == KEY for one in requests)
    assert not any("authorization" in one.headers for one in requests)
    assert simulator.jobs("azure-openai")[0].payload == {
        "model": "my-sora",
        "prompt": "A cat",
        "seconds": "8",
        "size": "1280x720",
    }


async def test_preview_is_asked_for_at_each_step(simulator: Simulator) -> None:
    await generate_video_async(config(simulator, api_version="preview"), VIDEO)
    assert {one.query["api-version"] for one in simulator.requests("azure-openai")} == {"preview"}


async def test_a_dated_version_asks_for_the_deployments_path(simulator: Simulator) -> None:
    version = "2025-04-01-preview"
    await generate_image_async(image_config(simulator, api_version=version), IMAGE)
    edit = ImageGenerationRequest(
        prompt="A hat",
        image_list=({"image": {"content": b"\xff\xd8\xff", "content_type": "image/jpeg"}},),
    )
    await generate_image_async(image_config(simulator, api_version=version), edit)
    await generate_video_async(config(simulator, api_version=version), VIDEO)

    first, second, third, *_ = simulator.requests("azure-openai")
    assert first.path == "/openai/deployments/my-image/images/generations"
    assert second.path == "/openai/deployments/my-image/images/edits"
    assert first.query == second.query == {"api-version": version}
    assert (third.path, third.query) == ("/openai/v1/videos", {})


@pytest.mark.parametrize("suffix", ["", "/", "/openai", "/openai/v1", "/openai/v1/"])
def test_the_endpoint_is_completed(suffix: str) -> None:
    asked = VideoGenerationConfig(
        provider="azure-openai", model="my-sora", base_url=f"{ENDPOINT}{suffix}"
    )
    assert plan_video(asked, VIDEO).endpoint == f"{ENDPOINT}/openai/v1/videos"


async def test_the_environment_names_resource_and_key(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", simulator.base_url("azure-openai"))
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    asked = ImageGenerationConfig(provider="azure-openai", model="my-image")
    assert (await generate_image_async(asked, IMAGE)).images

    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    with pytest.raises(AuthenticationError, match="AZURE_OPENAI_API_KEY"):
        await generate_image_async(asked, IMAGE)


async def test_without_a_resource_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    monkeypatch.delenv("TARASH_AZURE_OPENAI_BASE_URL", raising=False)
    asked = ImageGenerationConfig(provider="azure-openai", model="my-image", api_key=KEY)
    with pytest.raises(ValidationError, match="base_url") as caught:
        await generate_image_async(asked, IMAGE)

    assert caught.value.submission == "not_sent"


# ----------------------------------------------------------------------------------------- tokens
async def test_a_token_goes_as_bearer(simulator: Simulator) -> None:
    asked = config(simulator, api_key=None, provider_config={"azure_ad_token": "token-12345678"})
    await generate_video_async(asked, VIDEO)

    headers = simulator.requests("azure-openai")[0].headers
    assert headers["authorization"] == "Bearer token-12345678"
    assert "api-key" not in headers
    assert "token-12345678" not in asked.model_dump_json() + repr(asked)


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_provider_of_tokens_is_asked_each_time(
    simulator: Simulator, is_async: bool
) -> None:
    given: list[str] = []

    def fresh() -> str:
        given.append(f"fresh-token-{len(given)}")
        return given[-1]

    async def fresh_async() -> str:
        return fresh()

    provider = fresh_async if is_async else fresh
    asked = config(simulator, api_key=None, provider_config={"azure_ad_token_provider": provider})
    await generate_video_async(asked, VIDEO)

    sent = [one.headers["authorization"] for one in simulator.requests("azure-openai")]
    assert sent == [f"Bearer {token}" for token in given]
    assert len(given) == len(sent) >= 3
    assert "azure_ad_token_provider" not in json.loads(asked.model_dump_json())["provider_config"]


async def test_a_fresh_token_is_masked_where_it_is_echoed(simulator: Simulator) -> None:
    simulator.fail("azure-openai", "submit", Fault.echo_key(400))
    asked = image_config(simulator, api_key=None)
    asked = asked.model_copy(
        update={"provider_config": {"azure_ad_token_provider": lambda: "fresh-canary-token"}}
    )
    with pytest.raises(TarashException) as caught:
        await generate_image_async(asked, IMAGE)

    shown = f"{caught.value} {caught.value.raw_response} {caught.value.__cause__!r}"
    assert "fresh-canary-token" not in shown


async def test_no_token_is_an_error_before_anything_is_sent(simulator: Simulator) -> None:
    asked = config(simulator, api_key=None, provider_config={"azure_ad_token_provider": lambda: ""})
    with pytest.raises(AuthenticationError, match="gave no token") as caught:
        await generate_video_async(asked, VIDEO)

    assert caught.value.submission == "not_sent"
    assert simulator.requests("azure-openai") == []


# ------------------------------------------------------------------------------------ deployments
def test_a_base_model_says_what_the_deployment_takes() -> None:
    request = ImageGenerationRequest(prompt="A", size="1000x1000", seed=1)
    plain = ImageGenerationConfig(provider="azure-openai", model="mine")
    assert plan_image(plain, request).payload["size"] == "1000x1000"

    known = ImageGenerationConfig(
        provider="azure-openai", model="mine", provider_config={"base_model": "gpt-image-1.5"}
    )
    plan = plan_image(known, request)
    assert plan.payload["size"] == "1024x1024"
    assert plan.payload["model"] == "mine"
    assert {one.field for one in plan.adjustments} == {"size", "seed"}


def test_a_deployment_named_like_its_model_is_known() -> None:
    asked = VideoGenerationConfig(provider="azure-openai", model="sora-2-pro")
    plan = plan_video(asked, VideoGenerationRequest(prompt="A", resolution="1080p"))
    assert plan.payload["size"] == "720x1280"
