"""Budgets go by the ledger's time: a clock that is wrong, or is put back, opens no period again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Budget
from tarash.tarash_gateway.ledger import MemoryLedger, PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger import _memory_spending as in_memory
from tarash.tarash_gateway.ledger._contract import BudgetWindow, Intent, JobRecord, OverBudgetError
from tarash.tarash_gateway.ledger.postgres import _spending as in_postgres
from tarash.tarash_gateway.ledger.sqlite import _spending as in_sqlite

NOON = datetime(2026, 12, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    """What a machine says that it is."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for one in (in_memory, in_sqlite, in_postgres):
        monkeypatch.setattr(one, "now", made)

    return made


@pytest.fixture(params=["memory", "sqlite"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    made: Any = MemoryLedger() if request.param == "memory" else SqliteLedger(tmp_path / "jobs.db")
    yield made
    await made.aclose()


async def spend(ledger: Any, name: str, amount: str, clock: Clock, per: Any = "day") -> Any:
    """Return None where a submit fits into a budget of a dollar, else what does not let it."""
    job = JobRecord(f"job-{name}", "video", ({},), {"prompt": "x"}, "f")
    await ledger.open(job, "me", {})
    since, until = Budget(1, per).period(clock.time)
    window = BudgetWindow(Decimal(1), "a budget", since, until, None, per)
    quote = {"low": amount, "high": amount, "currency": "USD"}
    facts_of: dict[str, Any] = {"quote": quote, "budgets": (window,), "created_at": clock.time}
    try:
        await ledger.intend(Intent(name, "video", "acme", "m", 1, job.id, **facts_of), "me")
    except OverBudgetError as error:
        return error.window

    return None


@pytest.mark.parametrize("back", [timedelta(hours=13), DAY * 20, DAY * 9000])
async def test_a_clock_that_was_put_back_opens_no_period_again(
    ledger: Any, clock: Clock, back: timedelta
) -> None:
    assert await spend(ledger, "one", "0.4", clock) is None
    clock.time = NOON - back
    assert await spend(ledger, "two", "0.4", clock) is None
    window = await spend(ledger, "three", "0.4", clock)
    assert window.until == datetime(2026, 12, 3, tzinfo=UTC)  # of the true day
    clock.time = NOON
    assert await spend(ledger, "four", "0.4", clock) is not None
    clock.time = NOON + DAY
    assert await spend(ledger, "five", "0.4", clock) is None


async def test_a_clock_that_was_far_ahead_once_closes_no_period_for_ever(
    ledger: Any, clock: Clock
) -> None:
    clock.time = NOON + DAY * 9000
    assert await spend(ledger, "one", "0.1", clock) is None
    clock.time = NOON
    assert await spend(ledger, "two", "0.8", clock) is None
    clock.time = NOON + DAY
    assert await spend(ledger, "three", "0.8", clock) is None


async def test_what_is_bought_already_keeps_its_time(ledger: Any, clock: Clock) -> None:
    assert await spend(ledger, "one", "0.4", clock) is None
    before = Intent("old", "video", "acme", "m", 1, "job-one", created_at=NOON - DAY)
    assert await ledger.intend(before, "me")
    assert (await ledger.spendings())[0].at == NOON - DAY


@pytest.mark.parametrize("skew", [-DAY * 3, DAY * 3])
async def test_machines_that_share_a_database_have_its_time(
    postgres_url: str, clock: Clock, skew: timedelta
) -> None:
    ledger = PostgresLedger(postgres_url)
    clock.time = datetime.now(UTC) + skew
    assert await spend(ledger, "one", "0.6", clock) is None
    clock.time = datetime.now(UTC)
    window = await spend(ledger, "two", "0.6", clock)
    assert window is not None
    assert timedelta(0) < window.until - datetime.now(UTC) <= DAY
    (row,) = await ledger.spendings()
    assert abs(row.at - datetime.now(UTC)) < timedelta(minutes=9)
    await ledger.aclose()
