"""What people reported of other clients, nodes and proxies: ids, signed URLs, second orders."""

from __future__ import annotations

import json
from pathlib import Path
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
    plan_video,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.server._requests import VideoCreate
from tests.field.test_bodies_of_newer_providers import ACCEPTED, MODELS, bill, failure
from tests.field.test_bodies_of_newer_providers import said as answered
from tests.media.raw import Asked, answer, serving

PNG = samples.make_png(64, 64, 1)
IDS = frozenset({"id", "task_id", "request_id", "name", "polling_url"})


def without_ids(body: Any) -> Any:
    """Return an answer with everything in it that could name a job taken out."""
    if not isinstance(body, dict):
        return body

    return {name: without_ids(one) for name, one in body.items() if name not in IDS}


@pytest.mark.parametrize("provider", sorted(ACCEPTED))
def test_a_good_answer_without_a_name_for_the_job_is_neither_waited_for_nor_sent_again(
    provider: str,
) -> None:
    """Elsewhere the URL to ask at was made of `undefined`, or the job was ordered once more."""
    asked: list[Asked] = []

    def answers(one: Asked, _number: int) -> list[bytes]:
        asked.append(one)
        return [answered(without_ids(ACCEPTED[provider]), 200)]

    caught = failure(provider, answers)
    posts = [one.target for one in asked if one.method == "POST"]
    assert posts.count(posts[0]) == 1  # some look for the job in a list that is asked for by POST
    assert not any(word in one.target for one in asked for word in ("None", "null", "undefined"))
    assert (caught.submission, bill(caught)) == ("unknown", "possible")
    assert "a job may run and be billed" in caught.message


# As stores sign them: what is decoded, or encoded once more, is another signature.
SIGNED = (
    "/private/img-EKpmrjqlb1988.png?st=2026-11-30T08%3A30%3A50Z&se=2026-11-30T10%3A30%3A50Z"
    "&sp=r&rscd=inline&rsct=image/png&sig=a%2Bb%2Fc%3D%3D&x=1+2&y=~tilde,comma;semi&z="
)


def test_a_signed_url_is_handed_on_and_fetched_letter_by_letter(tmp_path: Path) -> None:
    """Elsewhere the signature was cut off, or written in other letters, and the store refused."""

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            body = {"created": 1, "data": [{"url": f"{server.url}{SIGNED}"}]}
            return [answered(body, 200)]

        return [answer(PNG, Content_Type="image/png")]

    with serving(answers) as server:
        config = ImageGenerationConfig(
            provider="openai-compatible", model="sd", api_key="k", base_url=f"{server.url}/v1"
        )
        response = generate_image(config, ImageGenerationRequest(prompt="A cat"))
        (url,) = response.images
        assert url == f"{server.url}{SIGNED}"
        assert url in repr(response)
        assert json.loads(response.model_dump_json())["images"] == [url]
        response.save(tmp_path / "cat.png")
        assert server.targets[-1] == SIGNED

    assert (tmp_path / "cat.png").read_bytes() == PNG


FILTERED = {
    "raiMediaFilteredCount": 1,
    "raiMediaFilteredReasons": ["Veo could not generate 1 videos. You will not be charged."],
}


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        ({"generateVideoResponse": FILTERED}, ContentModerationError),
        ({"@type": "type.googleapis.com/cloud.ai…", **FILTERED}, ContentModerationError),
        ({"generateVideoResponse": {"generatedSamples": []}}, GenerationFailedError),
        ({"generateVideoResponse": {}}, GenerationFailedError),
        (None, GenerationFailedError),
    ],
    ids=["nested", "vertex", "empty list", "empty", "nothing"],
)
def test_an_operation_that_is_done_without_a_video_orders_no_other(
    response: Any, kind: type[TarashException]
) -> None:
    """Elsewhere a filtered prompt looked like a success, or was sent, and paid for, again."""
    submits: list[str] = []

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST" and asked.target.endswith("predictLongRunning"):
            submits.append(asked.target)
            return [answered(ACCEPTED["google"], 200)]

        done: dict[str, Any] = {**ACCEPTED["google"], "done": True}
        return [answered(done if response is None else {**done, "response": response}, 200)]

    caught = failure("google", answers)
    assert type(caught) is kind
    assert len(submits) == 1
    assert (caught.submission, caught.retryable) == ("accepted", kind is GenerationFailedError)
    assert bill(caught) == ("none" if kind is ContentModerationError else "possible")


