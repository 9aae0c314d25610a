"""Stopping a job that has more than one attempt under way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tarash.tarash_gateway import Gateway, TarashException
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator
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
