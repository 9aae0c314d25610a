"""LiteLLM as a client, by `api_base`."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.clients.conftest import Run


@pytest.mark.timeout(900)
def test_all_that_litellm_does(run: Run, simulator: Simulator) -> None:
    found = run("lite.py")
    assert found.pop("no such model")["status"] == 404
    assert found.pop("no such key")["status"] == 401
    assert all(found.pop(one) in ("queued", "in_progress", "completed") for one in MADE)
    assert found == {
        "asynchronous": ["completed", "ftyp"],
        "content": "ftyp",
        "edit one": 1,
        "edit two with a mask": 1,
        "images": [2, True],
        "images of another provider": [2, True],
        "list": 1,
        "video": "completed",
    }
    frames = [one.payload for one in simulator.jobs("fal") if "first_frame_url" in one.payload]
    (sent,) = frames
    assert sent["last_frame_url"] == "https://example.com/last_frame.png"
    assert (sent["duration"], sent["generate_audio"], sent["seed"]) == ("8s", False, 3)


MADE = ("edit", "extension", "frames", "reference", "remix")
"""What answers with a job."""
