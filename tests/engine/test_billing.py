"""What an attempt may cost, from the facts about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from tarash.tarash_gateway import (
    HTTPError,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from tarash.tarash_gateway._data._exchange import (
    Call,
    Operation,
    RawResult,
    Snapshot,
    Stopped,
)
from tarash.tarash_gateway._engine._attempt import Attempt
from tarash.tarash_gateway._engine._stopping import ask_to_stop
from tarash.tarash_gateway.events import CancelAnswered, Polled

RESULT = VideoGenerationResponse(
    request_id="theirs", status="completed", video="https://a.test/1.mp4", raw_response={}
)


def attempt(**facts: Any) -> Attempt:
    mock = facts.pop("mock", None)
    config = VideoGenerationConfig(provider="fal", model="m", mock=mock)
    call = Call("video", config, VideoGenerationRequest(prompt="A cat"), "ours")
    made = Attempt(call, started=0.0)
    for name, value in facts.items():
        setattr(made, name, value)

    return made


@pytest.mark.parametrize(
    ("facts", "billing"),
    [
        ({}, "none"),
        ({"submission": "not_sent"}, "none"),
        ({"submission": "rejected"}, "none"),
        ({"submission": "unknown"}, "possible"),
        ({"submission": "accepted"}, "possible"),
        ({"submission": "accepted", "billing_told": "none"}, "none"),
        ({"submission": "accepted", "cancel": "cancelled", "status": "queued"}, "possible"),
        ({"submission": "accepted", "cancel": "cancelled", "status": "processing"}, "possible"),
        ({"submission": "accepted", "cancel": "cancelled"}, "possible"),
        ({"submission": "accepted", "cancel": "requested", "status": "queued"}, "possible"),
        ({"submission": "accepted", "cancel": "unsupported"}, "possible"),
        ({"submission": "accepted", "cancel": "too_late"}, "certain"),
        ({"submission": "accepted", "settled": True, "outcome": "completed"}, "certain"),
        ({"submission": "accepted", "settled": True, "response": RESULT}, "certain"),
    ],
)
def test_a_failed_attempt_is_billed_by_what_is_known(facts: dict[str, Any], billing: str) -> None:
    assert attempt(**facts).billing(success=False) == billing


def test_a_result_is_billed_unless_the_mock_made_it() -> None:
    assert attempt(submission="accepted").billing(success=True) == "certain"
    mocked = attempt(submission="accepted", mock=MockConfig(enabled=True))
    assert mocked.billing(success=True) == "none"


@pytest.mark.parametrize(
    ("answer", "proof", "verdict", "billing"),
    [
        ("cancelled", "none", "possible", "none"),
        ("cancelled", "none", None, "none"),
        ("cancelled", "none", "certain", "certain"),
        ("cancelled", None, None, "possible"),
        ("cancelled", None, "none", "none"),
        ("cancelled", "certain", None, "certain"),
        ("requested", None, "possible", "possible"),
    ],
)
async def test_what_was_stopped_before_it_began_is_free_however_its_end_is_worded(
    answer: Any, proof: Any, verdict: Any, billing: str
) -> None:
    made = attempt(submission="accepted")
    await made.apply(Polled(status="queued", final=False))  # which may be long ago
    await made.apply(CancelAnswered(answer=answer, billing=proof))
    await made.apply(Polled(status="failed", final=True, billing=verdict))
    assert made.billing(success=False) == billing


class Provider:
    """Says that it has stopped a job, and of the job whatever it says."""

    abilities: frozenset[str] = frozenset()

    def __init__(self, said: Snapshot | Exception, answer: Any = "cancelled") -> None:
        self._said, self._answer = said, answer
        self.polls = 0

    async def cancel(self, _client: Any, _operation: Operation) -> Any:
        return self._answer

    async def poll(self, _client: Any, _operation: Operation) -> Snapshot:
        self.polls += 1
        if isinstance(self._said, Exception):
            raise self._said

        return self._said


FREE = Snapshot("failed", raw={"status": "CANCELED"}, billing="none", certain=True)
OPERATION = Operation("fal", "m", "video", "theirs", "2026-11-30T00:00:00+00:00")


@pytest.mark.parametrize(
    ("said", "answer", "heard"),
    [
        (FREE, "cancelled", ("cancelled", "none")),
        (replace(FREE, billing=None), "cancelled", ("cancelled", None)),
        (replace(FREE, refunded_within=60.0), "cancelled", ("cancelled", "possible")),
        (Snapshot("queued", raw={}), "cancelled", ("cancelled", None)),
        (Snapshot("completed", raw={}, finished=RawResult({})), "cancelled", ("too_late", None)),
        (HTTPError("HTTP 404", status_code=404), "cancelled", ("cancelled", None)),
        (ValueError("a body of another form"), "cancelled", ("cancelled", None)),
        (FREE, "requested", ("requested", None)),
        (FREE, "too_late", ("too_late", None)),
        (FREE, Stopped("cancelled", "none"), ("cancelled", "none")),
    ],
)
async def test_what_was_stopped_costs_what_the_provider_says_of_it_after_that(
    said: Any, answer: Any, heard: tuple[str, str | None]
) -> None:
    provider, made = Provider(said, answer), attempt(submission="accepted", status="queued")
    words: list[Stopped] = []
    await ask_to_stop(cast("Any", provider), None, made, OPERATION, words.append)

    assert (words[-1].answer, words[-1].billing) == heard
    assert provider.polls == (answer == "cancelled")


async def test_an_answer_that_it_had_not_begun_is_no_proof_where_it_was_seen_to_run() -> None:
    provider = Provider(Snapshot("processing", raw={}), Stopped("cancelled", "none"))
    made = attempt(submission="accepted", status="processing")
    words: list[Stopped] = []
    await ask_to_stop(cast("Any", provider), None, made, OPERATION, words.append)

    assert words[-1] == Stopped("cancelled")
