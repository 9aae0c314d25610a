"""A gateway's own registry is asked wherever its work leads, and no other's word counts there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tarash.tarash_gateway import (
    FieldMapper,
    Gateway,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    VideoJob,
    describe_model,
    list_models,
    list_providers,
    plan_video,
)
from tarash.tarash_gateway.mapping import passthrough_field_mapper
from tarash.tarash_gateway.providers import Provider
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.testing import Script, Simulator

KEY = "key-of-the-own-registry"
REQUEST = VideoGenerationRequest(prompt="A lighthouse", duration_seconds=8)


def models_of(model: str, duration: str) -> ModuleType:
    """Return a module that describes one model, which calls the duration by a name of its own."""
    module = ModuleType(f"models_of_{model}")
    mappers = {
        "prompt": passthrough_field_mapper("prompt", required=True),
        duration: passthrough_field_mapper("duration_seconds"),
    }
    empty: dict[str, FieldMapper] = {}
    vars(module).update(
        MODELS={model: mappers},
        IDS={"video": (model,)},
        VIDEO_FALLBACK=mappers,
        IMAGE_FALLBACK=empty,
    )
    return module


def registry_of(model: str, duration: str, name: str = "own") -> Registry:
    row: Provider = shipped()["replicate"]
    made = Registry()
    made.register(
        replace(row, name=name, title="Own", models=models_of(model, duration), schemas=None)
    )
    return made


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        running.script("replicate", Script(run_polls=0))
        yield running


def config_for(simulator: Simulator, model: str) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="own",
        model=model,
        api_key=KEY,
        base_url=simulator.base_url("replicate"),
        poll_interval=0.02,
        provider_config={"min_poll_interval": 0.01},
    )


def test_each_registry_describes_and_lists_its_own_models() -> None:
    first = Gateway(registry=registry_of("a/first", "seconds"))
    second = Gateway(registry=registry_of("a/second", "length"))

    assert [one.model for one in first.list_models("own")] == ["a/first"]
    assert [one.model for one in second.list_models("own")] == ["a/second"]
    described = first.describe_model("own", "a/first")
    assert {one.name for one in described.parameters} == {"prompt", "seconds"}
    described = second.describe_model("own", "a/second")
    assert {one.name for one in described.parameters} == {"prompt", "length"}
    assert "own" in {one.provider for one in first.list_models()}


def test_the_usual_registry_hears_nothing_of_another() -> None:
    registry_of("a/model", "seconds", name="unheard-of")
    assert "unheard-of" not in {one.name for one in list_providers()}
    assert "unheard-of" not in {one.provider for one in list_models()}
    for ask in (lambda: describe_model("unheard-of", "a/model"), lambda: list_models("unheard-of")):
        with pytest.raises(ValidationError):
            ask()


def test_plans_are_made_by_the_models_of_the_own_registry(simulator: Simulator) -> None:
    for name in ("seconds", "length"):
        gateway = Gateway(registry=registry_of("a/model", name))
        plan = gateway.plan_video(config_for(simulator, "a/model"), REQUEST)
        assert plan.payload["input"] == {"prompt": "A lighthouse", name: 8}


async def test_two_registries_at_work_at_once_are_not_mixed_up(simulator: Simulator) -> None:
    gateways = {
        name: Gateway(registry=registry_of("a/model", name)) for name in ("seconds", "length")
    }
    config = config_for(simulator, "a/model")
    await asyncio.gather(*(
        gateway.generate_video_async(config, REQUEST)
        for gateway in gateways.values()
        for _ in range(5)
    ))  # fmt: skip
    sent = [sorted(job.payload["input"]) for job in simulator.jobs("replicate")]
    assert sorted(sent) == [["length", "prompt"]] * 5 + [["prompt", "seconds"]] * 5


async def test_a_callback_asks_the_usual_registry(simulator: Simulator) -> None:
    gateway = Gateway(registry=registry_of("a/model", "seconds"))
    seen: list[bool] = []

    def on_progress(_update: object) -> None:
        seen.append("own" in {one.provider for one in list_models()})

    await gateway.generate_video_async(config_for(simulator, "a/model"), REQUEST, on_progress)
    assert set(seen) == {False}


def test_a_result_is_saved_and_renewed_by_its_own_registry(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.sign_urls("replicate")
    gateway = Gateway(registry=registry_of("a/model", "seconds"))
    response = gateway.generate_video(config_for(simulator, "a/model"), REQUEST)
    response.save(tmp_path / "fresh.mp4")
    simulator.expire_urls("replicate")
    response.save(tmp_path / "renewed.mp4")
    assert (tmp_path / "renewed.mp4").read_bytes() == (tmp_path / "fresh.mp4").read_bytes()
    assert simulator.counters("replicate").accepted == 1


async def test_a_token_is_waited_for_by_the_gateway_that_is_named(simulator: Simulator) -> None:
    gateway = Gateway(registry=registry_of("a/model", "seconds"))
    config = config_for(simulator, "a/model")
    job = await gateway.submit_video_async(config, REQUEST)
    token = job.to_token()
    with pytest.raises(ValidationError, match="Unknown provider"):
        VideoJob.from_token(token, config)

    again = VideoJob.from_token(token, config, gateway)
    assert (await again.status_async()).status == "completed"
    response = await again.wait_async()
    assert isinstance(response, VideoGenerationResponse)


def test_the_functions_go_by_the_usual_registry() -> None:
    with pytest.raises(ValidationError, match="Unknown provider"):
        plan_video(VideoGenerationConfig(provider="own", model="a/model"), REQUEST)
