"""Jobs that are written down first and sent by whoever waits; and what is known of jobs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    JobInfo,
    MockConfig,
    MockPollingConfig,
    MockResponse,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
    enqueue_video,
    find_job,
    list_jobs,
)
from tarash.tarash_gateway.ledger import MemoryLedger

QUICK = MockPollingConfig(delay_between_updates=0.01)
REQUEST = VideoGenerationRequest(prompt="A cat")


def mocked(error: Exception | None = None) -> VideoGenerationConfig:
    outcomes = None if error is None else [MockResponse(error=error)]
    mock = MockConfig(enabled=True, polling=QUICK, responses=outcomes)
    return VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=mock)


@pytest.fixture(params=["memory", "sqlite"])
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Gateway:
    if request.param == "memory":
        return Gateway(ledger=MemoryLedger())  # not `memory:`, which all tests of a process share

    return Gateway(ledger=f"sqlite:///{tmp_path / 'jobs.db'}")


async def test_nothing_is_sent_before_somebody_waits(gateway: Gateway) -> None:
    job = await gateway.enqueue_video_async(mocked(), REQUEST, labels={"key": "1"})
    before = await gateway.find_job_async(job.id)
    assert before is not None
    assert (before.state, before.submission, before.attempts, before.held) == ("open", None, 0, 0)
    assert before.request["prompt"] == "A cat"

    await job.accepted_async()
    await job.accepted_async()
    after = await gateway.find_job_async(job.id)
    assert after is not None
    assert (after.state, after.submission, after.attempts) == ("open", "accepted", 1)

    response = await job.wait_async()
    ended = await gateway.find_job_async(after.operation_id or "")
    assert ended is not None
    assert (ended.state, ended.id) == ("completed", job.id)
    assert response.execution_metadata is not None
    assert response.execution_metadata.total_attempts == 1
    await job.accepted_async()


async def test_several_waiters_send_it_once(gateway: Gateway) -> None:
    job = await gateway.enqueue_video_async(mocked(), REQUEST)
    same = await gateway.resume_async(job.id)
    assert isinstance(same, VideoJob)
    one, other = await asyncio.gather(job.wait_async(), same.wait_async())
    assert one.request_id == other.request_id
    info = await gateway.find_job_async(job.id)
    assert info is not None
    assert info.attempts == 1


async def test_a_refused_submit_is_told_to_everybody_who_asks(gateway: Gateway) -> None:
    refused = HTTPError("No", status_code=429, submission="rejected", retryable=False)
    job = await gateway.enqueue_video_async(mocked(refused), REQUEST, idempotency_key="k")
    with pytest.raises(HTTPError, match="No"):
        await job.accepted_async()

    again = await gateway.resume_async(job.id)
    for wait in (job.accepted_async, again.accepted_async):
        with pytest.raises(TarashException, match="No"):
            await wait()

    info = await gateway.find_job_async(job.id)
    assert info is not None
    assert info.error is not None
    assert (info.state, info.error["message"]) == ("failed", "No")


async def test_an_image_is_enqueued_too(gateway: Gateway) -> None:
    config = ImageGenerationConfig(
        provider="openai", model="gpt-image-2", mock=MockConfig(enabled=True)
    )
    job = await gateway.enqueue_image_async(config, ImageGenerationRequest(prompt="A cat"))
    await job.accepted_async()
    assert len((await job.wait_async()).images) == 1


async def test_one_key_is_one_job(gateway: Gateway) -> None:
    jobs = [
        await gateway.enqueue_video_async(mocked(), REQUEST, idempotency_key="k") for _ in range(2)
    ]
    assert jobs[0].id == jobs[1].id


async def _oldest(gateway: Gateway, label: int, **asked: Any) -> list[JobInfo]:
    return await gateway.list_jobs_async(labels={"key": f"{label}"}, oldest_first=True, **asked)


async def test_jobs_are_listed_by_label_and_state_page_by_page(gateway: Gateway) -> None:
    made = [
        await gateway.enqueue_video_async(mocked(), REQUEST, labels={"key": str(number % 2)})
        for number in range(7)
    ]
    odd = [job.id for job in reversed(made[1::2])]
    assert [one.id for one in await gateway.list_jobs_async(labels={"key": "1"})] == odd
    first = await gateway.list_jobs_async(labels={"key": "1"}, limit=2)
    rest = await gateway.list_jobs_async(labels={"key": "1"}, after=first[-1].id, limit=2)
    assert [one.id for one in (*first, *rest)] == odd
    assert [one.id for one in await _oldest(gateway, 1)] == odd[::-1]
    assert [one.id for one in await _oldest(gateway, 1, limit=2)] == odd[:-3:-1]
    rest = await _oldest(gateway, 1, limit=2, after=odd[-2])
    assert [one.id for one in rest] == odd[:1]
    with pytest.raises(ValidationError, match="no job"):
        await _oldest(gateway, 0, after=odd[0])
    assert await gateway.list_jobs_async(labels={"key": "1", "no": "such"}) == []
    assert await gateway.list_jobs_async(states=["completed"]) == []
    with pytest.raises(ValidationError, match="no job"):
        await gateway.list_jobs_async(labels={"key": "0"}, after=odd[0])
    with pytest.raises(ValidationError, match="state"):
        await gateway.list_jobs_async(states=["done"])


class OldLedger(MemoryLedger):
    """Has no pages of the oldest, as a ledger of the user's own may not."""

    oldest: Any = None


async def test_a_ledger_without_pages_of_the_oldest_is_read_through() -> None:
    gateway = Gateway(ledger=OldLedger())
    made = [
        (await gateway.enqueue_video_async(mocked(), REQUEST, labels={"key": "1"})).id
        for _ in range(5)
    ]
    first = await _oldest(gateway, 1, limit=3)
    rest = await _oldest(gateway, 1, after=first[-1].id)
    assert [one.id for one in (*first, *rest)] == made


def test_the_blocking_forms_do_the_same(tmp_path: Path) -> None:
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    job = enqueue_video(mocked(), REQUEST, ledger=ledger)
    assert [one.id for one in list_jobs(ledger)] == [job.id]
    job.accepted()
    job.wait()
    info = find_job(job.id, ledger)
    assert info is not None
    assert info.state == "completed"
    assert find_job("no such job", ledger) is None


async def test_a_failure_after_acceptance_is_in_the_job(gateway: Gateway) -> None:
    steps = MockPollingConfig(delay_between_updates=0.01, status_sequence=["queued", "failed"])
    config = VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", mock=MockConfig(enabled=True, polling=steps)
    )
    job = await gateway.enqueue_video_async(config, REQUEST, idempotency_key="k")
    await job.accepted_async()
    with pytest.raises(GenerationFailedError):
        await job.wait_async()

    info = await gateway.find_job_async(job.id)
    assert info is not None
    assert info.error is not None
    assert (info.state, info.error["type"]) == ("failed", "GenerationFailedError")
