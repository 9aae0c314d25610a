"""Bodies that providers sent, played over the wire: what each comes to, and what it may cost.

The words are shortened, and told anew; the forms are those of fact sheets and public reports.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    QuotaExceededError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.ledger import MemoryLedger
from tests.conftest import Leap, until
from tests.media.raw import Asked, Raw, answer, serving
from tests.providers.test_error_bodies import REPORTED, ROWS

KEY = "id:a-secret-key"
OPERATION = "models/veo-3.1-generate-preview/operations/o1"
MODELS = {
    "azure-openai": "my-sora",
    "fal": "fal-ai/veo3.1",
    "google": "veo-3.1-generate-preview",
    "luma": "ray-2",
    "openai": "sora-2",
    "replicate": "google/veo-3.1",
    "runway": "gen4.5",
    "stability": "sd3.5-large",
    "xai": "grok-imagine-video",
}
ACCEPTED: dict[str, Any] = {
    "fal": {"request_id": "j1"},
    "google": {"name": OPERATION},
    "google-omni": {"id": "j1", "status": "in_progress"},
    "luma": {"id": "j1", "state": "queued"},
    "luma-agents": {"id": "j1", "state": "queued"},
    "openai": {"id": "j1", "object": "video", "status": "queued"},
    "azure-openai": {"id": "j1", "object": "video", "status": "queued"},
    "replicate": {"id": "j1", "status": "starting", "urls": {}},
    "runway": {"id": "j1"},
    "xai": {"request_id": "j1"},
}
OTHER_MODELS = {"google-omni": "gemini-omni-1.1-flash", "luma-agents": "ray-3.2"}


def said(value: Any, status: int = 200) -> bytes:
    return answer(json.dumps(value).encode(), f"{status} X", Content_Type="application/json")


def config_of(name: str, server: Raw, **changes: Any) -> Any:
    """Return a config that leads to a server."""
    provider = name if name in MODELS else name.partition("-")[0]
    config = ImageGenerationConfig if provider == "stability" else VideoGenerationConfig
    return config.model_validate(
        {
            "provider": provider,
            "model": OTHER_MODELS.get(name) or MODELS[provider],
            "api_key": KEY,
            "base_url": f"{server.url}/v1" if provider in ("openai", "xai") else server.url,
            "poll_interval": 0.02,
            "max_poll_attempts": 8,
            "max_retries": 0,
            "timeout": 300,
            "provider_config": {"min_poll_interval": 0.01},
            **changes,
        }
    )


async def failure(server: Raw, name: str) -> TarashException:
    """Generate on a server, and return what it comes to."""
    config = config_of(name, server)
    async with Gateway() as gateway:
        if name == "stability":
            image = ImageGenerationRequest(prompt="A cat")
            with pytest.raises(TarashException) as caught:
                await gateway.generate_image_async(config, image)
        else:
            video = VideoGenerationRequest(prompt="A cat")
            with pytest.raises(TarashException) as caught:
                await gateway.generate_video_async(config, video)

    return caught.value


def facts_of(error: TarashException) -> tuple[type, bool, str | None, str]:
    assert error.execution_metadata is not None
    (attempt,) = error.execution_metadata.attempts
    assert attempt.submission == error.submission
    return type(error), error.retryable, error.submission, attempt.billing


@pytest.mark.parametrize(
    ("provider", "status", "body", "kind", "retryable"),
    ROWS + REPORTED,
    ids=lambda value: value if isinstance(value, str | int) else "",
)
async def test_what_refuses_a_submit_buys_nothing(
    provider: str, status: int, body: Any, kind: type[TarashException], retryable: bool
) -> None:
    with serving(lambda _asked, _number: [said(body, status)]) as server:
        error = await failure(server, provider)

    assert facts_of(error) == (kind, retryable, "rejected", "none")
    assert len(server.seen) == 1


def checker(where: str, kind: str, message: str) -> dict[str, Any]:
    """Return fal's word on one input, with an echo of it that no error should repeat."""
    one = {"loc": ["body", where], "msg": message, "type": kind, "input": "data:x," + "A" * 5000}
    return {"detail": [one]}


def prediction(error: str) -> dict[str, Any]:
    return {"id": "j1", "status": "failed", "error": error, "output": None, "logs": "…"}


