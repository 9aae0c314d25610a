"""A model of fal that is newer than the package: its schema is read before the first generation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)
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
