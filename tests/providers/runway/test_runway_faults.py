"""What goes wrong at Runway, and what users see of it; the counters prove one submit each."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video_async,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._http._client import HttpResponse, Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._http._sdk import round_trip
from tarash.tarash_gateway._support._secrets import Key
from tarash.tarash_gateway.catalog import built_in_mappers
from tarash.tarash_gateway.exceptions import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
)
from tarash.tarash_gateway.providers._registry import Registry
from tarash.tarash_gateway.providers.runway.adapter import adapter
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import Leap, until

runwayml = pytest.importorskip("runwayml")
httpx = pytest.importorskip("httpx")

Video = Callable[..., VideoGenerationConfig]
REQUEST = VideoGenerationRequest(prompt="a kite")
NEXT = VideoGenerationConfig(provider="runway", model="veo3.1", mock=MockConfig(enabled=True))


async def refused(config: VideoGenerationConfig, request: Any = REQUEST) -> TarashException:
    with pytest.raises(TarashException) as caught:
        await generate_video_async(config, request)

    return caught.value


# ------------------------------------------------------------------------------------ failed tasks
@pytest.mark.parametrize(
    ("code", "stage"),
    [
        ("SAFETY.INPUT.TEXT", "input"),
        ("SAFETY.INPUT.IMAGE", "input"),
        ("SAFETY.INPUT.AUDIO", "input"),
        ("SAFETY.OUTPUT.VIDEO", "output"),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", "input"),
        ("INPUT_PREPROCESSING.SAFETY.THIRD_PARTY", "input"),
    ],
)
async def test_moderation_stops_the_chain(
    simulator: Simulator, video: Video, code: str, stage: str
) -> None:
    simulator.script("runway", Script(outcome="moderated", error_type=code))
    error = await refused(video(fallback_configs=(NEXT,)))
    assert isinstance(error, ContentModerationError)
    assert (error.stage, error.categories) == (stage, (code,))
    assert error.raw_response == simulator.jobs("runway")[0].result_body
    assert error.execution_metadata is not None
    (attempt,) = error.execution_metadata.attempts
    assert attempt.billing == "certain"  # Runway keeps the credits, and says so


@pytest.mark.parametrize(
    ("code", "kind", "moves_on"),
    [
        ("INTERNAL", GenerationFailedError, True),
        ("INTERNAL.BAD_OUTPUT.CODE01", GenerationFailedError, True),
        ("INPUT_PREPROCESSING.INTERNAL", GenerationFailedError, True),
        ("THIRD_PARTY.UNAVAILABLE", GenerationFailedError, True),
        ("", GenerationFailedError, True),
        ("SOMETHING.NEW", GenerationFailedError, True),
        ("ASSET.INVALID", ValidationError, False),
        ("THIRD_PARTY.INPUT_VALIDATION", ValidationError, False),
    ],
)
async def test_failed_tasks(
    simulator: Simulator, video: Video, code: str, kind: type, moves_on: bool
) -> None:
    simulator.script("runway", Script(outcome="failed", error_type=code, error_message="no luck"))
    error = await refused(video())
    assert type(error) is kind
    assert error.retryable is moves_on
    assert "no luck" in error.message
    assert error.execution_metadata is not None
    assert error.execution_metadata.attempts[0].billing == "none"  # no credits were kept
    assert simulator.counters("runway").submits == 1


async def test_a_result_that_names_no_media_is_a_failure(
    simulator: Simulator, video: Video
) -> None:
    outputs: list[Any] = [[], None, [None, "", 3], "x"]
    for output in outputs:
        simulator.script("runway", Script(result={"output": output}))
        error = await refused(video())
        assert isinstance(error, GenerationFailedError)
        assert error.raw_response["output"] == output


async def test_a_task_that_somebody_cancelled(simulator: Simulator, video: Video) -> None:
    simulator.script("runway", Script(result={"status": "CANCELLED", "cost": {"credits": 0}}))
    error = await refused(video(fallback_configs=(NEXT,)))
    assert isinstance(error, GenerationFailedError)
    assert "cancelled" in error.message
    assert not error.retryable


async def test_an_unknown_status_is_looked_at_again(simulator: Simulator, video: Video) -> None:
    task = {"id": "x", "status": "REHEARSING"}
    simulator.fail("runway", "poll", Fault.status(200, task), times=2)
    assert (await generate_video_async(video(), REQUEST)).status == "completed"


async def test_a_throttled_task_waits_in_the_queue(simulator: Simulator, video: Video) -> None:
    simulator.fail("runway", "poll", Fault.status(200, {"id": "x", "status": "THROTTLED"}))
    updates: list[Any] = []
    await generate_video_async(video(), REQUEST, updates.append)
    assert updates[0].status == "queued"


# ---------------------------------------------------------------------------------- refused submit
def envelope(said: str, *paths: str) -> dict[str, Any]:
    issues = [{"code": "custom", "path": [path], "message": f"bad {path}"} for path in paths]
    return {"error": said, "docUrl": "https://docs.dev.runwayml.com", "issues": issues}


async def test_what_a_message_names_already_is_told_once(
    simulator: Simulator, video: Video
) -> None:
    body = envelope("Validation failed: [size: bad size]", "size", "ratio")
    simulator.fail("runway", "submit", Fault.status(400, body))
    with pytest.raises(ValidationError) as caught:
        await generate_video_async(video(), REQUEST)

    assert str(caught.value).count("bad size") == 1
    assert str(caught.value).count("ratio: bad ratio") == 1


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Fault.status(400, envelope("Validation failed", "ratio")), ValidationError, "bad ratio"),
        (Fault.status(400, envelope("Bad model", "model")), ModelNotFoundError, "gen4.5"),
        (
            Fault.status(400, {"error": "You do not have enough credits to run this task."}),
            QuotaExceededError,
            "buy credits",
        ),
        (Fault.status(400, "<html>"), HTTPError, "HTTP 400"),
        (Fault.status(400, {"error": {"odd": 1}}), HTTPError, "HTTP 400"),
        (Fault.status(400, {"error": "x", "issues": ["odd", {"path": 3}]}), ValidationError, "x"),
        (Fault.status(401), AuthenticationError, "check the key"),
        (Fault.status(402), QuotaExceededError, "top up"),
        (Fault.status(403), AuthenticationError, "allowed"),
        (Fault.status(404), ModelNotFoundError, "check the model's id"),
        (Fault.status(405), HTTPError, "HTTP 405"),
        (Fault.status(422), HTTPError, "HTTP 422"),
    ],
)
async def test_refused_submits(
    simulator: Simulator, video: Video, fault: Fault, kind: type, said: str
) -> None:
    simulator.fail("runway", "submit", fault)
    error = await refused(video(max_retries=2, fallback_configs=(NEXT,)))
    assert type(error) is kind
    assert said in error.message
    # A page may be a front's, and the task may be there.
    assert error.submission == ("unknown" if "<html>" in error.message else "rejected")
    assert not error.retryable
    assert simulator.counters("runway").submits == 1


async def test_a_missing_key_names_its_variable(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNWAYML_API_SECRET", raising=False)
    error = await refused(video(api_key=None))
    assert "RUNWAYML_API_SECRET" in error.message


async def test_a_retired_model_names_its_successor(simulator: Simulator, video: Video) -> None:
    registry = Registry()
    mappers = built_in_mappers("runway")["gen4_turbo"]
    # With mappers of one's own, the id is sent as it is written.
    registry.register_provider_field_mapping("runway", {"gen3a_turbo": mappers})
    simulator.fail("runway", "submit", Fault.status(400, envelope("Bad model", "model")))
    request = VideoGenerationRequest(
        prompt="x", image_list=({"image": "https://example.com/a.png", "type": "first_frame"},)
    )
    async with Gateway(registry=registry) as gateway:
        with pytest.raises(ModelNotFoundError, match="use gen4_turbo"):
            await gateway.generate_video_async(video("gen3a_turbo"), request)

    sent = simulator.requests("runway")[0]
    assert (sent.path, sent.json()["model"]) == ("/v1/image_to_video", "gen3a_turbo")


async def test_rate_limits_have_their_pace(simulator: Simulator, video: Video) -> None:
    simulator.fail("runway", "submit", Fault.status(429, retry_after=7))
    error = await refused(video())
    assert isinstance(error, RateLimitError)
    assert (error.retry_after, error.retryable) == (7, True)


# ------------------------------------------------------------------------------------ lost answers
@pytest.mark.parametrize(
    "fault",
    [
        Fault.foreign_body('{"id": {"of": 3}}', "application/json"),
        Fault.foreign_body("[]", "application/json"),
        Fault.foreign_body("", "text/plain", status=302),
    ],
)
async def test_an_answer_without_an_id_is_never_sent_again(
    simulator: Simulator, video: Video, fault: Fault
) -> None:
    simulator.fail("runway", "submit", fault)
    error = await refused(video(max_retries=2))
    assert type(error) is HTTPError
    assert error.submission == "unknown"
    assert simulator.counters("runway").submits == 1


async def test_what_never_left_may_leave_again() -> None:
    config = VideoGenerationConfig(
        provider="runway", model="gen4.5", api_key="k", base_url="http://127.0.0.1:9", max_retries=0
    )
    error = await refused(config)
    assert isinstance(error, HTTPConnectionError)
    assert error.submission == "not_sent"


# ---------------------------------------------------------------------------------------- deadline
@pytest.mark.parametrize(("cancel", "billing"), [("queued_ok", "none"), (None, "possible")])
async def test_a_queued_task_is_cancelled(
    simulator: Simulator, video: Video, cancel: Any, billing: str
) -> None:
    """A running one is only asked to: Runway promises neither that it stops nor that it is free.

    What a stopped one has cost is free where Runway says so, which may have forgotten it.
    """
    simulator.script("runway", Script(queue_polls=1000, cancel=cancel))
    error = await refused(video(max_poll_attempts=2))
    assert simulator.jobs("runway")[0].status == "cancelled"
    assert error.execution_metadata is not None
    (attempt,) = error.execution_metadata.attempts
    assert (attempt.cancel, attempt.billing) == ("cancelled", billing)


async def test_a_finished_task_is_never_deleted(
    simulator: Simulator, video: Video, leap: Leap
) -> None:
    """A delete at the deadline would destroy the paid result: it is taken instead."""
    late = video(timeout=50, provider_config={"min_poll_interval": 100})
    updates: list[Any] = []
    work = asyncio.ensure_future(generate_video_async(late, REQUEST, updates.append))
    await until(lambda: len(updates) > 0)
    await until(lambda: simulator.jobs("runway")[0].status == "completed")
    leap(50)
    response = await work
    assert response.status == "completed"
    counters = simulator.counters("runway")
    assert (counters.cancels, counters.polls) == (0, 1)


async def test_a_running_task_that_its_delete_denies_is_not_called_ended(
    simulator: Simulator, video: Video
) -> None:
    simulator.script("runway", Script(outcome="never"))
    simulator.fail("runway", "cancel", Fault.status(404, {"error": "Not found"}))
    async with Gateway() as gateway:
        job = await gateway.submit_video_async(video(), REQUEST)
        assert await job.cancel_async() == "unsupported"

    assert simulator.jobs("runway")[0].status == "running"


async def test_a_task_that_is_gone_is_too_late_to_cancel(simulator: Simulator) -> None:
    transport = Transport()
    account = Credentials("runway", simulator.base_url("runway"), Key("canary"))
    client = adapter.connect(account, transport)
    operation = Operation("runway", "m", "video", "gone", "2026-01-01T00:00:00+00:00")
    try:
        assert await adapter.cancel(client, operation) == "too_late"
        simulator.fail("runway", "poll", Fault.status(500))
        with pytest.raises(HTTPError):
            await adapter.cancel(client, operation)
    finally:
        await client.aclose()
        await transport.aclose()

    assert simulator.counters("runway").cancels == 0


# ------------------------------------------------------------------------------------------ secrets
class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        formatted = logging.Formatter("%(message)s").format(record)
        self.lines.append(f"{formatted} {vars(record)}")


@pytest.mark.parametrize("step", ["upload_init", "cancel"])
async def test_an_echoed_key_is_nowhere(simulator: Simulator, video: Video, step: Any) -> None:
    simulator.keys["runway"] = {"canary-key-of-runway"}
    simulator.fail("runway", step, Fault.echo_key(400), times=None)
    simulator.script("runway", Script(outcome="never"))
    handler = Lines()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    film = {"content": b"\0\0\0\x18ftypmp42" + bytes(4_000_000), "content_type": "video/mp4"}
    request = VideoGenerationRequest.model_validate({"prompt": "a kite", "video": film})
    config = video("aleph2", api_key="canary-key-of-runway", max_poll_attempts=2)
    try:
        error = await refused(
            config,
            request
            if step == "upload_init"
            else REQUEST.model_copy(update={"video": "https://example.com/a.mp4"}),
        )
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    shown = ["".join(traceback.format_exception(error)), repr(pickle.dumps(error)), repr(config)]
    link: BaseException | None = error
    while link is not None:
        shown += [str(link), repr(link), repr(vars(link))]
        link = link.__cause__ or link.__context__

    assert "canary-key-of-runway" not in "".join([*shown, *handler.lines])


# ------------------------------------------------------------------------------------ SDK's classes
def sdk_errors() -> list[Exception]:
    """Return one of each exception that the SDK can raise for an exchange."""
    request = httpx.Request("POST", "http://runway.test/v1/text_to_video")
    kinds = [
        kind
        for kind in (getattr(runwayml, name) for name in runwayml.__all__)
        if isinstance(kind, type) and issubclass(kind, runwayml.APIError)
    ]
    made: list[Exception] = []
    for kind in kinds:
        if kind is runwayml.APIError:
            continue  # the base, never raised itself

        if issubclass(kind, runwayml.APIConnectionError):
            made.append(kind(request=request))
            continue

        status = getattr(kind, "status_code", None) or 500
        response = httpx.Response(status, json={"error": "no"}, request=request)
        if kind is runwayml.APIResponseValidationError:
            made.append(kind(response, None))
        else:
            made.append(kind("no", response=response, body=None))

    return made


@pytest.mark.parametrize("error", sdk_errors(), ids=lambda error: type(error).__name__)
async def test_every_exception_of_the_sdk_becomes_ours(error: Exception) -> None:
    async def send() -> HttpResponse:
        raise error

    account = Credentials("runway", "http://runway.test", Key("canary"))
    with pytest.raises(TarashException) as caught:
        await round_trip(send, account, runwayml.APIConnectionError)

    assert isinstance(caught.value, HTTPError | HTTPConnectionError)
