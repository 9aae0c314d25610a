"""xAI's wire through raw requests: endpoints, pending looks, the filter's faces, envelopes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.testing import Script, Simulator

VIDEO = {"model": "grok-imagine-video", "prompt": "a kite"}
IMAGE = {"model": "grok-imagine-image-2.0", "prompt": "a kite"}


@pytest.fixture
async def session(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        simulator.base_url("xai"), headers={"Authorization": "Bearer xai-canary"}
    ) as session:
        yield session


async def post(session: aiohttp.ClientSession, path: str, body: Any) -> tuple[int, Any]:
    async with session.post(f"/v1/{path}", json=body) as response:
        return response.status, await response.json()


async def look(session: aiohttp.ClientSession, request_id: str) -> tuple[int, str, Any]:
    async with session.get(f"/v1/videos/{request_id}") as response:
        text = await response.text()
        return response.status, text, await response.json() if text else None


async def ended(session: aiohttp.ClientSession, body: Any = None) -> tuple[int, Any]:
    """Start a video and return the last look at it."""
    _, started = await post(session, "videos/generations", body or VIDEO)
    while True:
        status, _, seen = await look(session, started["request_id"])
        if status != 202:
            return status, seen

        await asyncio.sleep(0.01)


async def test_a_video_is_pending_then_done(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    simulator.script("xai", Script(queue_polls=1, run_polls=1))
    status, started = await post(session, "videos/generations", {**VIDEO, "duration": 4})
    assert (status, list(started)) == (200, ["request_id"])
    assert (await look(session, started["request_id"]))[:2] == (202, "")
    status, _, seen = await look(session, started["request_id"])
    assert (status, seen) == (202, {"status": "pending", "progress": 0})
    status, _, seen = await look(session, started["request_id"])
    (job,) = simulator.jobs("xai")
    assert (status, seen) == (200, job.result_body)
    assert (seen["status"], seen["video"]["duration"]) == ("done", 4)
    assert seen["usage"] == {"cost_in_usd_ticks": 500_000_000}
    async with aiohttp.ClientSession() as nobody, nobody.get(seen["video"]["url"]) as response:
        assert response.content_type == "video/mp4"


@pytest.mark.parametrize(
    ("face", "status", "told"),
    [
        (None, 400, {"code": "imagine:content-moderated"}),
        ("invalid_argument", 400, {"code": "invalid_argument"}),
        ("done", 200, {"status": "done"}),
        ("failed", 200, {"status": "failed"}),
    ],
)
async def test_moderation_shows_in_each_way(
    simulator: Simulator,
    session: aiohttp.ClientSession,
    face: str | None,
    status: int,
    told: dict[str, Any],
) -> None:
    simulator.script("xai", Script(outcome="moderated", error_type=face))
    seen_status, seen = await ended(session)
    assert (seen_status, {name: seen[name] for name in told}) == (status, told)
    assert "usage" in seen
    if face == "done":
        assert seen["video"] == {"url": "", "duration": 0, "respect_moderation": False}


async def test_failed_expired_lost(simulator: Simulator, session: aiohttp.ClientSession) -> None:
    simulator.script(
        "xai",
        Script(outcome="failed", error_message="no"),
        Script(outcome="failed", error_type="expired"),
        Script(outcome="lost"),
        Script(outcome="no_media"),
    )
    assert (await ended(session))[1]["error"] == {"code": "internal", "message": "no"}
    assert (await ended(session))[1]["status"] == "expired"
    status, seen = await ended(session)
    assert (status, seen["error"]) == (404, "Deferred request not found")
    assert "video" not in (await ended(session))[1]


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("videos/edits", VIDEO, "Missing video"),
        ("videos/edits", {**VIDEO, "video": {"url": "x"}, "duration": 3}, "duration"),
        ("videos/extensions", {**VIDEO, "video": {"url": "x"}, "resolution": "480p"}, "resolution"),
        ("videos/generations", {**VIDEO, "image": {}, "reference_images": []}, "exclusive"),
        ("videos/generations", {**VIDEO, "reference_images": [], "duration": 11}, "limit"),
        ("images/generations", {**IMAGE, "size": "1x1"}, "Argument not supported: size"),
        ("images/edits", IMAGE, "Missing image"),
    ],
)
async def test_arguments_are_checked(
    simulator: Simulator, session: aiohttp.ClientSession, path: str, body: Any, told: str
) -> None:
    status, answer = await post(session, path, body)
    assert (status, answer["code"]) == (400, "Client specified an invalid argument")
    assert told in answer["error"]
    assert simulator.counters("xai").accepted == 0


async def test_bodies_keys_and_paths(simulator: Simulator, session: aiohttp.ClientSession) -> None:
    assert (await post(session, "videos/generations", {"prompt": "x"}))[0] == 422
    assert (await post(session, "videos/other", VIDEO))[0] == 404
    async with session.post("/v1/images/edits", data=aiohttp.FormData({"a": "b"})) as response:
        assert response.status == 415

    simulator.keys = {"xai": {"xai-other"}}
    status, answer = await post(session, "videos/generations", VIDEO)
    assert (status, "Incorrect API key" in answer["error"]) == (400, True)
    async with aiohttp.ClientSession(simulator.base_url("xai")) as nobody:
        assert (await post(nobody, "videos/generations", VIDEO))[0] == 401


async def test_images_in_both_forms_and_some_withheld(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    simulator.script("xai", Script(outputs=1))
    status, answer = await post(session, "images/generations", {**IMAGE, "n": 2})
    assert status == 200
    assert [item["respect_moderation"] for item in answer["data"]] == [True, False]
    edit = {**IMAGE, "image": {"url": "x"}, "response_format": "b64_json"}
    _, answer = await post(session, "images/edits", edit)
    assert answer["data"][0]["b64_json"].startswith("iVBOR")
    simulator.script("xai", Script(outcome="moderated"))
    assert (await post(session, "images/generations", IMAGE))[0] == 400
