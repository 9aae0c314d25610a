"""A front's error with a good status, in the place of a job: it is no verdict on the job."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import GenerationFailedError, HTTPError
from tarash.tarash_gateway._data._exchange import Operation, Snapshot
from tarash.tarash_gateway._engine._intermediaries import checked_poll, is_error
from tests.jobs.faces import BODIES

JOB = Operation("fal", "veo", "video", "job-17", "2026-11-29T12:00:00Z")


def failed(body: dict[str, Any], job_id: str | None = None) -> Snapshot:
    error = GenerationFailedError("it broke")
    return checked_poll(Snapshot("failed", raw=body, error=error, job_id=job_id), JOB)


@pytest.mark.parametrize(
    "body",
    [
        {"status": 504, "error": "Gateway Timeout", "path": "/v1/videos/job-17"},
        {"statusCode": 404, "error": "Not Found", "message": "Cannot GET /v1/videos/job-17"},
        {"error": {"code": "401", "message": "this key may not see job-17"}},
    ],
)
def test_an_error_that_only_repeats_what_was_asked_for_is_no_word_of_the_job(
    body: dict[str, Any],
) -> None:
    with pytest.raises(HTTPError, match="in the place of the job"):
        failed(body)


@pytest.mark.parametrize("job_id", [None, ""])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_failure_without_the_job_is_nobodys(body: dict[str, Any], job_id: str | None) -> None:
    with pytest.raises(HTTPError, match="in the place of the job"):
        failed(body, job_id)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_failure_with_the_jobs_id_is_its_own(body: dict[str, Any]) -> None:
    assert failed({**body, "id": JOB.id}, JOB.id).status == "failed"


@pytest.mark.parametrize(
    "body",
    [
        {"id": "job-17", "error": {"code": 403, "message": "a person that is known"}},
        {"data": [{"task_id": "job-17"}], "error": {"code": 502, "message": "worker died"}},
        {"id": "job-17", "error": {"code": "0502" + "1" * 5000, "message": "no status of HTTP"}},
    ],
)
def test_what_says_of_the_job_that_it_failed_is_believed(body: dict[str, Any]) -> None:
    assert failed(body).status == "failed"


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        ({"error": "no upstream", "request_id": "f3"}, True),
        ({"status": "fail", "data": {"title": "no upstream"}}, True),
        ({"message": "done", "output": {"video": {"url": "https://example.com/a.mp4"}}}, True),
        ({"output": {"video": {"url": "https://example.com/a.mp4"}}}, False),
        ({"error": "", "images": []}, False),
        ({}, False),
    ],
)
def test_what_a_model_makes_is_no_error(body: dict[str, Any], *, is_one: bool) -> None:
    """One with media is read for them first, so that nothing that is made is kept back."""
    assert is_error(body) is is_one
