"""A model of Replicate that nobody here knows is mapped by its own schema, read when it is used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ModelNotFoundError,
    Registry,
    UnsupportedOperationError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    add_model,
    describe_model,
    generate_video,
    list_models,
    plan_video,
    refresh_models,
)
from tarash.tarash_gateway.catalog import _schema_store, forget, lookup
from tarash.tarash_gateway.exceptions import TarashException
from tarash.tarash_gateway.mapping import FieldMapper
from tarash.tarash_gateway.testing import Fault, Simulator

KEY = "r8_key-of-tests"
HASH = "0123456789abcdef" * 4
URL = "https://example.com/a.png"
WISHES: dict[str, Any] = {
    "prompt": "A cat",
    "duration_seconds": 7,
    "aspect_ratio": "16:9",
    "image_list": ({"image": URL, "type": "first_frame"},),
}
FITTED = {"prompt": "A cat", "first_image": URL, "seconds": 8, "ratio": "16:9"}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path))
    forget("replicate")
    yield
    forget("replicate")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["replicate"]) as running:
        running.keys["replicate"] = {KEY}
        yield running


@pytest.fixture
def config(simulator: Simulator) -> Callable[..., VideoGenerationConfig]:
    return lambda model, **facts: VideoGenerationConfig(
        provider="replicate",
        model=model,
        api_key=KEY,
        base_url=simulator.base_url("replicate"),
        poll_interval=0.02,
        max_retries=0,
        provider_config={"min_poll_interval": 0.01},
        **facts,
    )


def model_of(name: str, example: str = "https://replicate.delivery/x/out.mp4") -> dict[str, Any]:
    """Return a model as Replicate tells of it: enumerations by reference, an order of their own."""
    properties: dict[str, Any] = {
        "ratio": {"allOf": [{"$ref": "#/components/schemas/ratio"}], "x-order": 3},
        "seconds": {"type": "integer", "minimum": 4, "maximum": 8, "multipleOf": 4, "x-order": 2},
        "first_image": {"type": "string", "format": "uri", "title": "First Image", "x-order": 1},
        "prompt": {"type": "string", "title": "Prompt", "maxLength": 60, "x-order": 0},
        "seed": {"type": "integer", "nullable": True, "x-order": 4},
    }
    ratio = {"type": "string", "enum": ["16:9", "9:16"], "title": "ratio"}
    schemas = {
        "Input": {"type": "object", "required": ["prompt"], "properties": properties},
        "Output": {"type": "string", "format": "uri"},
        "ratio": ratio,
    }
    return {
        "owner": "me",
        "name": name,
        "default_example": {"output": example},
        "latest_version": {"id": HASH, "openapi_schema": {"components": {"schemas": schemas}}},
    }


def told(adjustments: Any) -> list[str]:
    return [one.field for one in adjustments]


def sent(simulator: Simulator) -> dict[str, Any]:
    given: dict[str, Any] = simulator.jobs("replicate")[-1].payload["input"]
    return given


def test_the_schema_is_read_once_and_kept(
    simulator: Simulator, config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.publish_models("replicate", [model_of("kept")])
    request = VideoGenerationRequest(**WISHES)
    response = generate_video(config("me/kept"), request)
    assert sent(simulator) == FITTED
    assert told(response.adjustments) == ["duration_seconds"]

    generate_video(config("me/kept"), request)
    assert simulator.counters("replicate").models == 1
    (kept,) = (tmp_path / "catalogue").iterdir()
    assert kept.name.startswith("replicate@127.0.0.1_"), "not as if Replicate had said it"
    with pytest.raises(ValidationError, match="no model 'me/kept'"):
        describe_model("replicate", "me/kept")

    forget("replicate")  # as another process would see it
    monkeypatch.setenv("TARASH_REPLICATE_BASE_URL", simulator.base_url("replicate"))
    described = describe_model("replicate", "me/kept")
    assert (described.source, described.outputs) == ("live", ("video",))
    assert [one.name for one in described.parameters][:3] == ["prompt", "first_image", "seconds"]
    assert "me/kept" in {one.model for one in list_models("replicate", takes="first_frame")}
    assert plan_video(config("me/kept"), request).payload == {"input": FITTED}
    assert simulator.counters("replicate").models == 1


async def test_many_jobs_of_a_new_model_ask_once(simulator: Simulator, config: Any) -> None:
    simulator.publish_models("replicate", [model_of("crowded")])
    simulator.fail("replicate", "model", Fault.delay(0.1))
    request = VideoGenerationRequest(**WISHES)
    async with Gateway() as gateway:
        jobs = (gateway.generate_video_async(config("me/crowded"), request) for _ in range(5))
        await asyncio.gather(*jobs)

    assert simulator.counters("replicate").models == 1
    assert [job.payload["input"] for job in simulator.jobs("replicate")] == [FITTED] * 5


@pytest.mark.parametrize(
    ("name", "model"),
    [("versioned", f"me/versioned:{HASH}"), ("deployed", "deployments/them/deployed")],
)
def test_versions_and_deployments(simulator: Simulator, config: Any, name: str, model: str) -> None:
    simulator.publish_models("replicate", [model_of(name)])
    generate_video(config(model), VideoGenerationRequest(**WISHES))
    assert sent(simulator) == FITTED


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("broken", Fault.status(500)),
        ("cut-off", Fault.truncate()),
        ("foreign", Fault.foreign_body()),
        ("shapeless", Fault.status(200, {"latest_version": {"openapi_schema": {"a": [1]}}})),
        ("absent", None),
    ],
)
def test_a_schema_that_can_not_be_read_stops_nothing(
    simulator: Simulator, config: Any, name: str, fault: Fault | None
) -> None:
    simulator.publish_models("replicate", [model_of(name)] if fault else [])
    if fault is not None:
        simulator.fail("replicate", "model", fault, times=None)  # a body cut off is asked for again

    request = VideoGenerationRequest(prompt="A cat", aspect_ratio="16:9")
    for _ in range(2):
        response = generate_video(config(f"me/{name}"), request)
        assert sent(simulator) == {"prompt": "A cat", "aspect_ratio": "16:9"}
        assert told(response.adjustments) == ["model"]

    # Not asked again by the next job: it would have to wait for the same failure. A body that broke
    # off is asked for twice by the first.
    assert simulator.counters("replicate").models == 1 + (name == "cut-off")


def test_a_plan_asks_nobody_and_says_that_it_guesses(simulator: Simulator, config: Any) -> None:
    simulator.publish_models("replicate", [model_of("planned")])
    request = VideoGenerationRequest(prompt="A cat", seed=1)
    planned = plan_video(config("me/planned", strict=True), request)
    (adjustment,) = planned.adjustments
    assert "tarash models add me/planned --provider replicate" in adjustment.reason
    assert simulator.requests("replicate") == []

    near = plan_video(config("google/veo-31"), request).adjustments[0]
    assert "did you mean google/veo-3.1" in near.reason
    bare = plan_video(config("f" * 64), request).adjustments[0]
    assert "write owner/name:version" in bare.reason


def test_what_is_sent_is_checked_against_the_schema(simulator: Simulator, config: Any) -> None:
    simulator.publish_models("replicate", [model_of("checked"), model_of("still", "a/out.webp")])
    with pytest.raises(ValidationError, match=r"'prompt'.*at most 60"):
        generate_video(config("me/checked"), VideoGenerationRequest(prompt="A cat" * 13))

    with pytest.raises(UnsupportedOperationError, match="makes image"):
        generate_video(config("me/still"), VideoGenerationRequest(prompt="A cat"))

    assert simulator.counters("replicate").submits == 0


async def test_what_is_known_is_not_asked_for(simulator: Simulator, config: Any) -> None:
    registry = Registry()
    own = {"prompt": FieldMapper("prompt", lambda _request, value: value.upper())}
    registry.register_provider_field_mapping("replicate", {"me/": own})
    request = VideoGenerationRequest(prompt="A cat")
    async with Gateway(registry=registry) as gateway:
        await gateway.generate_video_async(config("me/registered"), request)
        assert sent(simulator) == {"prompt": "A CAT"}

        await gateway.generate_video_async(config(f"minimax/video-01:{HASH}"), request)
        await gateway.generate_video_async(config("me/mocked", mock={"enabled": True}), request)

    assert simulator.counters("replicate").models == 0


def test_an_old_reading_is_taken_again(simulator: Simulator, config: Any) -> None:
    old = {
        "input": {"properties": {"prompt": {"type": "string"}}},
        "outputs": [],
        "read": "2026-01-01",
    }
    _schema_store.store("replicate", {"me/old": old}, "2026-01-01", add=True)
    simulator.publish_models("replicate", [model_of("old")])
    simulator.fail("replicate", "model", Fault.status(503))
    request = VideoGenerationRequest(prompt="A cat", duration_seconds=8)
    generate_video(config("me/old"), request)
    assert sent(simulator) == {"prompt": "A cat"}  # better an old schema than none

    with Simulator(["replicate"]) as another:  # where nobody has failed to answer just now
        another.publish_models("replicate", [model_of("old")])
        changed = config("me/old").model_copy(update={"base_url": another.base_url("replicate")})
        generate_video(changed, request)
        assert sent(another) == {"prompt": "A cat", "seconds": 8}


def test_a_cache_that_can_not_be_written_is_no_loss(
    simulator: Simulator, config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path / "file"))
    forget("replicate")
    simulator.publish_models("replicate", [model_of("unwritten")])
    for _ in range(2):
        generate_video(config("me/unwritten"), VideoGenerationRequest(**WISHES))
        assert sent(simulator) == FITTED

    assert simulator.counters("replicate").models == 1


def test_a_model_is_added_ahead(simulator: Simulator, config: Any) -> None:
    simulator.publish_models("replicate", [model_of("added")])
    url = simulator.base_url("replicate")
    described = add_model("replicate", "me/added", base_url=url, api_key=KEY)
    assert described.durations or described.duration_range
    generate_video(config("me/added"), VideoGenerationRequest(**WISHES))
    assert sent(simulator) == FITTED
    assert simulator.counters("replicate").models == 1

    with pytest.raises(ModelNotFoundError, match="me/nowhere"):
        add_model("replicate", "me/nowhere", base_url=f"{url}/v1", api_key=KEY)

    with pytest.raises(TarashException, match="401"):
        add_model("replicate", "me/added", base_url=url)

    with pytest.raises(ValidationError, match=r"add_model\(\) reads one"):
        refresh_models("replicate")


def test_a_document_at_hand_needs_no_network() -> None:
    document = model_of("held")["latest_version"]["openapi_schema"]
    described = add_model("replicate", "me/held", schema=document)
    assert described.aspect_ratios == ("16:9", "9:16")
    assert lookup("replicate", "me/held", "video").source == "live"
    with pytest.raises(ValidationError, match="component Input"):
        add_model("replicate", "me/held", schema={"paths": {}})


def test_the_command_line_adds_by_the_providers_name(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("typer")
    from tarash.tarash_gateway.cli.models import models_app

    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    simulator.publish_models("replicate", [model_of("told")])
    url = simulator.base_url("replicate")
    arguments = ["add", "replicate/me/told", "--base-url", url, "--json"]
    assert not models_app(args=arguments, standalone_mode=False)
    added = json.loads(capsys.readouterr().out)
    assert added["plan"]["payload"]["input"]["ratio"] == "16:9"
    monkeypatch.setenv("TARASH_REPLICATE_BASE_URL", url)
    assert not models_app(args=["show", "replicate/me/told"], standalone_mode=False)
    assert "first_image" in capsys.readouterr().out
