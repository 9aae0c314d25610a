"""What each provider bills for jobs without a result: by its own word, else it is possible.

From vendors' pages and public reports: who is not named under a heading may bill it, as far as
anybody knows, and keeps its share of a budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, TarashException
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.conftest import until
from tests.contract.cases import Case, everyone
from tests.contract.rows_by_hand import ROWS as BY_HAND
from tests.contract.rows_declared import ROWS as DECLARED
from tests.jobs.matrix import KEY

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end
JOBS: list[Case] = [
    next(one for one in cases if not one.at_once)
    for cases in {**BY_HAND, **DECLARED}.values()
    if any(not one.at_once for one in cases)
]
FAILED_FREE = {"alibaba", "bytedance", "fal", "ideogram", "runway"}
MODERATED_FREE = {"alibaba", "bytedance", "ideogram"}
MODERATED_BILLED = {"runway", "xai"}
"""Runway keeps the credits of a refused input; xAI bills a video that it withholds."""
PROVEN = {"alibaba", "bytedance", "fal", "minimax", "replicate"}
"""Who says of a job that was stopped that it had not begun, or stops no other."""
LOCAL = {"comfyui"}
"""Machines of the user's own, which bill nobody."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with everyone() as running:
        for name in running.providers:
            running.keys[name] = {KEY}

        yield running


async def ended(
    simulator: Simulator,
    case: Case,
    script: Script,
    stop_at: str | None = None,
    before: Callable[[], None] | None = None,
) -> tuple[str, str | None]:
    """Play a job to its end, or stop it; return what it may cost, and what the stop answered."""
    simulator._state(case.provider).reset()  # noqa: SLF001  (others keep theirs)
    simulator.script(case.provider, script)
    config = case.config(KEY, simulator.base_url(case.provider), max_poll_attempts=1_000)
    updates: list[Any] = []
    async with Gateway(ledger=MemoryLedger()) as gateway:
        job = await getattr(gateway, f"submit_{case.kind}_async")(config, case.request())
        waiting = asyncio.ensure_future(job.wait_async(updates.append))
        answer = None
        if stop_at is not None:
            await until(
                lambda: (
                    simulator.counters(case.provider).polls > 1
                    and any(one.status == stop_at for one in updates)
                )
            )
            if before is not None:
                before()

            answer = await job.cancel_async()
            if answer == "unsupported":
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting

                return "possible", answer

        with pytest.raises(TarashException) as caught:
            await waiting

    metadata = caught.value.execution_metadata
    assert metadata is not None
    return metadata.attempts[-1].billing, answer


async def test_what_failed_is_free_only_where_the_vendor_says_so(simulator: Simulator) -> None:
    found = {
        case.provider: (await ended(simulator, case, Script(outcome="failed")))[0]
        for case in JOBS
        if case.provider not in LOCAL
    }
    assert {name for name, billing in found.items() if billing == "none"} == FAILED_FREE
    assert {billing for billing in found.values() if billing != "none"} == {"possible"}


async def test_what_was_moderated_is_billed_where_the_vendor_does(simulator: Simulator) -> None:
    found = {
        case.provider: (await ended(simulator, case, case.moderated[0]))[0]
        for case in JOBS
        if case.provider not in LOCAL and case.moderated
    }
    assert {name for name, billing in found.items() if billing == "none"} == MODERATED_FREE
    assert {name for name, billing in found.items() if billing == "certain"} == MODERATED_BILLED


async def test_what_is_stopped_in_the_queue_is_free_and_what_ran_may_be_billed(
    simulator: Simulator,
) -> None:
    queued, running = {}, {}
    for case in JOBS:
        # Some stop only what waits, and refuse to stop what runs.
        is_stopped = case.cancel != "unsupported" or case.provider in PROVEN
        if not is_stopped or case.provider in LOCAL:
            continue

        queued[case.provider] = await ended(simulator, case, Script(queue_polls=10_000), "queued")
        running[case.provider] = await ended(
            simulator, case, Script(run_polls=10_000), "processing"
        )

    stopped = {name for name, (_, answer) in queued.items() if answer == "cancelled"}
    free = {name for name, (billing, _) in queued.items() if billing == "none"}
    # Runway's simulator has forgotten the task by then, as Runway itself may have.
    assert stopped - free == {"google", "runway"}, queued
    assert free == PROVEN, queued
    assert {one for one, _ in running.values()} == {"possible"}, running


@pytest.mark.parametrize("provider", sorted(PROVEN | {"google", "runway"}))
async def test_what_began_since_it_was_last_seen_waiting_is_not_free(
    simulator: Simulator, provider: str
) -> None:
    """The last poll found it in the queue; by the time it is stopped, it runs."""
    case = next(one for one in JOBS if one.provider == provider)
    state = simulator._state(provider)  # noqa: SLF001  (it begins between two polls)

    def begin() -> None:
        for seen in state.jobs():
            job = state.find(seen.id)
            assert job is not None
            job.looks = 20_000

    script = Script(queue_polls=10_000, run_polls=1_000_000)
    billing, answer = await ended(simulator, case, script, "queued", begin)
    assert billing == "possible", answer
