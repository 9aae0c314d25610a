"""Replicate when things go wrong: errors in each face, money counted, keys kept."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import replicate.exceptions

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelNotFoundError,
    RateLimitError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
)
from tarash.tarash_gateway._data._types import MediaContent
from tarash.tarash_gateway._http._client import HttpResponse
from tarash.tarash_gateway.providers.replicate.errors import classify_answer
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import rounds, until

CANARY = "r8_canary-5c1f0e7b9a"
REQUEST = VideoGenerationRequest(prompt="A cat")
LARGE: MediaContent = {
    "content": b"\x89PNG\r\n\x1a\n" + bytes(300_000),
    "content_type": "image/png",
}
WITH_UPLOAD = VideoGenerationRequest(
    prompt="A cat", image_list=({"image": LARGE, "type": "first_frame"},)
)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["replicate"]) as running:
        yield running


@pytest.fixture
def config(simulator: Simulator) -> Callable[..., VideoGenerationConfig]:
    def make(**facts: Any) -> VideoGenerationConfig:
        settings = {
            "provider": "replicate",
            "model": "google/veo-3.1",
            "api_key": CANARY,
            "base_url": simulator.base_url("replicate"),
            "poll_interval": 0.02,
            "timeout": 60,
            "max_retries": 0,
            "provider_config": {"min_poll_interval": 0.01},
            **facts,
        }
        return VideoGenerationConfig(**settings)

    return make


BAD_VERSION = {"title": "Invalid version or not permitted", "detail": "no"}
BAD_INPUT = {"title": "Input validation failed", "detail": "- input.prompt is required"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, None, (ModelNotFoundError, "owner/name:version")),
        (410, {"detail": "gone"}, (ModelNotFoundError, "gone")),
        (422, BAD_VERSION, (ModelNotFoundError, "not permitted")),
        (422, BAD_INPUT, (ValidationError, "prompt is required")),
        (422, {"detail": "something else"}, (HTTPError, "something else")),
        (422, [1], (HTTPError, "1")),
        (400, {"detail": "NSFW prompt"}, (ContentModerationError, "change the prompt")),
        (422, {"detail": "flagged as sensitive (E005)"}, (ContentModerationError, "E005")),
        (502, "<html>bad gateway</html>", (HTTPError, "bad gateway")),
        (302, "", (HTTPError, "302")),
    ],
)
def test_errors_by_status(
    simulator: Simulator,
    config: Any,
    status: int,
    body: Any,
    expected: tuple[type[TarashException], str],
) -> None:
    kind, message = expected
    headers = {"Location": simulator.foreign_url} if status == 302 else {}
    simulator.fail("replicate", "submit", Fault.status(status, body, headers))
    with pytest.raises(kind, match=message) as caught:
        generate_video(config(), REQUEST)

    assert type(caught.value) is kind
    assert caught.value.submission == ("unknown" if status in (302, 502) else "rejected")
    assert (caught.value.provider, caught.value.model) == ("replicate", "google/veo-3.1")
    assert caught.value.raw_response is not None
    assert simulator.counters("replicate").submits == 1
    assert simulator.leaks == []


def test_a_retired_model_is_named(simulator: Simulator, config: Any) -> None:
    simulator.fail("replicate", "submit", Fault.status(404))
    with pytest.raises(ModelNotFoundError, match="sora-2-pro was shut down on 2026-09-24"):
        generate_video(config(model="openai/sora-2-pro"), REQUEST)

    simulator.script("replicate", Script(outcome="failed"))
    with pytest.raises(GenerationFailedError, match="sora-2-pro was shut down on 2026-09-24"):
        generate_video(config(model="openai/sora-2-pro"), REQUEST)


@pytest.mark.parametrize(
    ("headers", "detail", "seconds"),
    [
        ({"Retry-After": "7"}, "throttled", 7),
        ({"ratelimit-reset": "3"}, "throttled", 3),
        ({"ratelimit-reset": "1800000000"}, "throttled", None),
        ({}, "Request was throttled. Your rate limit resets in ~12s.", 12),
        ({}, "Request was throttled. Expected available in 1 second.", 1),
        ({}, "throttled", None),
    ],
)
def test_a_rate_limit_says_how_long(
    simulator: Simulator, config: Any, headers: dict[str, str], detail: str, seconds: float | None
) -> None:
    simulator.fail("replicate", "submit", Fault.status(429, {"detail": detail}, headers))
    with pytest.raises(RateLimitError) as caught:
        generate_video(config(), REQUEST)

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("text", "stage", "categories"),
    [
        (None, None, ("E005",)),
        ("NSFW content detected. Try running it again.", "output", ()),
        ("The output was blocked by moderation", "output", ()),
        ("Prompt contains sensitive words", None, ()),
    ],
)
def test_the_faces_of_moderation(
    simulator: Simulator, config: Any, text: str | None, stage: str | None, categories: Any
) -> None:
    simulator.script("replicate", Script(outcome="moderated", error_message=text))
    with pytest.raises(ContentModerationError) as caught:
        generate_video(config(), REQUEST)

    assert (caught.value.stage, caught.value.categories) == (stage, categories)
    assert caught.value.raw_response == simulator.jobs("replicate")[0].result_body


def test_moderation_in_a_held_submit_is_the_same(simulator: Simulator) -> None:
    simulator.script("replicate", Script(outcome="moderated", run_polls=0))
    config = ImageGenerationConfig(
        provider="replicate",
        model="black-forest-labs/flux-schnell",
        api_key=CANARY,
        base_url=simulator.base_url("replicate"),
    )
    with pytest.raises(ContentModerationError) as caught:
        generate_image(config, ImageGenerationRequest(prompt="A cat"))

    assert caught.value.request_id == simulator.jobs("replicate")[0].id
    assert caught.value.submission == "accepted"


@pytest.mark.parametrize(("status", "billing"), [("aborted", "none"), ("canceled", "possible")])
def test_ends_that_nobody_asked_for(
    simulator: Simulator, config: Any, status: str, billing: str
) -> None:
    simulator.script("replicate", Script(run_polls=0, result={"status": status, "output": None}))
    with pytest.raises(GenerationFailedError) as caught:
        generate_video(config(), REQUEST)

    metadata = caught.value.execution_metadata
    assert metadata is not None
    assert metadata.attempts[0].billing == billing
    assert caught.value.retryable == (status == "aborted")
    # Answered to the submit already, in a word that the SDK can't read.
    assert caught.value.request_id == simulator.jobs("replicate")[0].id


@pytest.mark.parametrize("text", ["[]", "{}"])
def test_an_answer_without_an_id_is_never_sent_again(
    simulator: Simulator, config: Any, text: str
) -> None:
    simulator.fail("replicate", "list", Fault.status(500), times=None)
    simulator.fail("replicate", "submit", Fault.foreign_body(text, "application/json"))
    with pytest.raises(HTTPError) as caught:
        generate_video(config(max_retries=5), REQUEST)

    assert caught.value.submission == "unknown"
    counted = simulator.counters("replicate")
    assert (counted.submits, counted.accepted) == (1, 1)


def test_no_connection(config: Any) -> None:
    with pytest.raises(HTTPConnectionError) as caught:
        generate_video(config(base_url="http://127.0.0.1:9"), REQUEST)

    assert caught.value.submission == "not_sent"


def test_a_look_without_a_status_loses_no_job(simulator: Simulator, config: Any) -> None:
    simulator.fail("replicate", "poll", Fault.foreign_body("{}", "application/json"), times=2)
    assert generate_video(config(), REQUEST).status == "completed"
    assert simulator.counters("replicate").submits == 1


@pytest.mark.parametrize("cancel", ["requested", "ignored"])
def test_a_job_that_goes_on_was_asked_to_stop(
    simulator: Simulator, config: Any, cancel: Any
) -> None:
    simulator.script("replicate", Script(outcome="never", cancel=cancel))
    with pytest.raises(TimeoutError) as caught:
        generate_video(config(max_poll_attempts=1), REQUEST)

    assert caught.value.operation is not None
    metadata = caught.value.execution_metadata
    assert metadata is not None
    assert metadata.attempts[0].cancel == "requested"
    assert simulator.counters("replicate").cancels == 1


def test_a_job_that_ended_just_before_is_delivered(simulator: Simulator, config: Any) -> None:
    simulator.script("replicate", Script(outcome="never", cancel="too_late"))
    assert generate_video(config(max_poll_attempts=1), REQUEST).status == "completed"


async def test_a_held_submit_that_is_cancelled_is_heard_out(simulator: Simulator) -> None:
    """Its answer names the job, which can then be cancelled: nothing runs on unseen."""
    is_over = threading.Event()
    simulator.script("replicate", Script(run_polls=1, outcome="never"))
    simulator.fail("replicate", "submit", Fault.hold(is_over.is_set))
    config = ImageGenerationConfig(
        provider="replicate",
        model="black-forest-labs/flux-schnell",
        api_key=CANARY,
        base_url=simulator.base_url("replicate"),
    )
    async with Gateway() as gateway:
        request = ImageGenerationRequest(prompt="A cat")
        call = asyncio.create_task(gateway.generate_image_async(config, request))
        await until(lambda: len(simulator.requests("replicate")) == 1)
        call.cancel()
        await rounds()
        is_over.set()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert simulator.jobs("replicate")[0].status == "cancelled"


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_failed_upload_buys_nothing(simulator: Simulator, config: Any, status: int) -> None:
    simulator.fail("replicate", "upload", Fault.status(status))
    with pytest.raises(HTTPError) as caught:
        generate_video(config(), WITH_UPLOAD)

    assert caught.value.submission == "not_sent"
    assert simulator.counters("replicate").submits == 0


def test_an_upload_that_echoes_the_key_does_not_spread_it(
    simulator: Simulator, config: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    for status in (400, 401, 422, 500):
        simulator.fail("replicate", "upload", Fault.echo_key(status))
        with pytest.raises(TarashException) as caught:
            generate_video(config(), WITH_UPLOAD)

        texts += ["".join(traceback.format_exception(caught.value)), repr(vars(caught.value))]

    assert "***" in str(texts)
    assert CANARY not in "".join([*texts, *(str(vars(record)) for record in caplog.records)])


def test_every_exception_of_the_sdk_is_mapped() -> None:
    """What the SDK raises about an answer is read from the answer; the rest is httpx's."""
    kinds = {
        kind
        for _, kind in inspect.getmembers(replicate.exceptions, inspect.isclass)
        if issubclass(kind, Exception)
    }
    base = replicate.exceptions.ReplicateException
    assert kinds == {base, replicate.exceptions.ReplicateError, replicate.exceptions.ModelError}
    assert all(issubclass(kind, base) for kind in kinds)
    assert issubclass(httpx.TransportError, httpx.RequestError)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500, 503])
@pytest.mark.parametrize("body", [None, "", [], {}, {"detail": None}, {"detail": ["a"]}, "text"])
def test_no_error_body_is_stumbled_over(status: int, body: Any) -> None:
    error = classify_answer(HttpResponse(status, {}, body, is_json=True), "me/mine")
    assert error is None or isinstance(error, TarashException)