def task(code: str | None, words: str, **more: Any) -> dict[str, Any]:
    return {"id": "j1", "status": "FAILED", "failure": words, "failureCode": code, **more}


def operation(code: int, message: str) -> dict[str, Any]:
    return {"name": OPERATION, "done": True, "error": {"code": code, "message": message}}


def video_failed(code: str, message: str) -> dict[str, Any]:
    return {
        "id": "j1",
        "object": "video",
        "status": "failed",
        "error": {"code": code, "message": message},
    }


FLAGGED = "The content could not be processed: a content checker flagged it."
SENSITIVE = "The input or output was flagged as sensitive. Please try again. (E005) (x1y2)"
FILTERED = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["Support codes: 15236754"]}
Failed, Moderated = GenerationFailedError, ContentModerationError
Row = tuple[str, int, Any, type[TarashException], bool, str]
JOBS: list[Row] = [
    (
        "fal",
        422,
        checker("prompt", "content_policy_violation", FLAGGED),
        Moderated,
        False,
        "possible",
    ),
    (
        "fal",
        422,
        checker("image_url", "file_download_error", "No download"),
        ValidationError,
        False,
        "possible",
    ),
    ("fal", 500, checker("x", "internal_server_error", "Something broke"), Failed, True, "none"),
    (
        "replicate",
        200,
        prediction("NSFW content detected. Try running it again."),
        Moderated,
        False,
        "possible",
    ),
    ("replicate", 200, prediction(SENSITIVE), Moderated, False, "possible"),
    (
        "replicate",
        200,
        prediction("CUDA out of memory. Tried to allocate 5 GiB"),
        Failed,
        True,
        "possible",
    ),
    (
        "replicate",
        200,
        prediction("Prediction interrupted; please retry (code: PA)"),
        Failed,
        True,
        "possible",
    ),
    (
        "replicate",
        200,
        prediction("Director: unexpected error handling prediction (E6716)"),
        Failed,
        True,
        "possible",
    ),
    ("replicate", 200, {"id": "j1", "status": "aborted", "error": None}, Failed, True, "none"),
    (
        "luma",
        200,
        {"id": "j1", "state": "failed", "failure_reason": "Advanced moderation failed"},
        Moderated,
        False,
        "possible",
    ),
    (
        "luma-agents",
        200,
        {"id": "j1", "state": "failed", "failure_code": "content_moderated", "failure_reason": "x"},
        Moderated,
        False,
        "possible",
    ),
    (
        "luma-agents",
        200,
        {"id": "j1", "state": "failed", "failure_code": "budget_exhausted", "failure_reason": "x"},
        QuotaExceededError,
        False,
        "possible",
    ),
    (
        "runway",
        200,
        task("SAFETY.INPUT.TEXT", "The prompt was refused"),
        Moderated,
        False,
        "certain",
    ),
    (
        "runway",
        200,
        task("SAFETY.OUTPUT.VIDEO", "The result was refused"),
        Moderated,
        False,
        "possible",
    ),
    (
        "runway",
        200,
        task("INTERNAL.BAD_OUTPUT.CODE01", "Something broke"),
        Failed,
        True,
        "possible",
    ),
    (
        "runway",
        200,
        task("ASSET.INVALID", "The image is too small"),
        ValidationError,
        False,
        "possible",
    ),
    ("runway", 200, task("INTERNAL", "Something broke", cost={"credits": 0}), Failed, True, "none"),
    ("google", 200, operation(13, "Internal error encountered."), Failed, True, "possible"),
    (
        "google",
        200,
        operation(3, "The prompt violates the usage guidelines."),
        Moderated,
        False,
        "none",
    ),
    (
        "google",
        200,
        {"name": OPERATION, "done": True, "response": {"generateVideoResponse": FILTERED}},
        Moderated,
        False,
        "none",
    ),
    (
        "google-omni",
        200,
        {
            "id": "j1",
            "status": "failed",
            "errors": [{"code": "safety", "message": "blocked by safety"}],
        },
        Moderated,
        False,
        "possible",
    ),
    (
        "google",
        200,
        {"name": OPERATION, "error": "It broke in the middle"},
        Failed,
        True,
        "possible",
    ),
    ("google", 200, {"name": OPERATION, "done": True, "response": {}}, Failed, True, "possible"),
    (
        "google-omni",
        200,
        {"id": "j1", "status": "budget_exceeded"},
        QuotaExceededError,
        False,
        "possible",
    ),
    (
        "openai",
        200,
        video_failed("moderation_blocked", "It may not be made"),
        Moderated,
        False,
        "possible",
    ),
    (
        "openai",
        200,
        video_failed("sentinel_block", "Something is not right"),
        Moderated,
        False,
        "possible",
    ),
    ("openai", 200, video_failed("internal_error", "Something broke"), Failed, True, "possible"),
    (
        "azure-openai",
        200,
        video_failed("output_moderation", "It was filtered"),
        Moderated,
        False,
        "possible",
    ),
    (
        "xai",
        400,
        {
            "code": "imagine:content-moderated",
            "error": "Generated video rejected by it",
            "usage": {"cost_in_usd_ticks": 5},
        },
        Moderated,
        False,
        "certain",
    ),
    (
        "xai",
        200,
        {"status": "failed", "error": {"code": "internal", "message": "Something broke"}},
        Failed,
        True,
        "possible",
    ),
    ("xai", 200, {"status": "expired"}, Failed, True, "possible"),
]
"""What each provider says of a job that has failed."""


