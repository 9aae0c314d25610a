"""What people reported of answers: here they are borne, read, or told for what they are."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from tarash.tarash_gateway import (
    ContentModerationError,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    QuotaExceededError,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    VideoJob,
    generate_image,
    generate_video,
    generate_video_async,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._jobs._tokens import write
from tarash.tarash_gateway.media import samples
from tests.conftest import Leap, until
from tests.media.raw import Asked, Raw, answer, serving

KEY = "id:a-secret-key"
CLIP = samples.videos()[0].path.read_bytes()
VIDEO_PLACE = {"url": "https://example.com/cat.mp4"}
DONE: dict[str, Any] = {"status": "COMPLETED"}
Answers = Callable[[Asked, int], bytes]


def said(value: Any, status: str = "200 OK", **headers: Any) -> bytes:
    return answer(json.dumps(value).encode(), status, Content_Type="application/json", **headers)


def picture(form: str) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "tomato").save(buffer, form)
    return base64.b64encode(buffer.getvalue()).decode()


def settings(server: Raw, provider: str, model: str, **facts: Any) -> dict[str, Any]:
    return {
        "provider": provider,
        "model": model,
        "api_key": KEY,
        "base_url": f"{server.url}/v1" if provider in ("openai", "xai") else server.url,
        "poll_interval": 0.02,
        "provider_config": {"min_poll_interval": 0.01},
        "timeout": 20,
        **facts,
    }


def video(answers: Answers, provider: str, model: str, **facts: Any) -> VideoGenerationResponse:
    with serving(lambda asked, number: [answers(asked, number)]) as server:
        config = VideoGenerationConfig.model_validate(settings(server, provider, model, **facts))
        return generate_video(config, VideoGenerationRequest(prompt="A cat"))


def image(answers: Answers, provider: str, model: str, **facts: Any) -> ImageGenerationResponse:
    with serving(lambda asked, number: [answers(asked, number)]) as server:
        config = ImageGenerationConfig.model_validate(settings(server, provider, model, **facts))
        return generate_image(config, ImageGenerationRequest(prompt="A cat"))


class Queue:
    """A queue like fal's: each look, and each asking for the result, gets the next answer."""

    def __init__(self, looks: Iterable[bytes], results: Iterable[bytes]) -> None:
        self.looks, self.results = list(looks), list(results)
        self.submits = 0

    def __call__(self, asked: Asked, _number: int) -> bytes:
        if asked.method == "POST":
            self.submits += 1
            job = f"http://{asked.headers['host']}/fal-ai/veo3.1/requests/7a1f"
            ways = {"status_url": f"{job}/status", "response_url": job, "cancel_url": f"{job}/c"}
            return said({"request_id": "7a1f", **ways})

        if "/stream" in asked.target:
            return said({"detail": "no streams here"}, "404 Not Found")

        left = self.looks if "/status" in asked.target else self.results
        return left.pop(0) if len(left) > 1 else left[0]


# ------------------------------------------------------------------------------ done, and not so
def test_a_result_that_stands_by_itself_is_found() -> None:
    made = Queue([said(DONE)], [said({"video": VIDEO_PLACE, "seed": 443, "prompt": "A cat"})])
    assert video(made, "fal", "fal-ai/veo3.1").video == VIDEO_PLACE["url"]


def test_a_gateways_504_for_the_result_does_not_fail_a_job_that_is_done() -> None:
    away = answer(b"<html>Gateway Timeout</html>", "504 Gateway Timeout")
    made = Queue([said(DONE)], [away, away, said({"video": VIDEO_PLACE})])
    assert video(made, "fal", "fal-ai/veo3.1").video == VIDEO_PLACE["url"]
    assert made.submits == 1


def test_a_refusal_that_only_the_result_tells_ends_the_wait_with_its_words() -> None:
    wrong = {"loc": ["body", "prompt"], "msg": "String should have at most 2500 characters"}
    made = Queue(
        [said(DONE)], [said({"detail": [{**wrong, "type": "x"}]}, "422 Unprocessable Entity")]
    )
    with pytest.raises(TarashException, match="at most 2500 characters"):
        video(made, "fal", "fal-ai/veo3.1")


def test_an_empty_error_beside_a_video_fails_nothing() -> None:
    looks = [said({**DONE, "error": "", "error_type": ""})]
    made = Queue(looks, [said({"video": VIDEO_PLACE, "error": ""})])
    assert video(made, "fal", "fal-ai/veo3.1").video == VIDEO_PLACE["url"]


