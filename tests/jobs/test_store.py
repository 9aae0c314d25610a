"""What a ledger keeps of a job: enough to go on, and never a secret."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationResponse,
    MockConfig,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    exceptions,
)
from tarash.tarash_gateway._data._hints import Hint, leave_out, use_model
from tarash.tarash_gateway._data._types import Kind
from tarash.tarash_gateway._jobs._store import calls_of, ending_of, error_of, response_of
from tarash.tarash_gateway._support._secrets import Keys
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import until
from tests.contract.cases import CASES
from tests.jobs.conftest import BY_NAME, KEY, config_for, finish

FAL = BY_NAME["fal-video-veo3.1"]
RUNWAY = BY_NAME["runway-video-gen4.5"]
NEVER = Script(outcome="never", stream=False)
REQUEST = VideoGenerationRequest(prompt="A cat")
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 64


def contents(folder: Path) -> bytes:
    """Return all that is in a folder."""
    return b"".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())


async def test_no_key_is_written_down(simulator: Simulator, path: Path) -> None:
    """Of any provider, whether it goes well or the provider says the key back."""
    told_to_users: list[str] = []
    async with Gateway(ledger=SqliteLedger(path)) as gateway:

        async def make(case: Any, number: int) -> None:
            config = config_for(case, simulator)
            try:
                generate = getattr(gateway, f"generate_{case.kind}_async")
                await generate(config, case.request(), idempotency_key=f"{case} {number}")
            except TarashException as error:
                told_to_users.append(f"{error!r} {error.message} {error.raw_response}")

        await asyncio.gather(*(make(case, 1) for case in CASES))
        assert told_to_users == []
        for provider in {case.provider for case in CASES}:
            simulator.fail(provider, "submit", Fault.echo_key(status=400), times=None)

        await asyncio.gather(*(make(case, 2) for case in CASES))
        assert KEY.encode() not in contents(path.parent)
        await gateway.aclose(grace=5)

    assert KEY.encode() not in contents(path.parent)
    assert len(told_to_users) == len(CASES)
    assert KEY not in "".join(told_to_users)


async def test_two_accounts_at_one_provider_keep_their_keys(
    simulator: Simulator, path: Path
) -> None:
    """A handle learns from the ledger that another one went on along the chain."""
    first, second = f"{KEY}-first", f"{KEY}-second"
    simulator.keys["fal"] = {first, second}
    simulator.script("fal", Script(outcome="failed"), NEVER)
    fallback = config_for(FAL, simulator, key=second)
    config = config_for(FAL, simulator, key=first, fallback_configs=[fallback])
    gateway = Gateway(ledger=SqliteLedger(path))
    waiting = asyncio.ensure_future(
        gateway.generate_video_async(config, REQUEST, idempotency_key="order")
    )
    await until(lambda: len(simulator.jobs("fal")) == 2)

    other = Gateway(ledger=SqliteLedger(path))
    job = await other.submit_video_async(config, REQUEST, idempotency_key="order")
    assert (await job.status_async()).status == "processing"
    made = finish(simulator, "fal")
    assert (await waiting).request_id == made
    assert (await job.wait_async()).request_id == made
    sent = [one for one in simulator.requests("fal") if made in one.path]
    assert {one.headers["authorization"] for one in sent} == {f"Key {second}"}
    for one in (gateway, other):
        await one.aclose(grace=5)


async def test_media_serve_the_fallback_in_another_process(
    simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(run_polls=3, outcome="failed", stream=False))
    picture = {"content": PNG, "content_type": "image/png"}
    request = VideoGenerationRequest.model_validate(
        {"prompt": "A cat", "image_list": [{"image": picture, "type": "first_frame"}]}
    )
    fallback = config_for(RUNWAY, simulator)
    config = config_for(
        FAL,
        simulator,
        model="fal-ai/veo3.1/image-to-video",
        fallback_configs=[fallback],
    )
    gateway = Gateway(ledger=SqliteLedger(path))
    job = await gateway.submit_video_async(config, request)
    await gateway.aclose(grace=5)
    media = path.with_name("jobs.db-media")
    assert PNG in contents(media)

    later = Gateway(ledger=SqliteLedger(path))
    (handle,) = await later.resume_all_async(api_keys={"fal": KEY, "runway": KEY})
    assert handle.id == job.id
    response = await handle.wait_async()
    (made,) = simulator.jobs("runway")
    assert response.request_id == made.id
    assert made.payload["promptImage"]
    assert contents(media) == b""
    await later.aclose(grace=5)


def forget_the_submit(path: Path, job_id: str) -> None:
    """Let a job be one that was written down, and whose process ended before it was submitted."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM intents WHERE job = ?", (job_id,))


