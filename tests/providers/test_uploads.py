"""Media that are too large to go inline, or have no URL: uploaded, waited for, or refused."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.genai import Client, _interactions

from tarash.tarash_gateway import (
    Gateway,
    HTTPError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_video,
)
from tarash.tarash_gateway._data._types import MediaContent
from tarash.tarash_gateway._engine._uploads import uploader
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway._http._pools import ClientCache
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Simulator

# Imported before any test: the SDK takes a second.
LOADED = (Client, _interactions)
KEY = "key-of-tests"
MIB = 1024 * 1024
CLIP: MediaContent = {
    "content": b"\x00\x00\x00\x18ftypmp42" + bytes(99),
    "content_type": "video/mp4",
}
PICTURE: MediaContent = {"content": b"\x89PNG\r\n\x1a\n" + bytes(99), "content_type": "image/png"}
MODELS = {"google": "gemini-omni-1.1-flash", "xai": "grok-imagine-video", "luma": "ray-3.2"}
VERTEX = {"gcp_project": "a-project", "access_token": KEY}


def config(simulator: Simulator, provider: str, **own: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider=provider,
        model=MODELS[provider],
        api_key=None if own else KEY,
        base_url=simulator.base_url(provider),
        poll_interval=0.02,
        max_retries=0,
        provider_config={"min_poll_interval": 0.01, **own},
    )


def clip_of(size: int) -> MediaContent:
    return {"content": CLIP["content"] + bytes(size), "content_type": "video/mp4"}


@asynccontextmanager
async def hand(simulator: Simulator, provider: str, **own: Any) -> AsyncIterator[Any]:
    """Yield what uploads one medium, as the engine does it."""
    adapter = default_registry.adapter(provider)
    clients = ClientCache()
    asked = account(adapter, config(simulator, provider, **own), None)
    async with clients.lease(adapter, asked) as client:
        yield uploader(adapter, client)

    await clients.aclose()


async def test_a_large_video_is_uploaded_to_google_and_waited_for() -> None:
    """The simulator refuses a file that nobody has looked at until it was ready."""
    media = clip_of(64 * MIB)
    request = VideoGenerationRequest.model_validate({"prompt": "In winter", "video": media})
    with Simulator(["google"]) as simulator:
        simulator.keys["google"] = {KEY}
        simulator.fail("google", "result", Fault.status(503))
        async with Gateway() as gateway:
            await gateway.generate_video_async(config(simulator, "google"), request)

        (job,) = simulator.jobs("google")
        (part,) = [one for one in job.payload["input"] if one["type"] == "video"]
        (upload,) = [
            one for one in simulator.requests("google") if one.path.startswith("/resumable/")
        ]
        assert part["mime_type"] == "video/mp4"
        assert part["uri"].startswith(f"{simulator.base_url('google')}/v1beta/files/")
        assert "#" not in part["uri"]
        assert upload.body == media["content"]
        assert (simulator.counters("google").uploads, len(simulator.jobs("google"))) == (1, 1)


async def test_what_google_can_not_read_or_take_is_refused() -> None:
    with Simulator(["google"]) as simulator:
        async with hand(simulator, "google") as upload:
            assert (await upload(PICTURE)).endswith("#image/png")
            broken = {"state": "FAILED", "error": {"message": "no video"}}
            simulator.fail("google", "result", Fault.status(200, broken))
            with pytest.raises(ValidationError, match=r"no video.*give another") as caught:
                await upload(CLIP)

            assert caught.value.submission == "not_sent"

        async with hand(simulator, "google", **VERTEX) as upload:
            with pytest.raises(ValidationError, match="gs://"):
                await upload(CLIP)


async def test_a_video_is_uploaded_to_xai_and_named_by_its_id() -> None:
    with Simulator(["xai"]) as simulator:
        async with hand(simulator, "xai") as upload:
            reference = await upload(CLIP)
            with pytest.raises(ValidationError, match="smaller file"):
                await upload(clip_of(50 * MIB))

        (sent,) = [one for one in simulator.requests("xai") if one.path == "/v1/files"]
        assert CLIP["content"] in sent.body
        assert sent.body.index(b"expires_after") < sent.body.index(b'name="file"')

        request = VideoGenerationRequest(prompt="In winter", video=reference)
        async with Gateway() as gateway:
            await gateway.generate_video_async(config(simulator, "xai"), request)

        (job,) = simulator.jobs("xai")
        assert job.payload["video"] == {"file_id": reference.removeprefix("xai://")}


@pytest.mark.parametrize(
    ("provider", "step", "fault"),
    [
        ("google", "upload_init", Fault.status(500)),
        ("google", "upload_init", Fault.status(200, {})),
        ("google", "upload", Fault.status(400)),
        ("google", "upload", Fault.foreign_body()),
        ("google", "result", Fault.status(403)),
        ("xai", "upload", Fault.status(500)),
        ("xai", "upload", Fault.foreign_body("{}", "application/json")),
    ],
)
async def test_a_failed_upload_buys_nothing(provider: str, step: Any, fault: Fault) -> None:
    with Simulator([provider]) as simulator:
        async with hand(simulator, provider) as upload:
            simulator.fail(provider, step, fault)
            with pytest.raises(TarashException) as caught:
                await upload(CLIP)

        assert isinstance(caught.value, HTTPError)
        assert caught.value.submission == "not_sent"
        assert simulator.counters(provider).submits == 0


@pytest.mark.parametrize(
    ("provider", "reference", "sent"),
    [
        ("xai", "xai://file-7", {"file_id": "file-7"}),
        (
            "google",
            "https://generativelanguage.googleapis.com/v1beta/files/a7#video/mp4",
            {
                "type": "video",
                "uri": "https://generativelanguage.googleapis.com/v1beta/files/a7",
                "mime_type": "video/mp4",
            },
        ),
    ],
)
def test_a_file_that_was_uploaded_before_is_named(
    provider: str, reference: str, sent: dict[str, str]
) -> None:
    asked = VideoGenerationConfig(provider=provider, model=MODELS[provider])
    plan = plan_video(asked, VideoGenerationRequest(prompt="In winter", video=reference))
    found = plan.payload.get("video") or plan.payload["input"][0]
    assert found == sent


async def test_lumas_agents_api_takes_bytes_inline() -> None:
    request = VideoGenerationRequest.model_validate(
        {"prompt": "A cat", "image_list": [{"image": PICTURE, "type": "first_frame"}]}
    )
    with Simulator(["luma"]) as simulator:
        asked = config(simulator, "luma")
        async with Gateway() as gateway:
            await gateway.generate_video_async(asked, request)

        frame = simulator.jobs("luma")[0].payload["video"]["start_frame"]
        data = base64.b64encode(PICTURE["content"]).decode()
        assert frame == {"data": data, "media_type": "image/png"}

        planned = plan_video(asked, request).payload["video"]["start_frame"]
        size = len(PICTURE["content"])
        assert planned == {"data": f"<image/png, {size} bytes>", "media_type": "image/png"}

        clip = VideoGenerationRequest.model_validate({"prompt": "A cat", "video": CLIP})
        assert plan_video(asked, clip).payload["source"]["media_type"] == "video/mp4"
