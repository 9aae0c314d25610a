"""The Vercel AI SDK's providers, and OpenAI's client for Node."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.clients.conftest import Run

GPT = "openai/gpt-image-2"
FLUX = "fal/fal-ai/flux/dev"


@pytest.mark.timeout(900)
def test_all_that_node_does(run: Run, simulator: Simulator) -> None:
    found = run("vercel.mjs")
    for name in ("compatible", "openai"):
        for model in (GPT, FLUX):
            assert found.pop(f"{name} makes two of {model}") == ["image/png"] * 2

        for what in ("edits one", "edits two with a mask", "passes options"):
            assert found.pop(f"{name} {what}") == ["image/png"]

        refused = found.pop(f"{name} asks for what is not there")
        assert (refused["error"], refused["status"]) == ("AI_APICallError", 404)
        assert "none" in refused["message"]

    gone = found.pop("node gone")
    assert gone["status"] == 404
    stream = ["partial_image", "partial_image", "completed"]
    assert found == {
        "node content": "ftyp",
        "node delete": True,
        "node edit": True,
        "node extend": True,
        "node file": "completed",
        "node images": 1,
        "node list": True,
        "node models": "fal/fal-ai/veo3.1",
        "node reference": "completed",
        "node remix": True,
        "node stream": [f"image_generation.{one}" for one in stream],
        "node video": "completed",
    }
    masks = [b'name="mask"' in one.body for one in simulator.requests("openai")]
    assert masks.count(True) == 3