async def test_one_job_that_is_unreadable_hides_no_other(
    simulator: Simulator, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.script("fal", NEVER)
    config = config_for(FAL, simulator, model="fal-ai/veo3.1/image-to-video")
    picture = {"content": PNG, "content_type": "image/png"}
    request = VideoGenerationRequest.model_validate(
        {"prompt": "A cat", "image_list": [{"image": picture, "type": "first_frame"}]}
    )
    gateway = Gateway(ledger=SqliteLedger(path))
    plain = config_for(FAL, simulator)
    whole = await gateway.submit_video_async(plain, REQUEST)
    broken = await gateway.submit_video_async(config, request)
    await gateway.aclose(grace=5)
    forget_the_submit(path, broken.id)
    shutil.rmtree(path.with_name("jobs.db-media"))
    with caplog.at_level(logging.ERROR):
        handles = await gateway.resume_all_async(api_keys={"fal": KEY})

    assert [one.id for one in handles] == [whole.id]
    assert broken.id in caplog.text
    with pytest.raises(TarashException, match="lost media"):
        await gateway.resume_async(broken.id)

    await gateway.aclose(grace=5)


def errors() -> list[TarashException]:
    """Return one error of each class, with all its facts."""
    made = []
    for name in exceptions.__all__:
        kind = getattr(exceptions, name)
        error: TarashException = kind("It went wrong", "fal", "m", "id", {"raw": 1})
        error.retryable, error.submission = True, "accepted"
        error.operation = {"id": "id"}
        error.amend(hints=[use_model("fal", "m"), leave_out(["x", "y"])])
        made.append(error)

    return made


def test_odd_hints_do_not_keep_an_end_from_being_written() -> None:
    """A handler of the user's may put anything there; the job's end is paid for all the same."""
    odd: Any = ("no hint", Hint("x", "do x", value=Decimal("1.5")), Hint("y", "y", value=math.nan))
    error = TarashException("It went wrong")
    error.hints = odd
    kept = json.loads(json.dumps(ending_of("video", None, error), allow_nan=False))
    again = error_of(JobRecord("id", "video", (), {}, "", state="failed", result=kept))
    assert [(hint.action, hint.value) for hint in again.hints] == [("x", "1.5"), ("y", "nan")]


@pytest.mark.parametrize("error", errors(), ids=lambda error: type(error).__name__)
def test_an_error_is_told_again(error: TarashException) -> None:
    kept = ending_of("video", None, error)
    again = error_of(JobRecord("id", "video", (), {}, "", state="failed", result=kept))
    assert type(again) is type(error)
    for name in ("message", "provider", "model", "request_id", "retryable", "submission"):
        assert getattr(again, name) == getattr(error, name)

    assert again.operation == error.operation
    assert again.hints == error.hints
    if isinstance(error, TimeoutError):
        assert isinstance(again, TimeoutError)
        assert again.timeout_seconds == error.timeout_seconds


@pytest.mark.parametrize(
    "response",
    [
        VideoGenerationResponse(
            request_id="id", video="https://example.com/a.mp4", status="completed",
            raw_response={"a": 1},
        ),
        VideoGenerationResponse(
            request_id="id", video={"content": PNG, "content_type": "video/mp4"},
            status="completed", raw_response=None,
        ),
        ImageGenerationResponse(
            request_id="id", images=("aGk=", "https://example.com/a.png"), status="completed",
            raw_response=None,
        ),
    ],
)  # fmt: skip
def test_a_response_is_told_again(response: Any) -> None:
    kind: Kind = "video" if isinstance(response, VideoGenerationResponse) else "image"
    again = response_of(ending_of(kind, response, None))
    assert again == response.model_copy(update={"raw_response": None})


async def test_jobs_of_one_config_have_one_object_of_it_in_a_worker() -> None:
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    plain = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1")
    mocked = plain.model_copy(update={"mock": MockConfig(enabled=True)})
    for config in (plain, plain, plain.model_copy(update={"timeout": 700.0}), mocked, mocked):
        await gateway.enqueue_video_async(config, VideoGenerationRequest(prompt="a cat"))

    records = (await ledger.jobs())[::-1]
    keys = [{"fal": "one"}] * 5
    calls = [
        (await calls_of(record, ledger, Keys.taken(key)))[0]
        for record, key in zip(records, keys, strict=True)
    ]
    other = (await calls_of(records[0], ledger, Keys.taken({"fal": "another"})))[0]
    first, again, longer, *mocks = [one.config for one in calls]
    assert first is again
    assert (longer.timeout, first.timeout) == (700.0, plain.timeout)
    assert mocks[0] is not mocks[1]  # each draws from its own seed
    assert (first.api_key, other.config.api_key) == ("one", "another")
    await gateway.aclose()
