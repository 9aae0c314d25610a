"""A model of fal that is newer than the package: its schema is read before the first generation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    describe_model,
    generate_image,
    generate_video,
    list_models,
    plan_video,
)
from tarash.tarash_gateway.catalog import document_of, forget, remember, shipped_records
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Simulator

MODEL = "bytedance/seedance-9.5/text-to-video"


def published() -> dict[str, Any]:
    """Return a model that takes other lengths than any that is known."""
    known, record = next(
        (name, one) for name, one in shipped_records("fal") if name == "fal-ai/veo3.1"
    )
    document = document_of(known, record["input"], record["outputs"])
    text = json.dumps(document).replace(known, MODEL)
    made: dict[str, Any] = json.loads(text.replace('"4s", "6s", "8s"', '"7s", "30s"'))
    return {"endpoint_id": MODEL, "openapi": made}


@pytest.mark.parametrize("switch", ["on", "off", "replaced"])
def test_its_schema_is_learnt_on_first_use_unless_that_is_turned_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path))
    forget("fal")
    with Simulator(["fal"]) as simulator:
        origin = simulator.base_url("fal")
        if switch != "replaced":  # a host in fal's place is asked only where it is named
            monkeypatch.setenv("TARASH_FAL_SCHEMAS", "off" if switch == "off" else origin)

        simulator.publish_models("fal", [published()])
        config = VideoGenerationConfig(
            provider="fal", model=MODEL, api_key="any:key", base_url=origin
        )
        request = VideoGenerationRequest(prompt="x", duration_seconds=28)
        for _ in range(2):
            generate_video(config, request)

        asked = [one for one in simulator.requests("fal") if "openapi" in one.path]
        sent = [job.payload.get("duration") for job in simulator.jobs("fal")]

    forget("fal")
    assert len(asked) == (1 if switch == "on" else 0)
    assert (sent == ["30s", "30s"]) == (switch == "on")


WAVE = "somebody/clip-9/image-to-video"
TAKES = {
    "prompt": {"type": "string", "x-order": 1},
    "image": {"type": "string", "x-order": 2},
    "end_image": {"type": "string", "x-order": 3},
    "duration": {"type": "integer", "enum": [7, 30], "x-order": 4},
    "size": {"type": "string", "enum": ["1280*720", "720*1280"], "x-order": 5},
}


ROW: dict[str, Any] = {
    "id": "somebody/clip-9",
    "supported_durations": [4, 9],
    "supported_resolutions": ["720p", "1080p"],
    "supported_aspect_ratios": ["16:9", "9:16"],
    "supported_frame_images": ["first_frame"],
    "generate_audio": False,
    "seed": None,
}
PICTURES: dict[str, Any] = {
    "id": "somebody/picture-9",
    "supported_parameters": {
        "n": {"type": "range", "min": 1, "max": 4},
        "quality": {"type": "enum", "values": ["low", "high"]},
        "aspect_ratio": {"type": "enum", "values": ["1:1", "4:3"]},
    },
    "supports_streaming": False,
}
ROUTED = {
    "provider": "openrouter",
    "model": ROW["id"],
    "poll_interval": 0.02,
    "provider_config": {"min_poll_interval": 0.01},
}


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """An OpenRouter that lists a model which nobody here knows."""
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path))
    forget("openrouter")
    with Simulator(["openrouter"]) as simulator:
        simulator.publish_models("openrouter", [ROW])
        yield simulator

    forget("openrouter")


def routed(simulator: Simulator) -> VideoGenerationConfig:
    place = simulator.base_url("openrouter")
    return VideoGenerationConfig.model_validate({**ROUTED, "api_key": "key", "base_url": place})


def test_rows_of_another_form_say_what_a_model_takes(newer: Simulator) -> None:
    """OpenRouter refuses what a model doesn't list, and its rows are no JSON Schemas."""
    frame = {"image": "https://example.com/a.png", "type": "first_frame"}
    request = VideoGenerationRequest.model_validate(
        {
            "prompt": "x",
            "duration_seconds": 8,
            "resolution": "4k",
            "aspect_ratio": "3:4",
            "generate_audio": True,
            "seed": None,
            "image_list": [frame],
        }
    )
    for _ in range(2):
        response = generate_video(routed(newer), request)

    asked = [one for one in newer.requests("openrouter") if one.path.endswith("/videos/models")]
    assert len(asked) == 1
    sent = [job.payload for job in newer.jobs("openrouter")]
    assert sent[0] == sent[1]
    part = {"type": "image_url", "image_url": {"url": frame["image"]}, "frame_type": "first_frame"}
    assert sent[0] == {
        "model": ROW["id"],
        "prompt": "x",
        "duration": 9,
        "resolution": "1080p",
        "aspect_ratio": "9:16",
        "frame_images": [part],
    }
    adapted = {one.field for one in response.adjustments}
    assert adapted == {"duration_seconds", "resolution", "aspect_ratio", "generate_audio"}


