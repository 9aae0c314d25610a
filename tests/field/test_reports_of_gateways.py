"""What people reported of gateways between them and a provider, and of answers that were misread.

Facts from public threads, played anew: litellm 16753, ArcReel 1889, new-api 2532, 2860, 3148, 6591
and 6838, huobao-drama 59, js-genai 1272, mslearn-ai-vision 81, agenc-core 2349, agentfield 600,
kmp-contest-starter-kit 39, polyakov-claude-skills 38, eliza 11920.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    ModelNotFoundError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    ValidationError,
    VideoGenerationConfig,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.media import samples
from tests.field.test_bodies_of_providers import ACCEPTED, KEY, config_of, said
from tests.field.test_reports_of_restarts import NAMES, REQUEST, Look, bought, vendor
from tests.media.raw import Asked, answer, serving

CLIP = samples.videos()[0].path.read_bytes()
PLACE = "https://example.com/cat.mp4"
Answers = Callable[[Asked, int], bytes]

OF_THE_EXCHANGE: tuple[dict[str, Any], ...] = (
    {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}, "status": 401},
    {"error": {"message": "Rate limit reached", "type": "rate_limit_error", "code": 429}},
    {"error": {"message": "Rate limit reached", "type": "rate_limit_error", "code": "429"}},
    {"error": {"message": "Overloaded", "code": 503, "status": "UNAVAILABLE"}},
    {"statusCode": 502, "error": "Bad Gateway", "message": "upstream"},
    {"timestamp": "2026-09-01", "status": 504, "error": "Gateway Timeout", "path": "/v1/videos"},
    {"statusCode": 404, "error": "Not Found", "message": "Cannot GET"},
    {"success": False, "message": "internal server error"},
    {"detail": "Not authenticated"},
)
"""With 200, in the place of a job, from those who stand between."""


@pytest.mark.parametrize("name", NAMES)
async def test_a_gateways_error_with_200_is_no_verdict_on_the_job(
    name: str, tmp_path: Path
) -> None:
    looks: list[Look] = [
        lambda number: said(OF_THE_EXCHANGE[number]) if number < len(OF_THE_EXCHANGE) else None
    ]
    with vendor(name, looks) as server:
        async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
            config = config_of(name, server, max_poll_attempts=20)
            response = await gateway.generate_video_async(config, REQUEST)

    assert response.status == "completed"
    assert bought(server) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_gateways_error_that_stays_leaves_the_job_to_be_fetched(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "jobs.db"
    looks: list[Look] = [lambda _number: said(OF_THE_EXCHANGE[0])]
    with vendor(name, looks) as server:
        config = config_of(name, server, max_poll_attempts=3, on_timeout="detach")
        async with Gateway(ledger=SqliteLedger(path)) as gateway:
            with pytest.raises(TimeoutError, match="Incorrect API key") as caught:
                await gateway.generate_video_async(config, REQUEST, idempotency_key="order")

            assert caught.value.submission == "accepted"

        looks[0] = lambda _number: None
        async with Gateway(ledger=SqliteLedger(path)) as gateway:
            (job,) = await gateway.resume_all_async(api_keys={config.provider: KEY})
            assert (await job.wait_async()).status == "completed"

    assert bought(server) == 1


VERDICTS: tuple[dict[str, Any], ...] = (
    {"id": "j1", "status": "failed", "error": {"code": 429, "message": "it broke"}},
    {"id": "j1", "error": {"code": 500, "message": "it broke"}},
    {"task": {"id": "j1", "status": "failed"}, "error": {"code": 503, "message": "it broke"}},
)


@pytest.mark.parametrize("body", VERDICTS)
async def test_a_number_in_a_jobs_own_failure_does_not_keep_it_from_ending(
    body: dict[str, Any],
) -> None:
    looks: list[Look] = [lambda _number: said(body)]
    with vendor("openai", looks) as server:
        async with Gateway() as gateway:
            with pytest.raises(TarashException, match="it broke") as caught:
                await gateway.generate_video_async(config_of("openai", server), REQUEST)

    assert not isinstance(caught.value, TimeoutError)
    assert caught.value.submission == "accepted"


# ---------------------------------------------------------------------- words and forms of others
def job_of(provider: str, model: str, answers: Answers, **facts: Any) -> Any:
    """Return what a call comes to: its video, or its error, with the requests that it took."""
    with serving(lambda asked, number: [answers(asked, number)]) as server:
        settings = {
            "provider": provider,
            "model": model,
            "api_key": KEY,
            "base_url": f"{server.url}/v1" if provider == "openai-compatible" else server.url,
            "poll_interval": 0.02,
            "provider_config": {"min_poll_interval": 0.01},
            "timeout": 60,
            "max_retries": 0,
            **facts,
        }
        config = VideoGenerationConfig.model_validate(settings)
        try:
            found: Any = Gateway().generate_video(config, REQUEST).video
        except TarashException as error:
            found = error

        assert sum(one.method == "POST" for one in server.seen) == 1
        return found


def billing(error: TarashException) -> str:
    assert error.execution_metadata is not None
    return error.execution_metadata.attempts[0].billing


def after(accepted: Any, *looks: Any) -> Answers:
    """Answer a submit, then look by look; the last again and again."""
    left = list(looks)

    def answers(asked: Asked, _number: int) -> bytes:
        if asked.method == "POST":
            return said(accepted)

        if asked.target.endswith("/content"):
            return answer(CLIP, Content_Type="video/mp4")

        return said(left.pop(0) if len(left) > 1 else left[0])

    return answers


def wrapped(**job: Any) -> dict[str, Any]:
    return {"code": "success", "message": "", "data": {"task_id": "t1", "progress": "9%", **job}}


QUEUED = {"id": "t1", "task_id": "t1", "object": "video", "status": "queued"}
UPSTREAM = {"id": "up-1", "status": "completed", "video_url": PLACE}


@pytest.mark.parametrize("word", ["SUCCESS", "succeeded", "Finished"])
def test_an_upstreams_word_for_done_ends_the_wait(word: str) -> None:
    looks = ({**QUEUED, "status": "NOT_START"}, {**QUEUED, "status": word})
    found = job_of("openai-compatible", "wan", after(QUEUED, *looks))
    assert found["content"] == CLIP


def test_a_job_that_is_wrapped_is_found_and_fetched() -> None:
    looks = (
        wrapped(status="SUBMITTED", fail_reason="", data=None),
        wrapped(status="SUCCESS", fail_reason="", data=UPSTREAM),
    )
    assert job_of("openai-compatible", "wan", after(QUEUED, *looks)) == PLACE


def test_the_reason_of_a_wrapped_job_that_failed_is_told() -> None:
    look = wrapped(status="FAILURE", fail_reason="the upstream broke", data=None)
    error = job_of("openai-compatible", "wan", after(QUEUED, look))
    assert isinstance(error, GenerationFailedError)
    assert "the upstream broke" in error.message


def test_ids_of_minimax_that_are_numbers_lead_to_the_file() -> None:
    fine = {"status_code": 0, "status_msg": "success"}

    def answers(asked: Asked, _number: int) -> bytes:
        if asked.method == "POST":
            return said({"task_id": 359690885259366, "base_resp": fine})

        if "retrieve" in asked.target:
            assert asked.target.endswith("file_id=205258526306433")
            file = {"file_id": 205258526306433, "bytes": 0, "download_url": PLACE}
            return said({"file": file, "base_resp": fine})

        done = {"task_id": 359690885259366, "status": "Success", "file_id": 205258526306433}
        return said({**done, "base_resp": fine})

    assert job_of("minimax", "MiniMax-Hailuo-02", answers) == PLACE


def test_a_task_that_has_succeeded_without_its_video_is_asked_for_it_again() -> None:
    done = {"id": "t1", "status": "succeeded"}
    looks = (
        {"task": {**done, "content": None}},
        {"task": {**done, "content": {"url": ""}}},
        {"task": {**done, "content": {"url": PLACE}}},
    )
    accepted = {"task_id": "t1", "task": {"id": "t1", "status": "queued"}}
    assert job_of("minimax", "MiniMax-H3", after(accepted, *looks)) == PLACE


@pytest.mark.parametrize("nested", [True, False])
def test_a_filter_of_sounds_that_charges_nothing_says_so(*, nested: bool) -> None:
    said_of_it = "We encountered an issue with the audio. You have not been charged for this."
    kept = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [said_of_it]}
    name = "models/veo-3.1-generate-preview/operations/o1"
    response = {"@type": "x", **({"generateVideoResponse": kept} if nested else kept)}
    answers = after({"name": name}, {"name": name, "done": True, "response": response})
    error = job_of("google", "veo-3.1-generate-preview", answers)
    assert isinstance(error, ContentModerationError)
    assert "issue with the audio" in error.message
    assert billing(error) == "none"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Image pixel is invalid", GenerationFailedError),
        ("Failure to pass the risk control system", ContentModerationError),
    ],
)
def test_klings_reason_is_told_and_not_that_the_request_succeeded(
    reason: str, kind: type[TarashException]
) -> None:
    fine = {"code": 0, "message": "SUCCEED"}
    ended = {"task_id": "8", "task_result": {}, "task_status": "failed", "task_status_msg": reason}
    accepted = {**fine, "data": {"task_id": "8", "task_status": "submitted"}}
    error = job_of("kling", "kling-v2-6", after(accepted, {**fine, "data": ended}))
    assert type(error) is kind
    assert reason in error.message
    assert "SUCCEED" not in error.message


REFUSALS = [
    (
        *("azure-openai", "sora-2", 404, ModelNotFoundError, "does not exist"),
        {"error": {"message": "The API deployment 'sora-2' does not exist.", "code": None}},
    ),
    (
        *("xai", "grok-imagine-video", 400, ValidationError, "must provide output.upload_url"),
        {"code": "invalid-argument", "error": "ZDR teams must provide output.upload_url"},
    ),
]


@pytest.mark.parametrize(("provider", "model", "status", "kind", "words", "body"), REFUSALS)
def test_why_nothing_was_made_is_told_and_costs_nothing(  # noqa: PLR0913, PLR0917  (a row)
    provider: str, model: str, status: int, kind: type[TarashException], words: str, body: Any
) -> None:
    error = job_of(provider, model, lambda _asked, _number: said(body, status))
    assert isinstance(error, kind)
    assert words in error.message
    assert (error.submission, billing(error)) == ("rejected", "none")


def test_a_video_that_only_its_buyer_may_read_is_read_with_the_key() -> None:
    def answers(asked: Asked, _number: int) -> bytes:
        root = f"http://{asked.headers['host']}/api/v1/videos/g1"
        if asked.method == "POST":
            return said({"id": "g1", "polling_url": root, "status": "pending"})

        if "/content" not in asked.target:
            done = {"id": "g1", "status": "completed"}
            return said({**done, "unsigned_urls": [f"{root}/content?index=0"]})

        if "authorization" not in asked.headers:
            return said({"error": {"message": "No auth", "code": 401}}, 401)

        return answer(CLIP, Content_Type="video/mp4")

    assert job_of("openrouter", "google/veo-3.1-fast", answers)["content"] == CLIP


def test_a_prediction_that_is_created_without_an_output_is_waited_for() -> None:
    running = {"id": "j1", "status": "processing", "output": None}
    looks = (running, {**running, "status": "succeeded", "output": PLACE})
    answers = after({**ACCEPTED["replicate"], "output": None}, *looks)
    assert job_of("replicate", "google/veo-3.1", answers) == PLACE


def test_a_job_of_fal_without_addresses_is_asked_for_at_its_apps_own() -> None:
    """Below the endpoint itself, fal answers 405."""

    def answers(asked: Asked, _number: int) -> bytes:
        if asked.method == "POST":
            return said({"request_id": "r1"})

        if "/fast/" in asked.target or "/stream" in asked.target:
            return said({"detail": "Method Not Allowed"}, 405)

        ended = {"status": "COMPLETED"} if "/status" in asked.target else {"video": {"url": PLACE}}
        return said(ended)

    assert job_of("fal", "fal-ai/veo3.1/fast", answers) == PLACE


def test_a_wait_that_is_given_up_says_that_the_job_may_be_billed() -> None:
    answers = after(QUEUED, {**QUEUED, "status": "in_progress"})
    error = job_of("openai-compatible", "wan", answers, max_poll_attempts=2)
    assert isinstance(error, TimeoutError)
    assert (error.submission, billing(error)) == ("accepted", "possible")
