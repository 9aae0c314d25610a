"""A request to stop that a machine in between answered is made again, at every provider.

What goes on is paid for: nobody asks a second time, where we don't.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway._engine import _cancelling
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import until
from tests.contract.cases import JOBS, Case, wire_of
from tests.jobs.poll_matrix import KEY, PAGE

NO_WORD = {
    **{f"{code} on a page": Fault.status(code, PAGE) for code in (400, 403, 404, 409, 410, 502)},
    "503": Fault.status(503),
    "429": Fault.status(429, retry_after=0),
    "200 on a page": Fault.status(200, PAGE),
    "to a page": Fault.redirect("/login"),
    "a reset": Fault.reset_before(),
}
STOPPED = [case for case in JOBS if case.cancel != "unsupported"]


async def stopped(case: Case, simulator: Simulator) -> str | None:
    """Stop a call whose job is under way; return how it ended, for the ledger."""
    simulator.script(case.provider, Script(run_polls=10**6, stream=False))
    ledger = MemoryLedger()
    async with Gateway(ledger=ledger) as gateway:
        config = case.config(KEY, simulator.base_url(case.provider))
        generate = getattr(gateway, f"generate_{case.kind}_async")
        work = asyncio.ensure_future(generate(config, case.request()))
        await until(lambda: simulator.counters(case.provider).polls >= 2)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    (entry,) = ledger.entries()
    return entry.outcome


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cancelling, "PAUSES", (0.001, 0.01, 0.1))


async def asked_again(case: Case, names: list[str]) -> None:
    """Stop a job each time that its provider's answer is another."""
    with Simulator([wire_of(case.provider)]) as simulator:
        proper = await stopped(case, simulator)
        for name in names:
            simulator.reset()
            simulator.fail(case.provider, "cancel", NO_WORD[name])
            assert await stopped(case, simulator) == proper, name
            (job,) = simulator.jobs(case.provider)
            assert job.status == "cancelled", name
            assert simulator.counters(case.provider).cancels >= 2, name


@pytest.mark.parametrize("case", STOPPED, ids=str)
async def test_what_is_no_word_of_the_provider_is_asked_again(case: Case) -> None:
    await asked_again(case, random.Random(str(case)).sample(sorted(NO_WORD), 3))


@pytest.mark.soak
@pytest.mark.parametrize("case", STOPPED, ids=str)
async def test_nothing_that_is_no_word_of_the_provider_is_taken_for_one(case: Case) -> None:
    await asked_again(case, sorted(NO_WORD))


async def test_nothing_as_json_is_a_word_of_the_provider() -> None:
    """Handlers that return nothing answer `null`."""
    (case,) = [one for one in STOPPED if one.provider == "aster"]
    with Simulator([wire_of(case.provider)]) as simulator:
        simulator.fail(case.provider, "cancel", Fault.foreign_body("null", "application/json"))
        await stopped(case, simulator)
        assert simulator.counters(case.provider).cancels == 1
