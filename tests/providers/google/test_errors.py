"""What goes wrong, in each of Google's ways, and what it is to the user."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx2
import pytest
from google.genai import _interactions, errors

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    ImageGenerationRequest,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    TimeoutError,  # noqa: A004 (ours is the built-in one too)
    VideoGenerationRequest,
)
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._http._sdk import round_trip
from tarash.tarash_gateway._support._secrets import Key
from tarash.tarash_gateway.providers.google.errors import classify_answer
from tarash.tarash_gateway.testing import Fault, Script, Simulator

from .conftest import IMAGE, IMAGEN, KEY, OMNI, VEO, VERTEX, Make

CAT = VideoGenerationRequest(prompt="A cat")
STILL = ImageGenerationRequest(prompt="A cat")
SURFACES: list[Any] = [
    pytest.param(OMNI, {}, id="interactions"),
    pytest.param(VEO, {}, id="operations"),
    pytest.param(VEO, VERTEX, id="operations-vertex"),
    pytest.param(IMAGE, {}, id="content"),
    pytest.param(IMAGEN, {}, id="predict"),
]


class Maker:
    """Makes whatever a model makes; keeps the error."""

    def __init__(self, gateway: Gateway, video: Make, image: Make) -> None:
        self.gateway, self.video, self.image = gateway, video, image

    async def fail(
        self, model: str, own: dict[str, Any] | None = None, **facts: Any
    ) -> TarashException:
        settings = {"provider_config": own or {}, **facts}
        if model.startswith("imagen") or model == IMAGE:
            work: Any = self.gateway.generate_image_async(self.image(model, **settings), STILL)
        else:
            work = self.gateway.generate_video_async(self.video(model, **settings), CAT)

        with pytest.raises(TarashException) as caught:
            await work

        return caught.value


@pytest.fixture
def maker(gateway: Gateway, video: Make, image: Make) -> Maker:
    return Maker(gateway, video, image)


@pytest.mark.parametrize(("model", "own"), SURFACES)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, HTTPError),
        (409, HTTPError),
        (429, RateLimitError),
    ],
)
async def test_an_error_status_is_an_error_of_ours(  # noqa: PLR0913, PLR0917 (a table's columns)
    simulator: Simulator, maker: Maker, model: str, own: Any, status: int, kind: type[HTTPError]
) -> None:
    simulator.fail("google", "submit", Fault.status(status, retry_after=7))
    error = await maker.fail(model, own, max_retries=0)
    assert type(error) is kind
    assert isinstance(error, HTTPError)
    assert (error.status_code, error.retry_after) == (status, 7)
    assert f"Simulated fault: HTTP {status}" in error.message
    assert simulator.counters("google").submits == 1
    assert simulator.counters("google").accepted == 0


@pytest.mark.parametrize(("model", "own"), SURFACES)
@pytest.mark.parametrize("body", [{"hello": "world"}, [1]], ids=["other-json", "list"])
async def test_an_answer_of_another_shape_is_never_sent_again(
    simulator: Simulator, maker: Maker, model: str, own: Any, body: Any
) -> None:
    simulator.fail("google", "submit", Fault.status(200, body))
    error = await maker.fail(model, own)
    if model in (IMAGE, IMAGEN) and isinstance(body, dict):
        assert isinstance(error, GenerationFailedError)
    else:
        assert isinstance(error, HTTPError)
        assert error.submission == "unknown"

    assert simulator.counters("google").submits == 1


@pytest.mark.parametrize(("model", "own"), SURFACES)
async def test_a_paid_post_follows_no_redirect(
    simulator: Simulator, maker: Maker, model: str, own: Any
) -> None:
    elsewhere = {"Location": f"{simulator.base_url('google')}/v1/elsewhere"}
    simulator.fail("google", "submit", Fault.status(307, {}, elsewhere))
    error = await maker.fail(model, own, max_retries=0)
    assert isinstance(error, HTTPError)
    assert error.status_code == 307
    assert [one.path for one in simulator.requests("google")] == [
        simulator.requests("google")[0].path
    ]


@pytest.mark.parametrize(("model", "own"), SURFACES)
async def test_nothing_listens(maker: Maker, model: str, own: Any) -> None:
    error = await maker.fail(model, own, base_url="http://127.0.0.1:9", max_retries=0)
    assert isinstance(error, HTTPConnectionError)
    assert error.submission == "not_sent"


# -------------------------------------------------------------------------------------- moderation
@pytest.mark.parametrize(
    ("model", "own", "script", "stage"),
    [
        (OMNI, {}, Script(outcome="moderated"), "output"),
        (OMNI, {}, Script(outcome="no_media"), "output"),
        (VEO, {}, Script(outcome="moderated"), "output"),
        (VEO, VERTEX, Script(outcome="moderated"), "output"),
        (VEO, VERTEX, Script(outcome="moderated", error_type="3"), "input"),
        (IMAGE, {}, Script(outcome="moderated"), "input"),
        (IMAGE, {}, Script(outcome="moderated", error_type="IMAGE_SAFETY"), "output"),
        (IMAGEN, {}, Script(outcome="moderated"), "output"),
        (IMAGEN, VERTEX, Script(outcome="moderated", error_type="silent"), "output"),
    ],
)
async def test_refused_content(  # noqa: PLR0913, PLR0917 (as above)
    simulator: Simulator, maker: Maker, model: str, own: Any, script: Script, stage: str
) -> None:
    simulator.script("google", script)
    mocked: dict[str, Any] = {"provider": "fal", "model": "m", "mock": {"enabled": True}}
    error = await maker.fail(model, own, fallback_configs=[mocked])
    assert isinstance(error, ContentModerationError)
    assert error.stage == stage
    assert error.raw_response == simulator.jobs("google")[0].result_body
    assert error.execution_metadata is not None
    assert error.execution_metadata.total_attempts == 1
    if model == VEO:
        assert error.execution_metadata.attempts[0].billing == "none"


async def test_refused_at_once(simulator: Simulator, maker: Maker) -> None:
    said = "The prompt violates our usage guidelines. Support codes: 12345678"
    body = {"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}}
    simulator.fail("google", "submit", Fault.status(400, body))
    error = await maker.fail(VEO, VERTEX)
    assert isinstance(error, ContentModerationError)
    assert (error.stage, error.categories) == ("input", ("12345678",))


# ---------------------------------------------------------------------------------- jobs that fail
@pytest.mark.parametrize(("model", "own"), SURFACES[:3])
async def test_a_failed_job(simulator: Simulator, maker: Maker, model: str, own: Any) -> None:
    simulator.script("google", Script(outcome="failed", error_message="Out of luck"))
    error = await maker.fail(model, own)
    assert isinstance(error, GenerationFailedError)
    assert "Out of luck" in error.message
    assert error.raw_response == simulator.jobs("google")[0].result_body
    assert error.request_id is not None
    assert error.request_id.endswith(simulator.jobs("google")[0].id)


@pytest.mark.parametrize(
    "status", ["incomplete", "budget_exceeded", "requires_action", "cancelled"]
)
async def test_an_interaction_that_ended_otherwise(
    simulator: Simulator, maker: Maker, status: str
) -> None:
    simulator.script("google", Script(result={"status": status, "steps": []}))
    error = await maker.fail(OMNI)
    kind = QuotaExceededError if status == "budget_exceeded" else GenerationFailedError
    assert type(error) is kind
    assert status in error.message


async def test_a_job_that_is_asked_to_stop_may_go_on(simulator: Simulator, maker: Maker) -> None:
    simulator.script("google", Script(outcome="never", cancel="requested"))
    error = await maker.fail(OMNI, max_poll_attempts=1)
    assert isinstance(error, TimeoutError)
    assert error.execution_metadata is not None
    assert error.execution_metadata.attempts[0].cancel == "requested"
    assert simulator.jobs("google")[0].cancel_requested


async def test_a_job_that_ended_just_before_its_cancel_is_delivered(
    simulator: Simulator, gateway: Gateway, video: Make
) -> None:
    simulator.script("google", Script(outcome="never", cancel="too_late"))
    response = await gateway.generate_video_async(video(max_poll_attempts=1), CAT)
    assert response.status == "completed"


# ------------------------------------------------------------------------------ envelopes in detail
def rpc(status: int, message: str, *details: dict[str, Any], word: str = "") -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "status": word, "details": [*details]}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "retry_after"),
    [
        (
            429,
            rpc(429, "Slow down", {"retryDelay": "37s"}, word="RESOURCE_EXHAUSTED"),
            RateLimitError,
            37,
        ),
        (
            429,
            rpc(429, "No", {"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}),
            QuotaExceededError,
            None,
        ),
        (429, {"error": {"code": "quota_exceeded", "message": "No"}}, QuotaExceededError, None),
        (400, rpc(400, "Bad key", {"reason": "API_KEY_INVALID"}), AuthenticationError, None),
        (400, rpc(400, "Only for billed users"), QuotaExceededError, None),
        (404, {"error": {"code": "model_not_found", "message": "No"}}, ModelNotFoundError, None),
        (400, [rpc(400, "In a list")], HTTPError, None),
        (500, "<html>", HTTPError, None),
    ],
)
async def test_what_hides_in_a_body(  # noqa: PLR0913, PLR0917 (as above)
    simulator: Simulator, maker: Maker, status: int, body: Any, kind: Any, retry_after: Any
) -> None:
    simulator.fail("google", "submit", Fault.status(status, body))
    error = await maker.fail(OMNI, max_retries=0)
    assert type(error) is kind
    assert error.retry_after == retry_after
    assert error.raw_response == body


async def test_a_retired_model_names_its_successor(simulator: Simulator, maker: Maker) -> None:
    simulator.fail("google", "submit", Fault.status(404))
    error = await maker.fail("veo-3.1-generate-preview")
    assert isinstance(error, ModelNotFoundError)
    assert "2026-10-22" in error.message
    assert "gemini-omni-1.2-flash" in error.message


async def test_a_file_that_is_not_ready_is_waited_for(
    simulator: Simulator, gateway: Gateway, video: Make
) -> None:
    simulator.fail("google", "result", Fault.status(200, {"state": "PROCESSING"}), times=2)
    response = await gateway.generate_video_async(video(), CAT)
    assert response.status == "completed"
    assert simulator.counters("google").results == 3
    assert simulator.counters("google").downloads == 1


async def test_a_file_that_could_not_be_stored(simulator: Simulator, maker: Maker) -> None:
    simulator.fail("google", "result", Fault.status(200, {"state": "FAILED"}))
    assert "could not store" in (await maker.fail(OMNI)).message


async def test_a_download_follows_redirects_without_the_key(video: Make) -> None:
    with Simulator(["fal", "google"]) as both:
        place = both.media_url + both._media.put("fal", "1", "cat.mp4", b"a clip")  # noqa: SLF001
        moved = Fault.status(307, {}, {"Location": place})
        both.fail("google", "download", moved)
        async with Gateway() as gateway:
            config = video(base_url=both.base_url("google"))
            response = await gateway.generate_video_async(config, CAT)

        assert response.video == {"content": b"a clip", "content_type": "video/mp4"}
        assert both.leaks == []


async def test_a_bucket_that_may_not_be_read(
    simulator: Simulator, gateway: Gateway, video: Make
) -> None:
    simulator.fail("google", "download", Fault.status(403), times=None)
    request = VideoGenerationRequest(prompt="A cat", extra_params={"storageUri": "gs://mine/a"})
    config = video(VEO, provider_config=VERTEX, max_poll_attempts=3)
    with pytest.raises(TimeoutError, match="gs://mine/a") as caught:
        await gateway.generate_video_async(config, request)

    assert caught.value.operation is not None


# ------------------------------------------------------------------------------------------ the SDK
def response_of(status: int) -> httpx2.Response:
    request = httpx2.Request("POST", "http://127.0.0.1/")
    return httpx2.Response(status, json=rpc(status, "No"), request=request)


def sdk_errors() -> list[Exception]:
    """Return one of each class that the two surfaces of the SDK raise for an exchange."""
    request = httpx2.Request("POST", "http://127.0.0.1/")
    classic: list[Exception] = [
        errors.ClientError(400, rpc(400, "No"), response_of(400)),
        errors.ServerError(500, rpc(500, "No"), response_of(500)),
        errors.APIError(302, rpc(302, "No"), response_of(302)),
    ]
    make: Any = _interactions  # typed for httpx, works with httpx2 too
    statuses = (400, 401, 403, 404, 409, 418, 422, 429, 500)
    newer: list[Exception] = [
        make.APIError.generate(status, None, "No", response_of(status)) for status in statuses
    ]
    silent: list[Exception] = [
        make.APIConnectionError(request=request),
        make.APITimeoutError(request),
        httpx2.ConnectError("No"),
        httpx2.ReadTimeout("No"),
        httpx2.RemoteProtocolError("No"),
    ]
    return [*classic, *newer, *silent]


@pytest.mark.parametrize("error", sdk_errors(), ids=lambda error: type(error).__name__)
async def test_every_error_of_the_sdk_is_one_of_ours(error: Exception) -> None:
    async def send() -> None:
        raise error

    account = Credentials("google", "http://127.0.0.1", Key(KEY))
    connection = (httpx2.HTTPError, _interactions.APIConnectionError)
    with pytest.raises(TarashException) as caught:
        await round_trip(send, account, connection, partial(classify_answer, model=OMNI))

    assert caught.value.__cause__ is not None
