"""Handles on a job of two attempts side by side: each is told what the job comes to, no other."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, TarashException, register_prices
from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.conftest import Leap, until
from tests.jobs.test_hedging import KEY, REQUEST, accepted, chain, hedged, running

KEYS = {"fal": KEY, "runway": KEY}
STOPS: dict[str, Any] = {"stream": False, "cancel": "queued_ok"}
"""A job that was stopped is shown as cancelled at once."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    register_prices([{"provider": "fal", "model": "fal-ai/veo3.1", "unit": "second", "rate": 1}])
    with Simulator(["fal", "runway"]) as running_simulator:
        yield running_simulator

    prices.reset()


def script(end: str, seconds: float) -> Script:
    outcome: Any = {"works": "completed", "fails": "failed", "moderated": "moderated"}.get(
        end, "never"
    )
    times: dict[str, Any] = {} if outcome == "never" else {"run_seconds": seconds}
    return Script(outcome=outcome, **times, **STOPS)


ENDS = ("works", "fails", "moderated", "never")
PAIRS = [pair for pair in itertools.product(ENDS, ENDS) if "never" not in pair or "works" in pair]
"""What never ends is stopped where the other one wins; else it goes on until its deadline."""


def end_of(told: object) -> tuple[Any, ...]:
    """Return what somebody who waited was told, in so far as all have to be told the same."""
    if isinstance(told, TarashException):
        return type(told).__name__, told.request_id

    return "completed", getattr(told, "request_id", told)


@pytest.mark.parametrize("earlier", ["fal", "runway"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_every_handle_is_told_what_the_job_comes_to(
    simulator: Simulator, leap: Leap, first: str, second: str, earlier: str
) -> None:
    ledger = MemoryLedger()
    seconds = {"fal": 0.5, "runway": 0.5, earlier: 0.3}
    simulator.script("fal", script(first, seconds["fal"]))
    simulator.script("runway", script(second, seconds["runway"] - 0.2))
    gateway = Gateway(ledger=ledger)
    # The owner looks rarely, so that others see first how an attempt ended.
    owner = asyncio.ensure_future(
        gateway.generate_video_async(chain(simulator, poll_interval=0.05), REQUEST)
    )
    await until(lambda: simulator.counters("fal").polls > 1)
    (job,) = await ledger.jobs()
    before = await Gateway(ledger=ledger).resume_async(job.id, api_keys=KEYS)
    waits = [asyncio.ensure_future(before.wait_async())]  # it knows of the first attempt only
    leap(61)
    await until(lambda: simulator.counters("runway").accepted == 1 or owner.done())
    for one in (gateway, Gateway(ledger=ledger)):
        handle = await one.resume_async(job.id, api_keys=KEYS)
        waits.append(asyncio.ensure_future(handle.wait_async()))

    (said,) = await asyncio.gather(owner, return_exceptions=True)
    seen = await asyncio.gather(*waits, return_exceptions=True)
    wins = "works" in (first, second)
    assert isinstance(said, TarashException) is not wins, said
    assert [end_of(one)[0] for one in seen] == [end_of(said)[0]] * 3, (seen, said)
    if wins:
        assert [end_of(one) for one in seen] == [end_of(said)] * 3

    assert running(simulator) == []
    assert accepted(simulator)[0] == 1


@pytest.mark.parametrize("winner", ["fal", "runway"])
async def test_another_connection_to_the_ledger_waits_for_the_winner(
    simulator: Simulator, leap: Leap, tmp_path: Path, winner: str
) -> None:
    for one in ("fal", "runway"):
        simulator.script(one, script("works" if one == winner else "never", 0.5))

    path = tmp_path / "jobs.db"
    owner = await hedged(simulator, Gateway(ledger=SqliteLedger(path)), leap)
    other = SqliteLedger(path)
    (job,) = await other.jobs()
    handle = await Gateway(ledger=other).resume_async(job.id, api_keys=KEYS)
    seen = await handle.wait_async()
    assert seen.request_id == (await owner).request_id == simulator.jobs(winner)[0].id
    assert running(simulator) == []


async def test_where_both_are_stopped_nobody_waits_for_ever(
    simulator: Simulator, leap: Leap
) -> None:
    for one in ("fal", "runway"):
        simulator.script(one, script("never", 0))

    ledger = MemoryLedger()
    owner = await hedged(simulator, Gateway(ledger=ledger), leap)
    (job,) = await ledger.jobs()
    handles = [await Gateway(ledger=ledger).resume_async(job.id, api_keys=KEYS) for _ in range(3)]
    waits = [asyncio.ensure_future(one.wait_async()) for one in handles[:2]]
    await handles[2].cancel_async()
    ends = await asyncio.gather(owner, *waits, return_exceptions=True)
    assert all(isinstance(one, TarashException) for one in ends), ends
    assert running(simulator) == []
    (record,) = await ledger.jobs()
    assert record.state == "cancelled"
