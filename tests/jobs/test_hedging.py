"""Hedges: a slow attempt gets company, the first good result counts, and nothing runs unasked."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Budget,
    Gateway,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    register_prices,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Fault, Job, Script, Simulator
from tarash.tarash_gateway.webhooks import WebhookEvent, WebhookInbox
from tests.conftest import Leap, until
from tests.jobs.processes import Zygote, records, wait_for

KEY = "canary-hedges-7f1c02"
REQUEST = VideoGenerationRequest(prompt="A lighthouse", duration_seconds=8)
NEVER = Script(outcome="never", stream=False)
AT_ONCE = Script(run_polls=0, stream=False)
FAILS = Script(run_polls=0, outcome="failed", stream=False)
MODERATED = Script(run_polls=0, outcome="moderated", stream=False)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    register_prices([{"provider": "fal", "model": "fal-ai/veo3.1", "unit": "second", "rate": 1}])
    with Simulator(["fal", "runway"]) as running:
        yield running

    prices.reset()


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


def config(simulator: Simulator, provider: str, model: str, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "provider": provider,
        "model": model,
        "api_key": KEY,
        "base_url": simulator.base_url(provider),
        "poll_interval": 0.02,
        "timeout": 600,
        "provider_config": {"min_poll_interval": 0.01},
    }
    return VideoGenerationConfig(**{**settings, **changes})


def chain(simulator: Simulator, **changes: Any) -> VideoGenerationConfig:
    second = config(simulator, "runway", "gen4.5")
    made = {"hedge_after": 60, "fallback_configs": [second], **changes}
    head: VideoGenerationConfig = config(simulator, "fal", "fal-ai/veo3.1", **made)
    return head


def running(simulator: Simulator) -> list[Job]:
    """Return the jobs that nobody has asked to stop and that have not ended."""
    return [
        one
        for provider in ("fal", "runway")
        for one in simulator.jobs(provider)
        if one.status in ("queued", "running") and not one.cancel_requested
    ]


def accepted(simulator: Simulator) -> tuple[int, int]:
    return simulator.counters("fal").accepted, simulator.counters("runway").accepted


async def hedged(
    simulator: Simulator, gateway: Gateway, leap: Leap, **changes: Any
) -> asyncio.Task[Any]:
    """Begin a call whose first attempt is slow, until the second one is accepted."""
    made = chain(simulator, **changes)
    task = asyncio.ensure_future(gateway.generate_video_async(made, REQUEST))
    await until(lambda: simulator.counters("fal").polls > 1)
    leap(61)
    await until(lambda: simulator.counters("runway").accepted == 1 or task.done())
    return task


async def test_the_second_starts_when_the_first_is_slow_and_wins(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap
) -> None:
    simulator.script("fal", NEVER)
    simulator.script("runway", AT_ONCE)
    updates: list[Any] = []
    gateway = Gateway(ledger=ledger)
    task = asyncio.ensure_future(
        gateway.generate_video_async(chain(simulator), REQUEST, updates.append)
    )
    await until(lambda: simulator.counters("fal").polls > 1)
    assert accepted(simulator) == (1, 0)
    leap(61)
    response = await task

    assert accepted(simulator) == (1, 1)
    assert running(simulator) == []
    metadata: Any = response.execution_metadata
    assert [one.attempt_number for one in metadata.attempts] == [1, 2]
    assert [one.status for one in metadata.attempts] == ["failed", "success"]
    assert metadata.successful_attempt == 2
    assert "runway gen4.5 was faster" in metadata.attempts[0].error_message
    assert metadata.attempts[0].cancel is not None
    assert (updates[-1].status, updates[-1].attempt_number) == ("completed", 2)
    ends = [one.attempt_number for one in updates if one.status in ("completed", "failed")]
    assert sorted(ends) == [1, 2]
    (job,) = await ledger.jobs()
    assert job.state == "completed"
    assert [one.outcome for one in job.entries][1] == "completed"


async def test_the_first_may_win_after_all(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap
) -> None:
    simulator.script("fal", Script(run_seconds=0.5, stream=False))
    simulator.script("runway", NEVER)
    response = await (await hedged(simulator, Gateway(ledger=ledger), leap))
    metadata = response.execution_metadata
    assert metadata.successful_attempt == 1
    assert [one.status for one in metadata.attempts] == ["success", "failed"]
    assert accepted(simulator) == (1, 1)
    assert running(simulator) == []
    assert response.request_id == simulator.jobs("fal")[0].id


async def test_nothing_is_hedged_before_its_time(
    simulator: Simulator, ledger: MemoryLedger
) -> None:
    response = await Gateway(ledger=ledger).generate_video_async(chain(simulator), REQUEST)
    assert response.execution_metadata is not None
    assert len(response.execution_metadata.attempts) == 1
    assert accepted(simulator) == (1, 0)


@pytest.mark.parametrize("changes", [{"failover": "when_safe"}, {"fallback_configs": []}])
async def test_who_may_not_pay_twice_is_not_hedged(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap, changes: dict[str, Any]
) -> None:
    simulator.script("fal", Script(run_seconds=0.4, stream=False))
    made = chain(simulator, **changes)
    task = asyncio.ensure_future(Gateway(ledger=ledger).generate_video_async(made, REQUEST))
    await until(lambda: simulator.counters("fal").polls > 1)
    leap(61)
    await task
    assert accepted(simulator) == (1, 0)


async def test_a_submit_whose_outcome_is_unknown_is_never_hedged(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap
) -> None:
    simulator.fail("fal", "submit", Fault.hang(accepted=True))
    made = chain(simulator, timeout=500, fallback_configs=[])
    again = config(simulator, "fal", "fal-ai/veo3.1")
    made = made.model_copy(update={"fallback_configs": (again,)})
    task = asyncio.ensure_future(Gateway(ledger=ledger).generate_video_async(made, REQUEST))
    await until(lambda: simulator.counters("fal").accepted == 1)
    leap(200)
    for _ in range(20):
        await asyncio.sleep(0.005)

    assert simulator.counters("fal").submits == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


ENDINGS: dict[str, Any] = {
    "works": AT_ONCE, "fails": FAILS, "moderated": MODERATED, "never": NEVER,
    "refused": Fault.status(422), "down": Fault.status(502), "lost": Fault.reset_after(),
}  # fmt: skip
FIRST = ("works later", "fails later", "never")


@pytest.mark.parametrize(("first", "second"), [*itertools.product(FIRST, ENDINGS)])
async def test_however_the_two_end_the_cap_holds_and_nothing_runs_unasked(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap, first: str, second: str
) -> None:
    slow = {
        "works later": Script(run_seconds=0.4, stream=False),
        "fails later": Script(run_seconds=0.4, outcome="failed", stream=False),
        "never": NEVER,
    }
    simulator.script("fal", slow[first])
    what = ENDINGS[second]
    if isinstance(what, Script):
        simulator.script("runway", what)
    else:
        simulator.script("runway", NEVER)
        simulator.fail("runway", "submit", what)

    gateway = Gateway(ledger=ledger)
    made = chain(simulator, max_cost=20, timeout=500)
    task = asyncio.ensure_future(gateway.generate_video_async(made, REQUEST))
    await until(lambda: simulator.counters("fal").polls > 1)
    leap(61)
    await until(lambda: simulator.counters("runway").submits == 1)
    for _ in range(200):
        if task.done():
            break

        await asyncio.sleep(0.005)

    if not task.done():
        leap(600)  # beyond the deadlines

    ended: Any = (await asyncio.gather(task, return_exceptions=True))[0]
    if first == "works later" or second == "works":
        assert isinstance(ended, VideoGenerationResponse), ended
        assert ended.execution_metadata is not None
        assert len(ended.execution_metadata.attempts) == 2
    else:
        assert isinstance(ended, TarashException)
        assert ended.execution_metadata is not None
        assert len(ended.execution_metadata.attempts) == 2

    lost = second == "lost"  # which nobody can name, and the error says so
    assert [one for one in running(simulator) if not (lost and one.endpoint != "")] == [] or lost
    assert accepted(simulator)[0] == 1
    assert accepted(simulator)[1] <= 1
    spent = await ledger.spendings()
    assert sum((one.amount or Decimal(0) for one in spent), Decimal(0)) <= 20


async def test_a_hedge_that_does_not_fit_into_the_cap_is_not_sent(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap
) -> None:
    gateway = Gateway(ledger=ledger)
    head = chain(simulator)
    plan = gateway.plan_video(head, REQUEST)
    assert plan.quote.high is not None
    simulator.script("fal", Script(run_seconds=0.5, stream=False))
    task = asyncio.ensure_future(
        gateway.generate_video_async(head.model_copy(update={"max_cost": plan.quote.high}), REQUEST)
    )
    await until(lambda: simulator.counters("fal").polls > 1)
    leap(61)
    response = await task
    assert accepted(simulator) == (1, 0)
    assert response.execution_metadata is not None
    errors = [one.error_type for one in response.execution_metadata.attempts]
    assert errors == [None, "CostLimitError"]


async def test_both_are_reserved_in_budgets(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap
) -> None:
    simulator.script("fal", NEVER)
    simulator.script("runway", NEVER)
    gateway = Gateway(ledger=ledger, budgets=[Budget("100")])
    task = await hedged(simulator, gateway, leap)
    assert [one.state for one in await ledger.spendings()] == ["reserved", "reserved"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("on_timeout", ["cancel", "detach"])
async def test_the_loser_is_stopped_whatever_its_config_says(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap, on_timeout: Any
) -> None:
    simulator.script("fal", NEVER)
    simulator.script("runway", AT_ONCE)
    await (await hedged(simulator, Gateway(ledger=ledger), leap, on_timeout=on_timeout))
    assert running(simulator) == []


async def test_a_cancelled_call_leaves_both(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap
) -> None:
    simulator.script("fal", NEVER)
    simulator.script("runway", NEVER)
    task = await hedged(simulator, Gateway(ledger=ledger), leap)
    await until(lambda: simulator.counters("runway").polls > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task

    assert running(simulator) == []
    assert len(caught.value.__notes__) == 2


async def test_a_handle_stops_both(simulator: Simulator, ledger: MemoryLedger, leap: Leap) -> None:
    simulator.script("fal", NEVER)
    simulator.script("runway", NEVER)
    gateway = Gateway(ledger=ledger)
    job = await gateway.submit_video_async(chain(simulator), REQUEST)
    wait = asyncio.ensure_future(job.wait_async())
    await until(lambda: simulator.counters("fal").polls > 1)
    leap(61)
    await until(lambda: simulator.counters("runway").polls > 0)
    await job.cancel_async()
    await asyncio.gather(wait, return_exceptions=True)
    assert running(simulator) == []


POLL_FAULTS = {
    "502": Fault.status(502, "<html>bad gateway</html>"),
    "500": Fault.status(500),
    "429": Fault.status(429, retry_after=0),
    "cut off": Fault.cut(5),
    "reset": Fault.reset_after(),
}


@pytest.mark.parametrize("fault", POLL_FAULTS)
@pytest.mark.parametrize("troubled", ["fal", "runway"])
@pytest.mark.parametrize("winner", ["fal", "runway"])
async def test_polls_that_fail_under_a_hedge_lose_neither_of_two(  # noqa: PLR0913, PLR0917
    simulator: Simulator, ledger: MemoryLedger, leap: Leap, fault: str, troubled: str, winner: str
) -> None:
    for one in ("fal", "runway"):
        script = Script(run_polls=4, stream=False) if one == winner else NEVER
        simulator.script(one, script)

    made = chain(simulator)
    task = asyncio.ensure_future(Gateway(ledger=ledger).generate_video_async(made, REQUEST))
    await until(lambda: simulator.counters("fal").polls > 0)
    simulator.fail(troubled, "poll", POLL_FAULTS[fault], times=2)
    leap(61)
    response = await task
    assert response.request_id == simulator.jobs(winner)[0].id
    assert accepted(simulator)[0] == 1
    assert running(simulator) == []
    (record,) = await ledger.jobs()
    assert record.state == "completed"
    assert {one.submission for one in record.entries} == {"accepted"}


async def test_another_handle_waits_for_whichever_wins(
    simulator: Simulator, ledger: MemoryLedger, leap: Leap
) -> None:
    simulator.script("fal", Script(run_seconds=0.8, stream=False))
    simulator.script("runway", NEVER)
    gateway = Gateway(ledger=ledger)
    task = await hedged(simulator, gateway, leap)
    (job,) = await ledger.jobs()
    handle = await gateway.resume_async(job.id, api_keys={"fal": KEY, "runway": KEY})
    seen = await handle.wait_async()
    assert seen.request_id == (await task).request_id == simulator.jobs("fal")[0].id


@pytest.mark.parametrize("how", ["side by side", "left"])
async def test_a_webhook_polls_each_of_two_once(
    simulator: Simulator, ledger: MemoryLedger, how: str
) -> None:
    simulator.script("fal", NEVER)
    simulator.script("runway", NEVER)
    gateway, keys = Gateway(ledger=ledger), {"fal": KEY, "runway": KEY}
    # A deadline ends it, too, but after many polls.
    made = chain(simulator, timeout=30)
    second = config(simulator, "runway", "gen4.5", timeout=30)
    job = await gateway.submit_video_async(
        made.model_copy(update={"fallback_configs": (second,)}), REQUEST
    )
    beside = await Gateway(ledger=MemoryLedger()).submit_video_async(second, REQUEST)
    assert beside.operation is not None
    (record,) = await ledger.jobs()
    (entry,) = record.entries
    # As a process leaves it that ends while two attempts are under way.
    assert await ledger.claim(job.id, "other")
    intent = replace(entry.intent, id=f"{job.id}-2", provider="runway", attempt_number=2)
    assert await ledger.intend(intent, "other")
    assert await ledger.accept(intent.id, Operation.from_json(beside.operation))
    if how == "left":
        for one in (entry.intent, intent):
            await ledger.settle(one.id, "accepted", "detached")

    await ledger.close(job.id, "other", "open")
    (at_fal,) = simulator.jobs("fal")
    event = WebhookEvent("fal", at_fal.id, job_id=job.id, is_idle=True)
    assert not await WebhookInbox(gateway, api_keys=keys).settle_async(event)
    assert [simulator.counters(one).polls for one in ("fal", "runway")] == [1, 1]
    assert len(running(simulator)) == 2
    (record,) = await ledger.jobs()
    assert (record.state, record.held) == ("open", False)


async def test_p90_hedges_by_what_was_seen(simulator: Simulator, ledger: MemoryLedger) -> None:
    gateway = Gateway(ledger=ledger)
    simulator.script("fal", *[AT_ONCE] * 5, NEVER)
    simulator.script("runway", AT_ONCE)
    made = chain(simulator, hedge_after="p90")
    for _ in range(5):
        await gateway.generate_video_async(made, REQUEST)

    assert accepted(simulator)[1] == 0
    response = await gateway.generate_video_async(made, REQUEST)
    assert response.execution_metadata is not None
    assert response.execution_metadata.successful_attempt == 2
    assert running(simulator) == []


def order(simulator: Simulator, **changes: Any) -> dict[str, Any]:
    made = chain(simulator, hedge_after=0.2, **changes)
    dumped = {**made.model_dump(), "fallback_configs": [made.fallback_configs[0].model_dump()]}
    return {"kind": "video", "config": dumped, "prompt": "A lighthouse"}


def test_killed_in_the_middle_both_are_settled_and_nothing_is_bought(
    zygote: Zygote, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("fal", Script(run_seconds=1.5, stream=False))
    simulator.script("runway", NEVER)
    path = str(tmp_path / "jobs.db")
    child = zygote.start("crowd", path=path, jobs=[order(simulator)])
    wait_for(lambda: simulator.counters("runway").polls > 0)
    child.kill()
    keys = {"fal": KEY, "runway": KEY}
    (end,) = [one for one in zygote.start("resume", path=path, keys=keys).join() if "id" in one]
    assert end["response"] == simulator.jobs("fal")[0].id
    assert accepted(simulator) == (1, 1)
    assert running(simulator) == []
    (record,) = records(Path(path))
    assert record.state == "completed"
    assert record.entries[0].outcome == "completed"


def test_killed_between_the_result_and_the_goodbye_the_loser_is_stopped_later(
    zygote: Zygote, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("fal", NEVER)
    simulator.script("runway", Script(run_seconds=0.1, stream=False))
    path = str(tmp_path / "jobs.db")
    child = zygote.start("crowd", path=path, jobs=[order(simulator)], trap="after settle")
    child.until("reached")
    assert len(running(simulator)) == 1
    child.kill()
    keys = {"fal": KEY, "runway": KEY}
    (end,) = [one for one in zygote.start("resume", path=path, keys=keys).join() if "id" in one]
    assert end["response"] == simulator.jobs("runway")[0].id
    assert accepted(simulator) == (1, 1)
    assert running(simulator) == []


def test_what_was_found_in_a_list_is_nobodys_to_stop_later(
    zygote: Zygote, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("fal", NEVER)
    simulator.script("runway", Script(run_seconds=0.1, stream=False))
    path = tmp_path / "jobs.db"
    child = zygote.start("crowd", path=str(path), jobs=[order(simulator)], trap="after settle")
    child.until("reached")
    child.kill()
    with closing(sqlite3.connect(path)) as connection, connection:
        # As if the answer to its submit was lost: it may be somebody else's.
        found = {"adopted": True}
        connection.execute(
            "UPDATE intents SET heard = ? WHERE provider = 'fal'", (json.dumps(found),)
        )

    keys = {"fal": KEY, "runway": KEY}
    (end,) = [
        one for one in zygote.start("resume", path=str(path), keys=keys).join() if "id" in one
    ]
    assert end["response"] == simulator.jobs("runway")[0].id
    assert running(simulator) == simulator.jobs("fal")
    (record,) = records(path)
    assert {one.outcome for one in record.entries} == {"detached", "completed"}
