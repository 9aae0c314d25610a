"""What an attempt may cost, from the facts about it."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from tarash.tarash_gateway._data._exchange import Call
from tarash.tarash_gateway._engine._attempt import Attempt
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
