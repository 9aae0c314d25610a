"""Events: one writer for the facts of an attempt, and observers that can't harm a job."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import logging
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tarash.tarash_gateway
from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    Registry,
    TarashException,
    ValidationError,
    VerificationError,
    VideoGenerationConfig,
    VideoGenerationResponse,
)
from tarash.tarash_gateway._engine._attempt import Attempt
from tarash.tarash_gateway.events import (
    Accepted,
    AttemptEvent,
    AttemptStarted,
    CancelAnswered,
    CancelAsked,
    Polled,
    Rejected,
    Settled,
    Submitting,
    Unknown,
)
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import until
from tests.engine.conftest import KEY, REQUEST, Fal

PACKAGE = Path(tarash.tarash_gateway.__file__).parent
# What an attempt works with, which is no fact about it.
TOOLS = {
    "accepted",
    "audience",
    "call",
    "called_back",
    "deadline",
    "fetch_until",
    "fitted",
    "host",
    "is_concluded",
    "is_queued",
    "is_superseded",
    "limits",
    "money",
    "parts",
    "permit",
    "place",
    "ledger_failed",
    "lighten",
    "secrets",
}
FACTS = {one.name for one in dataclasses.fields(Attempt)} - TOOLS
# Where the facts of another process are read from its ledger, before anybody hears of the attempt.
READERS = {
    "_engine/_attempt.py",
    "_engine/_recording.py",
    "_jobs/_forgotten.py",
    "_jobs/_late_costs.py",
    "_jobs/_restore_attempts.py",
}
FAIL = Script(outcome="failed", stream=False)


class Seen(list[AttemptEvent]):
    """Keeps what it hears."""

    def __call__(self, event: AttemptEvent) -> None:
        self.append(event)

    def names(self) -> list[str]:
        names = [type(one).__name__ for one in self]
        return [
            name
            for place, name in enumerate(names)
            if names[max(0, place - 1)] != name or not place
        ]

    def the(self, kind: type[AttemptEvent]) -> Any:
        (found,) = (one for one in self if isinstance(one, kind))
        return found


def observed(fal: Fal, *observers: Callable[[AttemptEvent], object]) -> Seen:
    seen = Seen()
    fal.gateway = Gateway(ledger=fal.ledger, observers=[*observers, seen])
    return seen


def assigned() -> list[tuple[str, str]]:
    """Return the places of the package where a fact of an attempt is set."""
    places = []
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(("_engine/", "_jobs/")) or name in READERS:
            continue

        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.AugAssign | ast.AnnAssign):
                targets = [node.target]

            flat = [inner for one in targets for inner in getattr(one, "elts", [one])]
            places += [
                (name, ast.unparse(one))
                for one in flat
                if isinstance(one, ast.Attribute)
                and one.attr in FACTS
                and ast.unparse(one.value).rpartition(".")[2] in ("attempt", "_attempt", "current")
            ]

    return places


def test_events_are_the_only_writers_of_the_facts() -> None:
    assert assigned() == []


async def test_a_job_that_delivers(fal: Fal) -> None:
    fal.script(Script(run_polls=1, stream=False))
    seen = observed(fal)
    response = await fal.generate()

    assert seen.names() == ["AttemptStarted", "Submitting", "Accepted", "Polled", "Settled"]
    assert {one.provider for one in seen} == {"fal"}
    assert {one.model for one in seen} == {"fal-ai/veo3.1"}
    assert {one.attempt_number for one in seen} == {1}
    assert len({one.job_id for one in seen}) == 1
    assert await fal.ledger.get(seen[0].job_id)
    accepted, settled = seen.the(Accepted), seen.the(Settled)
    assert accepted.operation.id == accepted.operation_id == response.request_id
    assert [one.operation_id for one in seen[:2]] == [None, None]
    assert {one.operation_id for one in seen[2:]} == {response.request_id}
    assert (settled.outcome, settled.billing, settled.error) == ("completed", "certain", None)
    polls = [one for one in seen if isinstance(one, Polled)]
    assert [one.status for one in polls][-1] == "completed"
    assert [one.final for one in polls] == [False] * (len(polls) - 1) + [True]
    assert [one.elapsed for one in seen] == sorted(one.elapsed for one in seen)


def test_a_blocking_call_is_observed_too(fal: Fal) -> None:
    seen = observed(fal)
    fal.gateway.generate_video(fal.config(), REQUEST)
    assert seen.names()[0] == "AttemptStarted"
    assert seen.the(Settled).outcome == "completed"


async def test_events_are_plain_data_without_secrets(fal: Fal) -> None:
    seen = observed(fal)
    fal.script(FAIL, Script(stream=False))
    await fal.generate(fallback_configs=(fal.config(model="fal-ai/veo3"),))

    told = "".join(f"{one}{dataclasses.asdict(one)}" for one in seen)
    assert KEY not in told
    assert pickle.loads(pickle.dumps(list(seen))) == list(seen)
    first: Any = seen[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.provider = "other"


async def test_a_chain(fal: Fal) -> None:
    fal.script(FAIL, Script(stream=False))
    seen = observed(fal)
    await fal.generate(fallback_configs=(fal.config(model="fal-ai/veo3"),))

    ends = [one for one in seen if isinstance(one, Settled)]
    assert [(one.attempt_number, one.outcome) for one in ends] == [(1, "failed"), (2, "completed")]
    assert ends[0].error is not None
    assert ends[0].error["type"] == "GenerationFailedError"
    assert ends[0].error["retryable"]


async def test_a_refused_submit(fal: Fal) -> None:
    fal.fail("submit", Fault.status(429, {"detail": "busy"}))
    seen = observed(fal)
    await fal.generate()
    assert seen.names()[:5] == [
        "AttemptStarted",
        "Submitting",
        "Rejected",
        "Submitting",
        "Accepted",
    ]
    refused = seen.the(Rejected)
    assert (refused.submission, refused.tries) == ("rejected", 1)
    assert refused.retry_at is not None
    assert refused.error["status_code"] == 429


async def test_a_submit_without_an_answer(fal: Fal) -> None:
    fal.fail("submit", Fault.reset_after())
    seen = observed(fal)
    await fal.failure()
    assert seen.names() == ["AttemptStarted", "Submitting", "Unknown", "Settled"]
    assert seen.the(Unknown).error is not None
    assert (seen.the(Settled).outcome, seen.the(Settled).billing) == ("unknown", "possible")


async def test_a_deadline(fal: Fal) -> None:
    fal.script(Script(outcome="never", stream=False))
    seen = observed(fal)
    await fal.failure(max_poll_attempts=2)
    assert seen.names()[-3:] == ["CancelAsked", "CancelAnswered", "Settled"]
    assert seen.the(CancelAsked).reason == "deadline"
    assert seen.the(CancelAnswered).answer == seen.the(Settled).cancel


async def test_a_cancelled_task(fal: Fal) -> None:
    fal.script(Script(outcome="never", stream=False))
    seen = observed(fal)
    work = asyncio.ensure_future(fal.generate())
    await until(lambda: any(isinstance(one, Polled) for one in seen))
    work.cancel()
    await asyncio.wait([work])
    assert seen.names()[-3:] == ["CancelAsked", "CancelAnswered", "Settled"]
    assert seen.the(CancelAsked).reason == "cancelled"
    assert seen.the(Settled).error is None


async def test_a_call_that_can_not_even_begin(fal: Fal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)
    seen = observed(fal)
    await fal.failure(api_key=None)
    assert seen.names() == ["AttemptStarted", "Settled"]
    assert (seen.the(Settled).outcome, seen.the(Settled).billing) == ("failed", "none")


async def test_a_job_that_is_taken_up_again(fal: Fal) -> None:
    fal.script(Script(run_polls=1, stream=False))
    job = await fal.gateway.submit_video_async(fal.config(), REQUEST)
    seen = observed(fal)
    taken_up = await fal.gateway.resume_async(job.id, api_keys={"fal": KEY})
    await taken_up.wait_async()
    assert seen.names() == ["AttemptStarted", "Polled", "Settled"]
    assert seen.the(AttemptStarted).resumed
    assert {one.job_id for one in seen} == {job.id}


async def test_the_handler_of_an_application(fal: Fal) -> None:
    class Handler:
        async def generate_video_async(self, *_: object) -> VideoGenerationResponse:
            return await fal.generate()

    seen = Seen()
    registry = Registry()
    registry.register_provider("own", Handler())
    gateway = Gateway(registry=registry, observers=[seen])
    await gateway.generate_video_async(VideoGenerationConfig(provider="own", model="m"), REQUEST)
    assert seen.names() == ["AttemptStarted", "Submitting", "Accepted", "Settled"]


async def test_the_mock() -> None:
    seen = Seen()
    mock = MockConfig(enabled=True)
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=mock)
    await Gateway(observers=[seen]).generate_video_async(config, REQUEST)
    assert seen.names()[0] == "AttemptStarted"
    assert seen.the(Settled).outcome == "completed"
    assert seen.the(Settled).billing == "none"


@pytest.mark.parametrize("when", [AttemptStarted, Submitting, Accepted, Polled, Settled])
@pytest.mark.parametrize("mistake", [RuntimeError("mine"), asyncio.CancelledError()], ids=repr)
async def test_an_observer_that_raises_loses_nothing(
    fal: Fal,
    when: type[AttemptEvent],
    mistake: BaseException,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def observer(event: AttemptEvent) -> None:
        if isinstance(event, when):
            raise mistake

    seen = observed(fal, observer)
    response = await fal.generate()
    assert response.video
    assert seen.the(Settled).outcome == "completed"
    failed = [one for one in caplog.records if vars(one)["event"] == "observer_failed"]
    assert failed
    assert fal.counters.submits == 1


class Exit(BaseException):
    """Leaves, as `sys.exit` does, and ends no test session."""


@pytest.mark.parametrize("when", [AttemptStarted, Submitting, Accepted, Polled])
@pytest.mark.parametrize("way", ["async", "blocking"])
async def test_an_exit_of_an_observer_ends_the_call_and_stops_the_job(
    fal: Fal, when: type[AttemptEvent], way: str
) -> None:
    fal.script(Script(outcome="never", stream=False))

    def observer(event: AttemptEvent) -> None:
        if isinstance(event, when):
            raise Exit

    observed(fal, observer)
    call = partial(fal.gateway.generate_video, fal.config(), REQUEST)
    with pytest.raises(Exit):
        await (fal.generate() if way == "async" else asyncio.to_thread(call))

    assert fal.counters.submits <= 1
    assert all(job.cancel_requested for job in fal.simulator.jobs("fal"))
    (record,) = await fal.ledger.jobs()
    assert record.state == ("cancelled" if not fal.counters.submits else "open")
    if way == "async" and when in (AttemptStarted, Submitting):
        assert fal.counters.submits == 0


async def _coroutine(event: AttemptEvent) -> None:
    pass


@pytest.mark.parametrize("observer", [_coroutine, None, Seen], ids=["async", "none", "class"])
def test_what_can_not_observe_is_refused(observer: Any) -> None:
    with pytest.raises(ValidationError, match="plain function"):
        Gateway(observers=[observer])


async def test_an_observer_that_returns_a_coroutine_is_logged(
    fal: Fal, caplog: pytest.LogCaptureFixture
) -> None:
    observed(fal, lambda event: _coroutine(event))  # noqa: PLW0108
    assert await fal.generate()
    assert "it returned a coroutine" in caplog.text


# ------------------------------------------------------------------------------------- the log
def levels(caplog: pytest.LogCaptureFixture, name: str) -> list[int]:
    return [one.levelno for one in caplog.records if vars(one).get("event") == name]


async def test_an_attempt_that_a_fallback_rescues_is_no_error_of_the_log(
    fal: Fal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fal.script(FAIL, Script(stream=False))
    await fal.generate(fallback_configs=(fal.config(model="fal-ai/veo3"),))
    assert levels(caplog, "failed") == [logging.WARNING]
    assert levels(caplog, "completed") == [logging.INFO]
    assert max(one.levelno for one in caplog.records) == logging.WARNING


async def test_a_call_that_fails_is_one_error_of_the_log(
    fal: Fal, caplog: pytest.LogCaptureFixture
) -> None:
    fal.script(FAIL, FAIL)
    with pytest.raises(TarashException):
        await fal.generate(fallback_configs=(fal.config(model="fal-ai/veo3"),))

    assert levels(caplog, "failed") == [logging.WARNING, logging.ERROR]


# ------------------------------------------------------------------------------- the last word
@pytest.mark.parametrize("way", ["async", "blocking"])
async def test_the_last_update_of_the_mock_and_of_images(way: str, tmp_path: Path) -> None:
    mock = MockConfig(enabled=True)
    video = VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", mock=mock, save_to=f"{tmp_path}/"
    )
    gateway, updates = Gateway(), list[Any]()
    if way == "async":
        response = await gateway.generate_video_async(video, REQUEST, updates.append)
    else:
        response = await asyncio.to_thread(gateway.generate_video, video, REQUEST, updates.append)

    assert updates[-1].result == response
    assert len(response.saved) == 1


async def test_the_last_update_of_a_handler(fal: Fal, tmp_path: Path) -> None:
    class Handler:
        def generate_video(self, *_: object) -> VideoGenerationResponse:
            return fal.gateway.generate_video(fal.config(), REQUEST)

    registry, updates = Registry(), list[Any]()
    registry.register_provider("own", Handler())
    gateway = Gateway(registry=registry)
    config = VideoGenerationConfig(provider="own", model="m", save_to=f"{tmp_path}/")
    response = await gateway.generate_video_async(config, REQUEST, updates.append)
    assert updates[-1].result == response
    assert len(response.saved) == 1
    assert response.execution_metadata is not None


async def test_the_last_update_of_a_result_that_verify_refuses(
    fal: Fal, caplog: pytest.LogCaptureFixture
) -> None:
    fal.fail("download", Fault.foreign_body(), times=None)
    updates: list[Any] = []
    with pytest.raises(VerificationError) as caught:
        await fal.generate(updates.append, verify="raise")

    assert [one.status for one in updates].count("completed") == 0
    assert (updates[-1].status, updates[-1].error) == ("failed", caught.value.message)
    assert levels(caplog, "failed") == [logging.ERROR]
