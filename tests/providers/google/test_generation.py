"""Videos and images from submit to response, on both of Google's services."""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationRequest,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.testing import Script, Simulator

from .conftest import IMAGE, IMAGEN, KEY, OMNI, TOKEN, VEO, VERTEX, Make

CAT = VideoGenerationRequest(prompt="A cat", duration_seconds=8, aspect_ratio="16:9")
STILL = ImageGenerationRequest(prompt="A cat", aspect_ratio="16:9")
SERVICES: list[Any] = [
    pytest.param(OMNI, {}, id="omni"),
    pytest.param(OMNI, VERTEX, id="omni-vertex"),
    pytest.param(VEO, {}, id="veo"),
    pytest.param(VEO, VERTEX, id="veo-vertex"),
]
IMAGES: list[Any] = [
    pytest.param(IMAGE, {}, id="content"),
    pytest.param(IMAGE, VERTEX, id="content-vertex"),
    pytest.param(IMAGEN, {}, id="imagen"),
    pytest.param(IMAGEN, VERTEX, id="imagen-vertex"),
]


@pytest.mark.parametrize(("model", "own"), SERVICES)
async def test_a_video(
    simulator: Simulator, gateway: Gateway, video: Make, model: str, own: dict[str, Any]
) -> None:
    simulator.script("google", Script(queue_polls=1, run_polls=1))
    config = video(model, provider_config=own)
    request = CAT.model_copy(update={"extra_params": {"labels": {"team": "x"}}})
    updates: list[Any] = []
    response = await gateway.generate_video_async(config, request, updates.append)

    (job,) = simulator.jobs("google")
    assert job.payload == plan_video(config, request).payload
    assert job.payload["labels"] == {"team": "x"}
    assert response.raw_response == job.result_body
    assert response.content_type == "video/mp4"
    assert isinstance(response.video, dict)
    assert response.video["content"][4:8] == b"ftyp"
    assert response.request_id.endswith(job.id)
    assert [update.status for update in updates][-1] == "completed"
    assert simulator.counters("google").submits == 1
    assert ("expires_at" in response.provider_metadata) == (not own)
    sent = {request.headers.get("authorization") for request in simulator.requests("google")}
    assert sent == ({f"Bearer {TOKEN}"} if own else {None})


@pytest.mark.parametrize(("model", "own"), IMAGES)
async def test_an_image(
    simulator: Simulator, gateway: Gateway, image: Make, model: str, own: dict[str, Any]
) -> None:
    config = image(model, provider_config=own)
    updates: list[Any] = []
    response = await gateway.generate_image_async(config, STILL, updates.append)

    (job,) = simulator.jobs("google")
    assert job.payload == plan_image(config, STILL).payload
    assert response.raw_response == job.result_body
    assert base64.b64decode(response.images[0]).startswith(b"\x89PNG")
    assert response.content_type == "image/png"
    assert response.revised_prompt == ("A prompt, rewritten" if model == IMAGEN else None)
    assert [update.status for update in updates] == ["completed"]
    assert simulator.counters("google").submits == 1


async def test_several_at_once(
    simulator: Simulator, gateway: Gateway, video: Make, image: Make
) -> None:
    many = VideoGenerationRequest(prompt="A cat", number_of_videos=3)
    response = await gateway.generate_video_async(video(VEO, provider_config=VERTEX), many)
    assert len(response.videos) == 3

    stills = ImageGenerationRequest(prompt="A cat", n=3)
    assert len((await gateway.generate_image_async(image(IMAGEN), stills)).images) == 3
    one = await gateway.generate_image_async(image(IMAGE), stills)
    assert (len(one.images), one.adjustments[0].field) == (1, "n")
    assert simulator.counters("google").accepted == 3


async def test_sixteen_at_once(simulator: Simulator, gateway: Gateway, video: Make) -> None:
    jobs = (gateway.generate_video_async(video(), CAT) for _ in range(16))
    responses = await asyncio.gather(*jobs)
    assert len({response.request_id for response in responses}) == 16
    assert simulator.counters("google").submits == 16
    assert threading.active_count() < 64


async def test_media_of_every_form_reach_the_wire(
    simulator: Simulator, gateway: Gateway, video: Make
) -> None:
    first, last = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"
    content = {"content": first, "content_type": "image/png"}
    encoded = base64.b64encode(last).decode()
    images = [
        {"image": content, "type": "first_frame"},
        {"image": f"data:image/jpeg;base64,{encoded}", "type": "last_frame"},
        {"image": "gs://bucket/cat.webp", "type": "reference"},
    ]
    request = VideoGenerationRequest.model_validate({"prompt": "A cat", "image_list": images})
    await gateway.generate_video_async(video(), request)
    sent = simulator.jobs("google")[0].payload["input"]
    assert sent[0]["data"] == base64.b64encode(first).decode()
    assert (sent[1]["data"], sent[1]["mime_type"]) == (encoded, "image/jpeg")
    assert (sent[2]["uri"], sent[2]["mime_type"]) == ("gs://bucket/cat.webp", "image/webp")


async def test_a_public_url_is_fetched_without_the_key(gateway: Gateway, video: Make) -> None:
    with Simulator(["fal", "google"]) as both:
        url = both.media_url + both._media.put("fal", "1", "frame.png", b"\xff\xd8\xff")  # noqa: SLF001
        request = VideoGenerationRequest.model_validate(
            {"prompt": "A cat", "image_list": [{"image": url, "type": "first_frame"}]}
        )
        await gateway.generate_video_async(video(base_url=both.base_url("google")), request)
        sent = both.jobs("google")[0].payload["input"][0]
        assert sent["data"] == "/9j/"
        assert both.leaks == []


@pytest.mark.parametrize("model", [OMNI, VEO])
async def test_a_result_in_the_users_bucket_is_fetched_with_the_token(
    simulator: Simulator, gateway: Gateway, video: Make, model: str
) -> None:
    named = {
        OMNI: {"delivery": "uri", "gcs_uri": "gs://mine/a b"},
        VEO: {"storageUri": "gs://mine/a b"},
    }
    request = VideoGenerationRequest(prompt="A cat", extra_params=named[model])
    config = video(model, provider_config=VERTEX)
    response = await gateway.generate_video_async(config, request)
    assert isinstance(response.video, dict)
    assert response.video["content"][4:8] == b"ftyp"
    (uri,) = response.provider_metadata["gcs_uris"]
    assert uri.startswith("gs://mine/a b/")
    assert simulator.counters("google").downloads == 1


async def test_what_is_not_stored_comes_with_the_answer(
    simulator: Simulator, gateway: Gateway, video: Make
) -> None:
    """`store=False`: no id, no looks."""
    inline = {"type": "video", "mime_type": "video/mp4", "data": base64.b64encode(b"clip").decode()}
    body = {
        "status": "completed",
        "steps": [{"type": "model_output", "content": [inline]}],
    }
    from tarash.tarash_gateway.testing import Fault

    simulator.fail("google", "submit", Fault.status(200, body))
    response = await gateway.generate_video_async(video(), CAT)
    assert response.video == {"content": b"clip", "content_type": "video/mp4"}
    assert simulator.counters("google").polls == 0


@pytest.mark.parametrize("name", ["GOOGLE_API_KEY", "GEMINI_API_KEY"])
async def test_the_key_comes_from_the_environment(
    gateway: Gateway, video: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.setenv(name, KEY)
    response = await gateway.generate_video_async(video(api_key=None), CAT)
    assert response.status == "completed"
