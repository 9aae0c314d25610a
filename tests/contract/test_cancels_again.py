"""A provider that stumbles over a request to stop is asked again: what goes on is paid for."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import until

from .cases import JOBS, Case, everyone
from .conftest import KEY

NEVER = Script(queue_polls=0, run_polls=1, outcome="never", stream=False)
STOPS = [case for case in JOBS if case.cancel != "unsupported"]
STUMBLES = {
    "429": Fault.status(429, retry_after=0),
    "503": Fault.status(503),
    "reset": Fault.reset_before(),
}


def test_there_are_providers_that_stop() -> None:
    assert len({case.provider for case in STOPS}) > 5


@pytest.mark.parametrize("what", STUMBLES)
async def test_a_stumble_leaves_no_job_running(what: str) -> None:
    """All providers at once; the one before whose cancel a look goes stumbles over that, too."""
    firsts = {case.provider: case for case in reversed(STOPS)}

    async def stop(case: Case, simulator: Simulator, stack: AsyncExitStack) -> Any:
        gateway = await stack.enter_async_context(Gateway(ledger=MemoryLedger()))
        config = case.config(KEY, simulator.base_url(case.provider))
        method = getattr(gateway, f"generate_{case.kind}_async")
        task = asyncio.ensure_future(method(config, case.request()))
        await until(lambda: simulator.counters(case.provider).polls > 1 or task.done())
        for step in ("poll", "cancel"):
            simulator.fail(case.provider, step, STUMBLES[what])

        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [(one.cancel_requested, one.status) for one in simulator.jobs(case.provider)]

    with everyone() as simulator:
        for name in firsts:
            simulator.script(name, NEVER)

        async with AsyncExitStack() as stack:
            found = await asyncio.gather(
                *(stop(case, simulator, stack) for case in firsts.values())
            )

    left = {name: jobs for name, jobs in zip(firsts, found, strict=True) if not jobs[0][0]}
    assert left == {}
