"""Each ledger to write jobs into."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tarash.tarash_gateway.ledger import MemoryLedger, PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import Ledger

LEDGERS = ("memory", "sqlite", "postgres")


@pytest.fixture(params=LEDGERS)
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    made: Ledger
    if request.param == "memory":
        made = MemoryLedger()
    elif request.param == "sqlite":
        made = SqliteLedger(tmp_path / "jobs.db")
    else:
        made = PostgresLedger(request.getfixturevalue("postgres_url"))

    yield made
    await made.aclose()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    made = SqliteLedger(tmp_path / "jobs.db", lease_seconds=3600)
    yield made
    await made.aclose()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[PostgresLedger]:
    made = PostgresLedger(postgres_url, lease_seconds=3600)
    yield made
    await made.aclose()
