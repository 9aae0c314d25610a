"""Progress: in order, never back, never twice, and one terminal update for each attempt."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationRequest,
    ImageGenerationUpdate,
    TarashException,
    ValidationError,
    VideoGenerationRequest,
    VideoGenerationUpdate,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.engine.conftest import REQUEST, Fal

RANK = {"queued": 0, "processing": 1, "completed": 2, "failed": 2}


class Updates(list[VideoGenerationUpdate]):
    """Keeps what it is told, and checks the promises that hold for every attempt."""

    def __call__(self, update: VideoGenerationUpdate) -> None:
        assert isinstance(update, VideoGenerationUpdate)
        self.append(update)

    def check(self) -> list[str]:
        """Return the statuses of all updates, each run of equal ones told once."""
        for number in {one.attempt_number for one in self}:
            attempt = [one for one in self if one.attempt_number == number]
            ranks = [RANK[one.status] for one in attempt]
            assert ranks == sorted(ranks)
            assert ranks.count(2) == 1
            assert ranks[-1] == 2
            percents = [one.progress_percent for one in attempt if one.progress_percent is not None]
            assert percents == sorted(percents)
            for before, after in pairwise(attempt):
                assert before != after

        numbers = [one.attempt_number for one in self]
        assert numbers == sorted(numbers)
        told = [one.status for one in self]
        return [one for place, one in enumerate(told) if place == 0 or told[place - 1] != one]


@pytest.mark.parametrize("stream", [True, False, "silent"])
async def test_updates_come_in_order_and_end_once(fal: Fal, stream: Any) -> None:
    fal.script(Script(queue_polls=1, run_polls=1, stream=stream))
    updates = Updates()
    response = await fal.generate(updates)

    assert updates.check() == ["queued", "processing", "completed"]
    assert {one.request_id for one in updates} == {response.request_id}
    assert {one.attempt_number for one in updates} == {1}
    terminal = updates[-1]
    assert terminal.result is not None
    assert terminal.result.video == response.video
    assert (terminal.progress_percent, terminal.error) == (100, None)
    assert terminal.update == response.raw_response
    assert all(one.result is None for one in updates[:-1])


@pytest.mark.parametrize("stream", [True, False])
async def test_the_place_in_the_queue_is_told(fal: Fal, *, stream: bool) -> None:
    fal.script(Script(queue_polls=3, stream=stream))
    updates = Updates()
    await fal.generate(updates)

    places = [one.queue_position for one in updates if one.queue_position is not None]
    assert places == sorted(places, reverse=True)
    assert set(places) == {3, 2, 1}
    assert all(one.queue_position is None for one in updates if one.status != "queued")


async def test_a_job_that_is_put_back_into_the_queue_does_not_go_back(fal: Fal) -> None:
    fal.script(Script(run_polls=2, stream=False))
    again = {"status": "IN_QUEUE", "queue_position": 3}
    fal.fail("poll", Fault.status(202, again), skip=1, times=2)
    updates = Updates()
    await fal.generate(updates)
    assert updates.check() == ["queued", "processing", "completed"]


async def test_a_status_that_we_do_not_know_is_work_in_progress(fal: Fal) -> None:
    fal.script(Script(stream=False))
    fal.fail("poll", Fault.status(202, {"status": "DREAMING"}), times=2)
    updates = Updates()
    await fal.generate(updates)
    assert updates.check() == ["queued", "processing", "completed"]


async def test_equal_updates_are_not_repeated(fal: Fal) -> None:
    fal.script(Script(run_polls=6, stream=False))
    updates = Updates()
    await fal.generate(updates)

    assert fal.counters.polls == 7
    assert [one.status for one in updates] == ["queued", "processing", "completed"]


@pytest.mark.parametrize(
    ("step", "fault", "statuses"),
    [
        ("submit", Fault.status(401), ["failed"]),
        ("submit", Fault.reset_after(), ["failed"]),
        ("poll", Fault.status(401), ["queued", "failed"]),
    ],
)
async def test_a_failure_is_told_once(
    fal: Fal, step: Any, fault: Fault, statuses: list[str]
) -> None:
    fal.script(Script(stream=False))
    fal.fail(step, fault, times=None)
    updates = Updates()
    error = await fal.failure(updates, max_poll_attempts=4)

    assert updates.check() == statuses
    assert updates[-1].error == error.message
    assert updates[-1].request_id == error.request_id


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script(outcome="failed"), "GenerationFailedError"),
        (Script(outcome="moderated"), "ContentModerationError"),
        (Script(outcome="no_media"), "GenerationFailedError"),
        (Script(outcome="never"), "TimeoutError"),
    ],
    ids=["failed", "moderated", "no media", "never"],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_job_that_comes_to_nothing_is_told_once(
    fal: Fal, script: Script, kind: str, *, stream: bool
) -> None:
    fal.script(Script(outcome=script.outcome, stream=stream))
    updates = Updates()
    error = await fal.failure(updates, max_poll_attempts=None if kind != "TimeoutError" else 3)

    assert updates.check()[-1] == "failed"
    assert type(error).__name__ == kind
    assert updates[-1].error == error.message


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "fal-ai/veo3.1/image-to-video"},
        {"api_key": None},
        {"provider_config": {"min_poll_interval": "soon"}},
    ],
    ids=["no image", "no key", "no number"],
)
async def test_a_failure_before_the_submit_is_told_once_too(
    fal: Fal, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)

    updates = Updates()
    error = await fal.failure(updates, **changes)
    assert [one.status for one in updates] == ["failed"]
    assert updates[0].request_id == error.request_id
    assert error.provider == "fal"
    assert error.model
    assert fal.counters.submits == 0


async def test_each_attempt_starts_at_queued_again_with_its_own_number(fal: Fal) -> None:
    fal.script(Script(run_polls=1, outcome="failed"), Script(run_polls=1))
    updates = Updates()
    await fal.generate(updates, fallback_configs=(fal.config(),))

    assert updates.check() == [
        "queued",
        "processing",
        "failed",
        "queued",
        "processing",
        "completed",
    ]
    first, second = ([one for one in updates if one.attempt_number == n] for n in (1, 2))
    assert {one.request_id for one in first} != {one.request_id for one in second}
    assert fal.counters.accepted == 2


async def raises_in_async(_: Any) -> None:
    raise RuntimeError("a mistake of the user's")


def raises(_: Any) -> None:
    raise RuntimeError("a mistake of the user's")


async def awaits_what_was_cancelled(_: Any) -> None:
    task = asyncio.ensure_future(asyncio.sleep(60))
    task.cancel()
    await task


CALLBACKS = [raises, raises_in_async, awaits_what_was_cancelled]


@pytest.mark.parametrize("callback", CALLBACKS)
@pytest.mark.parametrize("outcome", ["completed", "failed"])
async def test_a_callback_that_raises_is_logged_and_loses_nothing(
    fal: Fal, callback: Callable[[Any], Any], outcome: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fal.script(Script(outcome=outcome))
    if outcome == "completed":
        assert (await fal.generate(callback)).status == "completed"
    else:
        assert type(await fal.failure(callback)).__name__ == "GenerationFailedError"

    assert "progress_callback_failed" in [vars(record)["event"] for record in caplog.records]
    assert (fal.counters.accepted, fal.counters.cancels) == (1, 0)


@pytest.mark.parametrize("callback", CALLBACKS)
def test_a_callback_of_a_blocking_call_that_raises_is_logged_and_loses_nothing(
    fal: Fal, callback: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    response = fal.gateway.generate_video(fal.config(), REQUEST, callback)
    assert response.status == "completed"
    assert "progress_callback_failed" in [vars(record)["event"] for record in caplog.records]
    assert (fal.counters.accepted, fal.counters.cancels) == (1, 0)
    fal.gateway.close()


async def test_an_async_callback_is_awaited_in_order(fal: Fal) -> None:
    fal.script(Script(queue_polls=1, run_polls=1))
    updates = Updates()

    async def slow(update: VideoGenerationUpdate) -> None:
        await asyncio.sleep(0.01)
        updates(update)

    await fal.generate(slow)
    assert updates.check() == ["queued", "processing", "completed"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_slow_callback_is_never_cut_short(fal: Fal, *, stream: bool) -> None:
    """It takes longer than the pause before the next look."""
    fal.script(Script(queue_polls=2, run_polls=2, stream=stream))
    begun: list[str] = []
    ended: list[str] = []

    async def slow(update: VideoGenerationUpdate) -> None:
        begun.append(update.status)
        await asyncio.sleep(0.1)
        ended.append(update.status)

    await fal.generate(slow)
    assert begun == ended
    assert ended[-1] == "completed"


def test_a_blocking_call_runs_a_sync_callback_in_the_calling_thread(fal: Fal) -> None:
    threads: list[threading.Thread] = []
    updates = Updates()

    def callback(update: VideoGenerationUpdate) -> None:
        threads.append(threading.current_thread())
        updates(update)

    fal.script(Script(queue_polls=1, run_polls=1))
    fal.gateway.generate_video(fal.config(), REQUEST, callback)
    assert set(threads) == {threading.current_thread()}
    assert updates.check() == ["queued", "processing", "completed"]
    fal.gateway.close()


def test_a_blocking_call_runs_an_async_callback_and_waits_for_it(fal: Fal) -> None:
    updates = Updates()

    async def callback(update: VideoGenerationUpdate) -> None:
        await asyncio.sleep(0.01)
        updates(update)

    fal.gateway.generate_video(fal.config(), REQUEST, callback)
    assert updates.check()[-1] == "completed"
    fal.gateway.close()


def _called(work: Callable[[Any], Any], update: Any) -> Any:
    return work(update)


def test_a_callback_that_only_looks_sync_is_awaited_too(fal: Fal) -> None:
    updates = Updates()

    async def work(update: VideoGenerationUpdate) -> None:
        updates(update)

    fal.gateway.generate_video(fal.config(), REQUEST, partial(_called, work))
    assert updates.check()[-1] == "completed"
    fal.gateway.close()


def test_a_callback_may_itself_make_a_blocking_call(fal: Fal) -> None:
    made: list[str] = []

    def callback(update: VideoGenerationUpdate) -> None:
        if update.status == "completed":
            inner = fal.gateway.generate_video(fal.config(), VideoGenerationRequest(prompt="dog"))
            made.append(inner.status)

    fal.gateway.generate_video(fal.config(), REQUEST, callback)
    assert made == ["completed"]
    fal.gateway.close()


async def test_images_have_updates_of_their_own(simulator: Simulator) -> None:
    fal = Fal(simulator)
    updates: list[ImageGenerationUpdate] = []
    request = ImageGenerationRequest(prompt="A cat")
    await fal.gateway.generate_image_async(fal.image_config(), request, updates.append)

    assert all(isinstance(one, ImageGenerationUpdate) for one in updates)
    assert updates[-1].status == "completed"
    assert updates[-1].result is not None


async def test_an_unknown_provider_is_no_attempt_and_tells_nothing(fal: Fal) -> None:
    updates = Updates()
    with pytest.raises(TarashException) as caught:
        await fal.generate(updates, provider="fall")

    assert isinstance(caught.value, ValidationError)
    assert updates == []