def test_pages_where_a_status_should_be_are_waited_out() -> None:
    page = answer(
        b"<html>We'll be back</html>", "503 Service Unavailable", Content_Type="text/html"
    )
    wall = answer(b"<html>Just a moment...</html>", "403 Forbidden", Content_Type="text/html")
    looks = [page, wall, answer(b"", "502 Bad Gateway"), answer(b"not JSON"), said(DONE)]
    made = Queue(looks, [said({"video": VIDEO_PLACE})])
    assert video(made, "fal", "fal-ai/veo3.1").video == VIDEO_PLACE["url"]
    assert made.submits == 1


def test_too_many_looks_are_slowed_and_not_failed() -> None:
    busy = said({"detail": "Rate limit"}, "429 Too Many Requests", Retry_After="0")
    made = Queue([busy, busy, said(DONE)], [said({"video": VIDEO_PLACE})])
    assert video(made, "fal", "fal-ai/veo3.1").video == VIDEO_PLACE["url"]


def test_a_status_that_nobody_knows_is_waited_for_and_the_job_is_handed_over() -> None:
    made = Queue([said({"status": "PAUSED_FOR_REVIEW"})], [said({})])
    with pytest.raises(TarashException, match="after 4 polls") as caught:
        video(made, "fal", "fal-ai/veo3.1", max_poll_attempts=4)

    assert caught.value.operation is not None
    assert caught.value.operation["id"] == "7a1f"
    assert made.submits == 1


async def test_a_look_under_way_at_the_deadline_does_not_save_the_job_from_its_cancel(
    leap: Leap,
) -> None:
    looking, cancelled = Event(), Event()
    queue = Queue([said({"status": "IN_PROGRESS"})], [said({})])

    def answers(one: Asked, number: int) -> list[bytes]:
        if one.method == "PUT":
            cancelled.set()
        elif one.method == "GET" and "/stream" not in one.target:
            looking.set()
            cancelled.wait()

        return [queue(one, number)]

    with serving(answers) as server:
        config = VideoGenerationConfig.model_validate(
            settings(server, "fal", "fal-ai/veo3.1", timeout=60)
        )
        request = VideoGenerationRequest(prompt="A cat")
        work = asyncio.ensure_future(generate_video_async(config, request))
        await until(looking.is_set)
        leap(61)
        try:
            with pytest.raises(TarashException, match="asked to stop"):
                await work
        finally:
            cancelled.set()

    assert "PUT /fal-ai/veo3.1/requests/7a1f/c" in [f"{o.method} {o.target}" for o in server.seen]


def test_what_a_server_says_of_a_parameter_is_told_and_nothing_is_sent_again() -> None:
    calls = []

    def answers(asked: Asked, _number: int) -> bytes:
        calls.append(asked)
        wrong = {"message": "seed must be between 1 and 999", "type": "invalid_request_error"}
        return said({"error": wrong}, "400 Bad Request")

    with serving(lambda asked, number: [answers(asked, number)]) as server:
        config = VideoGenerationConfig.model_validate(settings(server, "openai", "agnes-video"))
        with pytest.raises(TarashException, match="between 1 and 999") as caught:
            generate_video(
                config, VideoGenerationRequest(prompt="A cat", extra_params={"seed": 1000})
            )

    assert len(calls) == 1
    assert (caught.value.submission, caught.value.retryable) == ("rejected", False)


def test_done_without_a_video_is_a_failure_at_once() -> None:
    def answers(asked: Asked, _number: int) -> bytes:
        if asked.method == "POST":
            return said({"request_id": "r1"})

        return said({"status": "done", "video": {"duration": 5}, "model": "grok-imagine-video"})

    with pytest.raises(GenerationFailedError, match="without a video"):
        video(answers, "xai", "grok-imagine-video")


def test_an_empty_202_is_a_job_under_way() -> None:
    def answers(asked: Asked, number: int) -> bytes:
        if asked.method == "POST":
            return said({"request_id": "r1"})

        if number < 3:
            return answer(b"", "202 Accepted")

        return said({"status": "done", "video": {**VIDEO_PLACE, "respect_moderation": True}})

    assert video(answers, "xai", "grok-imagine-video").video == VIDEO_PLACE["url"]


