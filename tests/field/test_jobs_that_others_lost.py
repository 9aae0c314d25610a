"""What people reported of jobs on their way: here none is lost, or bought twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
    generate_video_async,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Simulator
from tarash.tarash_gateway.testing._wire import read_form
from tests.media.raw import Asked, answer, serving

REQUEST = VideoGenerationRequest(prompt="A cat")
CLIP = samples.videos()[0].path.read_bytes()
PREDICTION: dict[str, Any] = {"id": "p1", "output": None, "error": None}


def said(value: Any, status: str = "200 OK") -> bytes:
    return answer(json.dumps(value).encode(), status, Content_Type="application/json")


def config(url: str, provider: str, model: str, **facts: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider=provider,
        model=model,
        api_key="the-key-that-bought-it",
        base_url=url,
        poll_interval=0.02,
        provider_config={"min_poll_interval": 0.01},
        **facts,
    )


def prediction(asked: Asked, status: str, **facts: Any) -> bytes:
    urls = {"get": f"http://{asked.headers['host']}/v1/predictions/p1"}
    return said({**PREDICTION, "urls": urls, "status": status, **facts}, "201 Created")


def test_a_failure_of_the_job_is_no_failure_of_the_look() -> None:
    looks = []

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [prediction(asked, "starting")]

        looks.append(asked)
        return [prediction(asked, "failed", error="CUDA out of memory")]

    with serving(answers) as server, pytest.raises(GenerationFailedError, match="CUDA"):
        generate_video(config(server.url, "replicate", "google/veo-3.1"), REQUEST)

    assert len(looks) == 1


def test_connections_that_break_while_waiting_do_not_end_the_wait() -> None:
    looks = []

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [prediction(asked, "starting")]

        looks.append(asked)
        if len(looks) < 4:
            return []

        return [prediction(asked, "succeeded", output="https://example.com/cat.mp4")]

    with serving(answers) as server:
        made = generate_video(config(server.url, "replicate", "google/veo-3.1"), REQUEST)

    assert made.video == "https://example.com/cat.mp4"
    assert [asked.method for asked in server.seen].count("POST") == 1


def test_a_job_is_looked_at_and_fetched_with_the_key_that_bought_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-key-of-somebody-else")

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.target.endswith("/content"):
            return [answer(CLIP, Content_Type="video/mp4")]

        job = {"id": "v1", "object": "video", "model": "sora-of-ours", "created_at": 1}
        status = "queued" if asked.method == "POST" else "completed"
        return [said({**job, "status": status, "progress": 0})]

    with serving(answers) as server:
        generate_video(config(f"{server.url}/v1", "openai", "sora-of-ours"), REQUEST)

    assert {one.headers["authorization"] for one in server.seen} == {
        "Bearer the-key-that-bought-it"
    }


@pytest.mark.parametrize("told", [0.42, None, "42%", {"percent": 42}, True])
def test_progress_of_any_shape_costs_nothing(told: Any) -> None:
    updates: list[float | None] = []

    def answers(asked: Asked, number: int) -> list[bytes]:
        if asked.method == "POST":
            return [said({"id": "t1"})]

        task = {"id": "t1", "createdAt": "2026-01-01T00:00:00Z"}
        if number < 2:
            return [said({**task, "status": "RUNNING", "progress": told})]

        return [said({**task, "status": "SUCCEEDED", "output": ["https://example.com/cat.mp4"]})]

    with serving(answers) as server:
        made = generate_video(
            config(server.url, "runway", "gen4.5"),
            REQUEST,
            lambda update: updates.append(update.progress_percent),
        )

    assert made.video == "https://example.com/cat.mp4"
    assert (42 in updates) == (told == 0.42)


@pytest.mark.parametrize("code", ["SAFETY.INPUT.TEXT", "INPUT_PREPROCESSING.SAFETY.TEXT"])
def test_a_refusal_by_its_code_is_moderation_and_is_not_tried_again(code: str) -> None:
    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [said({"id": "t1"})]

        task = {"id": "t1", "createdAt": "2026-01-01T00:00:00Z", "status": "FAILED"}
        return [said({**task, "failure": "It failed.", "failureCode": code})]

    with serving(answers) as server, pytest.raises(ContentModerationError) as caught:
        generate_video(config(server.url, "runway", "gen4.5"), REQUEST)

    assert not caught.value.retryable
    assert [one.method for one in server.seen].count("POST") == 1


def test_an_image_that_luma_could_not_fetch_is_not_called_indecent() -> None:
    def answers(asked: Asked, _number: int) -> list[bytes]:
        state = {"id": "g1", "state": "queued", "created_at": "2026-01-01T00:00:00Z"}
        if asked.method == "POST":
            return [said(state, "201 Created")]

        reason = "400: failed to moderate image"
        return [said({**state, "state": "failed", "failure_reason": reason})]

    frame: Any = {"image": "https://example.com/cat.jpg", "type": "first_frame"}
    with serving(answers) as server, pytest.raises(TarashException) as caught:
        generate_video(
            config(server.url, "luma", "ray-2"),
            VideoGenerationRequest(prompt="A cat", image_list=[frame]),
        )

    assert not isinstance(caught.value, ContentModerationError)
    assert "failed to moderate image" in str(caught.value)


def test_a_second_event_loop_neither_breaks_nor_doubles_a_job() -> None:
    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [prediction(asked, "starting")]

        return [prediction(asked, "succeeded", output="https://example.com/cat.mp4")]

    with serving(answers) as server:
        ours = config(server.url, "replicate", "google/veo-3.1")
        for _ in range(2):
            made = asyncio.run(generate_video_async(ours, REQUEST))
            assert made.video == "https://example.com/cat.mp4"

    assert [asked.method for asked in server.seen].count("POST") == 2


def test_all_reference_images_of_an_edit_arrive() -> None:
    colours = [samples.make_png(16, 16, seed) for seed in range(3)]
    with Simulator(["openai"]) as simulator:
        ours = ImageGenerationConfig(
            provider="openai",
            model="gpt-image-2",
            api_key="a-key",
            base_url=simulator.base_url("openai"),
        )
        images: Any = [{"image": one} for one in colours]
        generate_image(ours, ImageGenerationRequest(prompt="A cat", image_list=images))
        form = read_form(simulator.requests("openai")[0])

    assert form is not None
    assert [part.content for part in form.files["image[]"]] == colours
