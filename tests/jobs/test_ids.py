"""One rule for ids: what a submit takes, waits, tokens and `resume_all` take, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tests.media.raw import Asked, Raw, answer, serving
from tests.providers.test_odd_ids import ODD, REFUSED

KEY = "id:a-secret-key"
REQUEST = VideoGenerationRequest(prompt="A cat")
OPERATION = "models/veo-3.1-generate-preview/operations/"


def _job(**facts: Any) -> Callable[[str], Any]:
    return lambda name: {"id": name, **facts}


def _prediction(name: str) -> Any:
    return {"id": name, "status": "starting", "urls": {}}


PROVIDERS: dict[str, tuple[str, Callable[[str], Any], Any]] = {
    "fal": ("fal-ai/veo3.1", lambda name: {"request_id": name}, {"status": "IN_QUEUE"}),
    "google-omni": (
        "gemini-omni-1.1-flash",
        _job(status="in_progress"),
        {"id": "x", "status": "in_progress"},
    ),
    "google-veo": (
        "veo-3.1-generate-preview",
        lambda name: {"name": f"{OPERATION}{name}"},
        {"name": "x", "done": False},
    ),
    "luma": ("ray-2", _job(state="queued"), {"id": "x", "state": "queued"}),
    "openai": (
        "sora-2",
        _job(object="video", status="queued"),
        {"id": "x", "status": "queued", "object": "video"},
    ),
    "replicate": ("google/veo-3.1", _prediction, {"id": "x", "status": "starting"}),
    "runway": ("gen4.5", _job(), {"id": "x", "status": "PENDING"}),
    "xai": ("grok-imagine-video", lambda name: {"request_id": name}, {"status": "pending"}),
}
"""A model, what answers its submit, and what a job of it looks like that goes on."""


def said(value: Any) -> bytes:
    return answer(json.dumps(value).encode(), Content_Type="application/json")


def server_of(name: str, job_id: str) -> Callable[[Asked, int], Iterable[bytes]]:
    _, accepted, pending = PROVIDERS[name]
    return lambda asked, _: [said(accepted(job_id) if asked.method == "POST" else pending)]


def config_of(name: str, server: Raw) -> VideoGenerationConfig:
    provider = name.partition("-")[0]
    return VideoGenerationConfig(
        provider=provider,
        model=PROVIDERS[name][0],
        api_key=KEY,
        base_url=f"{server.url}/v1" if provider in ("openai", "xai") else server.url,
        poll_interval=0.01,
        max_poll_attempts=1,
        on_timeout="detach",
        provider_config={"min_poll_interval": 0.01},
    )


def asked_after(server: Raw) -> set[str]:
    """Return the paths of what was asked without buying anything."""
    paths = (one.target.partition("?")[0] for one in server.seen if one.method == "GET")
    return {one.removesuffix("/status") for one in paths if "/stream" not in one}


@pytest.mark.parametrize("name", PROVIDERS)
async def test_what_a_submit_takes_is_taken_everywhere(name: str, tmp_path: Path) -> None:
    provider = name.partition("-")[0]
    longest = 400 if name == "google-veo" else 512  # whose ids are paths
    for number, odd in enumerate(one for one in ODD if len(one) <= longest):
        with serving(server_of(name, odd)) as server:
            config = config_of(name, server)
            async with Gateway(ledger=SqliteLedger(tmp_path / f"{number}.db")) as gateway:
                with pytest.raises(TimeoutError) as caught:
                    await gateway.generate_video_async(config, REQUEST)

                assert caught.value.operation is not None
                assert caught.value.operation["id"].endswith(odd)
                keys = {provider: KEY}
                (job,) = await gateway.resume_all_async(api_keys=keys)
                assert (await job.status_async()).status in ("queued", "processing"), odd
                again = await gateway.resume_async(caught.value.operation["id"], api_keys=keys)
                assert again.id == job.id
                by_token = VideoJob.from_token(job.to_token(), config)
                assert (await by_token.status_async()).status in ("queued", "processing"), odd

        (path,) = asked_after(server)
        assert unquote(path).endswith(odd), (odd, path)
        assert sum(one.method == "POST" for one in server.seen) == 1


@pytest.mark.parametrize("name", PROVIDERS)
async def test_what_names_no_job_is_not_asked_after_and_not_bought_again(
    name: str, tmp_path: Path
) -> None:
    """The provider may have made something; nobody can tell what."""
    for number, odd in enumerate(one for one in REFUSED if one):
        with serving(server_of(name, odd)) as server:
            config = config_of(name, server).model_copy(update={"max_retries": 2})
            async with Gateway(ledger=SqliteLedger(tmp_path / f"{number}.db")) as gateway:
                with pytest.raises(TarashException) as caught:
                    await gateway.generate_video_async(config, REQUEST, idempotency_key="order")

                error = caught.value
                assert error.submission == "unknown", (odd, error)
                assert "dashboard" in error.message
                assert len(error.message) < 1000
                with pytest.raises(TarashException):
                    await gateway.generate_video_async(config, REQUEST, idempotency_key="order")

        listed = {"/v1/videos", "/predictions", "/v1/predictions", "/generations"}
        assert {one for one in asked_after(server) if not one.endswith(tuple(listed))} == set(), odd
        assert sum(one.method == "POST" for one in server.seen) == 1, odd