@pytest.mark.parametrize("status", ["completed", "succeeded", "success", "SUCCESS"])
def test_other_servers_words_for_done_are_understood(status: str) -> None:
    def answers(asked: Asked, number: int) -> bytes:
        job = {"id": "v1", "object": "video", "model": "grok-video", "created_at": 1}
        if asked.target.endswith("/content"):
            return answer(CLIP, Content_Type="video/mp4")

        return said({**job, "status": "NOT_START" if number < 2 else status, "progress": 0})

    made = video(answers, "openai", "grok-video")
    assert isinstance(made.video, dict)
    assert made.video["content"] == CLIP


def test_a_job_that_is_broken_off_ends_the_wait() -> None:
    def answers(asked: Asked, _number: int) -> bytes:
        job = {"id": "p1", "urls": {"get": f"http://{asked.headers['host']}/v1/predictions/p1"}}
        status = "starting" if asked.method == "POST" else "aborted"
        return said({**job, "status": status, "output": None, "error": None}, "201 Created")

    with pytest.raises(GenerationFailedError, match="gave the job up"):
        video(answers, "replicate", "google/veo-3.1")


# ---------------------------------------------------------------------- moderation told as success
@pytest.mark.parametrize(
    "data", [[], [{"respect_moderation": False}], [{"url": "", "respect_moderation": False}]]
)
def test_images_that_were_kept_back_are_no_success(data: list[Any]) -> None:
    with pytest.raises(TarashException) as caught:
        image(lambda _asked, _number: said({"data": data}), "xai", "grok-imagine-image")

    assert isinstance(caught.value, ContentModerationError) == bool(data)
    assert not caught.value.retryable or not data


def test_a_blurred_picture_is_no_success() -> None:
    calls = []

    def answers(asked: Asked, _number: int) -> bytes:
        calls.append(asked)
        content = base64.b64decode(picture("PNG"))
        reason: Any = {"finish-reason": "CONTENT_FILTERED", "seed": "1"}
        text = base64.b64encode(content).decode()
        if "json" in asked.headers["accept"]:
            return said({"image": text, "finish_reason": "CONTENT_FILTERED", "seed": 1}, **reason)

        return answer(content, Content_Type="image/png", **reason)

    with pytest.raises(ContentModerationError):
        image(answers, "stability", "stable-image-core")

    assert len(calls) == 1


def test_a_video_that_was_filtered_is_no_success() -> None:
    why = "Sensitive words. Support codes: 17301594"

    def answers(asked: Asked, _number: int) -> bytes:
        name = "models/veo-3.1-generate-preview/operations/o1"
        if asked.method == "POST":
            return said({"name": name})

        kept = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [why]}
        return said({"name": name, "done": True, "response": {"generateVideoResponse": kept}})

    with (
        pytest.warns(UserWarning, match="shut down"),
        pytest.raises(ContentModerationError, match="17301594"),
    ):
        video(answers, "google", "veo-3.1-generate-preview")


# ------------------------------------------------------------------------------------------- money
@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("402 Payment Required", "Insufficient Balance"),
        ("429 Too Many Requests", "Account balance not enough"),
        ("401 Unauthorized", "Insufficient balance. Manage your billing here"),
    ],
)
def test_an_empty_account_is_said_and_not_asked_again(status: str, message: str) -> None:
    calls = []

    def answers(asked: Asked, _number: int) -> bytes:
        calls.append(asked)
        return said({"error": {"message": message, "type": "unknown_error"}}, status)

    with pytest.raises(QuotaExceededError, match=message.split(".", maxsplit=1)[0]) as caught:
        video(answers, "openai", "kling-v2")

    assert len(calls) == 1
    assert not caught.value.retryable


# --------------------------------------------------------------------------------- never buy twice
@pytest.mark.parametrize(
    "broken",
    [
        answer(b"<html>524: a timeout occurred</html>", "524 Timeout"),
        answer(b'{"data": [', length=5000, Content_Type="application/json"),
        answer(b"{}", "502 Bad Gateway"),
        b"",
    ],
    ids=["524 of a front", "half an answer", "502", "no answer"],
)
def test_an_image_that_may_have_been_made_is_bought_once(broken: bytes) -> None:
    calls = []

    def answers(asked: Asked, _number: int) -> bytes:
        calls.append(asked.target)
        return broken

    with serving(lambda asked, number: [answers(asked, number)]) as server:
        facts = settings(server, "openai", "gpt-image-2")
        second = ImageGenerationConfig.model_validate({**facts, "model": "gpt-image-1.5"})
        config = ImageGenerationConfig.model_validate(
            {**facts, "fallback_configs": [second], "failover": "when_safe"}
        )
        with pytest.raises(TarashException) as caught:
            generate_image(config, ImageGenerationRequest(prompt="A cat"))

    assert len(calls) == 1
    assert caught.value.submission == "unknown"