@pytest.mark.parametrize(("name", "status", "body", "kind", "retryable", "billing"), JOBS)
async def test_what_ends_a_job_is_what_it_says(  # noqa: PLR0913, PLR0917  (the columns of a row)
    name: str, status: int, body: Any, kind: type[TarashException], retryable: bool, billing: str
) -> None:
    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [said(ACCEPTED[name])]

        if name == "fal" and "/status" in asked.target:
            return [said({"status": "COMPLETED", "error": "x", "error_type": "x"})]

        return [said(body, status)]

    with serving(answers) as server:
        error = await failure(server, name)

    assert facts_of(error) == (kind, retryable, "accepted", billing), error
    assert "A" * 1000 not in f"{error}"
    assert sum(one.method == "POST" for one in server.seen) == 1


WITHOUT_A_STATUS: tuple[Any, ...] = (
    {"error": {"message": "it broke in the middle", "code": "server_error"}},
    {"error": "it broke in the middle"},
    {"status": None, "error": "it broke in the middle"},
    {"error": {"code": 13, "message": "it broke in the middle", "status": "INTERNAL"}},
)


@pytest.mark.parametrize("name", ACCEPTED)
async def test_an_error_object_without_a_status_is_a_failure_in_the_providers_words(
    name: str,
) -> None:
    body = {"id": "j1", "name": OPERATION, "status": None, "error": "it broke in the middle"}
    with serving(
        lambda asked, _number: [said(ACCEPTED[name] if asked.method == "POST" else body)]
    ) as server:
        error = await failure(server, name)

    assert facts_of(error) == (Failed, True, "accepted", "possible")
    assert "it broke in the middle" in error.message
    assert len([one for one in server.seen if "/stream" not in one.target]) == 2


def _is_met(server: Raw, work: asyncio.Future[Any]) -> bool:
    return len(server.seen) > 9 or work.done()


@pytest.mark.parametrize("name", ACCEPTED)
async def test_one_that_does_not_say_of_which_job_ends_the_wait_where_it_stays(
    name: str, leap: Leap
) -> None:
    """It may be a gateway's, so the job stays unfinished; and nobody waits for the deadline."""
    for body in WITHOUT_A_STATUS:

        def answers(asked: Asked, _number: int, body: Any = body) -> list[bytes]:
            return [said(ACCEPTED[name] if asked.method == "POST" else body)]

        ledger = MemoryLedger()
        with serving(answers) as server:
            config = config_of(name, server, max_poll_attempts=None)
            async with Gateway(ledger=ledger) as gateway:
                request = VideoGenerationRequest(prompt="A cat")
                work = asyncio.ensure_future(gateway.generate_video_async(config, request))
                await until(partial(_is_met, server, work))
                leap(61)
                with pytest.raises(
                    Failed, match=r"it broke in the middle.*stays unfinished"
                ) as end:
                    await work

        assert facts_of(end.value) == (Failed, True, "accepted", "possible"), body
        (record,) = await ledger.jobs()
        assert (record.state, record.entries[0].outcome) == ("open", "detached")
