"""What writing a job down costs; `nox -s bench` prints it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tarash.tarash_gateway.ledger import SqliteLedger
from tests.ledger.makers import HOLDER, begin, make_intent

CALLS = 500


@pytest.mark.bench
async def test_ledger(tmp_path: Path) -> None:
    """Prints the figures; asserts only that everything was written."""
    ledger = SqliteLedger(tmp_path / "jobs.db", lease_seconds=3600)
    job = await begin(ledger)

    async def measure(
        what: str, call: Callable[[int], Awaitable[object]], *, at_once: bool
    ) -> None:
        start = time.perf_counter()
        if at_once:
            await asyncio.gather(*(call(number) for number in range(CALLS)))
        else:
            for number in range(CALLS):
                await call(number)

        taken = time.perf_counter() - start
        print(
            f"\nledger: {what}: {1000 * taken / CALLS:.3f} ms a call, {CALLS / taken:.0f} a second"
        )

    await measure(
        "intend, one by one", lambda n: ledger.intend(make_intent(job, n), HOLDER), at_once=False
    )
    await measure(
        "intend, all at once",
        lambda n: ledger.intend(make_intent(job, CALLS + n), HOLDER),
        at_once=True,
    )
    await measure("find", lambda _: ledger.find("fal", "no such"), at_once=False)
    await measure("renew, said just now", lambda _: ledger.renew(), at_once=False)

    found = await ledger.get(job.id)
    assert found is not None
    assert len(found.entries) == 2 * CALLS
    await ledger.aclose()
