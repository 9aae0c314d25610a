"""What goes wrong with a submit: which error, what it may cost, and never a second job."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._engine._poll_schedule import (
    CLOSEST,
    FIRST_RETRY,
    PollSchedule,
    retry_pause,
)
from tarash.tarash_gateway._http._client import HttpResponse
from tarash.tarash_gateway.testing import Fault
from tests.conftest import Leap, logged, over_pauses, rounds, until
from tests.engine.conftest import Fal, dead_url, only_attempt

REFUSALS: dict[int, type[HTTPError]] = {
    302: HTTPError,
    307: HTTPError,
    400: HTTPError,
    401: AuthenticationError,
    402: QuotaExceededError,
    403: AuthenticationError,
    404: ModelNotFoundError,
    409: HTTPError,
    422: HTTPError,
    501: HTTPError,
}
UNSETTLED = {
    "408": Fault.status(408),
    "502": Fault.status(502),
    "504": Fault.status(504),
    "502 from a proxy": Fault.foreign_body(status=502),
    "504 in the words of a model": Fault.status(
        504, {"detail": [{"loc": [], "msg": "late", "type": "generation_timeout"}]}
    ),
    "truncated": Fault.truncate(),
    "foreign body": Fault.foreign_body(),
    "foreign JSON": Fault.foreign_body('"ok"', "application/json"),
    "no request id": Fault.status(200, {"status": "IN_QUEUE"}),
    "a request id that is no text": Fault.status(200, {"request_id": [7]}),
    "empty": Fault.status(204, ""),
}


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_is_final_and_costs_nothing(fal: Fal, status: int) -> None:
    fal.fail("submit", Fault.status(status), times=None)
    error = await fal.failure()

    assert type(error) is REFUSALS[status]
    assert isinstance(error, HTTPError)
    assert error.status_code == status
    assert error.retryable is (status >= 500)
    assert error.submission == "rejected"
    assert error.operation is None
    assert (fal.counters.submits, fal.counters.accepted) == (1, 0)
    assert only_attempt(error).billing == "none"
    assert fal.outcomes() == ["failed"]


@pytest.mark.parametrize("status", [425, 429, 500, 503])
async def test_a_busy_provider_is_asked_again_within_the_same_attempt(
    fal: Fal, status: int, leap: Leap
) -> None:
    fal.fail("submit", Fault.status(status, retry_after=0), times=2)
    work = asyncio.ensure_future(fal.generate())
    await over_pauses(work, lambda: fal.counters.submits, leap)
    response = await work

    assert (fal.counters.submits, fal.counters.accepted) == (3, 1)
    assert response.execution_metadata is not None
    assert response.execution_metadata.total_attempts == 1
    assert fal.outcomes() == ["completed"]


@pytest.mark.parametrize("max_retries", [0, 1, 2])
@pytest.mark.parametrize("status", [425, 429, 500, 503])
async def test_a_busy_provider_is_asked_so_often_and_no_more(
    fal: Fal, status: int, max_retries: int, leap: Leap
) -> None:
    fal.fail("submit", Fault.status(status, retry_after=0), times=None)
    work = asyncio.ensure_future(fal.failure(max_retries=max_retries))
    await over_pauses(work, lambda: fal.counters.submits, leap, max_retries)
    error = await work

    assert isinstance(error, HTTPError)
    assert type(error) is (RateLimitError if status == 429 else HTTPError)
    assert (error.status_code, error.submission, error.retryable) == (status, "rejected", True)
    assert error.retry_after == 0
    assert (fal.counters.submits, fal.counters.accepted) == (1 + max_retries, 0)
    assert only_attempt(error).billing == "none"


@pytest.mark.parametrize("status", [500, 503])
async def test_a_models_own_words_do_not_hide_that_a_refused_submit_may_leave_again(
    fal: Fal, status: int
) -> None:
    body = {"detail": [{"loc": [], "msg": "no", "type": "internal_server_error"}]}
    fal.fail("submit", Fault.status(status, body, retry_after=0))
    await fal.generate()
    assert (fal.counters.submits, fal.counters.accepted) == (2, 1)


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_the_providers_pace_is_kept_before_the_next_try(
    fal: Fal, leap: Leap, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    at = datetime.now(UTC) + timedelta(seconds=200)
    asked = 200 if form == "seconds" else format_datetime(at, usegmt=True)
    fal.fail("submit", Fault.status(503, retry_after=asked))
    work = asyncio.ensure_future(fal.generate())
    await until(lambda: "submit_retried" in logged(caplog))
    await rounds()
    leap(140)  # a date is the less ahead the later it is read
    await asyncio.sleep(0.05)
    assert fal.counters.submits == 1

    leap(80)  # up to 10 % are added
    await work
    assert fal.counters.submits == 2


HURRY = {
    "at once": {"Retry-After": "0"},
    "a negative number": {"Retry-After": "-3"},
    "a date that has passed": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"},
    "no milliseconds": {"retry-after-ms": "0"},
    "one millisecond": {"retry-after-ms": "1"},
    "nothing that is known": {"Retry-After": "soon"},
}


@pytest.mark.parametrize("headers", HURRY.values(), ids=HURRY)
def test_no_word_of_a_provider_sends_all_tries_at_once(headers: dict[str, str]) -> None:
    asked = HttpResponse(429, headers, "", is_json=False).retry_after
    for seed in range(20):
        pauses = [retry_pause(tries, asked, random.Random(seed)) for tries in (1, 2, 3)]
        for number, pause in enumerate(pauses):
            assert pause >= FIRST_RETRY / 2 * 2**number


async def test_a_provider_that_hurries_us_is_asked_again_after_a_pause(
    fal: Fal, caplog: pytest.LogCaptureFixture
) -> None:
    fal.fail("submit", Fault.status(429, retry_after=0))
    await fal.generate()
    (retried,) = [one for one in caplog.records if getattr(one, "event", "") == "submit_retried"]
    assert vars(retried)["pause"] >= FIRST_RETRY / 2


@pytest.mark.parametrize("failed", [True, False])
def test_no_word_of_a_provider_sends_polls_without_a_pause(failed: bool) -> None:
    pace = PollSchedule(5, 0, random.Random(11))
    pauses = [pace.pause(0, retry_after=0, failed=failed) for _ in range(8)]
    assert min(pauses) >= CLOSEST
    assert pauses[-1] > 3 if failed else pauses[-1] < 1


async def test_no_try_leaves_after_the_deadline(fal: Fal) -> None:
    """Nor does anybody wait for it: the refusal is the error, and not the time that is over."""
    fal.fail("submit", Fault.status(429, retry_after=500), times=None)
    error = await fal.failure(timeout=400)

    assert isinstance(error, RateLimitError)
    assert error.retry_after == 500
    assert fal.counters.submits == 1


@pytest.mark.parametrize("fault", UNSETTLED.values(), ids=UNSETTLED)
async def test_an_answer_that_settles_nothing_is_never_followed_by_another_submit(
    fal: Fal, fault: Fault
) -> None:
    fal.fail("submit", fault, times=None)
    error = await fal.failure()

    assert isinstance(error, HTTPError)
    assert error.status_code == fault.code
    assert (error.submission, error.retryable) == ("unknown", True)
    assert fal.counters.submits == 1
    assert only_attempt(error).billing == "possible"
    assert fal.outcomes() == ["unknown"]


@pytest.mark.parametrize("fault", [Fault.reset_before(), Fault.reset_after()])
async def test_a_connection_that_breaks_after_the_request_left_is_never_used_again_to_buy(
    fal: Fal, fault: Fault
) -> None:
    fal.fail("submit", fault, times=None)
    error = await fal.failure()

    assert isinstance(error, HTTPConnectionError)
    assert isinstance(error, ConnectionError)
    assert (error.submission, error.retryable) == ("unknown", True)
    assert (fal.counters.submits, fal.counters.accepted) == (1, int(fault.accepted))
    assert only_attempt(error).billing == "possible"
    assert fal.outcomes() == ["unknown"]


async def test_a_reused_connection_that_dies_does_not_make_the_library_send_again(
    fal: Fal,
) -> None:
    await fal.generate()
    fal.fail("submit", Fault.reset_after(), times=None)
    with pytest.raises(HTTPConnectionError):
        await fal.generate()

    assert (fal.counters.submits, fal.counters.accepted) == (2, 2)


@pytest.mark.parametrize("max_retries", [0, 2])
async def test_a_refused_connection_is_tried_again_and_costs_nothing(
    fal: Fal, leap: Leap, max_retries: int, caplog: pytest.LogCaptureFixture
) -> None:
    work = asyncio.ensure_future(fal.failure(base_url=dead_url(), max_retries=max_retries))
    for number in range(1, max_retries + 1):
        await until(partial(_retried, caplog, number))
        await rounds()
        leap(30)

    error = await work

    assert isinstance(error, HTTPConnectionError)
    assert (error.submission, error.retryable) == ("not_sent", True)
    assert only_attempt(error).billing == "none"
    events = [vars(record).get("event") for record in caplog.records]
    assert events.count("submit_retried") == max_retries
    assert fal.outcomes() == ["failed"]


def _retried(caplog: pytest.LogCaptureFixture, times: int) -> bool:
    return logged(caplog).count("submit_retried") == times


async def test_a_late_answer_is_an_answer(fal: Fal) -> None:
    fal.fail("submit", Fault.delay(0.05))
    await fal.generate()
    assert (fal.counters.submits, fal.counters.accepted) == (1, 1)


async def test_a_body_that_can_not_be_sent_is_an_error_before_anything_is_sent(fal: Fal) -> None:
    request: dict[str, Any] = {"prompt": "A cat", "extra_params": {"odd": object()}}
    with pytest.raises(TarashException) as caught:
        await fal.gateway.generate_video_async(fal.config(), VideoGenerationRequest(**request))

    assert caught.value.submission == "not_sent"
    assert not caught.value.retryable
    assert fal.counters.submits == 0
