"""A job says what is made, which is not always what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import probe
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import MODEL, Start, Started

BENT = {"seconds": "7", "size": "1234x720"}
REAL = (MODEL, "openai/sora-2", "google/veo-3.1-generate-preview", "replicate/google/veo-3.1")
"""By an address of the provider's, and as bytes, which no ledger keeps."""


def changed(shown: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what had to be changed: what was asked for, and what is made."""
    return {one["field"]: (one["requested"], one["sent"]) for one in shown["adjustments"]}


@pytest.mark.parametrize("model", REAL)
def test_a_video_is_as_long_and_as_large_as_the_model_makes_it(
    start: Start, simulator: Simulator, tmp_path: Path, model: str
) -> None:
    del simulator
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    served = start(ledger)
    made = served.create(model=model, **BENT)
    assert made.status_code == 200, made.text
    _check(served, made.json())
    video = served.until_ended(made.json()["id"])
    assert video["status"] == "completed", video
    _check(served, video)
    served.stop()
    again = start(ledger)
    _check(again, again.ask("GET", f"/v1/videos/{video['id']}").json())


def _check(served: Started, video: dict[str, Any]) -> None:
    assert (video["seconds"], video["size"]) == ("8", "1280x720")
    assert changed(video)["duration_seconds"] == (7, 8)
    assert changed(video)["aspect_ratio"] == ("1234:720", "16:9")
    (listed,) = served.ask("GET", "/v1/videos").json()["data"]
    job = served.ask("GET", f"/api/jobs/{video['id']}").json()
    assert changed(listed) == changed(job) == changed(video)
    assert (listed["seconds"], listed["size"]) == ("8", "1280x720")
    assert job["request"]["duration_seconds"] == 7
    if job["status"] == "completed":
        assert [one["status"] for one in job["execution"]["attempts"]] == ["success"]


def test_the_mock_says_what_its_file_is(mocked: Started, tmp_path: Path) -> None:
    """Its results are bytes, and the ledger kept nothing of such a response."""
    video = mocked.until_ended(mocked.create(**BENT).json()["id"])
    _check(mocked, video)
    (file,) = (tmp_path / "media").glob("*.mp4")
    info = probe(file)
    assert (f"{info.duration:g}", f"{info.width}x{info.height}") == (
        video["seconds"],
        video["size"],
    )


def test_a_job_that_fails_says_what_was_sent(served: Started, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="failed"))
    video = served.until_ended(served.create(**BENT).json()["id"])
    assert (video["status"], video["seconds"], video["size"]) == ("failed", "8", "1280x720")
    assert changed(video)["duration_seconds"] == (7, 8)


def test_a_size_near_one_that_models_make_is_that(mocked: Started) -> None:
    made = mocked.create(size="1272x720").json()
    assert made["size"] == "1280x720"
    assert changed(made) == {"size": ("1272x720", "1280x720")}
    assert "adjustments" not in mocked.create(size="1280x720", seconds="8").json()


def test_what_the_model_leaves_out_is_not_claimed(served: Started) -> None:
    """Kling's model takes no resolution: what it makes then is its own choice."""
    made = served.create(
        model="fal/fal-ai/kling-video/v2.1/master/text-to-video", seconds="5", size="1920x1080"
    ).json()
    assert (made["seconds"], made["size"]) == ("5", "")
    assert changed(made)["resolution"] == ("1080p", None)


def test_an_image_of_the_mock_shows_its_attempts(mocked: Started) -> None:
    made = mocked.ask(
        "POST", "/v1/images/generations", json={"model": "openai/gpt-image-2", "prompt": "A cat"}
    ).json()
    job = mocked.ask("GET", f"/api/jobs/{made['job']}").json()
    assert job["execution"]["successful_attempt"] == 1
    assert job["adjustments"] == made["adjustments"]


def test_before_the_mock_times_are_those_of_the_model(mocked: Started) -> None:
    """They were the mock's own, beside the model's price."""
    mocked.until_ended(mocked.create().json()["id"])
    body = {"model": MODEL, "prompt": "A cat", "fallbacks": ["openai/sora-2"]}
    plan = mocked.ask("POST", "/api/plan", json=body).json()
    assert plan["expected_seconds"] is None
    assert plan["fallbacks"][0]["expected_seconds"] is None
    assert float(plan["quote"]["high"]) > 0


def test_what_is_left_out_is_listed_as_nothing(mocked: Started) -> None:
    """One job with such an adjustment made each list an error."""
    asked = {"model": "openai/gpt-image-2", "prompt": "A cat", "seed": 7}
    made = mocked.ask("POST", "/v1/images/generations", json=asked)
    assert made.status_code == 200, made.text
    (job,) = mocked.ask("GET", "/api/jobs").json()["data"]
    assert changed(job)["seed"] == (7, None)
    assert changed(mocked.ask("GET", f"/api/jobs/{job['id']}").json()) == changed(job)


@pytest.mark.parametrize("size", ["1000x1000", "1024x768"])
def test_a_size_that_only_the_model_knows_is_left_open(mocked: Started, size: str) -> None:
    made = mocked.create(model="luma/ray-2", size=size)
    assert made.status_code == 200, made.text
    assert made.json()["size"] == ""
