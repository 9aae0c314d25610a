"""Videos and images through the adapter, as users ask for them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_image_async,
    generate_video,
    generate_video_async,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._http._client import Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._support._secrets import Key
from tarash.tarash_gateway.exceptions import HTTPError, ValidationError
from tarash.tarash_gateway.providers.runway.adapter import LARGEST_UPLOAD, adapter
from tarash.tarash_gateway.providers.runway.client import API_VERSION
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import Leap, rounds, until

Video = Callable[..., VideoGenerationConfig]
Image = Callable[..., ImageGenerationConfig]
REQUEST = VideoGenerationRequest(prompt="a kite")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
FILM = b"\0\0\0\x18ftypmp42" + b"film" * 1_000_000
ROOT = Path(__file__).parents[3]


@pytest.fixture(params=["sync", "async"])
def generate(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Either form of the public functions."""

    def run(config: Any, wish: Any, on_progress: Any = None) -> Any:
        is_video = isinstance(config, VideoGenerationConfig)
        if request.param == "sync":
            return (generate_video if is_video else generate_image)(config, wish, on_progress)

        make: Any = generate_video_async if is_video else generate_image_async
        return asyncio.run(make(config, wish, on_progress))

    return run


def test_a_video(simulator: Simulator, video: Video, generate: Callable[..., Any]) -> None:
    simulator.script("runway", Script(queue_polls=1, run_polls=2))
    updates: list[Any] = []
    response = generate(video(), REQUEST, updates.append)

    (job,) = simulator.jobs("runway")
    assert response.raw_response == job.result_body
    assert response.request_id == job.id
    assert [response.video] == list(response.videos) == job.result_body["output"]
    assert (response.content_type, response.status) == ("video/mp4", "completed")
    assert response.provider_metadata["cost"] == {"credits": 1.0}
    assert response.provider_metadata["estimatedCost"] == {"credits": 25}
    expires = datetime.fromisoformat(response.provider_metadata["expires_at"])
    assert timedelta(hours=23) < expires - datetime.now(UTC) <= timedelta(hours=24)

    statuses = [update.status for update in updates]
    assert statuses == sorted(statuses, key=["queued", "processing", "completed"].index)
    assert {"queued", "processing", "completed"} == set(statuses)
    percents = [one.progress_percent for one in updates if one.progress_percent is not None]
    assert percents == [0, 50, 100]  # a share of one, told as a percentage
    assert simulator.leaks == []


def test_images(simulator: Simulator, image: Image, generate: Callable[..., Any]) -> None:
    request = ImageGenerationRequest(prompt="a kite", n=3, size="1920x1088")
    response = generate(image("gpt_image_2"), request)
    (job,) = simulator.jobs("runway")
    assert list(response.images) == job.result_body["output"]
    assert len(response.images) == 3
    assert response.content_type == "image/png"
    assert response.raw_response == job.result_body
    assert job.endpoint == "text_to_image"


@pytest.mark.parametrize(
    ("media", "sent"),
    [
        ("https://example.com/a.png", "https://example.com/a.png"),
        ("runway://abc", "runway://abc"),
        (
            {"content": PNG, "content_type": "image/png"},
            f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
        ),
        (
            base64.b64encode(PNG).decode(),
            f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
        ),
    ],
)
async def test_forms_of_media(simulator: Simulator, video: Video, media: Any, sent: str) -> None:
    request = VideoGenerationRequest(
        prompt="a kite", image_list=({"image": media, "type": "first_frame"},)
    )
    await generate_video_async(video("gen4_turbo"), request)
    (job,) = simulator.jobs("runway")
    assert (job.endpoint, job.payload["promptImage"]) == ("image_to_video", sent)


async def test_large_media_are_uploaded_without_the_key(simulator: Simulator, video: Video) -> None:
    film = {"content": FILM, "content_type": "video/mp4"}
    request = VideoGenerationRequest.model_validate({"prompt": "a kite", "video": film})
    await generate_video_async(video("aleph2"), request)

    (job,) = simulator.jobs("runway")
    assert job.payload["videoUri"].startswith("runway://")
    start, stored = [
        one for one in simulator.requests("runway") if one.path.startswith(("/v1/up", "/storage"))
    ]
    assert start.json() == {"filename": "input.mp4", "type": "ephemeral"}
    assert FILM in stored.body
    assert b'name="policy"' in stored.body
    assert "canary" not in str(stored.headers)
    assert simulator.counters("runway").uploads == 1


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("upload_init", Fault.status(503)),
        ("upload_init", Fault.reset_before()),
        ("upload_init", Fault.foreign_body()),
        ("upload_init", Fault.foreign_body('{"uploadUrl": "x"}', "application/json")),
        ("upload", Fault.status(403)),
        ("upload", Fault.reset_before()),
    ],
)
async def test_a_failed_upload_buys_nothing(
    simulator: Simulator, video: Video, step: Any, fault: Fault
) -> None:
    simulator.fail("runway", step, fault)
    film = {"content": FILM, "content_type": "video/mp4"}
    request = VideoGenerationRequest.model_validate({"prompt": "a kite", "video": film})
    with pytest.raises((HTTPError, ConnectionError)):
        await generate_video_async(video("aleph2"), request)

    assert simulator.counters("runway").submits == 0


