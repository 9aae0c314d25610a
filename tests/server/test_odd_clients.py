"""What clients of other makers send, as the trackers of other gateways have it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tarash.tarash_gateway.media.samples import make_png
from tarash.tarash_gateway.testing import Simulator
from tests.server.conftest import MODEL, Started

GPT = "openai/gpt-image-2"
PNG = base64.b64encode(make_png(64, 64)).decode()
URI = f"data:image/png;base64,{PNG}"
EDITS: dict[str, Any] = {
    "a text": {"image": URI},
    "a list": {"image": [URI, URI]},
    "texts in images": {"images": [URI, URI]},
    "objects in images": {"images": [{"image_url": URI}]},
    "objects in objects": {"images": [{"type": "image_url", "image_url": {"url": URI}}]},
    "base64 by its name": {"images": [{"b64_json": PNG}]},
    "bare base64": {"image": PNG},
}


@pytest.mark.parametrize("form", EDITS)
def test_images_of_an_edit_come_in_many_forms(
    served: Started, simulator: Simulator, form: str
) -> None:
    body = {"model": GPT, "prompt": "Red", **EDITS[form]}
    answer = served.ask("POST", "/v1/images/edits", json=body)
    assert answer.status_code == 200, answer.text
    sent = simulator.requests("openai")[-1].body
    assert sent.count(b"Content-Type: image/png") == (
        2 if form in ("a list", "texts in images") else 1
    )


def test_a_file_of_openais_is_refused_in_words(served: Started, simulator: Simulator) -> None:
    body = {"model": GPT, "prompt": "Red", "images": [{"file_id": "file-1"}]}
    answer = served.ask("POST", "/v1/images/edits", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "image")
    assert simulator.counters("openai").submits == 0


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/videos"])
def test_fields_that_are_written_out_as_null_are_left_out(served: Started, path: str) -> None:
    unset = dict.fromkeys(
        ("fallbacks", "max_cost", "metadata", "n", "seed", "size", "stream", "user", "seconds",
         "frame_images", "input_reference", "input_references", "partial_images", "quality",
         "response_format", "style")
    )  # fmt: skip
    model = MODEL if path.endswith("videos") else GPT
    answer = served.ask("POST", path, json={**unset, "model": model, "prompt": "A cat"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("size", ["1080p", "1920x1080"])
def test_a_size_may_be_a_resolution(served: Started, simulator: Simulator, size: str) -> None:
    made = served.create(size=size)
    assert made.status_code == 200, made.text
    assert made.json()["size"] == size
    assert simulator.jobs("fal")[0].payload["resolution"] == "1080p"
    assert served.create(size="huge").status_code == 400
