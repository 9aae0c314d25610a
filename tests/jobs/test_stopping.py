"""Stopping a job that has more than one attempt under way."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tarash.tarash_gateway import Gateway, TarashException
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import Leap, until
from tests.jobs.conftest import BY_NAME, KEY, config_for

FIRST, SECOND = BY_NAME["fal-video-veo3.1"], BY_NAME["replicate-video-veo-3.1"]


async def begun(ledger: SqliteLedger, number: int) -> None:
    """Wait until so many submits of the one job were accepted."""
    while True:
        accepted = [one for job in await ledger.jobs() for one in job.entries if one.operation]
        if len(accepted) >= number:
            return

        await asyncio.sleep(0.01)


async def test_every_attempt_that_may_still_run_is_asked_to_stop(
    simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(outcome="never", stream=False, cancel="ignored"))
    simulator.script("replicate", Script(outcome="never", stream=False))
    fallback = config_for(SECOND, simulator)
    config = config_for(FIRST, simulator, max_poll_attempts=1, fallback_configs=[fallback])
    async with Gateway(ledger=SqliteLedger(path)) as one, Gateway(ledger=SqliteLedger(path)) as two:
        waiting = asyncio.create_task(one.generate_video_async(config, FIRST.request()))
        ledger = SqliteLedger(path)
        await begun(ledger, 2)
        (record,) = await ledger.jobs()
        asked = simulator.counters("fal").cancels
        job = await two.resume_async(record.id, api_keys={"fal": KEY, "replicate": KEY})
        assert await job.cancel_async() != "cancelled"  # the first goes on, whatever we ask
        with pytest.raises(TarashException):
            await waiting

        await ledger.aclose()

    assert simulator.counters("fal").cancels == asked + 1
    assert simulator.counters("replicate").cancels == 1
    assert simulator.counters("replicate").submits == 1


async def refused(ledger: SqliteLedger) -> JobRecord:
    """Wait until a submit of the one job was refused; return the job."""
    while True:
        for record in await ledger.jobs():
            if any(one.submission == "rejected" for one in record.entries):
                return record

        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kept", [True, False])
async def test_a_stop_is_heeded_by_whoever_prepares_the_next_config(
    kept: bool, simulator: Simulator, path: Path
) -> None:
    """The first has failed, and what the second is to be given is on its way there."""
    may_go_on = threading.Event()
    simulator.script("fal", Script(run_polls=1, outcome="failed"))
    simulator.fail("replicate", "upload", Fault.hold(may_go_on.is_set))
    model = "fal-ai/veo3.1/image-to-video"
    fallback = config_for(SECOND, simulator)
    config = config_for(FIRST, simulator, model=model, fallback_configs=[fallback])
    picture = samples.make_png(700, 700, 1) + bytes(300_000)
    image = {"image": {"content": picture, "content_type": "image/png"}, "type": "first_frame"}
    request = SECOND.request(image_list=[image])
    ledger = SqliteLedger(path) if kept else MemoryLedger()
    other = SqliteLedger(path) if kept else ledger
    async with Gateway(ledger=ledger) as one, Gateway(ledger=other) as two:
        waiting = asyncio.create_task(one.generate_video_async(config, request))
        await until(lambda: simulator.counters("replicate").uploads > 0)
        (record,) = await other.jobs()
        assert record.entries[-1].outcome == "failed"
        job = await two.resume_async(record.id, api_keys={"fal": KEY, "replicate": KEY})
        assert await job.cancel_async() == "too_late"
        may_go_on.set()
        with pytest.raises(TarashException, match="stopped before it was submitted to replicate"):
            await waiting

    assert simulator.counters("replicate").submits == 0


async def test_a_stop_is_heeded_by_whoever_waits_to_submit_once_more(
    simulator: Simulator, path: Path, leap: Leap
) -> None:
    simulator.fail("fal", "submit", Fault.status(429, retry_after=100))
    config = config_for(FIRST, simulator, max_retries=2)
    async with Gateway(ledger=SqliteLedger(path)) as one, Gateway(ledger=SqliteLedger(path)) as two:
        waiting = asyncio.create_task(one.generate_video_async(config, FIRST.request()))
        ledger = SqliteLedger(path)
        record = await refused(ledger)
        job = await two.resume_async(record.id, api_keys={"fal": KEY})
        assert await job.cancel_async() == "requested"
        leap(120)
        with pytest.raises(TarashException, match="stopped before it was submitted to fal") as end:
            await waiting

        assert end.value.submission == "rejected"
        (record,) = await ledger.jobs()
        assert record.state == "failed"
        await ledger.aclose()

    assert (simulator.counters("fal").submits, simulator.counters("fal").accepted) == (1, 0)