async def test_too_large_an_upload_is_refused_here(simulator: Simulator, video: Video) -> None:
    film = {"content": FILM + bytes(LARGEST_UPLOAD), "content_type": "video/mp4"}
    request = VideoGenerationRequest.model_validate({"prompt": "a kite", "video": film})
    with pytest.raises(ValidationError, match=f"at most {LARGEST_UPLOAD} bytes"):
        await generate_video_async(video("aleph2", max_media_bytes=2 * LARGEST_UPLOAD), request)

    assert simulator.requests("runway") == []


async def test_extra_parameters_arrive_untouched(simulator: Simulator, video: Video) -> None:
    extra = {"ratio": "720:1280", "contentModeration": {"publicFigureThreshold": "low"}, "x": None}
    request = VideoGenerationRequest(prompt="a kite", aspect_ratio="16:9", extra_params=extra)
    response = await generate_video_async(video(), request)
    assert extra.items() <= simulator.jobs("runway")[0].payload.items()
    assert response.adjustments == ()


async def test_a_retired_id_tells_what_became_of_it(simulator: Simulator, video: Video) -> None:
    request = VideoGenerationRequest(prompt="a kite", video="https://example.com/a.mp4")
    response = await generate_video_async(video("aleph"), request)
    assert simulator.jobs("runway")[0].payload["model"] == "aleph2"
    (adjustment,) = response.adjustments
    assert (adjustment.requested, adjustment.sent) == ("aleph", "aleph2")


async def test_a_sound_track_of_its_own(simulator: Simulator, video: Video) -> None:
    links = ["https://cdn.example.com/a.zip?sig=1", "https://cdn.example.com/a.wav?sig=1"]
    simulator.script("runway", Script(result={"output": links, "news": 1}))
    response = await generate_video_async(video(), REQUEST)
    assert (response.videos, response.audio_url) == ((links[0],), links[1])
    assert response.content_type == "application/zip"
    assert response.provider_metadata["news"] == 1


async def test_the_version_header_can_be_set(simulator: Simulator, video: Video) -> None:
    await generate_video_async(video(api_version="2030-01-01"), REQUEST)
    versions = {one.headers["x-runway-version"] for one in simulator.requests("runway")}
    assert versions == {"2030-01-01"}


async def test_a_free_check_of_the_key(simulator: Simulator) -> None:
    transport = Transport()
    account = Credentials("runway", simulator.base_url("runway"), Key("canary"))
    client = adapter.connect(account, transport)
    try:
        await adapter.verify_credentials(client)
        simulator.keys["runway"] = {"another"}
        with pytest.raises(HTTPError) as caught:
            await adapter.verify_credentials(client)
    finally:
        await client.aclose()
        await transport.aclose()

    assert caught.value.status_code == 401
    assert simulator.jobs("runway") == []


def test_our_version_of_the_api_is_that_of_the_sdk() -> None:
    runwayml = pytest.importorskip("runwayml")
    with runwayml.RunwayML(api_key="canary") as sdk:
        assert sdk.runway_version == API_VERSION


async def test_another_process_can_go_on_from_the_operation(simulator: Simulator) -> None:
    simulator.script("runway", Script(run_polls=0))
    transport = Transport()
    account = Credentials("runway", simulator.base_url("runway"), Key("canary"))
    client = adapter.connect(account, transport)
    try:
        sdk, _ = client.uploading
        created = await sdk.text_to_video.create(model="veo3.1", prompt_text="x", ratio="1280:720")
        operation = Operation("runway", "veo3.1", "video", created.id, "2026-01-01T00:00:00+00:00")
        again = Operation.from_json(operation.to_json())
        snapshot = await adapter.poll(client, again)
    finally:
        await client.aclose()
        await transport.aclose()

    assert again == operation
    assert snapshot.status == "completed"


async def test_the_default_pace_is_runways(simulator: Simulator, video: Video, leap: Leap) -> None:
    """Nobody should look more often than every five seconds: so the first look is that late."""
    simulator.script("runway", Script(run_polls=0))
    updates: list[Any] = []
    config = video(provider_config={}, poll_interval=0.01)
    work = asyncio.ensure_future(generate_video_async(config, REQUEST, updates.append))
    await until(lambda: len(updates) > 0)
    await rounds()
    leap(4.9)
    await asyncio.sleep(0.02)
    assert simulator.counters("runway").polls == 0
    leap(1)
    assert (await work).status == "completed"


async def test_many_at_once_share_a_client(simulator: Simulator, video: Video) -> None:
    config = video()
    responses = await asyncio.gather(*(generate_video_async(config, REQUEST) for _ in range(20)))
    assert len({response.request_id for response in responses}) == 20
    assert simulator.counters("runway").submits == 20
