"""Replicate when things go wrong: errors in each face, money counted, keys kept."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import replicate.exceptions

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
)
from tarash.tarash_gateway._contract import Account
from tarash.tarash_gateway._http import Answer, Transport
from tarash.tarash_gateway._types import MediaContent
from tarash.tarash_gateway.providers._replicate_errors import classify_answer
from tarash.tarash_gateway.providers.replicate import adapter
from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step

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
    with Simulator(["replicate", "fal"]) as running:
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
            "timeout": 3,
            "max_retries": 0,
            "provider_config": {"min_poll_interval": 0.01},
            **facts,
        }
        return VideoGenerationConfig(**settings)

    return make


def fallback(simulator: Simulator) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        api_key="fal-key-of-tests",
        base_url=simulator.base_url("fal"),
        poll_interval=0.02,
        provider_config={"min_poll_interval": 0.01},
    )


BAD_VERSION = {"title": "Invalid version or not permitted", "detail": "no"}
BAD_INPUT = {"title": "Input validation failed", "detail": "- input.prompt is required"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, None, (AuthenticationError, "check the key")),
        (402, None, (QuotaExceededError, "top up")),
        (403, None, (AuthenticationError, "allowed")),
        (404, None, (ModelNotFoundError, "owner/name:version")),
        (410, {"detail": "gone"}, (ModelNotFoundError, "gone")),
        (422, BAD_VERSION, (ModelNotFoundError, "not permitted")),
        (422, BAD_INPUT, (ValidationError, "prompt is required")),
        (422, {"detail": "something else"}, (HTTPError, "something else")),
        (422, [1], (HTTPError, "1")),
        (400, {"detail": "NSFW prompt"}, (ContentModerationError, "change the prompt")),
        (422, {"detail": "flagged as sensitive (E005)"}, (ContentModerationError, "E005")),
        (500, None, (HTTPError, "500")),
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
    assert caught.value.submission == ("unknown" if status == 502 else "rejected")
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


def test_a_refused_submit_leaves_again(simulator: Simulator, config: Any) -> None:
    simulator.fail("replicate", "submit", Fault.status(429, retry_after=0.01))
    simulator.fail("replicate", "submit", Fault.status(503))
    generate_video(config(max_retries=2), REQUEST)
    assert simulator.counters("replicate").submits == 3
    assert simulator.counters("replicate").accepted == 1


@pytest.mark.parametrize(
    ("text", "stage", "categories"),
    [
        (None, None, ("E005",)),
        ("NSFW content detected. Try running it again.", "output", ()),
        ("The output was blocked by moderation", "output", ()),
        ("Prompt contains sensitive words", None, ()),
    ],
)
def test_moderation_stops_the_chain(
    simulator: Simulator, config: Any, text: str | None, stage: str | None, categories: Any
) -> None:
    simulator.script("replicate", Script(outcome="moderated", error_message=text))
    chain = config(fallback_configs=(fallback(simulator),))
    with pytest.raises(ContentModerationError) as caught:
        generate_video(chain, REQUEST)

    assert (caught.value.stage, caught.value.categories) == (stage, categories)
    assert caught.value.raw_response == simulator.jobs("replicate")[0].result_body
    assert simulator.counters("fal").submits == 0


def test_moderation_in_a_held_submit_is_the_same(simulator: Simulator) -> None:
    simulator.script("replicate", Script(outcome="moderated", run_seconds=0))
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


def test_a_failed_job_moves_the_chain_on(simulator: Simulator, config: Any) -> None:
    simulator.script("replicate", Script(outcome="failed", error_message="CUDA out of memory"))
    response = generate_video(config(fallback_configs=(fallback(simulator),)), REQUEST)
    first, second = response.execution_metadata.attempts if response.execution_metadata else ()
    assert (first.error_type, first.billing) == ("GenerationFailedError", "possible")
    assert "CUDA out of memory" in str(first.error_message)
    assert second.provider == "fal"


@pytest.mark.parametrize(("status", "billing"), [("aborted", "none"), ("canceled", "possible")])
def test_ends_that_nobody_asked_for(
    simulator: Simulator, config: Any, status: str, billing: str
) -> None:
    simulator.script("replicate", Script(run_seconds=0, result={"status": status, "output": None}))
    with pytest.raises(GenerationFailedError) as caught:
        generate_video(config(), REQUEST)

    metadata = caught.value.execution_metadata
    assert metadata is not None
    assert metadata.attempts[0].billing == billing
    assert caught.value.retryable
    # Answered to the submit already, in a word that the SDK can't read.
    assert caught.value.request_id == simulator.jobs("replicate")[0].id


@pytest.mark.parametrize(
    ("fault", "submission", "accepted"),
    [
        (Fault.reset_before(), "unknown", 0),
        (Fault.reset_after(), "unknown", 1),
        (Fault.truncate(), "unknown", 1),
        (Fault.foreign_body(), "unknown", 1),
        (Fault.foreign_body("[]", "application/json"), "unknown", 1),
        (Fault.foreign_body("{}", "application/json"), "unknown", 1),
        (Fault.status(504), "unknown", 0),
        (Fault.status(408), "unknown", 0),
    ],
)
def test_an_unknown_submit_is_never_sent_again(
    simulator: Simulator, config: Any, fault: Fault, submission: str, accepted: int
) -> None:
    simulator.fail("replicate", "submit", fault)
    answered = fault.kind in {"status", "foreign_body", "truncate"}
    with pytest.raises(HTTPError if answered else HTTPConnectionError) as caught:
        generate_video(config(max_retries=5), REQUEST)

    assert caught.value.submission == submission
    assert simulator.counters("replicate").submits == 1
    assert simulator.counters("replicate").accepted == accepted


def test_no_connection_is_tried_again(config: Any) -> None:
    with pytest.raises(HTTPConnectionError) as caught:
        generate_video(config(base_url="http://127.0.0.1:9", max_retries=1), REQUEST)

    assert caught.value.submission == "not_sent"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500),
        Fault.status(429, retry_after=0.01),
        Fault.foreign_body(),
        Fault.foreign_body("{}", "application/json"),
        Fault.truncate(),
        Fault.reset_after(),
        Fault.status(404),
    ],
)
def test_a_failing_look_loses_no_job(simulator: Simulator, config: Any, fault: Fault) -> None:
    simulator.fail("replicate", "poll", fault, times=2)
    assert generate_video(config(), REQUEST).status == "completed"
    assert simulator.counters("replicate").submits == 1


@pytest.mark.timeout(30)
def test_a_lost_job(simulator: Simulator, config: Any) -> None:
    simulator.script("replicate", Script(outcome="lost"))
    with pytest.raises(HTTPError, match="does not know the job") as caught:
        generate_video(config(timeout=10), REQUEST)

    assert caught.value.operation is not None
    assert simulator.counters("replicate").accepted == 1


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        (Script(outcome="never"), "cancelled"),
        (Script(outcome="never", cancel="requested"), "requested"),
        (Script(outcome="never", cancel="ignored"), "requested"),
    ],
)
def test_a_timeout_cancels_the_job(
    simulator: Simulator, config: Any, script: Script, answer: str
) -> None:
    simulator.script("replicate", script)
    with pytest.raises(TimeoutError) as caught:
        generate_video(config(timeout=0.5), REQUEST)

    assert caught.value.operation is not None
    metadata = caught.value.execution_metadata
    assert metadata is not None
    assert metadata.attempts[0].cancel == answer
    assert simulator.counters("replicate").cancels == 1


def test_a_job_that_ended_just_before_is_delivered(simulator: Simulator, config: Any) -> None:
    simulator.script("replicate", Script(outcome="never", cancel="too_late"))
    assert generate_video(config(timeout=0.5), REQUEST).status == "completed"


async def test_cancellation_cancels_the_job(simulator: Simulator, config: Any) -> None:
    simulator.script("replicate", Script(outcome="never"))
    async with Gateway() as gateway:
        call = asyncio.create_task(gateway.generate_video_async(config(timeout=30), REQUEST))
        while not simulator.counters("replicate").polls:  # noqa: ASYNC110  (another thread counts)
            await asyncio.sleep(0.01)

        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert simulator.jobs("replicate")[0].status == "cancelled"
    for _ in range(100):
        if not simulator.counters("replicate").open_connections:
            break

        await asyncio.sleep(0.01)

    assert simulator.counters("replicate").open_connections == 0


async def test_a_held_submit_that_is_cancelled_is_heard_out(simulator: Simulator) -> None:
    """Its answer names the job, which can then be cancelled: nothing runs on unseen."""
    simulator.script("replicate", Script(outcome="never"))
    config = ImageGenerationConfig(
        provider="replicate",
        model="black-forest-labs/flux-schnell",
        api_key=CANARY,
        base_url=simulator.base_url("replicate"),
    )
    async with Gateway() as gateway:
        request = ImageGenerationRequest(prompt="A cat")
        call = asyncio.create_task(gateway.generate_image_async(config, request))
        while not simulator.counters("replicate").accepted:  # noqa: ASYNC110  (as above)
            await asyncio.sleep(0.01)

        call.cancel()
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


async def test_a_key_can_be_checked_for_free(simulator: Simulator) -> None:
    simulator.keys["replicate"] = {CANARY}
    transport = Transport()
    for key in (CANARY, "another-key"):
        account = Account("replicate", simulator.base_url("replicate"), key)
        client = adapter.connect(account, transport)
        try:
            await adapter.check(client)
            assert key == CANARY
        except AuthenticationError:
            assert key != CANARY

    await transport.aclose()
    assert simulator.counters("replicate").submits == 0


class Lines(logging.Handler):
    """Keeps every log record with all that hangs on it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{logging.Formatter('%(message)s').format(record)} {vars(record)}")


@pytest.mark.parametrize("status", [400, 401, 422, 500])
@pytest.mark.parametrize("step", ["submit", "poll", "upload"])
async def test_the_key_shows_nowhere(
    simulator: Simulator, config: Any, step: Step, status: int
) -> None:
    handler = Lines()
    logger = logging.getLogger("tarash.tarash_gateway")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    simulator.fail("replicate", step, Fault.echo_key(status), times=None)
    texts: list[str] = []
    asked = config(timeout=0.5)
    async with Gateway() as gateway:
        try:
            texts.append(repr(await gateway.generate_video_async(asked, WITH_UPLOAD)))
        except TarashException as error:
            link: BaseException | None = error
            texts.append("".join(traceback.format_exception(error)))
            while link is not None:
                texts += [repr(link), repr(vars(link)), repr(link.args)]
                link = link.__cause__ or link.__context__

    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    assert CANARY not in "".join([*texts, *handler.lines])


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
    error = classify_answer(Answer(status, {}, body, is_json=True), "me/mine")
    assert error is None or isinstance(error, TarashException)