def test_a_model_that_no_list_has_is_sent_what_was_asked_for(newer: Simulator) -> None:
    given = {**ROUTED, "api_key": "key", "base_url": newer.base_url("openrouter")}
    config = ImageGenerationConfig.model_validate({**given, "model": "somebody/picture-9"})
    response = generate_image(config, ImageGenerationRequest(prompt="x"))
    assert [one.field for one in response.adjustments] == ["model"], "that nobody knows it"
    asked = [one.path.rpartition("v1/")[2] for one in newer.requests("openrouter")]
    assert [one for one in asked if "models" in one] == ["videos/models", "images/models"]


def test_rows_of_image_models_say_what_these_take(newer: Simulator) -> None:
    """One lists what it takes, by name and value; what it doesn't list it refuses."""
    model = PICTURES["id"]
    newer.publish_models("openrouter", [ROW, PICTURES])
    given = {**ROUTED, "api_key": "key", "base_url": newer.base_url("openrouter")}
    config = ImageGenerationConfig.model_validate({**given, "model": model})
    request = ImageGenerationRequest(
        prompt="x", n=8, size="1024x1024", quality="hd", aspect_ratio="7:5", seed=5
    )
    responses = [generate_image(config, request) for _ in range(2)]
    sent = [job.payload for job in newer.jobs("openrouter")]
    best = {"quality": "high", "aspect_ratio": "4:3"}
    assert sent == [{"model": model, "prompt": "x", "n": 4, **best}] * 2
    # A size that can't be sent goes by its ratio where no ratio is said.
    changed = {one.field for one in responses[0].adjustments}
    assert changed == {"n", "size", "quality", "aspect_ratio", "seed"}
    lists = [one for one in newer.requests("openrouter") if "/models" in one.path]
    assert len(lists) == 2

    square = request.model_copy(update={"aspect_ratio": None})
    generate_image(config, square)
    assert newer.jobs("openrouter")[-1].payload["aspect_ratio"] == "1:1"

    looked = {"image_list": ({"image": "https://example.com/a.png"},)}
    with pytest.raises(ValidationError, match="reference"):
        generate_image(config, square.model_copy(update=looked))


def test_a_refresh_reads_rows_of_both_kinds(newer: Simulator) -> None:
    newer.publish_models("openrouter", [ROW, PICTURES])
    adapter: Any = default_registry.adapter("openrouter")

    async def get(url: str, _headers: Any) -> Any:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return await answer.json()

    records = asyncio.run(adapter.read_all(get, newer.base_url("openrouter")))
    assert (records[ROW["id"]]["outputs"], records[PICTURES["id"]]["outputs"]) == (
        ["video"],
        ["image"],
    )
    for name, record in records.items():
        remember("openrouter", name, record)

    assert PICTURES["id"] in {one.model for one in list_models("openrouter", output="image")}
    found = describe_model("openrouter", PICTURES["id"])
    assert (found.aspect_ratios, found.seed) == (("1:1", "4:3"), False)


