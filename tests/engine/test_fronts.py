"""A front's error with a good status, in the place of a job: it is no verdict on the job."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import HTTPError
from tarash.tarash_gateway._data._exchange import Operation, Snapshot
from tarash.tarash_gateway._engine._fronts import checked_poll

JOB = Operation("fal", "veo", "video", "job-17", "2026-11-29T12:00:00Z")


def failed(body: dict[str, Any]) -> Snapshot:
    return checked_poll(Snapshot("failed", raw=body), JOB)


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


@pytest.mark.parametrize(
    "body",
    [
        {"id": "job-17", "error": {"code": 403, "message": "a person that is known"}},
        {"data": [{"task_id": "job-17"}], "error": {"code": 502, "message": "worker died"}},
        {"status": "failed", "error": {"code": 429, "message": "too many in one batch"}},
        {"error": {"code": 422, "message": "the image can't be read"}},
        {"error": {"code": "0502" + "1" * 5000, "message": "no status of HTTP"}},
    ],
)
def test_what_says_of_the_job_that_it_failed_is_believed(body: dict[str, Any]) -> None:
    assert failed(body).status == "failed"
