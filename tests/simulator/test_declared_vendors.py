"""Wires of declared providers, asked by hand: bodies as their vendors write them, and wrong ones.

Nothing of the package's adapters is used: what is sent here is what the documentation shows.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Simulator

KEY = "canary-0d9c81a2f4"
URI = f"data:image/png;base64,{base64.b64encode(samples.make_png(320, 320)).decode()}"
CDN = "https://cdn.example"
ASYNC = {"X-DashScope-Async": "enable"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(["bytedance", "alibaba"]) as running:
        running.keys = {"bytedance": {KEY}, "alibaba": {KEY}}
        yield running


def ask(url: str, body: Any = None, method: str | None = None, **headers: str) -> tuple[int, Any]:
    """Ask by hand; return status and JSON."""
    content = None if body is None else json.dumps(body).encode()
    given = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, content, given, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def frame(name: str, role: str, kind: str = "image_url") -> dict[str, Any]:
    url = URI if name == "inline" else f"{CDN}/{name}"
    return {"type": kind, kind: {"url": url}, "role": role}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


TASKS, PICTURES = "/api/v3/contents/generations/tasks", "/api/v3/images/generations"
SEEDANCE: dict[str, Any] = {
    "model": "dreamina-seedance-2-0-fast-260128",
    "content": [text("a kite over dunes")],
    "resolution": "720p",
    "ratio": "16:9",
    "duration": 5,
    "generate_audio": False,
    "watermark": False,
}
SEEDREAM: dict[str, Any] = {
    "model": "seedream-4-5-251128",
    "prompt": "two tin robots",
    "image": [f"{CDN}/r.png"],
    "size": "2K",
    "response_format": "url",
    "watermark": False,
    "sequential_image_generation": "disabled",
}
OF_BYTEDANCE: list[tuple[str, dict[str, Any]]] = [
    (TASKS, SEEDANCE),
    (
        TASKS,
        {
            "model": "dreamina-seedance-2-5-260628",
            "content": [
                text("bottle of image 1 in the light of video 1"),
                frame("inline", "reference_image"),
                frame("light.mp4", "reference_video", "video_url"),
            ],
            "omni_reference_task_type": "reference",
            "ratio": "9:16",
            "duration": 8,
            "return_last_frame": True,
            "callback_url": "https://hooks.example/ark",
            "execution_expires_after": 7200,
        },
    ),
    (
        TASKS,
        {
            "model": "seedance-1-0-pro-250528",
            "content": [
                text("door opens"),
                frame("a.jpg", "first_frame"),
                frame("b.jpg", "last_frame"),
            ],
            "seed": 11,
            "camera_fixed": True,
            "service_tier": "flex",
        },
    ),
    (
        TASKS,
        {
            "model": "dreamina-seedance-2-5-260628",
            "content": [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}],
            "resolution": "1080p",
        },
    ),
    (PICTURES, SEEDREAM),
]
VIDEOS = "/api/v1/services/aigc/video-generation/video-synthesis"
MESSAGES = "/api/v1/services/aigc/multimodal-generation/generation"
WAN3: dict[str, Any] = {
    "model": "wan3.0-video",
    "input": {
        "prompt": "Image 1 rides through the light of Video 1",
        "media": [
            {"type": "reference_image", "url": f"{CDN}/r.png"},
            {"type": "reference_video", "url": f"{CDN}/v.mp4"},
        ],
    },
    "parameters": {
        "resolution": "720P",
        "ratio": "16:9",
        "duration": 6,
        "audio": True,
        "seed": 7,
        "watermark": False,
        "prompt_extend": False,
    },
}
QWEN: dict[str, Any] = {
    "model": "qwen-image-2.0-pro",
    "input": {
        "messages": [
            {"role": "user", "content": [{"image": f"{CDN}/a.png"}, {"text": "make it night"}]}
        ]
    },
    "parameters": {
        "size": "1024*1024",
        "n": 2,
        "negative_prompt": "blur",
        "watermark": False,
        "seed": 7,
    },
}
OF_ALIBABA: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (VIDEOS, WAN3, ASYNC),
    (
        VIDEOS,
        {
            "model": "wan2.7-i2v-2026-04-25",
            "input": {
                "prompt": "door opens",
                "media": [
                    {"type": "first_frame", "url": URI},
                    {"type": "last_frame", "url": f"{CDN}/b.jpg"},
                ],
            },
            "parameters": {"resolution": "1080P", "duration": 5},
        },
        ASYNC,
    ),
    (
        VIDEOS,
        {
            "model": "wan2.6-t2v",
            "input": {
                "prompt": "rain on tin",
                "negative_prompt": "text",
                "audio_url": f"{CDN}/rain.mp3",
            },
            "parameters": {
                "size": "1280*720",
                "duration": 10,
                "prompt_extend": True,
                "shot_type": "multi",
            },
        },
        ASYNC,
    ),
    (MESSAGES, QWEN, {}),
]


@pytest.mark.parametrize(("path", "body"), OF_BYTEDANCE)
def test_bodies_of_bytedances_documentation_are_taken(
    simulator: Simulator, path: str, body: dict[str, Any]
) -> None:
    status, answer = ask(f"{simulator.base_url('bytedance')}{path}", body)
    assert status == 200, answer
    assert ("id" in answer) is (path == TASKS)


@pytest.mark.parametrize(("path", "body", "headers"), OF_ALIBABA)
def test_bodies_of_alibabas_documentation_are_taken(
    simulator: Simulator, path: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    status, answer = ask(f"{simulator.base_url('alibaba')}{path}", body, **headers)
    assert status == 200, answer
    assert ("task_id" in answer["output"]) is bool(headers)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (TASKS, SEEDANCE | {"aspect_ratio": "16:9"}, "InvalidParameter.UnsupportedParameter"),
        (TASKS, SEEDANCE | {"seed": 7}, "InvalidParameter.UnsupportedParameter"),
        (TASKS, SEEDANCE | {"duration": "5"}, "InvalidParameter"),
        (TASKS, SEEDANCE | {"duration": 3}, "InvalidParameter"),
        (TASKS, SEEDANCE | {"resolution": "1080p"}, "InvalidParameter"),
        (TASKS, SEEDANCE | {"content": []}, "MissingParameter.content"),
        (TASKS, SEEDANCE | {"content": [frame("a.png", "last_frame")]}, "InvalidParameter"),
        (TASKS, SEEDANCE | {"model": "doubao-dreamina"}, "InvalidEndpointOrModel.NotFound"),
        (
            TASKS,
            SEEDANCE
            | {"content": [frame("a.png", "first_frame"), frame("b.png", "reference_image")]},
            "InvalidParameter",
        ),
        (
            TASKS,
            SEEDANCE
            | {
                "content": [
                    {
                        "type": "image_url",
                        "role": "first_frame",
                        "image_url": {"url": URI.replace("image/png", "image/jpeg")},
                    }
                ]
            },
            "InvalidParameter.UnsupportedImageFormat",
        ),
        (PICTURES, SEEDREAM | {"n": 2}, "InvalidParameter.UnsupportedParameter"),
        (PICTURES, SEEDREAM | {"size": "1024x1024"}, "InvalidParameter"),
        (PICTURES, SEEDREAM | {"output_format": "png"}, "InvalidParameter.UnsupportedParameter"),
    ],
)
def test_bytedance_refuses_what_it_does_not_know(
    simulator: Simulator, path: str, body: dict[str, Any], code: str
) -> None:
    status, answer = ask(f"{simulator.base_url('bytedance')}{path}", body)
    assert status in {400, 404}
    assert answer["error"]["code"] == code


def changed(body: dict[str, Any], part: str, **values: Any) -> dict[str, Any]:
    return {**body, part: {**body[part], **values}}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        (VIDEOS, WAN3, {}, 403, "AccessDenied"),
        (MESSAGES, QWEN, ASYNC, 403, "AccessDenied"),
        (MESSAGES, WAN3, {}, 400, "InvalidParameter"),
        (VIDEOS, WAN3 | {"model": "wan9"}, ASYNC, 404, "ModelNotFound"),
        (VIDEOS, WAN3 | {"seed": 7}, ASYNC, 400, "InvalidParameter"),
        (VIDEOS, changed(WAN3, "input", img_url=f"{CDN}/a.png"), ASYNC, 400, "InvalidParameter"),
        (VIDEOS, changed(WAN3, "parameters", resolution="720p"), ASYNC, 400, "InvalidParameter"),
        (VIDEOS, changed(WAN3, "parameters", size="1280*720"), ASYNC, 400, "InvalidParameter"),
        (VIDEOS, changed(WAN3, "parameters", duration=31), ASYNC, 400, "InvalidParameter"),
        (MESSAGES, changed(QWEN, "parameters", size="1024x1024"), {}, 400, "InvalidParameter"),
        (MESSAGES, changed(QWEN, "parameters", n=7), {}, 400, "InvalidParameter"),
    ],
)
def test_alibaba_refuses_what_it_does_not_know(  # noqa: PLR0913, PLR0917
    simulator: Simulator,
    path: str,
    body: dict[str, Any],
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    found, answer = ask(f"{simulator.base_url('alibaba')}{path}", body, **headers)
    assert (found, answer["code"]) == (status, code)


@pytest.mark.parametrize(("provider", "path"), [("bytedance", TASKS), ("alibaba", "/api/v1/tasks")])
@pytest.mark.parametrize("key", ["Bearer wrong", f"Token {KEY}", ""])
def test_a_wrong_key_opens_nothing(
    simulator: Simulator, provider: str, path: str, key: str
) -> None:
    status, _ = ask(f"{simulator.base_url(provider)}{path}", Authorization=key)
    assert status == 401


def test_a_task_that_nobody_knows(simulator: Simulator) -> None:
    status, answer = ask(f"{simulator.base_url('alibaba')}/api/v1/tasks/nobody")
    assert (status, answer["output"]["task_status"]) == (200, "UNKNOWN")
    status, answer = ask(f"{simulator.base_url('bytedance')}{TASKS}/nobody")
    assert (status, answer["error"]["code"]) == (404, "ResourceNotFound")


def test_deleting_a_task_that_has_ended_erases_it(simulator: Simulator) -> None:
    """The trap that an adapter has to keep clear of."""
    url = f"{simulator.base_url('bytedance')}{TASKS}"
    task = ask(url, SEEDANCE)[1]["id"]
    while ask(f"{url}/{task}")[1]["status"] != "succeeded":
        pass

    assert ask(f"{url}/{task}", method="DELETE") == (200, {})
    assert ask(f"{url}/{task}")[0] == 404
