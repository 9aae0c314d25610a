"""The registry: which providers there are, and which mappings."""

from __future__ import annotations

import subprocess
import sys
from typing import cast

import pytest

from tarash.tarash_gateway import (
    Gateway,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from tarash.tarash_gateway.providers.field_mappers import (
    duration_field_mapper,
    passthrough_field_mapper,
)


class Handler:
    """Makes videos, blocking only."""

    def generate_video(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        on_progress: object = None,
    ) -> VideoGenerationResponse:
        del on_progress
        return VideoGenerationResponse(
            request_id=config.model, video=request.prompt, status="completed", raw_response={}
        )


def test_providers_are_listed_by_name_with_what_they_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)
    registry = Registry()
    registry.register_provider("mine", Handler())
    listed = {info.name: info for info in registry.list_providers()}
    assert list(listed) == sorted(listed)
    assert listed["mine"].modalities == ("video",)
    assert listed["mine"].registered
    assert listed["fal"].modalities == ("video", "image")
    assert listed["fal"].environment_variable == "FAL_KEY"
    assert not listed["fal"].key_present


def test_a_provider_of_two_spellings_is_listed_once_and_known_by_both() -> None:
    registry = Registry()
    names = [info.name for info in registry.list_providers()]
    assert [name for name in names if name.startswith("azure")] == ["azure-openai"]
    for name in ("azure-openai", "azure_openai"):
        registry.check_known(name)

    with pytest.raises(ValidationError, match="did you mean 'azure-openai'") as caught:
        registry.check_known("azure.openai")

    assert "azure_openai" not in str(caught.value)


def test_keys_of_further_products_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUMAAI_API_KEY", raising=False)
    monkeypatch.setenv("LUMA_AGENTS_API_KEY", "key")
    (luma,) = [info for info in Registry().list_providers() if info.name == "luma"]
    assert luma.environment_variables == ("LUMAAI_API_KEY", "LUMA_AGENTS_API_KEY")
    assert luma.variables_present == ("LUMA_AGENTS_API_KEY",)
    assert luma.key_present


@pytest.mark.parametrize("value", ["example.org", "localhost:8080", "http://", "ftp://example.org"])
def test_a_host_of_the_environment_has_to_be_a_url(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TARASH_FAL_BASE_URL", value)
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", api_key="key")
    request = VideoGenerationRequest(prompt="A cat")
    with pytest.raises(ValidationError, match="TARASH_FAL_BASE_URL must be a URL that begins"):
        Gateway().plan_video(config, request)

    monkeypatch.setenv("TARASH_FAL_BASE_URL", " http://127.0.0.1:8080\n")
    plan = Gateway().plan_video(config, request)
    assert plan.endpoint == "http://127.0.0.1:8080/fal-ai/veo3.1"


@pytest.mark.parametrize(
    "variables", [{"FAL_KEY": "key"}, {"FAL_KEY_ID": "id", "FAL_KEY_SECRET": "secret"}]
)
def test_a_key_is_seen_wherever_the_adapter_takes_it_from(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)

    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    listed = {info.name: info for info in Registry().list_providers()}
    assert listed["fal"].key_present


async def test_a_handler_of_a_built_in_name_replaces_it() -> None:
    registry = Registry()
    registry.register_provider("fal", Handler())
    async with Gateway(registry=registry) as gateway:
        response = await gateway.generate_video_async(
            VideoGenerationConfig(provider="fal", model="m"), VideoGenerationRequest(prompt="A cat")
        )

    assert response.video == "A cat"


@pytest.mark.parametrize("name", ["", "  "])
def test_a_provider_needs_a_name(name: str) -> None:
    with pytest.raises(ValidationError, match="name is empty"):
        Registry().register_provider(name, Handler())


def test_a_handler_needs_a_method() -> None:
    with pytest.raises(ValidationError, match="write at least one"):
        Registry().register_provider("mine", object())


async def test_a_registered_mapping_joins_what_ships_and_the_longest_prefix_wins() -> None:
    registry = Registry()
    mine = {"prompt": passthrough_field_mapper("prompt", required=True)}
    longer = {**mine, "seconds": duration_field_mapper("int")}
    registry.register_provider_field_mapping("fal", {"acme/": mine, "acme/long": longer})
    mapping = registry.get_provider_field_mapping("fal")
    assert mapping is not None
    assert {"acme/", "acme/long", "fal-ai/veo3.1"} <= set(mapping)
    gateway = Gateway(registry=registry)
    request = VideoGenerationRequest(prompt="A cat", duration_seconds=6)
    for model, payload in [
        ("acme/short", {"prompt": "A cat"}),
        ("acme/long/v2", {"prompt": "A cat", "seconds": 6}),
    ]:
        config = VideoGenerationConfig(provider="fal", model=model)
        assert gateway.plan_video(config, request).payload == payload


def test_a_mapping_of_a_provider_that_nobody_knows_is_none() -> None:
    assert Registry().get_provider_field_mapping("nobody") is None


def test_a_mapping_may_be_read_but_not_changed() -> None:
    mapping = Registry().get_provider_field_mapping("fal")
    with pytest.raises(TypeError):
        cast("dict[str, object]", mapping)["fal-ai/veo3"] = {}


@pytest.mark.parametrize("in_chain", [False, True])
def test_a_missing_extra_is_named_before_anything_is_sent(*, in_chain: bool) -> None:
    """Also a fallback's: with the first failure, it would be too late."""
    first = 'VideoGenerationConfig(provider="xai", model="m", fallback_configs=[needy])'
    chain = first if in_chain else "needy"
    code = f"""
import sys
sys.modules["fal_client"] = None
from tarash.tarash_gateway import *
needy = VideoGenerationConfig(provider="fal", model="m", api_key="k")
chain = {chain}
try:
    generate_video(chain, VideoGenerationRequest(prompt="A cat"))
except ValidationError as error:
    print(error, error.submission)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert 'pip install ".[fal]"' in done.stdout
    assert done.stdout.strip().endswith("not_sent")