# ------------------------------------------------------------------------------------------- files
def test_a_download_that_breaks_off_after_paying_is_taken_up(tmp_path: Path) -> None:
    clip = CLIP + bytes(200_000)

    def answers(asked: Asked, number: int) -> bytes:
        start = asked.start or 0
        left = clip[start:]
        piece = left[:60_000] if number < 3 else left
        place = f"bytes {start}-{len(clip) - 1}/{len(clip)}"
        status = "206 Partial Content" if asked.start is not None else "200 OK"
        headers: Any = {"ETag": '"1"', "Accept_Ranges": "bytes", "Content_Type": "video/mp4"}
        if asked.start is not None:
            headers["Content_Range"] = place

        return answer(piece, status, length=len(left), **headers)

    with serving(lambda asked, number: [answers(asked, number)]) as server:
        made = VideoGenerationResponse(
            request_id="r", status="completed", raw_response=None, video=f"{server.url}/cat.mp4"
        )
        saved = made.save(tmp_path / "cat.mp4")

    assert Path(str(saved)).read_bytes() == clip


def test_a_result_with_the_wrong_label_has_the_type_of_its_bytes(tmp_path: Path) -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": picture("JPEG")}}
    body = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}
    made = image(lambda _asked, _number: said(body), "google", "gemini-3.1-flash-image")
    assert made.content_type == "image/jpeg"
    assert Path(str(made.save(tmp_path / "cat"))).suffix == ".jpg"


def test_a_result_is_fetched_through_the_proxy_that_the_jobs_go_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda _asked, _number: [answer(CLIP, Content_Type="video/mp4")]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)

        made = VideoGenerationResponse(
            request_id="r",
            status="completed",
            raw_response=None,
            video="http://media.example/cat.mp4",
        )
        saved = made.save(tmp_path / "cat.mp4")

    assert proxy.targets == ["http://media.example/cat.mp4"]
    assert Path(str(saved)).read_bytes() == CLIP


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_bare_base64_has_the_type_of_its_bytes(form: str) -> None:
    body = {"created": 1, "data": [{"b64_json": picture(form)}]}
    made = image(lambda _asked, _number: said(body), "openai", "gpt-image-2")
    assert made.content_type == f"image/{form.lower()}"


def test_an_image_by_url_where_base64_was_expected_is_an_image() -> None:
    body = {"created": 1, "data": [{"url": "https://example.com/cat.png", "b64_json": None}]}
    made = image(lambda _asked, _number: said(body), "openai", "z-image-turbo")
    assert made.images == ("https://example.com/cat.png",)


# -------------------------------------------------------------------------------------------- keys
def test_a_redirect_to_a_store_carries_no_key() -> None:
    def answers(asked: Asked, _number: int) -> bytes:
        if asked.target.endswith("/content"):
            return answer(b"", "302 Found", Location=f"{store.url}/cat.mp4?X-Amz-Signature=a%2Fb")

        job = {"id": "v1", "object": "video", "model": "grok-video", "created_at": 1}
        return said({**job, "status": "completed", "progress": 100})

    with serving(lambda _asked, _number: [answer(CLIP, Content_Type="video/mp4")]) as store:
        made = video(answers, "openai", "grok-video")
        (asked,) = store.seen

    assert asked.target == "/cat.mp4?X-Amz-Signature=a%2Fb"
    assert "authorization" not in asked.headers
    assert isinstance(made.video, dict)
    assert made.video["content"] == CLIP


def test_a_forged_id_carries_no_key_elsewhere() -> None:
    with (
        serving(lambda _asked, _number: [said({"status": "COMPLETED"})]) as thief,
        serving(lambda _asked, _number: [said({"status": "IN_QUEUE"})]) as server,
    ):
        url = f"{thief.url}/fal-ai/veo3.1/requests/7a1f"
        forged = Operation(
            provider="fal",
            model="fal-ai/veo3.1",
            kind="video",
            id="7a1f",
            submitted_at="2026-01-01T00:00:00+00:00",
            urls={"status": f"{url}/status", "response": url, "cancel": f"{url}/cancel"},
        )
        config = VideoGenerationConfig.model_validate(
            settings(server, "fal", "fal-ai/veo3.1", max_poll_attempts=2)
        )
        with pytest.raises(TarashException):
            VideoJob.from_token(write(forged), config).wait()

        assert not [one for one in thief.seen if "a-secret-key" in str(one.headers)]
