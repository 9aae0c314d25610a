"""Jobs that their ledger has forgotten before their end: whoever hears of that settles them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._jobs._forgotten import forgotten, reserved
from tarash.tarash_gateway.cli._app import run
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger._contract import Spending
from tarash.tarash_gateway.testing import Script, Simulator

KEY = "canary-key-of-forgotten-jobs"
REQUEST = VideoGenerationRequest(prompt="A tram", duration_seconds=5)
QUOTED, TOLD = Decimal("0.6"), Decimal("0.25")
Road = Callable[[Gateway, VideoJob, Any], Awaitable[object]]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["runway"]) as running:
        yield running


def config(simulator: Simulator) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="runway",
        model="gen4.5",
        api_key=KEY,
        base_url=simulator.base_url("runway"),
        poll_interval=0.02,
        max_retries=0,
        provider_config={"min_poll_interval": 0.01},
    )


async def by_token(gateway: Gateway, job: VideoJob, made: Any) -> object:
    return await VideoJob.from_token(job.to_token(), made, gateway).wait_async()


async def by_a_look(gateway: Gateway, job: VideoJob, made: Any) -> object:
    handle = VideoJob.from_token(job.to_token(), made, gateway)
    for _ in range(1000):
        seen = await handle.status_async()
        if seen.status in ("completed", "failed"):
            break

        await asyncio.sleep(0.01)

    return seen


async def by_its_handle(_gateway: Gateway, job: VideoJob, _made: Any) -> object:
    return await job.wait_async()


ENDS = [
    (Script(billable_units=25), "reported", TOLD),
    (Script(billable_units=None), "estimated", QUOTED),
    (Script(outcome="failed"), "reported", Decimal(0)),
]
"""What the provider comes to, and what is written down of it."""


@pytest.mark.parametrize("road", [by_token, by_a_look, by_its_handle])
@pytest.mark.parametrize("end", ENDS)
async def test_whoever_hears_of_the_end_of_a_forgotten_job_settles_it(
    simulator: Simulator, ledger: Any, road: Road, end: tuple[Script, str, Decimal]
) -> None:
    script, state, amount = end
    simulator.script("runway", script)
    made = config(simulator)
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(made, REQUEST)
        assert await ledger.forget(job.id)
        (left,) = await ledger.spendings()
        assert (left.state, left.amount) == ("possible", QUOTED)
        try:
            await road(gateway, job, made)
        except TarashException:
            assert script.outcome == "failed"

    (row,) = await ledger.spendings()
    assert (row.state, row.amount) == (state, amount)
    assert simulator.counters("runway").submits == 1


@pytest.mark.parametrize("end", ENDS)
async def test_a_token_settles_the_job_that_nobody_drives(
    simulator: Simulator, ledger: Any, end: tuple[Script, str, Decimal]
) -> None:
    script, state, amount = end
    simulator.script("runway", script)
    made = config(simulator)
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(made, REQUEST)
        try:
            await by_token(gateway, job, made)
        except TarashException:
            assert script.outcome == "failed"

        (row,) = await ledger.spendings()
        assert (row.state, row.amount) == (state, amount)
        if script.outcome == "failed":  # whose fallbacks are for who takes it up
            resumed = await gateway.resume_async(job.id, api_keys={"runway": KEY})
            with pytest.raises(TarashException):
                await resumed.wait_async()

    (row,) = await ledger.spendings()
    assert (row.state, row.amount) == (state, amount)


@pytest.mark.parametrize("is_forgotten", [True, False])
async def test_a_token_that_stops_a_job_says_what_it_has_cost(
    simulator: Simulator, ledger: Any, is_forgotten: bool
) -> None:
    simulator.script("runway", Script(queue_polls=1000, cancel="queued_ok", billable_units=60))
    made = config(simulator)
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(made, REQUEST)
        if is_forgotten:
            await ledger.forget(job.id)

        handle = VideoJob.from_token(job.to_token(), made, gateway)
        assert (await handle.status_async()).status == "queued"
        assert await handle.cancel_async() == "cancelled"

    (row,) = await ledger.spendings()
    assert (row.state, row.amount) == ("reported", Decimal(0))


async def test_a_wait_that_runs_out_of_time_leaves_what_is_reserved(
    simulator: Simulator, ledger: Any
) -> None:
    simulator.script("runway", Script(run_polls=1000, cancel="ignored"))
    made = config(simulator).model_copy(update={"max_poll_attempts": 2, "on_timeout": "detach"})
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(made, REQUEST)
        await ledger.forget(job.id)
        with pytest.raises(TarashException):
            await by_token(gateway, job, made)

    (row,) = await ledger.spendings()
    assert (row.state, row.amount) == ("possible", QUOTED)


async def test_the_operation_of_another_host_is_another(simulator: Simulator, ledger: Any) -> None:
    made = config(simulator)
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(made, REQUEST)
        await ledger.forget(job.id)

    assert job.operation is not None
    name = job.operation["id"]
    here = simulator.base_url("runway")
    found = [await ledger.spendings_of("runway", name, host) for host in ("", here, "http://x")]
    assert list(map(len, found)) == [1, 1, 0]
    assert Decimal(found[0][0].quote["high"]) == QUOTED
    assert await ledger.spendings_of("luma", name) == []


async def test_a_job_of_the_same_name_at_another_host_settles_nothing(
    simulator: Simulator, ledger: Any
) -> None:
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(config(simulator), REQUEST)
        await ledger.forget(job.id)
        assert job.operation is not None
        operation = Operation.from_json(job.operation)
        for place, found in ((simulator.base_url("runway"), True), ("http://127.0.0.1:9", False)):
            elsewhere = config(simulator).model_copy(update={"base_url": place})
            handle = VideoJob.from_token(job.to_token(), elsewhere, gateway)
            row = await forgotten(operation, handle._job.run)  # noqa: SLF001
            assert (row is not None) == found, place


async def test_of_two_jobs_of_one_name_none_is_settled_without_a_host() -> None:
    at = datetime.now(UTC)
    row = Spending("1", "a", "video", "runway", "gen4.5", at, QUOTED, state="possible")

    class Remembering:
        rows = (row, replace(row, intent_id="2"))

        async def spendings_of(self, *_place: str) -> tuple[Spending, ...]:
            return self.rows

    ledger: Any = Remembering()
    assert await reserved(ledger, "runway", "x") is None
    ledger.rows = (row,)
    assert await reserved(ledger, "runway", "x") == row


async def test_a_token_leaves_the_money_to_whoever_drives_the_job(
    simulator: Simulator, ledger: Any
) -> None:
    simulator.script("runway", Script(billable_units=25))
    made = config(simulator)
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(made, REQUEST)
        assert await ledger.claim(job.id, "somebody")
        await by_token(gateway, job, made)
        (row,) = await ledger.spendings()
        assert (row.state, row.amount) == ("reserved", QUOTED)


def test_the_command_line_settles_what_it_fetches_by_a_token(
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulator.script("runway", Script(billable_units=25))
    path = tmp_path / "jobs.db"
    url = f"sqlite:///{path}"
    monkeypatch.setenv("RUNWAYML_API_SECRET", KEY)
    monkeypatch.setenv("TARASH_RUNWAY_BASE_URL", simulator.base_url("runway"))
    job = Gateway(ledger=SqliteLedger(path)).submit_video(config(simulator), REQUEST)
    token = job.to_token()
    assert run(["jobs", "forget", job.id, "--yes", "--ledger", url]) == 0
    assert run(["jobs", "wait", token, "--ledger", url, "-o", str(tmp_path / "a.mp4")]) == 0
    capsys.readouterr()
    assert run(["spend", "--ledger", url, "--by", "state", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["group"], row["amount"]) == ({"state": "reported"}, "0.25")