def test_a_frame_that_a_row_does_not_list_is_refused(newer: Simulator) -> None:
    frames = [
        {"image": f"https://example.com/{role}.png", "type": role}
        for role in ("first_frame", "last_frame")
    ]
    request = VideoGenerationRequest.model_validate({"prompt": "x", "image_list": frames})
    with pytest.raises(ValidationError, match="last_frame"):
        generate_video(routed(newer), request)

    assert newer.counters("openrouter").submits == 0


def test_a_row_that_was_read_changes_what_is_declared_of_its_model(newer: Simulator) -> None:
    """What is not of the row stays: defaults that decide on the bill, and places of media."""
    row = {**ROW, "id": "google/veo-3.1", "supported_durations": [4, 6, 8, 12]}
    adapter: Any = default_registry.adapter("openrouter")
    for name, record in adapter.records_in({"data": [row]}).items():
        remember("openrouter", name, record, newer.base_url("openrouter"))

    config = routed(newer).model_copy(update={"model": "google/veo-3.1"})
    request = VideoGenerationRequest(prompt="x", duration_seconds=12, negative_prompt="rain")
    plan = plan_video(config, request)
    passed = {"google-vertex": {"parameters": {"negativePrompt": "rain"}}}
    assert plan.payload == {
        "model": "google/veo-3.1",
        "prompt": "x",
        "duration": 12,
        "resolution": "720p",
        "provider": {"options": passed},
    }
    assert describe_model("openrouter", "google/veo-3.1").durations == (4, 6, 8)  # not its host
    for name, record in adapter.records_in({"data": [ROW, row]}).items():
        remember("openrouter", name, record)

    found = describe_model("openrouter", "google/veo-3.1")
    assert found.durations == (4, 6, 8, 12)
    assert found.takes == ("first_frame", "reference", "asset")
    assert found.negative_prompt
    assert not found.audio
    assert describe_model("openrouter", ROW["id"]).aspect_ratios == ("16:9", "9:16")
    assert ROW["id"] in {one.model for one in list_models("openrouter", takes="first_frame")}


@pytest.mark.parametrize("switch", ["on", "off"])
def test_a_declared_provider_lists_its_schemas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TARASH_WAVESPEED_SCHEMAS", switch)
    forget("wavespeed")
    schema = {"type": "object", "properties": TAKES, "required": ["image"]}
    row: dict[str, Any] = {"model_id": WAVE, "type": "image-to-video"}
    row |= {"api_schema": {"api_schemas": [{"request_schema": schema}]}}
    links = ["https://example.com/a.png", "https://example.com/b.png"]
    roles = ["first_frame", "last_frame"][: 2 if switch == "on" else 1]
    images = [{"image": one, "type": role} for one, role in zip(links, roles, strict=False)]
    request = VideoGenerationRequest.model_validate(
        {"prompt": "x", "duration_seconds": 28, "aspect_ratio": "9:16", "image_list": images}
    )
    with Simulator(["wavespeed"]) as simulator:
        # Without its schema nobody knows the names of a route: the wire takes the usual ones.
        simulator.publish_models("wavespeed", [row] if switch == "on" else None)
        config = VideoGenerationConfig(
            provider="wavespeed",
            model=WAVE,
            api_key="key",
            base_url=simulator.base_url("wavespeed"),
            poll_interval=0.02,
            provider_config={"min_poll_interval": 0.01},
        )
        for _ in range(2):
            generate_video(config, request)

        asked = [one for one in simulator.requests("wavespeed") if one.path.endswith("/models")]
        sent = [job.payload for job in simulator.jobs("wavespeed")]

    forget("wavespeed")
    assert len(asked) == (1 if switch == "on" else 0)
    assert sent[0] == sent[1]
    if switch == "on":
        given = {"duration": 30, "image": links[0], "end_image": links[1], "size": "720*1280"}
        assert sent[0] == {"prompt": "x", **given}
    else:
        assert sent[0]["duration"] == 28
