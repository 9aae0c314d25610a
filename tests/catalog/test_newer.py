"""A model of fal that is newer than the package: its schema is read before the first generation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import VideoGenerationConfig, VideoGenerationRequest, generate_video
from tarash.tarash_gateway.catalog import document_of, forget, shipped_records
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
