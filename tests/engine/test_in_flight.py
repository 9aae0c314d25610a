"""Limits of jobs in flight: over calls, gateways and refusals, with turns, places and an end."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    Limits,
    MockConfig,
    MockPollingConfig,
    PolicyRefusedError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationResponse,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, until
from tests.engine.conftest import KEY, REQUEST, Fal

SHORT = Script(run_seconds=0.03, stream=False)
NEVER = Script(outcome="never", stream=False)


def limited(fal: Fal, *limits: Limits, ledger: Any = None) -> Gateway:
    fal.gateway = Gateway(ledger=ledger or fal.ledger, limits=limits)
    return fal.gateway


async def in_flight(fal: Fal, *, state: bool = True) -> int:
    """Return how many have a slot, or wait for one."""
    found = await fal.ledger.list_slots()
    return sum((one.turn is not None) is state for one in found)


async def lined_up(fal: Fal, number: int) -> None:
    """Return when so many wait for a slot."""
    while await in_flight(fal, state=False) < number:  # noqa: ASYNC110  (rows set no event)
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_no_more_jobs_are_in_flight_than_the_limit(
    fal: Fal, kind: str, tmp_path: Path
) -> None:
    ledger = SqliteLedger(tmp_path / "jobs.db") if kind == "sqlite" else fal.ledger
    gateway = limited(fal, Limits(in_flight=3), ledger=ledger)
    fal.script(SHORT)
    responses = await asyncio.gather(*(fal.generate() for _ in range(15)))
    assert len({one.request_id for one in responses}) == 15
    assert fal.counters.accepted == 15
    assert fal.counters.most_in_flight <= 3
    assert await ledger.list_slots() == []
    await gateway.aclose(0)


async def test_gateways_that_share_a_ledger_share_the_limit(fal: Fal) -> None:
    gateways = [Gateway(ledger=fal.ledger, limits=Limits(in_flight=2)) for _ in range(3)]
    fal.script(SHORT)
    calls = [
        gateway.generate_video_async(fal.config(), REQUEST) for gateway in gateways for _ in "1234"
    ]
    await asyncio.gather(*calls)
    assert fal.counters.accepted == 12
    assert fal.counters.most_in_flight <= 2


async def test_the_blocking_functions_share_it_too(fal: Fal) -> None:
    gateway = limited(fal, Limits(in_flight=1))
    fal.script(SHORT)
    blocking = [asyncio.to_thread(gateway.generate_video, fal.config(), REQUEST) for _ in range(3)]
    await asyncio.gather(fal.generate(), *blocking)
    assert fal.counters.most_in_flight == 1


async def test_accounts_are_limited_by_themselves(fal: Fal) -> None:
    limited(fal, Limits(in_flight=1))
    fal.script(NEVER)
    first = await fal.gateway.submit_video_async(fal.config(), REQUEST)
    second = await fal.gateway.submit_video_async(fal.config(api_key="another"), REQUEST)
    assert first.id != second.id


async def test_a_config_brings_its_own_limit(fal: Fal) -> None:
    fal.script(SHORT)
    limits = Limits(in_flight=2)
    await asyncio.gather(*(fal.generate(limits=limits) for _ in range(6)))
    assert fal.counters.most_in_flight <= 2


async def test_models_may_have_limits_of_their_own(fal: Fal) -> None:
    limited(fal, Limits(in_flight=1, per="model"), Limits(in_flight=2))
    fal.script(NEVER)
    await fal.gateway.submit_video_async(fal.config(), REQUEST)
    other = "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"
    waits = asyncio.ensure_future(fal.generate())
    await fal.gateway.submit_video_async(fal.config(model=other), REQUEST)
    await until(lambda: fal.counters.accepted == 2)
    assert await in_flight(fal, state=False) == 1
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits

    assert await in_flight(fal, state=False) == 0


async def test_who_waits_sees_its_place(fal: Fal) -> None:
    limited(fal, Limits(in_flight=1))
    fal.script(NEVER)
    job = await fal.gateway.submit_video_async(fal.config(), REQUEST)
    places: list[Any] = []
    calls = [asyncio.ensure_future(fal.generate(places.append)) for _ in range(2)]
    await until(lambda: len(places) == 2)
    assert {(one.status, one.queue_position) for one in places} == {("queued", 1), ("queued", 2)}
    for call in calls:
        call.cancel()

    await asyncio.gather(*calls, return_exceptions=True)
    assert fal.counters.accepted == 1
    await job.cancel_async()


async def test_who_is_cancelled_while_waiting_costs_nothing(fal: Fal) -> None:
    limited(fal, Limits(in_flight=1))
    fal.script(NEVER, SHORT)
    job = await fal.gateway.submit_video_async(fal.config(), REQUEST)
    waits = [asyncio.ensure_future(fal.generate()) for _ in range(5)]
    await lined_up(fal, 5)

    for one in waits[:4]:
        one.cancel()

    await asyncio.gather(*waits[:4], return_exceptions=True)
    assert await in_flight(fal, state=False) == 1
    assert fal.counters.submits == 1
    wait = asyncio.ensure_future(job.wait_async())
    await until(lambda: fal.counters.polls > 0)
    wait.cancel()
    await asyncio.gather(wait, return_exceptions=True)
    states = Counter(one.state for one in await fal.ledger.jobs())
    assert states["cancelled"] == 4
    waits[4].cancel()
    await asyncio.gather(waits[4], return_exceptions=True)


async def test_a_wait_has_an_end(fal: Fal, leap: Leap) -> None:
    limited(fal, Limits(in_flight=1))
    fal.script(NEVER)
    await fal.gateway.submit_video_async(fal.config(), REQUEST)
    waits = asyncio.ensure_future(fal.failure(queue_timeout=60))
    await lined_up(fal, 1)

    leap(61)
    error = await waits
    assert isinstance(error, PolicyRefusedError)
    assert (error.code, error.submission, error.retryable) == ("queue_timeout", "not_sent", True)
    assert "60 s" in error.message
    assert await in_flight(fal, state=False) == 0


async def test_after_it_the_chain_goes_on(fal: Fal, leap: Leap) -> None:
    gateway = limited(fal, Limits(in_flight=1, provider="fal", queue_timeout=60))
    fal.script(NEVER)
    await gateway.submit_video_async(fal.config(), REQUEST)
    mock = VideoGenerationConfig(provider="runway", model="gen4.5", mock=MockConfig(enabled=True))
    waits = asyncio.ensure_future(fal.generate(fallback_configs=[mock]))
    await lined_up(fal, 1)

    leap(61)
    response = await waits
    assert response.execution_metadata is not None
    assert [one.status for one in response.execution_metadata.attempts] == ["failed", "success"]


async def test_a_job_keeps_its_slot_until_it_is_settled(fal: Fal) -> None:
    gateway = limited(fal, Limits(in_flight=1))
    fal.script(Script(run_polls=1, stream=False))
    job = await gateway.submit_video_async(fal.config(), REQUEST)
    assert await in_flight(fal) == 1
    waits = asyncio.ensure_future(fal.generate())
    await lined_up(fal, 1)

    assert fal.counters.accepted == 1
    resumed = await Gateway(ledger=fal.ledger, limits=Limits(in_flight=1)).resume_async(
        job.id, api_keys={"fal": KEY}
    )
    response = await resumed.wait_async()
    assert isinstance(response, VideoGenerationResponse)
    await waits
    assert fal.counters.most_in_flight == 1
    assert await fal.ledger.list_slots() == []


async def test_what_may_still_run_keeps_its_slot(fal: Fal) -> None:
    limited(fal, Limits(in_flight=2))
    fal.fail("submit", Fault.reset_after())
    await fal.failure(max_retries=0)
    (slot,) = await fal.ledger.list_slots()
    assert slot.counts
    assert slot.may_run


@pytest.mark.parametrize("fault", [Fault.status(400), Fault.status(500)])
async def test_what_bought_nothing_gives_its_slot_back(fal: Fal, fault: Fault) -> None:
    limited(fal, Limits(in_flight=1))
    fal.fail("submit", fault)
    await fal.failure(max_retries=0)
    assert await fal.ledger.list_slots() == []


async def test_labels_take_turns_and_priority_goes_first(fal: Fal) -> None:
    gateway = limited(fal, Limits(in_flight=1, fair_by="user"))
    fal.script(NEVER, Script(run_polls=0, stream=False))
    blocker = await gateway.submit_video_async(fal.config(), REQUEST)
    order: list[str] = []

    async def one(user: str, **changes: Any) -> None:
        labels = {"user": user, "order": str(len(order))}
        await gateway.generate_video_async(fal.config(**changes), REQUEST, labels=labels)
        order.append(user)

    calls = []
    for number, (user, changes) in enumerate(
        [("big", {}), ("big", {}), ("big", {}), ("small", {}), ("urgent", {"priority": 1})], 1
    ):
        calls.append(asyncio.ensure_future(one(user, **changes)))
        await lined_up(fal, number)

    await blocker.cancel_async()
    intent = (await fal.ledger.list_slots())[0].request.id
    await fal.ledger.settle(intent, "accepted", "cancelled")
    await fal.ledger.free_slot(intent)
    await asyncio.gather(*calls)
    assert order == ["urgent", "big", "small", "big", "big"]


async def test_a_refusal_makes_the_limit_smaller(fal: Fal) -> None:
    limited(fal, Limits(in_flight=8))
    fal.simulator.limit("fal", 2)
    fal.script(SHORT)
    responses = await asyncio.gather(*(fal.generate(max_retries=30) for _ in range(12)))
    assert len(responses) == 12
    assert fal.counters.most_in_flight <= 2
    # What the provider names is taken at its word: eight at once at first, and hardly one after.
    assert fal.counters.submits <= 12 + 8 + 4


async def test_what_a_provider_says_of_its_limits_is_held(fal: Fal) -> None:
    simulator = fal.simulator
    simulator.limit("runway", 2)
    gateway = Gateway(ledger=fal.ledger, limits=Limits(in_flight=10))
    simulator.script("runway", Script(run_seconds=0.05))
    config = VideoGenerationConfig(
        provider="runway",
        model="gen4.5",
        api_key=KEY,
        base_url=simulator.base_url("runway"),
        poll_interval=0.02,
        max_retries=0,
        provider_config={"min_poll_interval": 0.01},
    )
    await asyncio.gather(*(gateway.generate_video_async(config, REQUEST) for _ in range(6)))
    assert simulator.counters("runway").most_in_flight <= 2
    assert simulator.counters("runway").submits == 6
    asked = [one for one in simulator.requests("runway") if one.path == "/v1/organization"]
    assert len(asked) == 1


async def test_a_mocked_job_is_counted_by_itself(fal: Fal) -> None:
    gateway = limited(fal, Limits(in_flight=1))
    fal.script(NEVER)
    await gateway.submit_video_async(fal.config(), REQUEST)
    mock = MockConfig(enabled=True, polling=MockPollingConfig(delay_between_updates=0))
    await asyncio.gather(*(fal.generate(mock=mock) for _ in range(3)))


async def test_a_ledger_without_slots_is_refused(fal: Fal) -> None:
    class Plain:
        def __init__(self, ledger: Any) -> None:
            self._ledger = ledger

        def __getattr__(self, name: str) -> Any:
            if name == "keeps_slots":
                raise AttributeError(name)

            return getattr(self._ledger, name)

    plain: Any = Plain(fal.ledger)
    limited(fal, Limits(in_flight=1), ledger=plain)
    error = await fal.failure()
    assert isinstance(error, ValidationError)
    assert "keeps_slots" in error.message
    assert error.submission == "not_sent"


async def test_a_ledger_that_fails_holds_up_nobody_inside(fal: Fal) -> None:
    class Failing:
        broken = False

        def __init__(self, ledger: Any) -> None:
            self._ledger = ledger

        def __getattr__(self, name: str) -> Any:
            return getattr(self._ledger, name)

        async def seek_slots(self, *args: Any) -> Any:
            if self.broken:
                raise OSError("the disk is full")

            return await self._ledger.seek_slots(*args)

    failing: Any = Failing(fal.ledger)
    limited(fal, Limits(in_flight=5), ledger=failing)
    fal.script(Script(run_polls=3, stream=False))
    inside = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.accepted == 1)
    failing.broken = True
    error = await fal.failure()
    assert "the disk is full" in error.message
    assert error.submission == "not_sent"
    assert (await inside).status == "completed"


def test_limits_limit_something() -> None:
    with pytest.raises(ValueError, match="in_flight"):
        Limits(learn=False)

    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Limits(in_flight=0)

    given: Any = ["10"]
    with pytest.raises(ValidationError, match="is no limit"):
        Gateway(limits=given)
