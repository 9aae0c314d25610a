"""What is fal's own: its error envelopes, its billing, its URLs, its uploads."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ImageGenerationRequest,
    QuotaExceededError,
    TarashException,
    ValidationError,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, until
from tests.engine.conftest import KEY, Fal, only_attempt

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100
INFRASTRUCTURE = [
    "internal_error", "request_timeout", "runner_disconnected", "runner_incomplete_response",
    "runner_server_error", "startup_timeout", "client_cancelled",
]  # fmt: skip
MODEL = ["internal_server_error", "generation_timeout", "downstream_service_unavailable"]


async def made(fal: Fal, model: str = "fal-ai/veo3.1", **wishes: Any) -> Any:
    request = VideoGenerationRequest(**({"prompt": "A cat"} | wishes))
    return await fal.gateway.generate_video_async(fal.config(model=model), request)


@pytest.mark.parametrize("error_type", [*INFRASTRUCTURE, *MODEL])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_failure_of_fals_side_may_succeed_elsewhere(
    fal: Fal, error_type: str, *, stream: bool
) -> None:
    fal.script(
        Script(outcome="failed", error_type=error_type, error_message="No luck.", stream=stream)
    )
    error = await fal.failure()

    assert type(error) is GenerationFailedError
    cancelled = error_type == "client_cancelled"  # by the account's owner, who wants no other
    assert (error.retryable, error.submission) == (not cancelled, "accepted")
    assert error_type in error.message
    assert "No luck." in error.message
    assert error.raw_response == fal.simulator.jobs("fal")[0].result_body
    assert error.request_id == fal.simulator.jobs("fal")[0].id
    assert only_attempt(error).billing == ("possible" if cancelled else "none")
    assert fal.outcomes() == ["failed"]


@pytest.mark.parametrize("error_type", ["image_too_small", "literal_error", "brand_new_type"])
async def test_an_input_that_the_model_refuses_is_a_validation_error(
    fal: Fal, error_type: str
) -> None:
    fal.script(Script(outcome="failed", error_type=error_type, error_status=422))
    error = await fal.failure()

    assert type(error) is ValidationError
    assert isinstance(error, ValueError)
    assert not error.retryable
    assert "body.prompt" in error.message
    assert only_attempt(error).billing == "possible"


@pytest.mark.parametrize(("place", "stage"), [(["body", "prompt"], "input"), ([], "output")])
@pytest.mark.parametrize("step", ["submit", "result"])
async def test_moderation_is_a_class_of_its_own_and_says_at_which_stage(
    fal: Fal, step: Any, place: list[str], stage: str
) -> None:
    detail = {"loc": place, "msg": "No cats.", "type": "content_policy_violation"}
    fal.fail(step, Fault.status(422, {"detail": [detail]}))
    error = await fal.failure()

    assert isinstance(error, ContentModerationError)
    assert (error.stage, error.categories) == (stage, ("content_policy_violation",))
    assert not error.retryable
    assert error.submission == ("rejected" if step == "submit" else "accepted")
    assert "No cats." in error.message
    assert error.raw_response == {"detail": [detail]}


async def test_a_moderated_job_is_moderated_though_its_result_can_not_be_read(fal: Fal) -> None:
    fal.script(Script(outcome="moderated"))
    fal.fail("result", Fault.truncate(), times=None)
    error = await fal.failure()
    assert isinstance(error, ContentModerationError)
    assert not error.retryable


async def test_an_empty_balance_is_told_by_its_text(fal: Fal) -> None:
    body = {"detail": "User is locked. Reason: Exhausted balance."}
    fal.fail("submit", Fault.status(403, body))
    error = await fal.failure()
    assert isinstance(error, QuotaExceededError)
    assert error.status_code == 403
    assert not error.retryable


@pytest.mark.parametrize(
    "body",
    [{"detail": []}, {"detail": [7]}, {"detail": [{}]}, {"detail": None}, {"detail": {}}, [], "no",
     7, None, {"detail": [{"loc": 7, "msg": None, "type": None}]}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("step", ["submit", "result"])
@pytest.mark.parametrize("status", [400, 422])
async def test_an_error_body_of_another_shape_is_an_error_of_ours(
    fal: Fal, step: Any, status: int, body: Any
) -> None:
    fault = Fault.foreign_body(json.dumps(body), "application/json", status)
    fal.fail(step, fault, times=None)
    error = await fal.failure(max_poll_attempts=3)

    assert isinstance(error, TarashException)
    assert "Unforeseen" not in error.message
    # Of a result, only a model's own words are a verdict, and those are a list.
    is_verdict = isinstance(body, dict) and isinstance(body["detail"], list)
    assert isinstance(error, TimeoutError) is (step == "result" and not is_verdict)
    assert fal.counters.submits == 1


@pytest.mark.parametrize("outcome", ["no_media", "empty", "list", "text"])
async def test_a_result_without_media_is_a_failure_and_not_a_success(
    fal: Fal, outcome: str
) -> None:
    bodies: dict[str, Any] = {"empty": {}, "list": [1], "text": '"done"'}
    if outcome in bodies:
        text = bodies[outcome] if isinstance(bodies[outcome], str) else json.dumps(bodies[outcome])
        fal.fail("result", Fault.foreign_body(text, "application/json"), times=None)
    else:
        fal.script(Script(outcome="no_media"))

    error = await fal.failure()
    assert type(error) is GenerationFailedError
    assert error.retryable
    assert only_attempt(error).billing == "possible"


@pytest.mark.parametrize(
    ("output", "videos"),
    [
        ({"video": {"url": "https://a.example/1.mp4"}}, ["https://a.example/1.mp4"]),
        ({"video": "https://a.example/1.mp4"}, ["https://a.example/1.mp4"]),
        ({"video_url": "https://a.example/1.mp4"}, ["https://a.example/1.mp4"]),
        (
            {"videos": [{"url": "https://a.example/1.mp4"}, {"url": "https://a.example/2.mp4"}]},
            ["https://a.example/1.mp4", "https://a.example/2.mp4"],
        ),
        ({"video": [{"url": "https://a.example/1.mp4"}]}, ["https://a.example/1.mp4"]),
    ],
)
async def test_every_form_of_output_is_read(fal: Fal, output: Any, videos: list[str]) -> None:
    fal.script(Script(result={**output, "seed": 7}))
    response = await made(fal)
    assert list(response.videos) == videos
    assert response.video == videos[0]
    assert response.provider_metadata["seed"] == 7
    assert response.raw_response == {**output, "seed": 7}


async def test_billable_units_and_seconds_of_inference_are_handed_over(fal: Fal) -> None:
    fal.script(Script(billable_units=2.5))
    response = await made(fal)
    assert response.provider_metadata["billable_units"] == 2.5
    assert response.provider_metadata["inference_time"] == 0.05
    assert response.request_id == fal.simulator.jobs("fal")[0].id


async def test_a_result_without_units_has_none(fal: Fal) -> None:
    fal.script(Script(billable_units=None))
    assert "billable_units" not in (await made(fal)).provider_metadata


@pytest.mark.parametrize("script", [Script(run_polls=1), Script(outcome="never")])
async def test_a_strangers_url_never_sees_the_key_and_the_job_ends_well(
    fal: Fal, script: Script
) -> None:
    """The fixture looks for leaks; the job is reached by the URLs that follow from its id."""
    fal.script(replace(script, foreign_urls=True))
    if script.outcome == "never":
        error = await fal.failure(max_poll_attempts=2)
        assert only_attempt(error).cancel == "requested"
    else:
        assert (await made(fal)).status == "completed"

    assert fal.simulator.requests("foreign") == []
    assert fal.counters.polls == 2


@pytest.mark.parametrize("url", ["http://[broken", "http://a:99999/x", "", 7, None])
async def test_a_malformed_url_of_an_accepted_job_does_not_lose_it(
    fal: Fal, leap: Leap, url: Any
) -> None:
    """The job of this answer does not exist, so the best that can come of it is a look."""
    names = ("status_url", "response_url", "cancel_url")
    answer = {"request_id": "job-1", **dict.fromkeys(names, url)}
    fal.fail("submit", Fault.status(200, answer))
    work = asyncio.ensure_future(fal.failure())
    await until(lambda: fal.counters.polls > 8)
    leap(61)
    error = await work

    assert isinstance(error, HTTPError)
    assert (error.status_code, error.submission) == (404, "accepted")
    assert error.operation is not None
    base = fal.simulator.base_url("fal")
    assert error.operation["urls"]["status"] == f"{base}/fal-ai/veo3.1/requests/job-1/status"


async def test_the_submit_turns_fals_silent_change_of_model_off(fal: Fal) -> None:
    await made(fal)
    (job,) = fal.simulator.jobs("fal")
    assert job.headers["x-app-fal-disable-fallback"] == "true"
    assert job.headers["authorization"] == f"Key {KEY}"
    assert job.endpoint == "fal-ai/veo3.1"
    assert job.payload == {"prompt": "A cat"}


async def test_extra_parameters_arrive_untouched_and_win(fal: Fal) -> None:
    extra = {"duration": "5s", "seed": None, "nested": {"list": [1, {"a": None}]}, "new": True}
    await made(fal, duration_seconds=8, seed=3, extra_params=extra)
    (job,) = fal.simulator.jobs("fal")
    assert job.payload == {"prompt": "A cat", **extra}


@pytest.mark.parametrize("form", ["url", "bytes", "data URI", "base64"])
async def test_an_image_arrives_in_every_form(fal: Fal, form: str) -> None:
    encoded = base64.b64encode(PNG).decode()
    inline = f"data:image/png;base64,{encoded}"
    given: dict[str, Any] = {
        "url": "https://example.com/cat.png",
        "bytes": {"content": PNG, "content_type": "image/png"},
        "data URI": inline,
        "base64": encoded,
    }
    images = [{"image": given[form], "type": "first_frame"}]
    response = await made(fal, "fal-ai/veo3.1/image-to-video", image_list=images)

    assert response.status == "completed"
    (job,) = fal.simulator.jobs("fal")
    assert job.payload["image_url"] == (given["url"] if form == "url" else inline)


async def test_large_bytes_go_inline_where_the_host_is_not_fals(fal: Fal) -> None:
    content = b"\x89PNG\r\n\x1a\n" + b"\x00" * 600_000
    image = {"image": {"content": content, "content_type": "image/png"}, "type": "first_frame"}
    await made(fal, "fal-ai/veo3.1/image-to-video", image_list=[image])
    (job,) = fal.simulator.jobs("fal")
    sent = job.payload["image_url"].removeprefix("data:image/png;base64,")
    assert base64.b64decode(sent) == content
    assert fal.counters.uploads == 0


@pytest.fixture(scope="module")
def sdk() -> Iterator[subprocess.Popen[str]]:
    """A process that uploads by the SDK, and must not have said anything but what was asked."""
    command = [sys.executable, "-W", "error", "-m", "tests.engine.fal_upload_probe"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        yield process
        assert process.communicate() == ("", "")


def uploaded(fal: Fal, sdk: subprocess.Popen[str], size: int = 300_000) -> dict[str, Any]:
    assert sdk.stdin is not None
    assert sdk.stdout is not None
    sdk.stdin.write(json.dumps([fal.simulator.base_url("fal"), KEY, size]) + "\n")
    sdk.stdin.flush()
    return dict(json.loads(sdk.stdout.readline()))


def test_large_bytes_are_uploaded_to_fals_storage(fal: Fal, sdk: subprocess.Popen[str]) -> None:
    seen = uploaded(fal, sdk)
    assert seen["url"].startswith("http")
    assert fal.counters.uploads == 1


@pytest.mark.parametrize("fault", [Fault.status(403), Fault.status(413), Fault.echo_key(400)])
@pytest.mark.parametrize("step", ["upload_init", "upload"])
def test_an_upload_that_fails_has_bought_nothing(
    fal: Fal, sdk: subprocess.Popen[str], fault: Fault, step: Any
) -> None:
    fal.fail(step, fault, times=None)
    seen = uploaded(fal, sdk)
    assert seen["error"] == ("AuthenticationError" if fault.code == 403 else "HTTPError")
    assert not seen["retryable"]
    assert seen["submission"] == "not_sent"
    assert KEY not in seen["message"]


async def test_images_are_asked_for_and_read(fal: Fal) -> None:
    request = ImageGenerationRequest(prompt="A cat", n=3, size="512x256", seed=9)
    response = await fal.gateway.generate_image_async(fal.image_config(), request)
    assert len(response.images) == 3
    (job,) = fal.simulator.jobs("fal")
    assert job.payload == {
        "prompt": "A cat",
        "num_images": 3,
        "image_size": {"width": 512, "height": 256},
        "seed": 9,
    }


@pytest.mark.parametrize("names", [("FAL_KEY",), ("FAL_KEY_ID", "FAL_KEY_SECRET")])
async def test_the_key_comes_from_the_environment(
    fal: Fal, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)

    for name in names:
        monkeypatch.setenv(name, f"value-of-{name}")

    fal.simulator.keys["fal"] = {":".join(f"value-of-{name}" for name in names)}
    assert (await fal.generate(api_key=None)).status == "completed"