def test_a_task_that_failed_without_a_reason_says_so_with_its_id() -> None:
    """Elsewhere all that there was to read was `FAILED`, with no id to ask the vendor with."""

    def answers(asked: Asked, _number: int) -> list[bytes]:
        ended = {"output": {"task_id": "j1", "task_status": "FAILED"}, "request_id": "r2"}
        return [answered(ACCEPTED["alibaba"] if asked.method == "POST" else ended, 200)]

    caught = failure("alibaba", answers)
    assert isinstance(caught, GenerationFailedError)
    assert caught.request_id == "j1"
    assert caught.operation is not None
    assert "FAILED" in caught.message
    assert caught.raw_response["output"]["task_status"] == "FAILED"


def test_the_same_order_after_a_lost_answer_is_the_same_job(tmp_path: Path) -> None:
    """Elsewhere whoever pressed the button again after a lost answer paid for two videos."""
    submits: list[str] = []

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            submits.append(asked.target)
            return []  # made, and the connection breaks

        return [answered({}, 404)]

    with serving(answers) as server:
        config = VideoGenerationConfig(
            provider="minimax",
            model=MODELS["minimax"],
            api_key="k",
            base_url=server.url,
            fallback_configs=[
                VideoGenerationConfig(
                    provider="minimax", model="MiniMax-Hailuo-02", api_key="k", base_url=server.url
                )
            ],
            failover="when_safe",
        )
        request = VideoGenerationRequest(prompt="A cat")
        for _ in range(3):
            with pytest.raises(TarashException) as caught:
                generate_video(
                    config, request, ledger=tmp_path / "jobs.db", idempotency_key="order-1"
                )

            assert caught.value.submission == "unknown"

    assert len(submits) == 1


@pytest.mark.parametrize(
    ("size", "resolution", "ratio"),
    [("1920x1080", "1080p", "16:9"), ("1080x1920", "1080p", "9:16"), ("1280x720", "720p", "16:9")],
)
def test_a_size_as_openai_writes_it_asks_for_its_lines(
    size: str, resolution: str, ratio: str
) -> None:
    """Elsewhere 1920x1080 came back as 720p, at a spend of nothing."""
    order = VideoCreate(prompt="A cat", model="google/veo-3.1-generate-preview", size=size)
    request = order.request()
    assert (request.resolution, request.aspect_ratio) == (resolution, ratio)


UPRIGHT = samples.make_png(400, 900, 1)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("bytedance", "seedance-1-0-pro-250528"),
        ("fal", "fal-ai/bytedance/seedance/v1/pro/image-to-video"),
        ("fal", "fal-ai/veo3.1/image-to-video"),
        ("google", "veo-3.1-generate-preview"),
        ("kling", "kling-v2-6"),
        ("minimax", "MiniMax-Hailuo-2.3"),
        ("replicate", "bytedance/seedance-1-pro"),
        ("runway", "gen4_turbo"),
        ("runway", "gen4.5"),
        ("xai", "grok-imagine-video"),
    ],
)
@pytest.mark.parametrize("role", ["first_frame", "reference"])
def test_a_shape_that_nobody_asked_for_is_that_of_the_first_frame(
    provider: str, model: str, role: str
) -> None:
    """Elsewhere an upright picture was cropped to whatever shape was the default."""
    config = VideoGenerationConfig(provider=provider, model=model)
    images: Any = [{"image": UPRIGHT, "type": role}]
    asked = VideoGenerationRequest(prompt="A cat", image_list=images)
    try:
        payload = json.dumps(plan_video(config, asked).payload, default=str)
    except TarashException:
        assert role == "reference", "a first frame is what they all take"
        return

    assert "1280:720" not in payload
    assert "16:9" not in payload
    if provider == "runway":
        assert "720:1280" in payload
        wide = asked.model_copy(update={"aspect_ratio": "16:9"})
        assert "1280:720" in json.dumps(plan_video(config, wide).payload, default=str)


def test_the_frame_that_a_video_begins_with_gives_its_shape_wherever_it_stands() -> None:
    config = VideoGenerationConfig(provider="runway", model="veo3.1")
    wide = samples.make_png(1280, 720)
    images: Any = [
        {"image": UPRIGHT, "type": "last_frame"},
        {"image": wide, "type": "first_frame"},
    ]
    asked = VideoGenerationRequest(prompt="A cat", image_list=images)
    assert "720:1280" not in json.dumps(plan_video(config, asked).payload, default=str)
