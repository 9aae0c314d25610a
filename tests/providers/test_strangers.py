"""Vendors that are none of ours, written from their pages as users would, and played."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    QuotaExceededError,
    Registry,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.providers import declared_provider, read_declaration

FOLDER = Path(__file__).parent / "strangers"
PNG = {"content": samples.make_png(64, 64, 1), "content_type": "image/png"}
CLIP = "https://cdn.example.com/clip.mp4"
FINE = {"ErrCode": 0, "ErrMsg": "success"}


class Wire:
    """Answers what it is told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any, dict[str, str]]] = []
        self.answers: dict[str, list[Any]] = {}

    async def handle(self, request: web.Request) -> web.Response:
        kind = request.content_type
        sent: Any = sorted(await request.post()) if kind.startswith("multipart/") else None
        if kind == "application/json":
            sent = json.loads(await request.read() or b"null")

        self.seen.append((f"{request.method} {request.path_qs}", sent, dict(request.headers)))
        queue = self.answers[request.path_qs]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return web.json_response(body, status=status)

    def sent(self, place: str) -> Any:
        return next(body for where, body, _ in self.seen if where == f"POST {place}")


@pytest.fixture
async def wire() -> AsyncIterator[tuple[Wire, str]]:
    made = Wire()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def generate(name: str, model: str, url: str, **wishes: Any) -> Any:
    registry = Registry()
    registry.register(declared_provider(read_declaration(FOLDER / f"{name}.toml")))
    config = VideoGenerationConfig(
        provider=name, model=model, api_key="key", base_url=url, poll_interval=0.05, timeout=60
    )
    request = VideoGenerationRequest.model_validate({"prompt": "a kite", **wishes})
    async with Gateway(registry=registry) as gateway:
        return await gateway.generate_video_async(config, request)


async def test_pixverse(wire: tuple[Wire, str]) -> None:
    made, url = wire
    made.answers = {
        "/openapi/v2/image/upload": [{**FINE, "Resp": {"img_id": 7, "img_url": "x"}}],
        "/openapi/v2/video/img/generate": [{**FINE, "Resp": {"video_id": 12}}],
        "/openapi/v2/video/result/12": [
            {**FINE, "Resp": {"id": 12, "status": 5, "url": ""}},
            {**FINE, "Resp": {"id": 12, "status": 1, "url": CLIP, "seed": 3}},
        ],
    }
    frame = {"image": PNG, "type": "first_frame"}
    response = await generate("pixverse", "v4.5", url, image_list=[frame], resolution="720p")
    assert (response.video, response.request_id) == (CLIP, "12")
    assert made.sent("/openapi/v2/video/img/generate") == {
        "model": "v4.5",
        "prompt": "a kite",
        "img_id": 7,  # a number, as the upload said it
        "duration": 5,
        "quality": "720p",
    }
    headers = made.seen[1][2]
    assert (headers["API-KEY"], len(headers["Ai-trace-id"])) == ("key", 36)


async def test_pixverse_refuses_under_200(wire: tuple[Wire, str]) -> None:
    made, url = wire
    path = "/openapi/v2/video/text/generate"
    made.answers = {path: [{"ErrCode": 500090, "ErrMsg": "Insufficient balance"}]}
    with pytest.raises(QuotaExceededError) as caught:
        await generate("pixverse", "v4.5", url)

    assert caught.value.submission == "rejected"
    made.answers = {
        path: [{**FINE, "Resp": {"video_id": 9}}],
        "/openapi/v2/video/result/9": [{**FINE, "Resp": {"id": 9, "status": 7}}],
    }
    with pytest.raises(ContentModerationError):
        await generate("pixverse", "v4.5", url)


async def test_piapi(wire: tuple[Wire, str]) -> None:
    made, url = wire
    work = {"video": {"resource": f"{CLIP}?marked", "resource_without_watermark": CLIP}}
    error = {"code": 0, "message": ""}
    done = {"task_id": "t1", "status": "Completed", "output": {"works": [work]}, "error": error}
    made.answers = {
        "/api/v1/task": [
            {"code": 200, "data": {"task_id": "t1", "status": "pending", "error": error}}
        ],
        "/api/v1/task/t1": [
            {"code": 200, "data": {"task_id": "t1", "status": "staged", "error": error}},
            {"code": 200, "data": done},
        ],
    }
    response = await generate("piapi", "kling", url, aspect_ratio="9:16", resolution="1080p")
    assert response.video == CLIP
    assert made.sent("/api/v1/task") == {
        "model": "kling",
        "task_type": "video_generation",
        "input": {"prompt": "a kite", "duration": 5, "aspect_ratio": "9:16", "mode": "pro"},
    }
    made.seen.clear()
    longer = await generate("piapi", "kling", url, continue_from=response)
    assert longer.video == CLIP
    assert made.sent("/api/v1/task") == {
        "model": "kling",
        "task_type": "extend_video",
        "input": {"prompt": "a kite", "origin_task_id": "t1"},
    }


async def test_novita(wire: tuple[Wire, str]) -> None:
    made, url = wire
    task = {"task_id": "n1", "status": "TASK_STATUS_PROCESSING", "progress_percent": 40}
    ended = {**task, "status": "TASK_STATUS_SUCCEED", "progress_percent": 100}
    made.answers = {
        "/v3/async/vidu-q3-pro-t2v": [{"task_id": "n1"}],
        "/v3/async/task-result?task_id=n1": [
            {"task": task, "videos": [], "images": []},
            {"task": ended, "videos": [{"video_url": CLIP}], "images": [], "extra": {"seed": "5"}},
        ],
    }
    response = await generate("novita", "vidu-q3-pro-t2v", url, duration_seconds=30)
    assert response.video == CLIP
    assert made.sent("/v3/async/vidu-q3-pro-t2v") == {
        "prompt": "a kite",
        "duration": 16,
        "resolution": "720p",
    }
    refused = (403, {"code": 403, "reason": "NOT_ENOUGH_BALANCE", "message": "no"})
    made.answers["/v3/async/vidu-q3-pro-t2v"] = [refused]
    with pytest.raises(QuotaExceededError):
        await generate("novita", "vidu-q3-pro-t2v", url)

    failed = {**task, "status": "TASK_STATUS_FAILED", "reason": "the queue broke"}
    made.answers["/v3/async/vidu-q3-pro-t2v"] = [{"task_id": "n1"}]
    made.answers["/v3/async/task-result?task_id=n1"] = [{"task": failed}]
    with pytest.raises(TarashException, match="the queue broke"):
        await generate("novita", "vidu-q3-pro-t2v", url)
